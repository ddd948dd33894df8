"""What came in so far, in few enough blocks to keep: for the chart, the estimated start of a rise and its size."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from assay.stats import bets, betting

CAPACITY = 512


@dataclass
class Trail:
    """Units in order, merged two by two into longer blocks when there are more than 512.

    Parameters
    ----------
    streams : int
        Number of streams whose sums are kept.

    Attributes
    ----------
    width : int
        Units in a full block.
    names : list of str
        Name of the first unit of each block.
    units : list of int
        Units in each block.
    log_statistic : list of float
        The statistic at the end of each block.
    totals, rows : list of list of float
        For each stream, sum of the losses and number of rows of each block.
    """

    streams: int
    width: int = 1
    names: list[str] = field(default_factory=list)
    units: list[int] = field(default_factory=list)
    log_statistic: list[float] = field(default_factory=list)
    totals: list[list[float]] = field(default_factory=list)
    rows: list[list[float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.totals = self.totals or [[] for _ in range(self.streams)]
        self.rows = self.rows or [[] for _ in range(self.streams)]

    def add(self, name: str, totals: list[float], rows: list[float], log_statistic: float) -> None:
        """Append one unit."""
        if self.units and self.units[-1] < self.width:
            self.units[-1] += 1
            self.log_statistic[-1] = log_statistic
            for stream in range(self.streams):
                self.totals[stream][-1] += totals[stream]
                self.rows[stream][-1] += rows[stream]
            return
        if len(self.units) == CAPACITY:
            self._halve()
            self.add(name, totals, rows, log_statistic)
            return
        self.names.append(name)
        self.units.append(1)
        self.log_statistic.append(log_statistic)
        for stream in range(self.streams):
            self.totals[stream].append(totals[stream])
            self.rows[stream].append(rows[stream])

    def mean(self, stream: int, start: int = 0) -> float | None:
        """Give the mean loss from a block on; None without rows."""
        rows = sum(self.rows[stream][start:])
        return sum(self.totals[stream][start:]) / rows if rows else None

    def change_point(self, stream: int, baseline: float) -> int:
        """Give the block from which the losses speak most for a rise above the baseline.

        An estimate without error bound: the start s with the largest sum of (total - baseline rows) over the blocks
        from s on, divided by the square root of their number of units.
        """
        excess = np.array(self.totals[stream]) - baseline * np.array(self.rows[stream])
        after = np.cumsum(excess[::-1])[::-1]
        length = np.cumsum(np.array(self.units)[::-1])[::-1]
        return int(np.argmax(after / np.sqrt(length)))

    def interval(self, stream: int, start: int, size: float, alpha: float) -> tuple[float, float]:
        """Give an interval for the mean loss from a block on.

        Guarantee (anytime): if E[total | past] = mean rows from that block on and no unit has more than ``size`` rows,
        P(the mean outside at some look) <= alpha (Ville). Valid for a start that was fixed; for one that was chosen
        by looking, divide alpha by the number of starts to choose from.
        """
        reach = size * self.width
        rows = np.array(self.rows[stream][start:])
        kept = rows > 0
        sizes = np.minimum(rows[kept] / reach, 1.0)
        totals = np.array(self.totals[stream][start:])[kept] / rows[kept] * sizes
        if not sizes.size:
            return 0.0, 1.0
        return _lower(totals, sizes, alpha / 2), 1.0 - _lower(sizes - totals, sizes, alpha / 2)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        return asdict(self)

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Trail:
        """Restore what :meth:`to_dict` gave."""
        return cls(**state)

    def _halve(self) -> None:
        self.width *= 2
        self.names = self.names[::2]
        self.units = _pairs(self.units)
        self.log_statistic = self.log_statistic[1::2]
        self.totals = [_pairs(values) for values in self.totals]
        self.rows = [_pairs(values) for values in self.rows]


def _pairs(values: list[Any]) -> list[Any]:
    return [a + b for a, b in zip(values[::2], values[1::2], strict=True)]


def _lower(totals: Any, sizes: Any, alpha: float) -> float:
    refuted, end = 0.0, float(totals.sum() / sizes.sum())
    for _ in range(30):
        middle = 0.5 * (refuted + end)
        if not refuted < middle < end:
            break
        if betting.running(totals, sizes, middle, bets.for_any_time())[-1] >= -np.log(alpha):
            refuted = middle
        else:
            end = middle
    return refuted
