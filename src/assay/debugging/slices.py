"""Find the slices of a table on which a model fails most."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.special import ndtri

from assay.debugging import features as columns_
from assay.debugging.objective import Excess, Score
from assay.debugging.rows import Rows
from assay.debugging.search import search
from assay.debugging.slice_report import FoundSlice, SliceReport
from assay.debugging.verdicts import Searched, guarantee, judge, members, redundant
from assay.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from assay.debugging.counting import SliceCounts
    from assay.debugging.features import Binning
    from assay.debugging.search import Found, Objective
    from assay.debugging.verdicts import Judgement

    Floats = NDArray[np.float64]

# The least support, unless it is given: a hundredth of the rows, and no fewer than this.
_FEWEST = 32


def find_slices(
    X: Any,
    errors: ArrayLike,
    *,
    k: int = 10,
    score_weight: float = 0.95,
    min_support: float | None = None,
    max_level: int | None = 3,
    bins: int | None = 10,
    binning: Binning = "quantile",
    ranges: bool = False,
    weights: ArrayLike | None = None,
    errors_old: ArrayLike | None = None,
    rank: Literal["score", "lcb"] = "score",
    confirm: Any = None,
    unit: Any = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> SliceReport:
    """Find the slices of a table on which a model fails most.

    A slice is the rows that meet up to ``max_level`` conditions, each on a column of its own: a value, a bin or, with
    ``ranges``, a range of neighboring bins; that a value is missing is a condition like any other. The best ``k`` of all
    slices with a positive score are found exactly, as by trying every one (:mod:`assay.debugging.search`).

    Guarantee (exact): P(any slice is CONFIRMED that is not worse than the rest) <= alpha, however many slices there are
    (:mod:`assay.debugging.verdicts`; of two models: in which the error did not rise). By itself, P(any slice of the
    lattice has a lift above ``cleared``) <= alpha. What is printed of a slice that is only SUSPECTED has none: the worst
    of many slices looks bad in data where nothing is wrong.

    Assumes that rows, or the units that are declared, are independent, and takes the edges of bins as they are. If
    errors cluster by the day of a time or by a column that is called like an id, and no ``unit`` is declared, nothing is
    confirmed or cleared.

    Parameters
    ----------
    X : DataFrame, Arrow table, mapping of columns, ndarray of shape (rows, columns), or Ibis table
        What slices are described by. An Ibis table stays where it is and is counted by GROUP BY, one query for each set of
        up to ``max_level`` columns: the same slices, judged by the first of the two tests alone
        (:class:`assay.debugging.SliceCounts`). Whole numbers in an ndarray are codes, each a value of its own; everywhere else
        numbers and times of more than ``bins`` values are binned.
    errors : array of float, shape (rows,); of an Ibis table the name of a column or an expression
        Loss of each row, not negative: 1 for a mistake and 0 otherwise, or a squared error. Rows that are masked in a
        masked array do not count (:mod:`assay.debugging.losses`).
    k : int, at least 1
    score_weight : float, in (0, 1]
        Share of the error in SliceLine's score; the rest goes to the size.
    min_support : float, optional
        Smallest size of a slice: a share of the rows below 1, else a number of rows; by default a hundredth of them,
        and 32 at the least.
    max_level : int, optional
        Most conditions of a slice; ``None`` for no limit.
    bins : int, optional
        About so many bins for a number or a time; ``None`` for none, each value a condition.
    binning : {"quantile", "width"}
        Bins of as many rows (a value that fills a bin gets one of its own), or of the same width.
    ranges : bool
        Whether every range of neighboring bins is a condition too.
    weights : array of float, shape (rows,), optional
        How much a row counts; sizes and means are weighted.
    errors_old : array of float, shape (rows,), optional
        Loss of another model on the same rows: slices are those where the loss rose most.
    rank : {"score", "lcb"}
        By SliceLine's score, or by a lower bound of the errors of the slice beyond the rate of the other rows
        (:class:`assay.debugging.objective.Excess`), for which there is no weight to choose.
    confirm : (X, errors) or mapping, optional
        Rows that had no part in the search, to confirm slices with; a mapping may also hold ``errors_old``, ``weights``
        and ``unit``. By default, half of the rows confirm what a search of the other half finds.
    unit : str or array of shape (rows,), optional
        The independent unit of each row: a column of ``X``, which then describes no slice, or values.
    alpha : float, in (0, 1)
        Error probability of all CONFIRMED slices together, and of the bound on all slices.
    seed : int
        Draws the half of the rows.

    Returns
    -------
    SliceReport
        Iterates over its slices, best first; a slice prints as its predicate in SQL.

    Raises
    ------
    DataError
        If lengths differ, or an error is missing or negative; it names the row.
    UsageError
        If an option is out of range.

    Notes
    -----
    Cost: 50,000 rows of 14 columns take about 0.15 s of CPU, a million 2 s; the search itself is a third of it. It grows
    with the rows, with the square of the columns, and with each level.

    References
    ----------
    Sagadeeva, S. and Boehm, M. "SliceLine: fast, linear-algebra-based slice finding for ML model debugging." SIGMOD
    2021.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> hour, carrier = rng.integers(0, 24, 5000), rng.choice(["EV", "UA", "DL"], 5000)
    >>> wrong = rng.random(5000) < np.where((carrier == "EV") & (hour >= 17), 0.4, 0.1)
    >>> print(find_slices({"hour": hour, "carrier": carrier}, wrong, bins=None, ranges=True, rank="lcb")[0])
    hour >= 17 AND carrier = 'EV'
    """
    check_options(k, score_weight, min_support, rank, alpha)
    _options(max_level, bins, binning)
    if columns_.in_database(X):
        given = {"ranges": ranges, "weights": weights, "errors_old": errors_old, "confirm": confirm, "unit": unit}
        return _in_database(X, errors, max_level, bins, binning, given).report(
            k=k, score_weight=score_weight, min_support=min_support, rank=rank, alpha=alpha
        )
    if isinstance(X, np.ndarray) and X.dtype.kind in "iu":
        bins = None
    rows = Rows.of(X, errors, errors_old, weights, unit)
    features = columns_.learn(rows.columns, bins, binning)
    coded = columns_.encode(features, rows.columns, ranges=ranges)
    support = support_of(min_support, rows.size)
    level = len(features) if max_level is None else min(max_level, len(features))

    def look(kept: NDArray[np.bool_] | None = None) -> list[Found]:
        part = rows if kept is None else rows.part(kept)
        if not np.any(part.values):
            return []
        codes = coded if kept is None else replace(coded, codes=coded.codes[kept])
        least = support * part.size / rows.size
        objective: Objective = Score(part.size, part.mean, part.scale, score_weight)
        if rank == "lcb":
            # No more slices than this have the support.
            number = part.size / least * sum(map(coded.memberships, range(1, level + 1)))
            objective = Excess(part.size, part.mean, part.spread, float(ndtri(1 - alpha / number)))
        return search(codes, part.values, objective, k=k, support=least, max_level=level, weights=part.weights)

    found = look()
    searched = Searched(coded, rows.values, rows.weights, rows.units, errors_old is not None, support, level, look)
    other = None
    if confirm is not None:
        more = Rows.of(**_confirming(confirm, errors_old, unit))
        other = replace(
            searched, coded=columns_.encode(features, more.columns, ranges=ranges), values=more.values,
            weights=more.weights, units=more.units,
        )  # fmt: skip
    groups = columns_.groupings(features, rows.columns)
    judgement = judge(found, searched, confirm=other, groups=groups, alpha=alpha, seed=seed)
    return _reported(found, judgement, searched, features, rows, alpha, unit, other)


def _in_database(
    X: Any, errors: Any, max_level: int | None, bins: int | None, binning: Binning, given: dict[str, Any]
) -> SliceCounts:
    """Count the slices of an Ibis table, where it is."""
    from assay.debugging.counting import SliceCounts

    asked = [name for name, value in given.items() if value is not None and value is not False]
    if asked:
        raise UsageError(
            f"{asked[0]} needs the rows, and those of an Ibis table stay where they are: give X.to_pandas()"
        )
    if max_level is None:
        raise UsageError("max_level must be a number for an Ibis table: each set of columns is a query")
    return SliceCounts(X, errors, max_level=max_level, bins=bins, binning=binning)


def _confirming(confirm: Any, errors_old: Any, unit: Any) -> dict[str, Any]:
    """Read what is given to confirm with."""
    if isinstance(confirm, Mapping):
        given = dict(confirm)
    elif isinstance(confirm, tuple) and len(confirm) == 2:
        given = {"X": confirm[0], "errors": confirm[1]}
    else:
        raise UsageError("confirm must be (X, errors), or a mapping with X, errors, errors_old, weights and unit")
    unknown = given.keys() - {"X", "errors", "errors_old", "weights", "unit"}
    if unknown:
        raise UsageError(f"confirm has no place for {min(unknown)!r}: give X, errors, errors_old, weights and unit")
    if isinstance(unit, str):
        given.setdefault("unit", unit)
    for name, own in (("errors_old", errors_old), ("unit", unit)):
        if (own is None) != (given.get(name) is None):
            raise UsageError(
                f"{name} must be given for the rows to search and for those to confirm with, or for neither"
            )
    return {"errors_old": None, "weights": None, "unit": None} | given


def _reported(
    found: list[Found],
    judgement: Judgement,
    searched: Searched,
    features: list[columns_.Feature],
    rows: Rows,
    alpha: float,
    unit: Any,
    other: Searched | None,
) -> SliceReport:
    all_found = [*found, *(each for each, _ in judgement.others)]
    judged = [*judgement.slices, *(each for _, each in judgement.others)]
    around = redundant(all_found, judged, searched, alpha)
    seen: dict[int, FoundSlice] = {}

    def told(place: int) -> FoundSlice:
        if place in seen:
            return seen[place]
        each, verdict, outer = all_found[place], judged[place], around[place]
        inside = members(searched.coded, each.conditions)
        size, total = rows.sums(inside)
        left = rows.size - size
        seen[place] = FoundSlice(
            predicates=tuple(features[column].predicate(first, last) for column, first, last in each.conditions),
            score=each.score,
            size=size,
            total_error=total,
            mean_error=total / size,
            max_error=float(rows.values[inside].max()),
            rest_error=(rows.mean * rows.size - total) / left if left > 1e-9 * rows.size else float("nan"),
            shrunk_error=judgement.spread.shrunk(len(each.conditions), size, total / size),
            status="CONFIRMED" if verdict.confirmed else "SUSPECTED",
            p_value=verdict.p_value,
            interval=verdict.interval,
            part_of=None if outer is None else told(outer),
        )
        return seen[place]

    return SliceReport(
        slices=tuple(map(told, range(len(found)))),
        others=tuple(map(told, range(len(found), len(all_found)))),
        cleared=judgement.cleared,
        detectable=judgement.detectable,
        guarantee=guarantee(
            judgement,
            searched,
            other,
            alpha,
            unit if isinstance(unit, str) else str(getattr(unit, "name", None) or "unit"),
            features,
        ),
        reason=judgement.refused,
        rows=rows.values.size,
        size=rows.size,
        mean_error=rows.mean,
        support=searched.support,
        max_level=searched.max_level,
        columns=tuple(rows.columns),
        compared=searched.compared,
        counted=bool(np.all(np.isin(rows.values, (-1.0, 0.0, 1.0)))),
    )


def support_of(given: float | None, size: float) -> float:
    """Give the smallest size of a slice."""
    if given is None:
        return float(max(_FEWEST, math.ceil(size / 100)))
    return float(given * size if given < 1 else given)


def _options(max_level: int | None, bins: int | None, binning: str) -> None:
    if max_level is not None and max_level < 1:
        raise UsageError(f"max_level must be at least 1, got {max_level}; None is for no limit")
    if bins is not None and bins < 2:
        raise UsageError(f"bins must be at least 2, got {bins}; None is for no bins")
    if binning not in ("quantile", "width"):
        raise UsageError(f'binning must be "quantile" or "width", got {binning!r}')


def check_options(k: int, score_weight: float, min_support: float | None, rank: str, alpha: float) -> None:
    """Refuse options that are out of range."""
    if k < 1:
        raise UsageError(f"k must be at least 1, got {k}")
    if not 0 < score_weight <= 1:
        raise UsageError(f"score_weight must lie in (0, 1], got {score_weight}: at 0 all rows are the best slice")
    if min_support is not None and not min_support > 0:
        raise UsageError(f"min_support must be positive, got {min_support}")
    if rank not in ("score", "lcb"):
        raise UsageError(f'rank must be "score" or "lcb", got {rank!r}')
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie in (0, 1), got {alpha}")
