"""What a run of checks gave, by name and as an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from assay.core.verdict import Status, Verdict
from assay.core.waiver import waiver_of
from assay.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from assay.checks.project import Project
    from assay.core.waiver import Waiver

# The worst first.
WORST: tuple[Status, ...] = ("error", "fail", "inconclusive", "skipped", "pass")


class Verdicts(Mapping[str, Verdict]):
    """Verdicts of a run by name: ``"better"``, or ``"fit[distance]"`` for one of several subjects.

    Where several rules speak of one subject, the name gives the worst of their verdicts.
    """

    def __init__(self, verdicts: list[Verdict]) -> None:
        self._by_name: dict[str, Verdict] = {}
        for verdict in verdicts:
            known = self._by_name.get(verdict.name)
            if known is None or WORST.index(verdict.status) < WORST.index(known.status):
                self._by_name[verdict.name] = verdict

    def __getitem__(self, name: str) -> Verdict:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


@dataclass(frozen=True)
class CheckRun:
    """What a run of checks gave.

    ``unpaid`` says of each check that could not pay for its answer, and is not waived, why; ``waivers`` are those of
    its checks; ``waiting`` says that checks that are running hold what one of these could not pay with.
    """

    project: Project
    results: list[Verdict]
    seconds: float
    cached: frozenset[str] = field(default_factory=frozenset)
    unpaid: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    waiting: bool = False

    @property
    def verdicts(self) -> Verdicts:
        """Verdicts by name."""
        return Verdicts(self.results)

    @property
    def exit_code(self) -> ExitCode:
        """What the process should say: see :class:`assay.ExitCode`."""
        code = exit_code(self.results, self.waivers)
        return ExitCode.INCONCLUSIVE if code == ExitCode.OK and self.unpaid else code

    @property
    def stopped(self) -> list[Verdict]:
        """Blocking verdicts that did not pass and are not waived."""
        return [v for v in self.results if v.blocking and not v.passed and waiver_of(v, self.waivers) is None]


def exit_code(verdicts: list[Verdict], waivers: Iterable[Waiver] = ()) -> ExitCode:
    """Reduce verdicts to an exit code; only blocking checks and broken ones count, and no waived one."""
    if not verdicts:
        return ExitCode.NOTHING_SELECTED
    if any(verdict.status == "error" for verdict in verdicts):
        return ExitCode.INTERNAL
    blocking = [verdict for verdict in verdicts if verdict.blocking and waiver_of(verdict, waivers) is None]
    if any(verdict.failed for verdict in blocking):
        return ExitCode.FAILED
    if not all(verdict.passed for verdict in blocking):
        return ExitCode.INCONCLUSIVE
    return ExitCode.OK
