"""pytest tests that are gates: the fixture and the marker ``assay_gate``.

The fixture judges arrays, the marker runs checks of a project; either way the verdicts stand in a section of the failed
test. pytest loads this module by its entry point, and it loads nothing heavy before a test asks for a gate.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from assay.errors import AssayError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.checks.outcome import CheckRun
    from assay.core.verdict import Verdict
    from assay.report.context import ReportContext

Inconclusive = Literal["fail", "skip"]
_MARK = (
    "assay_gate(selection='stage:gate', *, project=None, inconclusive=None): the test passes only if these checks of "
    "the project do"
)
_CHOICES = ("fail", "skip")
_SHOWN = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``assay_inconclusive`` to the configuration, and ``--assay-inconclusive``."""
    help_ = "what becomes of a test whose gate is inconclusive: fail (default) or skip; it never passes"
    parser.addini("assay_inconclusive", help_, default="fail")
    parser.getgroup("assay").addoption("--assay-inconclusive", choices=_CHOICES, help=help_)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and see that the configuration is in order."""
    config.addinivalue_line("markers", _MARK)
    if config.getini("assay_inconclusive") not in _CHOICES:
        told = config.getini("assay_inconclusive")
        raise pytest.UsageError(f"assay_inconclusive = {told}: write {' or '.join(_CHOICES)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Run the checks that the marker selects before the test itself."""
    mark = item.get_closest_marker("assay_gate")
    if mark is not None:
        _judge_project(item, *mark.args, **mark.kwargs)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the verdicts in a section of the report."""
    report = yield
    if report.when == "call":
        report.sections += [("assay", text) for text in item.stash.get(_SHOWN, [])]
    return report


@pytest.fixture
def assay_gate(request: pytest.FixtureRequest) -> Callable[..., Verdict]:
    """Judge arrays: ``assay_gate("n - o > 0", labels=y, new=new, old=old, reliability=0.95)``.

    Takes what :func:`assay.gate.decide` takes, and ``inconclusive="fail"`` or ``"skip"``. Returns the verdict if it
    passed; otherwise the test fails, or is skipped where that was asked for and nothing was decided.
    """
    item: pytest.Item = request.node

    def judge(
        condition: str, *, reliability: float = 0.95, inconclusive: Inconclusive | None = None, **inputs: Any
    ) -> Verdict:
        __tracebackhide__ = True
        from assay.gate import decide
        from assay.report.context import ReportContext

        verdict = decide(condition, reliability=reliability, blocking=True, **inputs)
        _show(item, [verdict], ReportContext())
        if not verdict.passed:
            code = ExitCode.FAILED if verdict.failed else ExitCode.INCONCLUSIVE
            _end(item, code, f"{condition}: {verdict.status}: {verdict.reason}", inconclusive)
        return verdict

    return judge


def _judge_project(
    item: pytest.Item,
    selection: str = "stage:gate",
    *,
    project: str | Path | None = None,
    inconclusive: Inconclusive | None = None,
) -> None:
    from assay.checks.project import load
    from assay.cli.options import context
    from assay.report.words import headline

    run: CheckRun | None = None
    try:
        with load(item.path.parent / project if project is not None else item.path.parent) as opened:
            run = opened.check(selection)
    except AssayError as problem:
        refused = str(problem)
    if run is None:
        pytest.fail(refused, pytrace=False)
    frame = context(opened, run.results, exit_code=int(run.exit_code))
    _show(item, run.results, frame)
    if run.exit_code == ExitCode.NOTHING_SELECTED:
        pytest.fail(f"{opened.path}: {selection!r} selects no check", pytrace=False)
    if run.exit_code != ExitCode.OK:
        said = "; ".join([headline(run.results, frame.waivers), *run.unpaid])
        _end(item, run.exit_code, said, inconclusive, pytrace=False)


def _show(item: pytest.Item, verdicts: Sequence[Verdict], frame: ReportContext) -> None:
    from assay.report.terminal import render

    item.stash.setdefault(_SHOWN, []).append(render(verdicts, frame))


def _end(
    item: pytest.Item, code: ExitCode, message: str, inconclusive: Inconclusive | None, *, pytrace: bool = True
) -> None:
    """Fail the test, or skip it where nothing was decided and the project asks for that."""
    __tracebackhide__ = True
    config = item.config
    asked = inconclusive or config.getoption("--assay-inconclusive") or config.getini("assay_inconclusive")
    if asked not in _CHOICES:
        raise pytest.UsageError(f"inconclusive = {asked!r}: write {' or '.join(_CHOICES)}")
    if code == ExitCode.INCONCLUSIVE and asked == "skip":
        pytest.skip(message)
    pytest.fail(message, pytrace=pytrace)
