"""``assay gate``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from assay.cli import ci, options
from assay.cli.check import run_and_emit


class Gate(options.Verbs):
    """Takes no check by name."""

    def otherwise(self, word: str, advice: str) -> str:
        """A check's name was meant, or a verb."""
        return f"`assay check {word}` runs one check, `assay gate` all of the gate; {advice}"


@click.group(cls=Gate, invoke_without_command=True)
@options.project_option
@options.with_option
@options.output_options
@click.option(
    "--report",
    type=click.Choice(ci.REPORTS),
    help="For a code host: files in assay-report/, and github or gitlab a comment where a token allows one.",
)
@click.pass_context
def gate(
    context: click.Context,
    project_path: Path | None,
    overrides: tuple[str, ...],
    format_: str,
    output: Path | None,
    report: str | None,
) -> None:
    """May I merge, or ship, this model? Alone the same as `assay check stage:gate`."""
    if context.invoked_subcommand is None:
        run_and_emit("stage:gate", project_path, overrides, format_, output, report)


@gate.command("plan", epilog=options.examples('assay gate plan "n - o > 0.02 +/- 0.01" --reliability 0.99'))
@click.argument("condition")
@click.option(
    "--reliability", type=float, required=True, help="Probability that no answer errs, between 0 and 1: 0.99."
)
@click.option("--steps", type=int, default=1, show_default=True, help="How many answers there will be, 1 or more.")
@click.option(
    "--adaptivity",
    type=click.Choice(["none", "first-change", "full"]),
    default="none",
    show_default=True,
    help="What developers see of the answers.",
)
@click.option(
    "--mode",
    type=click.Choice(["fp-free", "fn-free"]),
    default="fp-free",
    show_default=True,
    help="Which error is bounded: a false pass, or a false fail.",
)
@click.option(
    "--method",
    type=click.Choice(["exact", "hoeffding", "bennett", "sequential"]),
    default="exact",
    show_default=True,
    help="hoeffding and bennett are the paper's.",
)
@click.option("--disagreement", type=float, help="Bound on the share of changed predictions, between 0 and 1.")
@click.option("--baseline", type=float, help="Accuracy that the old model has at least, from 0 to below 1.")
@click.option(
    "--design-effect",
    type=float,
    default=1.0,
    show_default=True,
    help="How many dependent rows weigh as one, 1 or more; `assay plan` reads it.",
)
@click.option("--unit-size", type=float, help="Rows of a unit on average, 1 or more.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def plan_command(
    condition: str,
    reliability: float,
    steps: int,
    adaptivity: Literal["none", "first-change", "full"],
    mode: Literal["fp-free", "fn-free"],
    method: Literal["exact", "hoeffding", "bennett", "sequential"],
    disagreement: float | None,
    baseline: float | None,
    design_effect: float,
    unit_size: float | None,
    as_json: bool,
) -> None:
    """How many labels does CONDITION need? No project is needed."""
    from assay.gate import plan

    found = plan(
        condition,
        reliability=reliability,
        steps=steps,
        adaptivity=adaptivity,
        mode=mode,
        method=method,
        disagreement=disagreement,
        baseline=baseline,
        design_effect=design_effect,
        unit_size=unit_size,
    )
    if not as_json:
        options.say(found.explain())
        return
    import msgspec

    content = msgspec.to_builtins(found) | {"ways": msgspec.to_builtins(found.ways())}
    click.echo(msgspec.json.format(msgspec.json.encode(content), indent=2))
