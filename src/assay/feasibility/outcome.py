r"""A feasibility study: what is certain, what is likely, and what to do next.

Five outcomes, and never two of them. Let t be the error that the target leaves, and R the Bayes error.

====================  ==============================================================================================
outcome               when
====================  ==============================================================================================
ACHIEVED              certified: R <= t, with the classifier that reaches it; verdict ``pass``
UNREALISTIC           certified: R > t, from second labels or from rows that are there again; verdict ``fail``
LIKELY UNREALISTIC    conditional: R > t in every representation given, unless class probabilities move faster than
                      the break-even rate L0, which is at least twice as fast as a model finds them to move
LIKELY ACHIEVABLE     forecast: the learning curve of the best classifier reaches t within ten times the training
                      rows in at least nine of ten replicates
UNDECIDED             neither
====================  ==============================================================================================

Only the first two carry a guarantee. P(ACHIEVED although R > t) <= alpha and P(UNREALISTIC although R <= t) <= alpha; at any
R one of the two alone can be wrong, so both together are wrong with probability of at most alpha.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from assay.core import Action, Claim, Evidence, Verdict
from assay.core.ladder import curve_rows, ladder_chart, ladder_rows
from assay.core.layout import WIDTH, columns
from assay.core.palette import vega_config
from assay.errors import DataError, UsageError
from assay.feasibility import advice, portfolio
from assay.feasibility.curve import FARTHEST
from assay.feasibility.encoding import table
from assay.feasibility.findings import Findings, Outcome
from assay.feasibility.preparation import prepare
from assay.feasibility.representation import COLUMNS, represent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    from assay.core.verdict import Status
    from assay.feasibility.curve import Forecast
    from assay.feasibility.portfolio import Tried
    from assay.feasibility.preparation import Prepared
    from assay.feasibility.smoothness import Smooth
    from assay.feasibility.statement import Statement

MAX_ROWS = 40_000
# Sizes beyond the largest one for which the curve is written down.
STEPS = 4


@dataclass(frozen=True)
class Study:
    """What a study found.

    Attributes
    ----------
    outcome : {"ACHIEVED", "UNREALISTIC", "LIKELY UNREALISTIC", "LIKELY ACHIEVABLE", "UNDECIDED"}
    verdict : Verdict
        ``pass`` if achieved, ``fail`` if certified to be unrealistic, else ``inconclusive``; code FEA201.
    statements : tuple of Statement
    actions : tuple of Action
        What to do next, the most promising first.
    tried : tuple of Tried
        Every classifier on every representation.
    witness : Tried or None
        The one with the least certified limit.
    curve : (sizes, errors) or None
        Learning curve of the witness.
    forecast : Forecast or None
    smoothness : dict of str to Smooth
        By representation.
    target : float or None
        Error that the target leaves.
    """

    outcome: Outcome
    verdict: Verdict
    statements: tuple[Statement, ...]
    actions: tuple[Action, ...]
    tried: tuple[Tried, ...]
    witness: Tried | None
    curve: tuple[list[int], list[list[float]]] | None
    forecast: Forecast | None
    smoothness: Mapping[str, Smooth] = field(default_factory=dict)
    target: float | None = None

    def resting_on(self, rests: str) -> tuple[Statement, ...]:
        """Statements that are ``"certified"``, ``"conditional"`` or an ``"estimate"``."""
        return tuple(each for each in self.statements if each.rests == rests)

    def __str__(self) -> str:
        lines = [self.verdict.reason]
        for rests in ("certified", "conditional", "estimate"):
            lines += [f"  {each}" for each in self.resting_on(rests)]
        lines += [f"  next: {action}" for action in self.actions]
        seen = self.verdict.evidence
        drawn = [*columns(ladder_rows(seen), WIDTH, right={1}), *columns(curve_rows(seen), WIDTH, right={0, 1})]
        lines += [f"  {line}" for line in drawn]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """What a notebook shows: what was found in words, the ladder and the curve."""
        import vl_convert

        found = [self.verdict.reason, *map(str, self.statements), *(f"next: {action}" for action in self.actions)]
        chart = ladder_chart(self.verdict.evidence) or {}
        drawn = vl_convert.vegalite_to_svg(chart, config=vega_config("light"), allowed_base_urls=[])
        return f"<p>{'<br>'.join(map(escape, found))}</p>{drawn}"


def study(
    X: Any,
    y: Any,
    *,
    target_accuracy: float | None = None,
    target_error: float | None = None,
    embeddings: Any = None,
    candidates: Mapping[str, Any] | Literal["auto"] | None = None,
    repeat_labels: ArrayLike | None = None,
    noise: ArrayLike | None = None,
    measured_on: Literal["written", "clean"] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    unit: Any = None,
    timestamp: Any = None,
    columns: Mapping[str, Any] | None = None,
    test: tuple[Any, Any] | None = None,
    seconds: float = 60.0,
    cache: Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
    log: Callable[[Tried], None] = lambda _: None,
    check: str = "study",
) -> Study:
    """Say whether a target is within reach, how sure that is, and what to do next.

    Guarantee (exact) of ``ACHIEVED`` and ``UNREALISTIC``; proof at the top of :mod:`assay.feasibility.outcome`, and of each
    statement in the function that makes it. All other outcomes are conditional or estimates, and say so.

    Parameters
    ----------
    X : DataFrame, Arrow table, mapping of columns, array, or list of texts; shape (rows, ...)
    y : array, shape (rows,)
        Classes, at least two; none missing.
    target_accuracy, target_error : float, in (0, 1)
        One of the two. Without any the study states what it can, and decides nothing.
    embeddings : mapping, list or single embedding, optional
        See :func:`assay.feasibility.representation.represent`. By default the columns of X, encoded and scaled.
    candidates : mapping of str to scikit-learn classifier, or "auto", optional
        Fixed before the labels are seen. By default the most common class, logistic regression, 15 nearest neighbors and,
        on tables of moderate size, gradient boosting. ``"auto"`` goes on with a portfolio until ``seconds`` are over.
    repeat_labels : array, shape (items, K), optional
        K labels each of items drawn at random, independent given the item; they need not be rows of X.
    noise : float, or array of shape (classes, classes), optional
        Known errors of the labels: the share that is drawn by lot, or T[i, j], the probability that label j is written for
        class i, in the sorted order of the classes.
    measured_on : {"written", "clean"}
        With ``noise``: on which labels the target will be measured. It has no default, since the answer turns on it.
    alpha : float, in (0, 1)
    seed : int
    unit, timestamp, columns, test
        As for :func:`assay.feasibility.upper_limit`.
    seconds : float
        For ``candidates="auto"``.
    cache : Path, optional
        Folder for embeddings that are computed here.
    progress, log : callable
        Told what is being done, and each classifier that was tried.
    check : str

    Returns
    -------
    Study

    Raises
    ------
    DataError, UsageError
        If labels, embeddings or an argument cannot be used.

    Notes
    -----
    At most 40,000 rows, drawn at random, are used. Cost: about ten CPU seconds for each embedding of 512 features.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, size=2000)
    >>> X = rng.normal(size=(2000, 2)) + 2 * y[:, None] * np.array([1, 0])  # the Bayes error is .1587
    >>> study(X, y, target_accuracy=0.8).outcome, study(X, y, target_accuracy=0.9).verdict.status
    ('ACHIEVED', 'inconclusive')
    >>> labels = rng.random((1000, 2)) < 0.16
    >>> study(X, y, target_accuracy=0.9, repeat_labels=labels).outcome
    'UNREALISTIC'
    """
    limit = _target(target_accuracy, target_error, alpha)
    texts = embeddings is not None
    ready = _prepared(X, y, texts, unit=unit, timestamp=timestamp, columns=columns, test=test, seed=seed)
    known = _noise(noise, measured_on, ready.classes)
    # Threads bring little on the rows that are used at most, and cost very much more on a busy machine.
    with threadpool_limits(1):
        places = _places(embeddings, X, ready, cache)
        tried = _tried(candidates, places, ready, seed, seconds, progress, log)
        raw = table(X) if embeddings is None and test is None else None
        found = Findings(ready, tried, places, limit, alpha, known, raw)
        found.certify(repeat_labels)
        found.suppose(progress)
        found.expect(seed, progress)
    return _study(found, check, seed)


def _study(found: Findings, check: str, seed: int) -> Study:
    """Put it together."""
    outcome = found.outcome()
    status: Status = {"ACHIEVED": "pass", "UNREALISTIC": "fail"}.get(outcome, "inconclusive")  # type: ignore[assignment]
    witness = found.witness
    actions = advice.actions(found, outcome)
    names = ("certified", "conditional", "estimate")
    limit = (
        ""
        if found.limit is None
        else f" <= {found.limit:g}, so that an accuracy of {1 - found.limit:g} is within reach"
    )
    verdict = Verdict(
        status=status,
        guarantee=advice.guarantee(found, outcome),
        check=check,
        code="FEA201",
        stage="feasibility",
        claim=Claim(f"Bayes error{limit}"),
        evidence=Evidence(
            n=found.ready.test_y.size,
            units=found.ready.held_out_units,
            unit=found.ready.unit,
            measure=f"held-out error of {witness.title}",
            estimate=found.error,
            lower=found.lower,
            upper=found.upper,
            limit=found.limit,
            level=1 - found.alpha,
            statistic={
                "outcome": outcome,
                "candidate": witness.title,
                "most_common_share": found.constants.share,
                "classes": found.ready.classes,
                "rows": found.ready.rows,
                "trained_on": found.ready.train_y.size,
                "forecast_probability": found.probability if found.forecast is not None else None,
                "required_rows": None if found.forecast is None else found.forecast.required,
            },
            series={
                "rung": [name for name, _, _ in found.ladder],
                "rests_on": [rests for _, rests, _ in found.ladder],
                "bayes_error": [value for _, _, value in found.ladder],
                **_curve(found),
            },
            method="feasibility study: "
            + ", ".join(name for name in names if any(s.rests == name for s in found.statements)),
            seed=seed,
        ),
        actions=actions,
        reason=f"{outcome}: {advice.reason(found, outcome)}",
    )
    return Study(
        outcome, verdict, tuple(found.statements), actions, tuple(found.tried), witness, found.curve, found.forecast,
        found.smoothness, found.limit,
    )  # fmt: skip


def _curve(found: Findings) -> dict[str, Any]:
    """The learning curve as it was seen, and forecast at sizes up to the farthest."""
    if found.forecast is None:
        return {}
    seen = found.forecast
    ahead = [seen.sizes[-1] * FARTHEST ** (step / STEPS) for step in range(1, STEPS + 1)]
    rows = [*seen.sizes, *ahead]
    said = np.array([seen.predict(min(size, seen.farthest)) for size in rows])
    return {
        "training_rows": [round(size) for size in rows],
        "error": [*seen.errors, *[None] * STEPS],
        **{
            name: said[:, place].tolist() for place, name in enumerate(("forecast", "forecast_lower", "forecast_upper"))
        },
    }


def _target(accuracy: float | None, error: float | None, alpha: float) -> float | None:
    if accuracy is not None and error is not None:
        raise UsageError("give target_accuracy or target_error, not both")
    for name, value in (("target_accuracy", accuracy), ("target_error", error), ("alpha", alpha)):
        if value is not None and not 0 < value < 1:
            raise UsageError(f"{name} must lie in (0, 1), got {value}")
    # 1 - 0.9 is not 0.1 in floating point, and a limit is compared with it.
    return error if accuracy is None else round(1 - accuracy, 12)


def _noise(noise: Any, measured_on: str | None, classes: int) -> tuple[NDArray[np.float64], str] | None:
    if noise is None:
        if measured_on is not None:
            raise UsageError(
                "measured_on says on which labels the target is measured where they have known errors: give noise"
            )
        return None
    if measured_on not in ("written", "clean"):
        raise UsageError(
            "with noise, say on which labels the target will be measured: measured_on='written' (as they come, errors included) "
            "or measured_on='clean'"
        )
    matrix = np.asarray(noise, dtype=np.float64)
    if matrix.ndim == 0:
        if not 0 <= float(matrix) < 1:
            raise UsageError(f"noise must lie in [0, 1) as a share, got {float(matrix)}")
        matrix = (1 - float(matrix)) * np.eye(classes) + float(matrix) / classes
    if matrix.shape != (classes, classes):
        raise UsageError(f"noise must be a share or have shape ({classes}, {classes}), got {matrix.shape}")
    return matrix, measured_on


def _prepared(X: Any, y: Any, embedded: bool, *, test: Any, **more: Any) -> Prepared:
    if not embedded:
        return prepare(X, y, test=test, max_rows=MAX_ROWS, **more)
    if test is not None:
        raise UsageError("with embeddings give all rows in X; half of them are held out")
    # Only the split is wanted of rows that embeddings stand for.
    return prepare({"row": np.zeros(len(y))}, y, max_rows=MAX_ROWS, **more)


def _places(embeddings: Any, X: Any, ready: Prepared, cache: Any) -> dict[str, Any]:
    if ready.train_y.size < 2 or ready.test_y.size < 2 or np.unique(ready.train_y).size < 2:
        raise DataError(f"{ready.rows} labelled rows are too few to hold half of them out: give more, of each class")
    if embeddings is None:
        return {COLUMNS: (ready.train, ready.test)}
    return represent(embeddings, X, ready.train_rows, ready.test_rows, cache=cache)


def _tried(
    candidates: Any, places: Any, ready: Prepared, seed: int, seconds: float, progress: Any, log: Any
) -> list[Tried]:
    labels = ready.train_y, ready.test_y
    if candidates is not None and candidates != "auto":
        if not candidates:
            raise UsageError("candidates is empty: leave it out, or give one classifier by name")
        return portfolio.attempt(candidates, places, labels, progress=progress, log=log)
    until = time.monotonic() + seconds
    values = max(train.size for train, _ in places.values()) * ready.classes
    usual = portfolio.usual(values, seed)
    found = portfolio.attempt(usual, places, labels, progress=progress, log=log)
    if candidates == "auto":
        more = {name: model for name, model in portfolio.portfolio(seed).items() if name not in usual}
        found += portfolio.attempt(more, places, labels, until=until, progress=progress, log=log)
    return found
