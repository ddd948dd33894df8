"""Which predictions are the same however missing cells are filled in, and which cell to clean next."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log10
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Assumption, Guarantee
from assay.core.verdict import Verdict
from assay.debugging.nearness import Nearness
from assay.debugging.possible_worlds import Boundaries, answer
from assay.debugging.repairs import Candidates, Cell, Encoding
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

CODE = "DBG301"


def certain_predictions(
    X: Any, y: ArrayLike, X_val: Any, *, repairs: Mapping[Any, Sequence[Any]] | None = None, k: int = 3
) -> CertainPredictions:
    r"""Tell which predictions of k nearest neighbors no way of filling in missing cells can change.

    A prediction is certain if it is the same in all worlds, that is for all combinations of repairs. This is decided in whole
    numbers and has no probability in it. For the other predictions the share of the worlds that predicts each label is counted,
    in polynomial time.

    Parameters
    ----------
    X : frame or array, shape (rows, columns)
        Training rows with missing cells. Numbers are put in standard deviations from the mean of those that are there,
        each other value gets a column of its own; this does not depend on the repairs.
    y : array, shape (rows,)
        Labels, all there.
    X_val : frame or array, shape (validation rows, columns)
        Without missing cells.
    repairs : mapping, optional
        What missing cells may be: from a column, or a pair of row and column, to values. By default, of numbers the extremes,
        quartiles and mean, of others the five most frequent values.
    k : int, from 1 to rows
        Of labels with equally many votes the first in sorted order wins.

    Returns
    -------
    CertainPredictions

    Raises
    ------
    DataError
        If columns, labels or repairs do not fit.

    Notes
    -----
    The guarantee is exact for this model class: k nearest neighbors on columns scaled so. It holds if the true value of each
    cell is among its repairs, and says nothing of other models.

    Cost: for each validation row candidates log candidates, and of the candidates that are near enough to count
    the product with the rows that they belong to.

    Examples
    --------
    >>> nan = float("nan")
    >>> found = certain_predictions([[0.0], [1.0], [nan], [9.0]], [0, 0, 1, 1], [[0.5], [8.0]], k=1)
    >>> found.certain.tolist(), found.next_cell.row, found.cleaned(2, 0, 7.0).done
    ([False, True], 2, True)

    References
    ----------
    Karlaš, B. et al. "Nearest neighbor classifiers over incomplete information: from certain answers to certain predictions."
    PVLDB 14(3), 2020.
    """
    frame, asked = _frame(X, "X"), _frame(X_val, "X_val")
    labels = np.asarray(y)
    if labels.shape != (len(frame),):
        raise DataError(f"y must have one label for each of the {len(frame)} rows, got shape {labels.shape}")
    unlabelled = pd.isna(labels)
    if unlabelled.any():
        raise DataError(f"row {int(unlabelled.argmax())} of y has no label: leave such rows out")
    lacking = [name for name in frame if name not in asked]
    if lacking:
        raise DataError(f"X_val has no column {lacking[0]!r}")
    asked = asked[list(frame)]
    holes = asked.isna().to_numpy()
    if holes.any():
        row = int(holes.any(axis=1).argmax())
        raise DataError(
            f"row {row} of X_val has no {asked.columns[holes[row].argmax()]!r}: validation rows must be whole"
        )
    if isinstance(k, bool) or k != int(k) or not 1 <= k <= len(frame):
        raise DataError(f"k must be a whole number from 1 to the number of rows, {len(frame)}, got {k}")
    names, codes = np.unique(labels, return_inverse=True)
    encoding = Encoding(frame)
    candidates = Candidates.of(frame, encoding, repairs)
    queries = encoding.encode({name: asked[name].to_numpy() for name in asked}, len(asked))
    orders = Nearness(candidates.points).order(queries)
    given = {*(repairs or {})}
    declared = all(cell.column in given or (cell.row, cell.column) in given for cell in candidates.cells)
    start = CertainPredictions(
        names, codes, int(k), candidates, orders, np.zeros((len(asked), names.size)),
        np.zeros((len(asked), names.size), dtype=bool), declared, (frame, asked, dict(repairs or {})),
    )  # fmt: skip
    return start._answered(range(len(asked)))


@dataclass(frozen=True, eq=False)
class CertainPredictions:
    """What is known of predictions while cells are missing.

    Attributes
    ----------
    labels : ndarray
        Sorted.
    chances : ndarray of float64, shape (validation rows, labels)
        Share of the worlds that predicts each label.
    possible : ndarray of bool, shape (validation rows, labels)
        Whether any world does.
    """

    labels: NDArray[Any]
    _codes: Places
    _k: int
    _candidates: Candidates
    _orders: Places
    chances: Floats
    possible: NDArray[np.bool_]
    _declared: bool
    _given: tuple[pd.DataFrame, pd.DataFrame, dict[Any, Sequence[Any]]]
    # Of queries, what each cell that is near enough to count would tell.
    _known: dict[int, dict[tuple[int, Any], float]] = field(default_factory=dict)

    @property
    def certain(self) -> NDArray[np.bool_]:
        """Whether each prediction is the same in all worlds."""
        return np.asarray(self.possible.sum(axis=1) == 1)

    @property
    def predictions(self) -> NDArray[Any]:
        """The label that most worlds predict."""
        return np.asarray(self.labels[self.chances.argmax(axis=1)])

    @property
    def entropy(self) -> float:
        """Mean entropy of the predictions over the worlds, in bits; 0 if all are certain."""
        return float(_entropy(self.chances).mean())

    @property
    def worlds(self) -> int:
        """Number of worlds: combinations of repairs of all missing cells."""
        total = 1
        for cell in self.missing:
            total *= len(cell.repairs)
        return total

    @property
    def missing(self) -> tuple[Cell, ...]:
        """Cells that are missing still."""
        return self._candidates.cells

    @property
    def done(self) -> bool:
        """Whether cleaning can stop: no cell can change a prediction any more."""
        return bool(self.certain.all())

    @cached_property
    def next_cells(self) -> tuple[Cell, ...]:
        """All missing cells, by how much cleaning each lowers the mean entropy in expectation; ties in their own order."""
        gains = np.zeros(len(self.missing))
        of_row: dict[int, list[int]] = {}
        for at, cell in enumerate(self.missing):
            of_row.setdefault(cell.row, []).append(at)
        place = {(cell.row, cell.column): at for at, cell in enumerate(self.missing)}
        for query in np.flatnonzero(~self.certain).tolist():
            if query not in self._known:
                self._known[query] = self._gains(query, of_row)
            for cell_, gain in self._known[query].items():
                gains[place[cell_]] += gain
        gains /= len(self.certain)
        order = np.argsort(-np.round(gains, 12), kind="stable")
        return tuple(replace(self.missing[at], gain=max(0.0, float(gains[at]))) for at in order.tolist())

    @property
    def next_cell(self) -> Cell | None:
        """The cell to clean next; None if no cleaning changes a prediction."""
        return None if self.done else self.next_cells[0]

    def cleaned(self, row: int, column: Any, value: Any) -> CertainPredictions:
        """Fill in a cell. What was certain stays so, and is not computed again.

        A value that was not among the repairs of the cell refutes what was assumed of it: then all is computed anew.

        Raises
        ------
        DataError
            If there is no such missing cell, or the value is none.
        """
        at = next((i for i, cell in enumerate(self.missing) if (cell.row, cell.column) == (row, column)), None)
        if at is None:
            raise DataError(f"row {row}, column {column!r}: there is no missing cell")
        if pd.isna(value):
            raise DataError(f"row {row}, column {column!r}: give a value, got {value!r}")
        frame, asked, repairs = self._given
        # A frame with the value would scale its column anew, so it stays a cell with one repair.
        repairs = {**repairs, (row, column): [value]}
        if value not in self.missing[at].repairs:
            fixed = {**{(c.row, c.column): c.repairs for c in self.missing}, **repairs}
            found = certain_predictions(frame, self.labels[self._codes], asked, repairs=fixed, k=self._k)
            settled = {each for each, values in fixed.items() if isinstance(each, tuple) and len(values) == 1}
            gone = [i for i, cell in enumerate(found.missing) if (cell.row, cell.column) in settled]
            every = np.ones(found._candidates.rows.size, dtype=bool)
            return replace(
                found,
                _candidates=found._candidates.kept(every, gone),
                _declared=self._declared,
                _given=(frame, asked, repairs),
            )
        chosen = np.ones(self._candidates.rows.size, dtype=bool)
        mine = self._candidates.rows == row
        chosen[mine] = self._candidates.choices[at] == self.missing[at].repairs.index(value)
        place = np.cumsum(chosen) - 1
        orders = place[self._orders[chosen[self._orders]]].reshape(len(self._orders), -1)
        # A row that is too far to count moves nothing.
        known = {query: told for query, told in self._known.items() if all(near != row for near, _ in told)}
        touched = [query for query in np.flatnonzero(~self.certain).tolist() if query not in known]
        after = replace(
            self,
            _candidates=self._candidates.kept(chosen, [at]),
            _orders=orders,
            _given=(frame, asked, repairs),
            _known=known,
        )
        return after._answered(touched)

    @property
    def statement(self) -> str:
        """What can be said now, with no probability in it."""
        sure, number, left = int(self.certain.sum()), len(self.certain), len(self.missing)
        model, cells = f"{self._k} nearest neighbors", f"{left:,} missing cell{'s' if left > 1 else ''}"
        worlds = f"{self.worlds:,}" if self.worlds < 10**9 else f"about 10^{log10(self.worlds):.0f}"
        if not left:
            return f"no cell is missing: all {number:,} predictions of {model} are certain"
        if self.done:
            return (
                f"all {number:,} predictions of {model} are the same however {cells} are filled in ({worlds} ways): "
                "cleaning can stop"
            )
        return (
            f"{sure:,} of {number:,} predictions of {model} are the same however {cells} are filled in ({worlds} ways); the "
            "others are not"
        )

    @property
    def guarantee(self) -> Guarantee:
        """Exact, for this model class, if each cell is one of its repairs."""
        held = Assumption(
            "each missing cell is one of its repairs",
            "declared" if self._declared else "unverifiable",
            "" if self._declared else "nobody said what some cells may be: their repairs are guesses from the column",
        )
        return Guarantee.exact(
            0.0,
            f"each prediction called certain, of {self._k} nearest neighbors on these columns as they are scaled",
            [held] if self.missing else [],
            "Karlaš et al., PVLDB 2020",
        )

    def verdict(self, check: str = "certain-predictions") -> Verdict:
        """Pass if all predictions are certain; else inconclusive, with the cell to clean next."""
        cell = self.next_cell
        action = (
            ()
            if cell is None
            else (
                Action(
                    title=f"find out {cell.column!r} of row {cell.row}",
                    effect=f"lowers the mean entropy by {cell.gain:.3g} bits of {self.entropy:.3g}, in expectation",
                ),
            )
        )
        return Verdict(
            status="pass" if self.done else "inconclusive",
            guarantee=self.guarantee,
            check=check,
            code=CODE,
            stage="debugging",
            claim=Claim("no missing cell can change a prediction"),
            evidence=Evidence(
                n=len(self.certain),
                measure="share of predictions that are certain",
                estimate=float(self.certain.mean()),
                limit=1.0,
                statistic={"missing cells": len(self.missing), "entropy": self.entropy},
                method="SS",
            ),
            actions=action,
            reason=self.statement,
        )

    def __str__(self) -> str:
        lines = [self.statement]
        lines += [
            f"  {'clean next' if at == 0 else 'then'}: row {cell.row}, {cell.column!r} ({cell.gain:.3g} bits of {self.entropy:.3g})"
            for at, cell in enumerate(self.next_cells[:3] if not self.done else ())
        ]
        return "\n".join([*lines, f"{self.guarantee.kind} for {self.guarantee.scope}"])

    def _answered(self, queries: Iterable[int]) -> CertainPredictions:
        chances, possible = self.chances.copy(), self.possible.copy()
        for query in queries:
            found, _ = answer(self._candidates.rows[self._orders[query]], self._codes, self.labels.size, self._k)
            chances[query], possible[query] = found.chances, found.possible
        return replace(self, chances=chances, possible=possible)

    def _gains(self, query: int, of_row: dict[int, list[int]]) -> dict[tuple[int, Any], float]:
        """Give by how much each cell of a row that can be near is expected to lower the entropy of one prediction."""
        order = self._orders[query]
        boundaries = Boundaries(self._candidates.rows[order], self._codes, self.labels.size, self._k)
        now = float(_entropy(self.chances[query]))
        rows = np.array([row for row in boundaries.near.tolist() if row in of_row], dtype=np.intp)
        found = {}
        for row, (ranks, chances) in zip(rows.tolist(), boundaries.given(rows), strict=True):
            start, end = np.searchsorted(self._candidates.rows, [row, row + 1])
            # Candidates behind all boundaries have the chances of the last line.
            each = np.repeat(chances[-1:], end - start, axis=0)
            each[order[ranks] - start] = chances[:-1]
            for at in of_row[row]:
                choice = self._candidates.choices[at]
                counts = np.bincount(choice)
                known = np.stack([np.bincount(choice, weights=each[:, c]) for c in range(self.labels.size)], axis=1)
                share = counts / counts.sum()
                after = float(share @ _entropy(known / np.maximum(counts, 1)[:, None]))
                found[row, self.missing[at].column] = now - after
        return found


def _entropy(chances: Floats) -> Any:
    """Entropy in bits, over the last axis."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(chances > 0, chances * np.log2(chances), 0.0)
    return -terms.sum(axis=-1)


def _frame(X: Any, name: str) -> pd.DataFrame:
    frame = X if isinstance(X, pd.DataFrame) else X.to_pandas() if hasattr(X, "to_pandas") else None
    if frame is None:
        values = np.asarray(X)
        if values.ndim != 2:
            raise DataError(f"{name} must have two dimensions, got shape {values.shape}")
        frame = pd.DataFrame(values)
    if not len(frame) or not len(frame.columns):
        raise DataError(f"{name} has no {'rows' if not len(frame) else 'columns'}")
    return frame.reset_index(drop=True)
