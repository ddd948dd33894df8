"""From rows in the order in which their labels arrive to whole units, in the order in which they close."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from assay.errors import DataError
from assay.monitoring import performance
from assay.stats import unit_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Sums(NamedTuple):
    """Losses summed by unit, for each stream.

    Attributes
    ----------
    names : list of str, length (units,)
        In order of first arrival.
    totals, rows : ndarray of float64, shape (units, streams)
    """

    names: list[str]
    totals: Floats
    rows: Floats


@dataclass(frozen=True)
class Reader:
    """Which columns of a table say what.

    Parameters
    ----------
    slices : tuple of str
        Columns of booleans that mark the rows of each slice.
    unit : str
        Column of the unit; ``"row"`` if each row is one.
    time : str or None
        Column of the time of each row.
    loss : {"error", "brier"}
        Used unless the table has a column ``loss``.
    label, prediction, score : str
    """

    slices: tuple[str, ...]
    unit: str
    time: str | None
    loss: performance.Loss
    label: str
    prediction: str
    score: str

    def losses(self, table: Any) -> Floats:
        """Give the loss of each row."""
        if "loss" in performance.columns(table):
            return performance.bounded(table, "loss")
        return performance.losses(table, self.label, self.loss, prediction=self.prediction, score=self.score)

    def masks(self, table: Any, rows: int) -> Floats:
        """Give 1 where a row belongs to a stream, shape (rows, 1 + slices); the first stream has all rows."""
        masks = np.ones((rows, 1 + len(self.slices)))
        for place, name in enumerate(self.slices, start=1):
            values = performance.column(table, name)
            if values.dtype.kind == "O" and all(isinstance(v, (bool, np.bool_)) for v in values):
                values = values.astype(bool)
            if values.dtype.kind != "b":
                raise DataError(f"slice {name!r}: its column must hold True or False for each row, not {values.dtype}")
            masks[:, place] = values
        return masks

    def sums(self, table: Any, losses: Floats, start: int) -> Sums:
        """Sum the losses by unit; rows that are their own units are numbered from ``start``."""
        masks = self.masks(table, losses.size)
        if self.unit == "row":
            names = self.days(table) if self.time else [f"row {start + i}" for i in range(losses.size)]
            return Sums(names, losses[:, None] * masks, masks)
        keys = performance.column(table, self.unit)
        if keys.dtype.kind == "M":
            keys = keys.astype("datetime64[D]")
        try:
            codes, labels = unit_sums.encode(keys)
        except ValueError as problem:
            raise DataError(f"column {self.unit!r}: {problem}") from problem
        first = np.full(labels.size, losses.size)
        np.minimum.at(first, codes, np.arange(losses.size))
        order = np.argsort(first, kind="stable")
        totals = np.stack(
            [np.bincount(codes, losses * mask, labels.size) for mask in masks.T], axis=1, dtype=np.float64
        )
        rows = np.stack([np.bincount(codes, mask, labels.size) for mask in masks.T], axis=1, dtype=np.float64)
        return Sums([name(labels[i]) for i in order], totals[order], rows[order])

    def days(self, table: Any) -> list[str]:
        """Give the day of each row."""
        assert self.time is not None
        values = performance.column(table, self.time)
        if values.dtype.kind != "M":
            try:
                values = values.astype("datetime64[us]")
            except (TypeError, ValueError) as problem:
                raise DataError(f"column {self.time!r} must hold times: {problem}") from problem
        if np.any(np.isnat(values)):
            raise DataError(f"column {self.time!r} must not be missing, but row {int(np.argmax(np.isnat(values)))} is")
        return [str(day) for day in values.astype("datetime64[D]")]


@dataclass
class Arrivals:
    """Units that may still grow.

    A unit closes when an update ends, if a later one was started, or if the update says that all are complete. Rows
    that come for a closed unit are left out and counted: they are not independent of what was judged already.

    Attributes
    ----------
    pending : dict of str to list
        Totals and rows, stream by stream, of each open unit.
    closed : set of str
        Units that were judged.
    late : int
        Rows left out.
    """

    pending: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    late: int = 0

    def add(self, sums: Sums, complete: bool) -> list[tuple[str, list[float], list[float]]]:
        """Take in sums and give the units that close: name, totals and rows of each stream."""
        for unit, totals, rows in zip(sums.names, sums.totals.tolist(), sums.rows.tolist(), strict=True):
            if unit in self.closed:
                self.late += int(rows[0])
            elif unit in self.pending:
                old = self.pending[unit]
                self.pending[unit] = (_added(old[0], totals), _added(old[1], rows))
            else:
                self.pending[unit] = (totals, rows)
        names = list(self.pending)
        ready = names if complete else names[:-1]
        self.closed.update(ready)
        return [(unit, *self.pending.pop(unit)) for unit in ready]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        return {
            "pending": [[unit, *sums] for unit, sums in self.pending.items()],
            "closed": sorted(self.closed),
            "late": self.late,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Arrivals:
        """Restore what :meth:`to_dict` gave."""
        pending = {unit: (totals, rows) for unit, totals, rows in state["pending"]}
        return cls(pending, set(state["closed"]), state["late"])


def name(unit: Any) -> str:
    """Give the name of a unit; a time stands for its day."""
    if isinstance(unit, datetime.datetime):
        return unit.date().isoformat()
    return unit.isoformat() if isinstance(unit, datetime.date) else str(unit)


def _added(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [a + b for a, b in zip(first, second, strict=True)]
