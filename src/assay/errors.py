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

Each message is one line that names the file, key, column or row at fault and the way out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.core.action import Action
    from assay.core.verdict import Verdict


class ExitCode(IntEnum):
    """What the process says to its caller."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INTERNAL = 3
    INCONCLUSIVE = 4
    NOTHING_SELECTED = 5


class AssayError(Exception):
    """Root of the tree: catch this to catch all that assay raises on purpose."""

    exit_code = ExitCode.INTERNAL


class UsageError(AssayError):
    """Something that the caller gave is wrong, and the message says how to mend it."""

    exit_code = ExitCode.USAGE


class ProjectError(UsageError):
    """The project file cannot be used as it stands."""


class DataError(UsageError):
    """A table cannot be used as it stands."""


class ModelError(UsageError):
    """A model cannot be found, loaded or trusted."""


class ClaimError(UsageError):
    """A claim cannot be read; the message shows the place with a caret."""


class StoreError(UsageError):
    """The store cannot be opened, read or written."""


class MissingExtra(UsageError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs {package}: pip install "assay[{extra}]"')


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
