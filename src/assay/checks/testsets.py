"""Which tables are one test set, what it has answered, and what became of it.

A test set is told by its rows, not by its name: the ledger keeps, for each table that a gate was asked about, hashes of
a sample of its rows without their labels. A table that shares more rows with an earlier one than rows repeat within
either is the same set, so that a row changed, added, dropped or relabelled resets nothing. The smallest 1,024 hashes are
the sample: of sets of like size, one row in a hundred that they share is found with certainty for all purposes; a small
piece of a far larger set may go unseen, and so does a set of which every row was altered.
"""

from __future__ import annotations

import base64
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from assay.checks.answers import history
from assay.errors import BudgetSpent, UsageError
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from assay.checks.dataset import Dataset
    from assay.store.chain import Entry
    from assay.store.database import Store

SAMPLE = 1024
SHARED = 0.01
"""Share of rows in common above which two tables are one test set, where no rows repeat."""


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """What a test set has left.

    Parameters
    ----------
    name : str
        As the project file called it when it was first asked.
    key : str
        Fingerprint of its rows then.
    policy : str
    answers, queries : int
        Given, and given at most.
    passes : int
        Answers in which the gate passed.
    last_pass : int or None
        The pass that retires it.
    nats, nats_left : float
        Disclosed to those who propose models, and what may be; ``nats_left`` is ``None`` without an end.
    pending : int
        Answers that are being given, or whose process was killed.
    state : {"open", "spent", "retired", "released"}
    reason : str
        Why it was retired.
    """

    name: str
    key: str
    policy: str
    answers: int
    queries: int
    passes: int
    last_pass: int | None
    nats: float
    nats_left: float | None
    pending: int
    state: str
    reason: str = ""

    def __str__(self) -> str:
        left = max(0, self.queries - self.answers)
        said = [f"{self.answers} of {self.queries} answers given, {left if self.state == 'open' else 0} left"]
        if self.nats or self.nats_left:
            said.append(f"{self.nats:.1f} nats disclosed, {self.nats_left or 0:.1f} left")
        if self.last_pass is not None:
            said.append(f"{self.passes} of {self.last_pass} passes")
        if self.pending:
            said.append(f"{self.pending} being given")
        if self.state == "open":
            end = f"pass {self.last_pass} or answer {self.queries}" if self.last_pass else f"answer {self.queries}"
            said.append(f"retires at {end}")
        else:
            said.append(self.state + (f": {self.reason}" if self.reason else ""))
        return "; ".join(said)


@dataclass(frozen=True)
class Known:
    """A table that the ledger knows.

    Attributes
    ----------
    family : str
        Key of the test set that it belongs to.
    name : str
    rows : int
    repeats : float
        Share of its rows that are copies of others.
    sample : array of uint64
        Smallest hashes, in order.
    """

    family: str
    name: str
    rows: int
    repeats: float
    sample: NDArray[np.uint64]

    def detail(self) -> dict[str, Any]:
        """What the ledger keeps of it."""
        return {
            "event": "first",
            "family": self.family,
            "about": self.name,
            "rows": self.rows,
            "repeats": self.repeats,
            "sample": base64.b64encode(self.sample.astype("<u8").tobytes()).decode(),
        }

    @classmethod
    def of(cls, detail: Mapping[str, Any]) -> Known:
        """Read what the ledger kept."""
        sample = np.frombuffer(base64.b64decode(detail["sample"]), "<u8").astype(np.uint64)
        return cls(detail["family"], detail["about"], detail["rows"], detail["repeats"], sample)

    def same(self, other: Known) -> bool:
        """Whether it shares more rows with another than chance explains."""
        end = min(self._end, other._end)
        here, there = self.sample[self.sample <= end], other.sample[other.sample <= end]
        fewer = min(here.size, there.size)
        if not fewer:
            return False
        shared = np.intersect1d(here, there, assume_unique=True).size / fewer
        # Rows that repeat within a set come again in a fresh one too, the more so the larger it is.
        chance = 2 * max(self.repeats, other.repeats) * max(self.rows, other.rows) / max(1, min(self.rows, other.rows))
        return bool(shared > SHARED + chance)

    @property
    def _end(self) -> np.uint64:
        """Largest hash up to which the sample is all there is."""
        return self.sample[-1] if self.sample.size == SAMPLE else np.uint64(2**64 - 1)


def look(dataset: Dataset) -> Known:
    """Sample the rows of a test set."""
    bits = dataset.row_bits
    distinct = np.unique(bits)
    repeats = 1 - distinct.size / bits.size if bits.size else 0.0
    return Known(dataset.fingerprint, dataset.name, len(dataset.frame), repeats, distinct[:SAMPLE])


def family(ledger: Ledger, dataset: Dataset) -> tuple[str, Known | None]:
    """Return the key under which the ledger counts the answers of a test set, and what to enter if the table is new.

    Raises
    ------
    BudgetSpent
        If it shares rows with two sets whose answers were counted apart.
    """
    known = {entry.key: Known.of(entry.detail) for entry in _entries(ledger) if entry.detail["event"] == "first"}
    if dataset.fingerprint in known:
        return known[dataset.fingerprint].family, None
    here = look(dataset)
    families = list(dict.fromkeys(there.family for there in known.values() if here.same(there)))
    if len(families) > 1:
        raise BudgetSpent(
            f"dataset {dataset.name!r} shares rows with {len(families)} test sets whose answers were counted apart "
            f"({', '.join(each[:12] for each in families)}): bring rows of one of them, or fresh ones"
        )
    here = dataclasses.replace(here, family=families[0] if families else dataset.fingerprint)
    return here.family, here


def register(ledger: Ledger, connection: Connection, fingerprint: str, table: Known) -> None:
    """Enter a table that is about to be judged on for the first time."""
    if not ledger.entries_in(connection, kind="testset", key=fingerprint):
        ledger.append(connection, "testset", fingerprint, 0, detail=table.detail())


def closed(entries: Iterable[Entry], key: str) -> tuple[str, str]:
    """Whether a test set was retired or released, and why; two empty texts while it is open."""
    state = reason = ""
    for entry in entries:
        if entry.key == key and entry.detail["event"] in ("retired", "released"):
            state, reason = entry.detail["event"], str(entry.detail.get("reason", ""))
    return state, reason


def close(store: Store, key: str, event: Literal["retired", "released"], reason: str) -> None:
    """Take a test set out of use."""
    ledger, detail = Ledger(store), {"event": event, "reason": reason}
    store.write(lambda connection: ledger.append(connection, "testset", key, 0, detail=detail))


def meters(store: Store) -> list[Meter]:
    """Read what each test set has left, in the order in which they were first asked."""
    ledger = Ledger(store)
    found = []
    for entry in _entries(ledger):
        if entry.detail["event"] != "first" or entry.key != entry.detail["family"]:
            continue
        past = history(ledger.entries(kind="answers", key=entry.key), ledger.entries(kind="alpha"), entry.key)
        if not past:
            continue
        newest = past[-1]
        last = newest.detail
        passes = sum(answer.passed is True for answer in past)
        left = last["nats_left"][1 if newest.passed is False else 0]
        over = len(past) >= last["queries"] or (last["last_pass"] is not None and passes >= last["last_pass"])
        state, reason = closed(_entries(ledger), entry.key)
        found.append(
            Meter(
                name=entry.detail["about"],
                key=entry.key,
                policy=last["policy"],
                answers=len(past),
                queries=last["queries"],
                passes=passes,
                last_pass=last["last_pass"],
                nats=sum(answer.detail.get("nats", 0.0) for answer in past),
                nats_left=left if last["seen"] and not over else 0.0,
                pending=sum(answer.passed is None for answer in past),
                state=state or ("spent" if over else "open"),
                reason=reason,
            )
        )
    return found


def find(store: Store, name: str) -> Meter:
    """Return the test set of a name or of the first digits of its key; of several of a name, the newest.

    Raises
    ------
    UsageError
        If there is none.
    """
    known = meters(store)
    chosen = [each for each in known if each.name == name or (len(name) >= 4 and each.key.startswith(name))]
    if not chosen:
        listed = ", ".join(f"{each.name} ({each.key[:12]})" for each in known)
        raise UsageError(f"no test set {name!r} has answered yet; {f'there are {listed}' if known else 'none has'}")
    return chosen[-1]


def _entries(ledger: Ledger) -> list[Entry]:
    return ledger.entries(kind="testset")
