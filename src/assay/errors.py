"""Every error that assay raises on purpose, in one tree.

::

    AssayError                    exit code 3 unless a branch says otherwise
    ├── UsageError                exit code 2: the caller can mend it
    │   ├── ProjectError          assay.toml: unknown key, wrong value, broken TOML
    │   ├── DataError             a table: missing, empty, wrong column, wrong type
    │   ├── ModelError            a model: cannot be found, loaded or trusted
    │   ├── ClaimError            a claim that cannot be read; shows the place
    │   ├── StoreError            the store: missing, read-only, corrupt, of a newer version
    │   └── MissingExtra          an optional dependency; says what to install
    ├── LedgerError               exit code 3: the chain does not verify
    │   └── BudgetSpent           exit code 4: no error probability or answers left
    ├── Conflict                  exit code 3: another writer was first
    └── VerdictError              raised by ``Verdict.require()``
        ├── CheckFailed           exit code 1
        └── CheckInconclusive     exit code 4

Each message is one line that names the file, key, column or row at fault and the way out. What is raised far from the
project file knows its row or column, and not the line of ``assay.toml`` that asked for it: whoever does know sets
``place``, which stands before the message.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from assay.core.action import Action
    from assay.core.verdict import Verdict


def shown(path: Path | str) -> str:
    """Write a path as a person there would: from the working directory where it is below that, else whole."""
    with suppress(ValueError, OSError):
        below = Path(path).relative_to(Path.cwd())
        return str(below) if below.parts else str(path)
    return str(path)


@contextmanager
def at(place: str | Callable[[], str]) -> Iterator[None]:
    """Give a place to what is refused inside, where that has none yet: the innermost knows best."""
    try:
        yield
    except UsageError as problem:
        problem.place = problem.place or (place if isinstance(place, str) else place())
        raise


class ExitCode(IntEnum):
    """What the process says to its caller."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INTERNAL = 3
    INCONCLUSIVE = 4
    NOTHING_SELECTED = 5


class AssayError(Exception):
    """Root of the tree: catch this to catch all that assay raises on purpose.

    Attributes
    ----------
    place : str
        Where a person finds what is at fault, such as ``assay.toml:24: check 'better'``; empty where the message says it.
    """

    exit_code = ExitCode.INTERNAL
    place = ""

    @property
    def message(self) -> str:
        """What is wrong, without the place."""
        return super().__str__()

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class UsageError(AssayError):
    """Something that the caller gave is wrong, and the message says how to mend it."""

    exit_code = ExitCode.USAGE


class ProjectError(UsageError):
    """The project file cannot be used as it stands."""


class DataError(UsageError):
    """A table cannot be used as it stands."""


class TooFewUnits(DataError):
    """There are too few independent units for the question."""


class ModelError(UsageError):
    """A model cannot be found, loaded or trusted."""


class ClaimError(UsageError):
    """A claim cannot be read; the message shows the place with a caret."""


class StoreError(UsageError):
    """The store cannot be opened, read or written."""


class MissingExtra(UsageError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        wanted = " ".join(f"'{found}'" for found in _requirements(extra)) or package
        super().__init__(f"{purpose} needs {package}: pip install {wanted}")


def _requirements(extra: str) -> list[str]:
    """What an extra brings: named one by one, for assay itself may have come from a checkout that pip knows no name of."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        listed = [line.partition(";") for line in requires("assay") or ()]
    except PackageNotFoundError:
        return []
    return [name.strip() for name, _, when in listed if when.strip().replace('"', "'") == f"extra == '{extra}'"]


class LedgerError(AssayError):
    """The ledger's chain does not verify; the message names the entry."""


class BudgetSpent(LedgerError):
    """A declared budget has nothing left for this request.

    Attributes
    ----------
    passing : bool
        Whether checks that are running hold what is missing, so that it may come back.
    actions : tuple of Action
        What to do about it.
    """

    exit_code = ExitCode.INCONCLUSIVE

    def __init__(self, message: str, *, passing: bool = False, actions: tuple[Action, ...] = ()) -> None:
        super().__init__(message)
        self.passing = passing
        self.actions = actions


class Conflict(AssayError):
    """Another writer changed the same thing first; read it again and retry."""


class VerdictError(AssayError):
    """A verdict that was required to pass did not."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.check}: {verdict.status}: {verdict.reason}")
        self.verdict = verdict


class CheckFailed(VerdictError):
    """The claim was refuted."""

    exit_code = ExitCode.FAILED


class CheckInconclusive(VerdictError):
    """The evidence decides neither way."""

    exit_code = ExitCode.INCONCLUSIVE
