"""Deciding label by label: which row to label next, and a verdict that may be looked at after every label.

The statistics are those of :mod:`assay.stats.sequential`. Here a condition becomes one track a clause: the rows (or
whole units) that the clause is about in the committed order, what the predictions say of each before its label, and
the bets on the prefix of that order in which nothing is missing. Labels beyond the first gap wait until it is
filled, and count for nothing before: skipping a row, or labelling the easy ones first, cannot move a verdict.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from blake3 import blake3

from assay.errors import DataError, UsageError
from assay.gate.grammar import parse, require_rows
from assay.gate.inputs import by_name, collect, column
from assay.gate.interim import verdict_of
from assay.gate.screening import ALPHA, candidates, copied, foreseen, undeclared
from assay.gate.track import tracks_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from assay.core import Verdict
    from assay.core.check import Severity
    from assay.gate.condition import Condition, Mode
    from assay.gate.inputs import Inputs

    Rows = NDArray[np.intp]

_SEED = 20190331
"""One order for every pool of n rows, fixed before there was any model."""


def positions(ids: Iterable[Any]) -> NDArray[np.uint64]:
    """Give each id its place in the committed order: 64 bits of the BLAKE3 hash of the id as text.

    The place depends on the id alone, not on the models, the labels, the other rows or the name of the table. So it
    is fixed before any model is seen, a sorted file is labelled like a shuffled one, and rows that are added to a
    pool later take places among the others without moving them.
    """
    digests = b"".join(blake3(str(one).encode()).digest(8) for one in ids)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


class Sequential:
    """One answer of the gate, bought label by label.

    Guarantee (anytime): as that of :func:`assay.gate.decide`, with P(ever a wrong verdict, at whatever label one
    looks) in the place of P(wrong verdict): in mode ``fp-free`` P(ever pass) <= a if the condition does not hold, and
    P(ever fail) <= a if every clause holds by twice its tolerance; in mode ``fn-free`` P(ever fail) <= a if the
    condition holds. Proof: each clause errs with probability of at most its level at any look
    (:mod:`assay.stats.sequential`); a conjunction that does not hold has a clause that does not, which must pass; a
    false fail needs one of its k clauses to err at level a / k.

    Assumes that rows (with ``unit``: units) are independent draws from the population that the claim is about, that
    their order was fixed before the models were seen, that labels are right, and that the models were not trained or
    chosen on the labels of these rows.

    **One model after another.** The bets allow one to look after every label, not to choose the next model from the
    answers. A second candidate is judged on rows beyond ``looked`` (``order=order[first.looked:]``): all rows up to
    there are used up, the agreements too. To take out the labelled rows alone would leave a pool without the rows on
    which the first two models differ, which is no longer a draw from the population: in a simulation with a candidate
    that is 2.2 points worse the estimate is 2.0 points better. On fresh rows (1 - reliability) / steps is enough
    however much of the answers developers see.

    Parameters
    ----------
    condition : str or Condition
        As for :func:`assay.gate.decide`; clauses on ``n``, ``o``, ``d``, ``error``, ``accuracy`` and ``brier``, in
        slices that do not depend on the label.
    new, old : array of shape (n,)
        Predictions for all rows of the pool.
    reliability, steps, adaptivity, mode, unit, unit_name, max_unit_size, slices, timestamp, columns, content, new_scores
        As for :func:`assay.gate.decide`.
    old_scores, positive
        As for :func:`assay.gate.decide`.
    order : array of int, optional
        Rows that may be labelled, in the order in which they are; it must not depend on the models. By default a
        permutation that depends on the number of rows (units) alone. Rows of one unit stand together.
    level : float, optional
        As for :func:`assay.gate.decide`.
    plans : list of tuple of int, optional
        For each clause what ``plans`` said when the answer was begun. Give it where the pool may have changed since;
        by default it is made from the predictions.
    check, blocking, severity
        Passed on to the verdict.

    Attributes
    ----------
    looked : int
        Rows of the order, from its beginning, that the verdict depends on.
    labelled : int
        Labels that it rests on.
    plans : list of tuple of int or None
        Of each clause: after how many labels the exact test is made, and how many rows of how many needed a label
        when that was fixed. ``None`` for one that has no such test.

    Raises
    ------
    ClaimError
        If a clause needs labels to know its rows (recall), or speaks of several sets of rows.
    DataError, UsageError
        As in :func:`assay.gate.decide`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(0, 2, 5000)
    >>> old = np.where(rng.random(5000) < 0.80, truth, 1 - truth)
    >>> new = np.where(rng.random(5000) < 0.30, truth, old)
    >>> gate = Sequential("n - o > 0 +/- 0.01", new=new, old=old, reliability=0.99)
    >>> verdict = gate.verdict()
    >>> while verdict.inconclusive:
    ...     rows = gate.next(5)
    ...     verdict = gate.update(rows, truth[rows])
    >>> verdict.status, gate.labelled, int((new != old).sum())
    ('pass', 11, 312)
    """

    def __init__(
        self,
        condition: str | Condition,
        *,
        new: Any,
        old: Any = None,
        reliability: float,
        steps: int = 1,
        adaptivity: str = "none",
        mode: Mode = "fp-free",
        unit: Any = None,
        unit_name: str = "",
        max_unit_size: int | None = None,
        slices: Any = None,
        timestamp: Any = None,
        columns: Any = None,
        content: Any = None,
        new_scores: Any = None,
        old_scores: Any = None,
        positive: Any = None,
        order: ArrayLike | None = None,
        level: float | None = None,
        plans: Sequence[tuple[int, int, int] | None] | None = None,
        check: str = "gate",
        blocking: bool = False,
        severity: Severity = "error",
    ) -> None:
        from assay.gate.decision import level_of

        self._alpha, self._per_test = level_of(reliability, steps, adaptivity, mode, level=level)
        self._condition = require_rows(parse(condition) if isinstance(condition, str) else condition)
        self._mode, self._steps, self._adaptivity = mode, steps, adaptivity
        self._check, self._blocking, self._severity = check, blocking, severity
        self._inputs = collect(
            self._condition, labels=_placeholders(new, positive), new=new, old=old, new_scores=new_scores,
            old_scores=old_scores, positive=positive, unit=unit, unit_name=unit_name, slices=slices,
            max_unit_size=max_unit_size,
        )  # fmt: skip
        self._binary = positive is None
        n = self._inputs.n
        self._groupings = candidates(timestamp, by_name(columns), n, self._inputs.unit)
        self._order = _order(order, n, self._inputs.unit)
        self._known = np.zeros(n, dtype=np.bool_)
        self._labels = np.empty(n, dtype=object)
        self._values: NDArray[Any] | None = None
        self._screened: tuple[tuple[str, float], ...] = ()
        self._clusters = None if content is None or unit is not None else copied(content, n)
        self.tracks = tracks_of(self._condition, self._inputs, self._order, self._per_test, mode, plans)
        self._advance()

    @property
    def size(self) -> int:
        """Rows that predictions were given for."""
        return self._inputs.n

    @property
    def looked(self) -> int:
        """Rows of the order, from its beginning, that the verdict depends on."""
        return max(track.looked for track in self.tracks)

    @property
    def labelled(self) -> int:
        """Labels that the verdict rests on."""
        asking = [track.used for track in self.tracks if track.labels]
        if len(asking) < 2:
            return sum(map(len, asking))
        return int(np.unique(np.concatenate(asking)).size)

    @property
    def plans(self) -> list[tuple[int, int, int] | None]:
        """Of each clause: labels at which its exact test is made, rows that needed a label, rows."""
        return [track.plan for track in self.tracks]

    def next(self, k: int = 1) -> Rows:
        """Give the next rows to label, at most ``k``, in their order; none when all is decided or all is labelled."""
        if k < 1 or self.verdict_is_final:
            return np.empty(0, dtype=np.intp)
        asked = [track.waiting(self._known, k) for track in self.tracks if track.open]
        if len(asked) == 1:
            return asked[0]
        wanted = np.zeros(self._inputs.n, dtype=np.bool_)
        wanted[np.concatenate(asked)] = True
        return self._order[wanted[self._order]][:k]

    @property
    def verdict_is_final(self) -> bool:
        """Whether no further label can change it."""
        return any(track.value == "false" for track in self.tracks) or not any(track.open for track in self.tracks)

    def update(self, rows: ArrayLike, labels: Any) -> Verdict:
        """Take in labels and give the verdict.

        Parameters
        ----------
        rows : array of int, shape (k,)
            Row numbers, in any order. A label that comes before its turn waits until those before it are there.
        labels : array of shape (k,)

        Raises
        ------
        DataError
            If a row is not in the order, was given another label before, or the labels are of another kind than the
            predictions; nothing is taken in then.
        """
        start = time.perf_counter()
        self.add(rows, labels)
        return self.verdict(start)

    def add(self, rows: ArrayLike, labels: Any) -> None:
        """Take in labels, as :meth:`update` does, without a verdict."""
        where = np.asarray(rows, dtype=np.intp).reshape(-1)
        given = column(labels, "labels")
        self._check_labels(where, given)
        if self._values is None:
            self._values = np.zeros(self._inputs.n, dtype=given.dtype if given.dtype.kind != "U" else object)
        elif self._values.dtype != given.dtype and self._values.dtype != object:
            self._values = self._values.astype(np.result_type(self._values, given))
        self._values[where] = given
        self._known[where] = True
        self._advance()

    def verdict(self, start: float | None = None) -> Verdict:
        """Give the verdict on the labels that there are."""
        return verdict_of(
            self._condition,
            self.tracks,
            self._inputs,
            alpha=self._alpha,
            per_test=self._per_test,
            steps=self._steps,
            adaptivity=self._adaptivity,
            mode=self._mode,
            screened=self._screened,
            clusters=self._clusters,
            labelled=self.labelled,
            looked=self.looked,
            final=self.verdict_is_final,
            check=self._check,
            blocking=self._blocking,
            severity=self._severity,
            start=time.perf_counter() if start is None else start,
        )

    def _advance(self) -> None:
        moved = False
        for track in self.tracks:
            while track.open and (rows := track.ready(self._known)) is not None:
                track.take(self._facts(rows), rows)
                moved = True
        if moved and self._groupings and self._clusters is None and self.verdict_is_final:
            self._screen()

    def _facts(self, rows: Rows) -> Inputs:
        """Inputs of some rows alone; where a label is not known it is not needed, and 0 stands for it."""
        facts = self._inputs.at(rows)
        labels = facts.labels if self._values is None else self._values[rows]
        positive = None if facts.positive is None else np.asarray(labels == facts.positive_label)
        return replace(facts, labels=labels, positive=positive)

    def _screen(self) -> None:
        """Look for clustering that nobody declared among the rows that were looked at."""
        rows = self._order[: self.looked]
        for track in self.tracks:
            # Without its label a row has no value; clauses may have come differently far.
            rows = rows[~track.needs[rows] | self._known[rows]]
        if not rows.size:
            return
        groupings = {
            names: np.unique(codes[rows], return_inverse=True)[1].astype(np.intp)
            for names, codes in self._groupings.items()
        }
        each = ALPHA / 2
        self._clusters, self._screened = undeclared(self._condition.clauses, self._facts(rows), groupings, each)
        if self._clusters is None:
            needed = [track.needed for track in self.tracks if track.needs.any()]
            self._clusters = foreseen(needed, rows, self._groupings, dict(self._screened), each, self._inputs)

    def _check_labels(self, rows: Rows, labels: NDArray[Any]) -> None:
        if rows.size != labels.size:
            raise DataError(f"labels: {labels.size} for {rows.size} rows; give one for each")
        if not rows.size:
            return
        outside = (rows < 0) | (rows >= self._inputs.n)
        if outside.any():
            raise DataError(f"rows: there is no row {int(rows[outside][0])}; rows are 0 to {self._inputs.n - 1}")
        first = next(iter(self._inputs.predicted.values()))
        if (first.dtype.kind in "biuf") != (labels.dtype.kind in "biuf"):
            kinds = ["numbers" if array.dtype.kind in "biuf" else "text" for array in (labels, first)]
            raise DataError(f"labels: they are {kinds[0]}, but predictions are {kinds[1]}; code both the same way")
        if self._binary and self._inputs.scores and not np.isin(labels, (0, 1)).all():
            strange = labels[~np.isin(labels, (0, 1))][0]
            raise DataError(f"labels: {strange!r} is neither 0 nor 1, which probabilities need; pass positive=")
        order = np.argsort(rows, kind="stable")
        again = rows[order][1:] == rows[order][:-1]
        clash = again & (labels[order][1:] != labels[order][:-1])
        if clash.any():
            raise DataError(f"labels: row {int(rows[order][1:][clash][0])} has two labels that differ; give one")
        known = self._known[rows]
        if known.any() and self._values is not None:
            changed = known & (self._values[rows] != labels)
            if changed.any():
                row = int(rows[changed][0])
                raise DataError(f"labels: row {row} was {self._values[row]!r} before; a label that counted stays")


def look(condition: Condition, labels: Any, *, start: float, **terms: Any) -> Verdict:
    """Give the verdict on the labels that there are, for :func:`assay.gate.decide`."""
    gate = Sequential(condition, **terms)
    rows, known = split(labels, gate.size)
    if known is not None:
        gate.add(rows, known)
    return gate.verdict(start)


def split(labels: Any, n: int | None = None) -> tuple[Rows, NDArray[Any] | None]:
    """Tell the rows that have a label, and their labels, from those that have none (None, NaN, NaT or null)."""
    if labels is None:
        return np.empty(0, dtype=np.intp), None
    array = np.asarray(labels)
    if array.ndim != 1:
        raise DataError(f"labels: one value a row is needed, but the shape is {array.shape}")
    if n is not None and array.size != n:
        raise DataError(f"labels: {array.size} rows, but there are {n} predictions; leave a label that is missing null")
    if array.dtype.kind == "O":
        try:
            missing = pa.array(array, from_pandas=True).is_null().to_numpy(zero_copy_only=False)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
            raise DataError(f"labels: the values are of mixed types; bring them to one type ({problem})") from None
    elif array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind == "M":
        missing = np.isnat(array)
    else:
        missing = np.zeros(array.size, dtype=np.bool_)
    rows = np.flatnonzero(~missing)
    return rows, array[rows] if rows.size else None


def _placeholders(new: Any, positive: Any) -> NDArray[Any]:
    """Labels of the right kind before any is known; nothing is computed from them."""
    if new is None:
        raise DataError("new: the condition needs the predictions of the new model; pass new=")
    said = column(new, "new")
    if positive is not None:
        return np.full(said.size, positive)
    if said.dtype.kind == "f" and not np.array_equal(said, np.floor(said)):
        return np.zeros(said.size, dtype=np.int64)
    return said.astype(np.int64) if said.dtype.kind == "f" and np.isin(said, (0, 1)).all() else said


def _order(order: ArrayLike | None, n: int, unit: Rows | None) -> Rows:
    if order is None:
        rng = np.random.default_rng(_SEED)
        if unit is None:
            return rng.permutation(n)
        place = rng.permutation(int(unit.max()) + 1)
        return np.argsort(place[unit], kind="stable")
    rows = np.asarray(order, dtype=np.intp).reshape(-1)
    if not rows.size:
        raise UsageError(
            "order: it names no row, so there is nothing to judge on; give rows that were not looked at yet"
        )
    if rows.min() < 0 or rows.max() >= n or np.unique(rows).size != rows.size:
        raise UsageError(f"order: it must name rows 0 to {n - 1}, each at most once")
    if unit is not None:
        codes = unit[rows]
        starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
        if np.unique(codes).size != starts.size:
            raise UsageError("order: rows of one unit must stand together")
    return rows
