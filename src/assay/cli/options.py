"""Options and output that the verbs share."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from assay import __version__
from assay.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assay.checks.project import Project
    from assay.core.verdict import Verdict
    from assay.report.context import ReportContext

F = TypeVar("F", bound="Callable[..., Any]")
WORDS = ("auto", "full", "concise")
FORMATS = ("auto", "full", "concise", "json", "junit", "markdown", "html", "github")


class Verbs(click.Group):
    """A verb with verbs of its own; what is none of them is told what it may have been."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say what was meant when a verb is misspelled, or is none."""
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            from assay.core.nearest import did_you_mean

            advice = did_you_mean(args[0], self.list_commands(ctx), "commands")
            ctx.fail(f"no command {args[0]!r}; {self.otherwise(args[0], advice)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs with the whole first sentence of each; click would cut it."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, said.get_short_help_str(limit=1000)) for name, said in commands if said])

    def otherwise(self, word: str, advice: str) -> str:
        """What to do instead."""
        return advice


def examples(*lines: str) -> str:
    """What stands at the end of a help: commands to copy, each on its line."""
    return "\b\nExamples:\n" + "\n".join(f"  $ {line}" for line in lines)


def project_option(function: F) -> F:
    """Add ``--project``."""
    return click.option(
        "--project",
        "project_path",
        type=click.Path(path_type=Path),
        help="Project file, or a folder at or below it. Default: the working directory.",
    )(function)


def output_options(function: F) -> F:
    """Add ``--format``, ``--json`` and ``--output``."""
    function = click.option("--output", type=click.Path(path_type=Path), help="Write here instead of to stdout.")(
        function
    )
    function = click.option("--json", "format_", flag_value="json", help="Short for --format json.")(function)
    return click.option(
        "--format", "format_", type=click.Choice(FORMATS), default="auto", show_default=True, help="How to show it."
    )(function)


def with_option(function: F) -> F:
    """Add ``--with NAME=SOURCE``."""
    return click.option(
        "--with",
        "overrides",
        multiple=True,
        metavar="DATASET=SOURCE",
        help="Let this file stand in for a declared dataset.",
    )(function)


def parse_overrides(pairs: Sequence[str], project: Project, engine: str = "duckdb") -> dict[str, str]:
    """Split ``NAME=SOURCE``; sources are relative to the working directory, as a person types them.

    To an engine they may be names of its tables: in a database they always are, in Spark where there is no such file.
    """
    from assay.core.nearest import did_you_mean

    found = {}
    for pair in pairs:
        name, equals, source = pair.partition("=")
        if not (name and equals and source):
            raise UsageError(f"--with {pair!r}: write it as DATASET=SOURCE, for example live=data/today.parquet")
        if name not in project.file.datasets:
            advice = did_you_mean(name, project.file.datasets, "declared")
            raise UsageError(f"--with {pair}: no dataset {name!r} is declared; {advice}")
        named = "://" in engine or (engine == "spark" and not Path(source).exists())
        found[name] = source if named or "://" in source else str(Path(source).resolve())
    return found


def open_project(path: Path | None) -> Project:
    """Open the project that ``--project`` names, or the one at or above the working directory."""
    from assay.checks.project import load

    return load(path)


def context(project: Project, verdicts: Sequence[Verdict], **more: Any) -> ReportContext:
    """Frame a list of verdicts for a report."""
    from assay.checks.outcome import exit_code
    from assay.report.context import ReportContext

    waivers = tuple(waiver for waiver in project.file.waivers if not waiver.expired())
    more.setdefault("exit_code", int(exit_code(list(verdicts), waivers)))
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return ReportContext(
        project=project.name,
        version=__version__,
        created=created,
        waivers=waivers,
        disclose=project.file.budget.disclose,
        **more,
    )


def emit(verdicts: Sequence[Verdict], frame: ReportContext, format_: str, output: Path | None) -> None:
    """Print verdicts to stdout, or write them to a file, in the format asked for."""
    if format_ == "auto":
        format_ = "github" if os.environ.get("GITHUB_ACTIONS") else "concise"
    if format_ in ("concise", "full"):
        from assay.report import terminal

        if output is None:
            terminal.print_verdicts(verdicts, frame, verbosity="full" if format_ == "full" else "concise")
        else:
            write(
                output,
                terminal.render(verdicts, frame, width=120, verbosity="full" if format_ == "full" else "concise"),
            )
        return
    if format_ == "json":
        from assay.report.json import to_json

        content: str | bytes = to_json(verdicts, frame)
    elif format_ == "junit":
        from assay.report.junit import to_junit

        content = to_junit(verdicts, frame)
    elif format_ == "html":
        from assay.report.html import to_html

        content = to_html(verdicts, frame)
    else:
        from assay.report.markdown import to_markdown

        content = to_markdown(verdicts, frame)
    if output is None:
        click.echo(content)
    else:
        write(output, content)


def say(*lines: str) -> None:
    """Print lines on stdout, wrapped between words where the screen ends."""
    from assay.core.layout import fit, screen_width

    for line in lines:
        click.echo(fit(line, screen_width()))


def require_place(output: Path | None) -> None:
    """Refuse a file that cannot be written before anything is asked, as answers cost.

    Raises
    ------
    UsageError
        If its folder is missing or read-only, or it is a folder itself.
    """
    if output is None:
        return
    folder = output.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"{output}: cannot be written: there is no folder {folder}; make it first")
    if output.is_dir() or not os.access(folder, os.W_OK):
        what = "it is a folder" if output.is_dir() else f"{folder} is read-only"
        raise UsageError(f"{output}: cannot be written: {what}; name another file")


def write(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, and say where it is on stderr."""
    data = content.encode() if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as problem:
        # In a folder that cannot be written to there is nothing to remove, and removing fails as well.
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UsageError(f"{path}: cannot be written: {problem.strerror}") from problem
    click.echo(f"wrote {path}", err=True)


def interactive() -> bool:
    """Whether a person watches stderr."""
    return sys.stderr.isatty() and not os.environ.get("CI")


def watched() -> bool:
    """Whether a person watches both streams, on one screen."""
    return sys.stdout.isatty() and sys.stderr.isatty()


def leave(code: int) -> None:
    """End the process with a code, unless it is zero."""
    if code != ExitCode.OK:
        raise click.exceptions.Exit(int(code))
