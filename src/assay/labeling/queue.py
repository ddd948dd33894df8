"""The rows of a pool that were handed out for labelling, and the stretches of its order that answers used up.

Every row has a place in an order that depends on its id (its unit) alone. An answer about one candidate takes stretches
of that order, and no other answer ever gets a row of them: agreements between the models are used up with the rest, for
what is left must still be a draw from the population.

All of it stands in the ledger, as entries of the kind ``labels``: who took which stretch, which rows were handed out,
and what was planned. A pool is known by its content without the labels and by its name, so that neither renaming it nor adding
rows gives used rows back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from assay.errors import BudgetSpent, Conflict
from assay.store import chain
from assay.store.balance import balance_of
from assay.store.events import LabelLog
from assay.store.ledger import TOLERANCE, Ledger, append
from assay.store.schema import ledger as ledger_table
from assay.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from assay.store.chain import Entry
    from assay.store.database import Store

START = ""
"""Before the first place of an order; places are 16 hex digits."""


@dataclass(frozen=True)
class Stretch:
    """A part of an order that one answer took: the places after ``first``, up to and with ``last``."""

    owner: str
    first: str
    last: str


class Queue:
    """The queue of one pool.

    Parameters
    ----------
    store : Store or None
        ``None`` where nothing was recorded yet.
    project : str
        Whose budget of labels is spent.
    dataset : str
        Name of the pool.
    content : str
        Fingerprint of its rows without their labels.
    root : Path
        Folder of the labels that came back.
    """

    def __init__(self, store: Store | None, *, project: str, dataset: str, content: str, root: Path) -> None:
        self._store = store
        self._project, self._dataset, self._content = project, dataset, content
        self._root = root

    @cached_property
    def _entries(self) -> list[Entry]:
        return [] if self._store is None else self._mine(Ledger(self._store).entries(kind="labels", key=self._project))

    def _mine(self, entries: list[Entry]) -> list[Entry]:
        """Entries of this pool, under this name or with this content."""
        pools = {
            entry.detail["pool"]
            for entry in entries
            if "pool" in entry.detail
            and (entry.detail["dataset"] == self._dataset or entry.detail["content"] == self._content)
        }
        return [entry for entry in entries if entry.detail.get("pool") in pools]

    @property
    def key(self) -> str:
        """The content by which the pool was first known."""
        return str(self._entries[0].detail["pool"]) if self._entries else self._content

    @property
    def stretches(self) -> list[Stretch]:
        """What was taken, in order of time."""
        return [_stretch(entry) for entry in self._entries]

    @property
    def end(self) -> str:
        """Last place that anybody took."""
        return max((one.last for one in self.stretches), default=START)

    def asked(self, owner: str = "") -> set[str]:
        """Ids of the rows that were handed out, all or those for one answer."""
        return {row for entry in self._entries if owner in ("", entry.detail["owner"]) for row in entry.detail["rows"]}

    def plans(self, owner: str, claim: str) -> list[tuple[int, int, int] | None] | None:
        """What was planned of a claim when its answer was begun; ``None`` if it was not."""
        for entry in self._entries:
            if entry.detail["owner"] == owner and claim in entry.detail["plans"]:
                return [None if plan is None else tuple(plan) for plan in entry.detail["plans"][claim]]
        return None

    def take(
        self,
        store: Store,
        owner: str,
        check: str,
        last: str,
        *,
        rows: Sequence[str] = (),
        limit: float = 0.0,
        plans: Mapping[str, Any] | None = None,
    ) -> None:
        """Take the order up to a place for an answer, and pay for the rows that are handed out.

        Parameters
        ----------
        store : Store
        owner : str
            The answer: the candidate and what it is compared with.
        check : str
        last : str
            Place of the last row; what the answer had already it need not take again.
        rows : sequence of str
            Ids of the rows that are handed out.
        limit : float
            Labels that may be bought in all.
        plans : mapping, optional
            For each claim, what is planned of it.

        Raises
        ------
        BudgetSpent
            If the labels are more than the budget has left.
        Conflict
            If somebody else took rows meanwhile.
        """

        def work(connection: Connection) -> None:
            before = self._mine(_entries(connection, self._project))
            others = [entry.seq for entry in before if entry.detail["owner"] != owner]
            asked = {row for entry in before for row in entry.detail["rows"]}
            moved = others != [entry.seq for entry in self._entries if entry.detail["owner"] != owner]
            if moved or not asked.isdisjoint(rows):
                raise Conflict(f"{check}: somebody else took rows of {self._dataset!r} meanwhile: ask again")
            if rows:
                balance = balance_of(connection, "labels", self._project, now())
                if balance.spent + balance.held + len(rows) > limit + TOLERANCE:
                    raise BudgetSpent(
                        f"{check}: labels of {self._project}: {balance.spent:g} of {limit:g} spent, {len(rows)} asked "
                        "for: raise [budget] labels in the project file"
                    )
            end = max((entry.detail["last"] for entry in before), default=START)
            detail = {
                "pool": before[0].detail["pool"] if before else self._content,
                "dataset": self._dataset,
                "content": self._content,
                "owner": owner,
                "first": end,
                "last": max(end, last),
                "rows": list(rows),
                "plans": dict(plans or {}),
            }
            append(connection, "labels", self._project, len(rows), check=check, detail=detail)

        store.write(work)
        self._store = store
        self.__dict__.pop("_entries", None)

    def spent(self) -> float:
        """Labels that the project has bought."""
        return 0.0 if self._store is None else Ledger(self._store).spent("labels", self._project)

    @property
    def _folder(self) -> Path:
        return self._root / self.key[:16]

    def labels(self) -> dict[str, Any]:
        """Labels that came back, by id."""
        found: dict[str, Any] = {}
        for file in sorted(self._folder.glob("labels/date=*/part-*.parquet")):
            table = pq.read_table(file, columns=["id", "label"], partitioning=None)
            found.update(zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True))
        return found

    def add_labels(self, ids: Sequence[str], labels: Sequence[Any]) -> None:
        """Keep labels that came back."""
        LabelLog(self._folder).append(list(ids), list(labels), datetime.now(UTC))


def _entries(connection: Connection, project: str) -> list[Entry]:
    query = ledger_table.select().where(ledger_table.c.kind == "labels", ledger_table.c.key == project)
    return [chain.entry(row) for row in connection.execute(query.order_by(ledger_table.c.seq))]


def _stretch(entry: Entry) -> Stretch:
    return Stretch(entry.detail["owner"], entry.detail["first"], entry.detail["last"])
