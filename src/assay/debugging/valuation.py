"""Which training rows, groups or sources matter for a pipeline."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from assay.debugging import knn_shapley
from assay.debugging.importance_report import Importance
from assay.debugging.nearness import Nearness, Owned
from assay.debugging.proxy import Proxy
from assay.debugging.utilities import Gains, Utility, gains_of
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Places = NDArray[np.intp]

# Distances of one block of queries: 16 MB; of what a join keeps by query, dimension and node: 32 MB.
BLOCK, JOINED = 1 << 21, 1 << 22
# Facts and dimensions of a join: the cost grows with their square for each validation row.
MOST_JOINED = 5000


def importance(
    pipeline: Any,
    X: Any,
    y: ArrayLike,
    X_val: Any,
    y_val: ArrayLike,
    *,
    groups: Any = None,
    utility: Utility = "accuracy",
    sensitive: ArrayLike | None = None,
    k: int = 1,
) -> Importance:
    r"""Give the value of each training row, group or source: how much it adds to what a model can do.

    The value is Shapley's: the mean, over all orders in which the data could have come in, of what a row adds to the
    utility when it does. The utility is that of a k-nearest-neighbor proxy, which sees rows as the pipeline's last step does:

    .. math:: v(S) = \sum_t \frac{1}{k} \sum_{i \in N_k(t, S)} g(y_i, t)

    over validation rows t, where :math:`N_k(t, S)` are the k nearest rows of t that are in S, fewer if S has fewer.

    The guarantee is exact for this proxy, in finite arithmetic, and there is none for the pipeline's own model. All steps
    but the last are fitted once, on all training rows: what a scaler or an encoder learns does not change with S.

    Parameters
    ----------
    pipeline : scikit-learn pipeline, transformer, predictor, or None
        A last step that predicts is left out. Steps with ``fit_resample`` may drop or repeat rows. None: frames are scaled
        and encoded, arrays are taken as they are.
    X : table or array, shape (rows, columns)
    y : array, shape (rows,)
    X_val, y_val : the same of validation rows
        Not a test set that a gate decides on: values tell of its labels.
    groups : array of shape (rows,) or (rows, 2), Series or frame, optional
        What is valued in place of rows. Of one column: a row is there if its group is. Of two, as after a join: if
        both are; each value of the first then goes with one value of the second (many orders, one customer), and k is 1.
        :func:`trace_rows` makes them from functions that filter, repeat and join rows.
    utility : {"accuracy", "balanced_accuracy", "fairness", "squared_error"}
        ``fairness`` is less the widest gap of equalized odds between two groups of ``sensitive``, its sign settled by all
        rows. ``squared_error``, for numeric labels, is how much less the error of each neighbor's label is than that of
        the mean.
    sensitive : array, shape (validation rows,), optional
    k : int, at least 1
        At most 20 with groups.

    Returns
    -------
    Importance

    Raises
    ------
    DataError
        If shapes do not fit, labels or groups are missing, or the question has no fast exact answer.

    Notes
    -----
    Misleads where distances mean little (many columns that do not matter, on large scales), and where the model is right for
    other reasons than its neighbors. Values below zero depend on the validation rows: they are no test.

    Cost: validation rows x rows x (columns + log rows); 100,000 rows of 50 columns and 1,000 validation rows take some
    seconds. Groups cost as much again. A join costs validation rows x (facts + dimensions) squared.

    Examples
    --------
    >>> import numpy as np  # the third label is wrong
    >>> X = np.arange(6.0)[:, None]
    >>> found = importance(None, X, [0, 0, 1, 1, 1, 1], X, [0, 0, 0, 1, 1, 1])
    >>> found.fix_first(1), bool(np.isclose(found.total, found.values.sum()))
    ([2], True)

    References
    ----------
    Jia, R. et al. "Efficient task-specific data valuation for nearest neighbor algorithms." PVLDB 12(11), 2019.
    Karlaš, B. et al. "Data debugging with Shapley importance over machine learning pipelines." ICLR 2024.
    """
    labels, asked = _labels("y", y, X), _labels("y_val", y_val, X_val)
    players = _Players.of(groups, labels.size)
    if isinstance(k, bool) or k != int(k) or k < 1:
        raise DataError(f"k must be a whole number of at least 1, got {k}")
    if players.parents is not None and k != 1:
        raise DataError(f"two groups a row are valued exactly with k = 1 alone, got k = {k}: give one column, or k = 1")
    proxy = Proxy.of(pipeline, X, labels)
    rows = players.through(proxy.sources)
    if rows.repeat and k > knn_shapley.MOST_NEIGHBORS:
        raise DataError(f"k must be at most {knn_shapley.MOST_NEIGHBORS} where several rows have one owner, got {k}")
    near = Nearness(proxy.points)

    alone = _Players.of(None, labels.size).through(proxy.sources)

    def valued(X_more: Any, y_more: NDArray[Any]) -> tuple[Floats, float, Gains, Callable[[], Floats]]:
        queries = proxy.transform(X_more)
        if queries.shape[0] != y_more.size:
            raise DataError(f"X_val has {queries.shape[0]} rows after the pipeline, and {y_more.size} labels")

        def called() -> Floats:
            return _called(near, queries, proxy.labels, y_more, int(k))

        def each() -> Floats:
            return players.means(_sum(near, queries, gains, alone, int(k))[0])

        gains = gains_of(utility, proxy.labels, y_more, sensitive, called)
        values, total = _sum(near, queries, gains, rows, int(k))
        return values, total, gains, (lambda: values) if groups is None else each

    values, total, gains, each = valued(X_val, asked)
    words = _in_words(gains.means, int(k))
    found = Importance(players.names, values, players.sizes, total, players.what, words, int(k), asked.size, each)
    if utility not in ("accuracy", "squared_error"):
        return found

    def extend(before: Importance) -> Callable[[Any, Any], Importance]:
        def more(X_more: Any, y_more: Any) -> Importance:
            theirs = _labels("y_val", y_more, X_more)
            added, total, _, each = valued(X_more, theirs)
            share = theirs.size / (theirs.size + before.validation)
            after = replace(
                before,
                values=(1 - share) * before.values + share * added,
                total=(1 - share) * before.total + share * total,
                validation=theirs.size + before.validation,
                _each=lambda: (1 - share) * before.value_a_row + share * each(),
            )
            return replace(after, _extend=extend(after))

        return more

    return replace(found, _extend=extend(found))


def _in_words(means: str, k: int) -> str:
    call = "the nearest row calls" if k == 1 else f"the {k} nearest rows, each with a vote of 1/{k}, call"
    labels = "the nearest label" if k == 1 else f"each of the {k} nearest labels by itself"
    return means.replace("{call}", call).replace("{labels}", labels)


@dataclass(frozen=True)
class _Players:
    """Who owns each row."""

    names: tuple[Any, ...] | range
    sizes: Places
    what: str
    owners: Places  # shape (rows,)
    parents: Places | None = None  # of a join: the dimension of each fact
    repeat: bool = False

    @classmethod
    def of(cls, groups: Any, rows: int) -> _Players:
        if groups is None:
            every = np.arange(rows)
            return cls(range(rows), np.ones(rows, dtype=np.intp), "row", every)
        frame = _frame(groups)
        if len(frame) != rows:
            raise DataError(f"groups must have one entry for each of the {rows} rows, got {len(frame)}")
        missing = frame.isna()
        if missing.to_numpy().any():
            row = int(missing.any(axis=1).to_numpy().argmax())
            raise DataError(f"row {row} has no {missing.columns[missing.iloc[row]][0]}: give each row its group")
        (codes, values), *second = (pd.factorize(frame[name]) for name in frame)
        sizes = np.bincount(codes, minlength=len(values))
        if not second:
            return cls(tuple(values.tolist()), sizes, str(frame.columns[0]), codes)
        dims, others = second[0]
        first = np.unique(codes, return_index=True)[1]
        parents = dims[first]
        if (parents[codes] != dims).any():
            fact, dim = map(str, frame.columns)
            row = int((parents[codes] != dims).argmax())
            raise DataError(
                f"{fact} {values[codes[row]]!r} goes with more than one {dim}: exact values need one {dim} for each {fact}; put "
                "the column that has one value for each value of the other second, or give one column"
            )
        if len(values) + len(others) > MOST_JOINED:
            raise DataError(
                f"{len(values) + len(others):,} owners on two sides of a join are too many, {MOST_JOINED:,} at most: value one side, "
                "with groups of one column"
            )
        names = [(str(frame.columns[0]), each) for each in values.tolist()]
        names += [(str(frame.columns[1]), each) for each in others.tolist()]
        sizes = np.r_[sizes, np.bincount(dims, minlength=len(others))]
        return cls(tuple(names), sizes, " and ".join(map(str, frame.columns)), codes, parents)

    def means(self, values: Floats) -> Floats:
        """Average the values of rows over those of each player."""
        sums = np.bincount(
            self.owners, weights=values, minlength=self.sizes.size if self.parents is None else self.parents.size
        )
        if self.parents is not None:
            others = np.bincount(
                self.parents[self.owners], weights=values, minlength=self.sizes.size - self.parents.size
            )
            sums = np.r_[sums, others]
        averages: Floats = sums / np.maximum(self.sizes, 1)
        return averages

    def through(self, sources: Places) -> _Players:
        """Who owns the points that came from these rows."""
        owners = self.owners[sources]
        return replace(self, owners=owners, repeat=np.unique(owners).size < owners.size)


def _frame(groups: Any) -> pd.DataFrame:
    if isinstance(groups, pd.Series):
        return groups.to_frame(groups.name if groups.name is not None else "group").reset_index(drop=True)
    if hasattr(groups, "columns") or hasattr(groups, "keys"):
        frame = pd.DataFrame({str(name): np.asarray(groups[name]) for name in getattr(groups, "columns", groups)})
    else:
        values = np.asarray(groups)
        names = ["group"] if values.ndim == 1 else ["first", "second"]
        if values.ndim not in (1, 2) or (values.ndim == 2 and values.shape[1] != 2):
            raise DataError(f"groups must have one entry a row, or two, got shape {values.shape}")
        frame = pd.DataFrame(dict(zip(names, np.atleast_2d(values.T), strict=True)))
    if len(frame.columns) not in (1, 2):
        raise DataError(f"groups must have one column or two, got {len(frame.columns)}")
    return frame


def _labels(name: str, given: ArrayLike, X: Any) -> NDArray[Any]:
    labels = np.asarray(given)
    rows = X.shape[0] if hasattr(X, "shape") else len(X)
    if labels.shape != (rows,):
        raise DataError(f"{name} must have one label for each of the {rows} rows, got shape {labels.shape}")
    if not rows:
        raise DataError(f"{name} is empty: give rows")
    missing = pd.isna(labels)
    if missing.any():
        raise DataError(f"row {int(missing.argmax())} of {name} has no label: leave such rows out")
    return labels


def _blocks(queries: int, each: int, room: int = BLOCK) -> list[slice]:
    step = max(1, room // max(each, 1))
    return [slice(start, min(start + step, queries)) for start in range(0, queries, step)]


def _called(near: Nearness, queries: Any, labels: NDArray[Any], asked: NDArray[Any], k: int) -> Floats:
    """Give the share of the k nearest rows that have the label of each query."""
    parts = [
        (labels[near.order(queries[part])[:, :k]] == asked[part, None]).sum(axis=1) / k
        for part in _blocks(queries.shape[0], near.count)
    ]
    return np.concatenate(parts)


def _sum(near: Nearness, queries: Any, gains: Gains, rows: _Players, k: int) -> tuple[Floats, float]:
    """Sum values over the queries, in blocks whose sizes do not depend on the machine."""
    count = len(rows.names)
    # Of an owner the nearest row alone can be the nearest of all.
    owned = Owned(rows.owners) if rows.repeat and k == 1 else None

    def block(part: slice) -> tuple[Floats, float]:
        values, total = np.zeros(count), 0.0
        order = near.order(queries[part], owned)
        for at, row in enumerate(order, part.start):
            gain = gains.of(row, at)
            total += float(gain[:k].sum()) / k
            if rows.repeat and owned is None:
                values += knn_shapley.values_of_owners(rows.owners[row], gain, k, count)
            else:
                values[rows.owners[row]] += knn_shapley.values_of_points(gain, k)
        return values, total

    def joined(part: slice) -> tuple[Floats, float]:
        assert rows.parents is not None
        order = near.order(queries[part], owned)
        worth = np.array([gains.of(row, at) for at, row in enumerate(order, part.start)])
        number = rows.parents.size
        # Facts that have no row are left out; so are dimensions, by their number of facts.
        present, facts = np.unique(rows.owners[order], return_inverse=True)
        found = knn_shapley.values_of_pairs(facts.reshape(order.shape), worth, rows.parents[present], count - number)
        values = np.zeros(count)
        values[present], values[number:] = found
        return values, float(worth[:, 0].sum())

    if rows.parents is None:
        parts, run = _blocks(queries.shape[0], near.count), block
    else:
        # Of each dimension three numbers at each node.
        nodes = 3 * (count - rows.parents.size) * (count // 2 + 2)
        parts, run = _blocks(queries.shape[0], max(near.count, nodes), JOINED), joined
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as threads:
        values, total = np.zeros(count), 0.0
        for added, more in threads.map(run, parts):
            values += added
            total += more
    return values, total
