"""The ``assay`` command."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from assay import __version__
from assay.cli.options import Verbs, examples
from assay.errors import AssayError, ExitCode

# Verb, module, one line. The line stands here so that `assay --help` imports no verb.
VERBS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "The whole life of a model on real flights, offline, with a report at the end."),
    "init": ("init", "Look at the data, write a commented assay.toml; never overwrites."),
    "status": ("status", "Where each question stands, budgets left, the next actions with their price."),
    "plan": ("plan", "Labels, error probability and answers that each check needs; what cannot be decided."),
    "check": ("check", "Run checks: ids, codes (VAL1), stage:data, dataset:live, tag:nightly."),
    "feasibility": ("questions", "Is it worth starting?"),
    "acquire": ("acquire", "Which data to buy: plan, run, advise."),
    "profile": ("profile", "Look at a table: counts, nulls, ranges, quantiles, top values."),
    "suggest": ("suggest", "Rules for the next batches, with the false alarms a year that each will cost."),
    "schema": ("schema", "What the data look like, for a person to review: infer, show, edit, diff."),
    "fuzz": ("fuzz", "Run a function on tables that the schema permits; keep what it fails on."),
    "slices": ("slices", "Where does it fail? The slices with the most mistakes, and what is certain of them."),
    "importance": ("importance", "Which training rows, groups or sources help a model, and which harm it?"),
    "gate": ("gate", "May I merge, or ship, this model?"),
    "monitor": ("questions", "Is it still right?"),
    "adapt": ("adapt", "Retrain on recent data, gate the candidate, promote or refuse."),
    "runs": ("runs", "Which runs were there: list, show, compare."),
    "models": ("models", "Models, versions and aliases: list, show, score, promote, rollback."),
    "testset": ("testset", "A test set that only the judge can read: keygen, seal, open, status, retire, release."),
    "labels": ("labels", "Rows to label next, labels that arrive, wrong ones: suggest, import, audit."),
    "ledger": ("ledger", "What was spent, on what: show, verify, reserve."),
    "explain": ("explain", "What a code or a verdict means, when it misleads, how to replay it."),
    "report": ("report", "Show the newest verdicts as HTML, Markdown, JSON or JUnit XML."),
    "server": ("server", "Judge predictions that are sent over HTTP; tokens say who may ask."),
    "serve": ("serve", "Answer predictions over HTTP, and swap the model when its alias moves."),
}


CLOSED_PIPE = 141
"""What a shell says of a program that SIGPIPE ended."""


class LazyGroup(Verbs):
    """Imports a verb's module when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Verbs in the order of a model's life."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds a verb."""
        if cmd_name not in VERBS:
            return None
        command = getattr(import_module(f"assay.cli.{VERBS[cmd_name][0]}"), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, line) for verb, (_, line) in VERBS.items()])


@click.group(
    cls=LazyGroup,
    epilog=examples("assay init", "assay check", "assay explain VAL101"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="assay")
def cli() -> None:
    """Every verdict carries its guarantee, or says that it has none.

    Exit codes: 0 all blocking checks pass, 1 one failed, 2 usage or project file, 3 internal error,
    4 inconclusive or budget spent, 5 nothing selected.
    """


def main() -> NoReturn:
    """Run the command line; every error is one line on stderr and an exit code."""
    try:
        # Outside of its standalone mode click returns the code of an Exit.
        code = cli.main(prog_name="assay", standalone_mode=False) or int(ExitCode.OK)
    except click.Abort:
        click.echo("stopped", err=True)
        code = 130
    except click.exceptions.NoArgsIsHelpError as problem:
        problem.show()
        code = ExitCode.USAGE
    except click.ClickException as problem:
        click.echo(f"error: {_usage(problem)}", err=True)
        code = ExitCode.USAGE
    except AssayError as problem:
        if problem.__cause__ is not None and os.environ.get("ASSAY_DEBUG"):
            raise
        click.echo(f"error: {problem}", err=True)
        code = problem.exit_code
    except BrokenPipeError:
        # The reader of our output went away, which is its right; a refusal that it did not read is not a pass.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = CLOSED_PIPE
    except Exception as problem:
        if os.environ.get("ASSAY_DEBUG"):
            raise
        if "Query interrupted" in str(problem):
            # What DuckDB makes of Ctrl-C.
            click.echo("stopped", err=True)
            sys.exit(130)
        click.echo(f"internal error: {type(problem).__name__}: {problem}", err=True)
        click.echo("set ASSAY_DEBUG=1 to see where; a report of it is welcome", err=True)
        code = ExitCode.INTERNAL
    sys.exit(code)


def _usage(problem: click.ClickException) -> str:
    """What is wrong with the command line, and where to look, in one line."""
    words = " ".join(problem.format_message().split()).rstrip(".")
    context = getattr(problem, "ctx", None)
    return f"{words}; see `{context.command_path} --help`" if context else words
