"""A certified upper limit on the Bayes error, and whether a target accuracy is within reach."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.guarantee import independence
from assay.errors import UsageError
from assay.feasibility.held_out import certified_uppers
from assay.feasibility.majority import against_constants
from assay.feasibility.preparation import prepare
from assay.stats import binomial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assay.core.verdict import Status
    from assay.feasibility.majority import Constants
    from assay.feasibility.preparation import Prepared

NEIGHBORS = 15
# Half of them train, half are held out; more rows are thinned at random.
MAX_ROWS = 60_000
# To label more times the rows that there are is no advice.
MOST_TIMES = 10


@dataclass(frozen=True)
class _Held:
    """Held-out errors of the candidates."""

    names: list[str]
    wrong: NDArray[np.bool_]  # shape (rows, candidates)
    uppers: NDArray[np.float64]
    constants: Constants

    @property
    def best(self) -> int:
        return int(np.argmin(self.uppers))

    @property
    def error(self) -> float:
        return float(self.wrong[:, self.best].mean())

    @property
    def limit(self) -> float:
        return float(self.uppers[self.best])

    @property
    def better(self) -> int:
        """The candidate that is most surely better than every constant answer."""
        return int(np.argmin(self.constants.p_values))

    def learns(self, alpha: float) -> bool:
        """Whether some candidate is certainly better than every constant answer, Bonferroni over candidates."""
        return bool(self.constants.p_values[self.better] <= alpha / len(self.names))


def upper_limit(
    X: Any,
    y: Any,
    *,
    target: float,
    alpha: float = 0.05,
    unit: Any = None,
    candidates: Mapping[str, Any] | None = None,
    test: tuple[Any, Any] | None = None,
    timestamp: Any = None,
    columns: Mapping[str, Any] | None = None,
    seed: int = 0,
    check: str = "bayes-error",
) -> Verdict:
    r"""Certify that a target accuracy is within reach of these features and labels.

    Verdict (code FEA101): ``pass`` if the Bayes error, the least error that any classifier can have, is certainly at
    most 1 - target, and certainly below the error of always giving one and the same answer: a target that the most
    common class reaches by itself says nothing of the features. The named candidates are witnesses. Otherwise
    ``inconclusive``, never ``fail``: that no candidate reached a target does not show that none could, and no method can
    show it from rows labelled once (Antos, Devroye and Gyorfi, 1999).

    Guarantee (exact): P(certified limit < Bayes error) <= alpha, and P(false pass) <= alpha. Proof: candidates are
    fitted without the held-out rows, so given them the held-out errors of each of the M are a sample of its true
    error, which is at least the Bayes error. Each bound (Clopper-Pearson on rows, or betting on units) is below its
    candidate's true error with probability at most alpha / M, and the limit is the least of them. If some constant
    answer is as good as the Bayes classifier it is as good as each candidate, and each test against that
    (:mod:`assay.feasibility.majority`) rejects with probability at most alpha / M. A pass needs both the limit and a
    rejection, so that either error has probability at most alpha (intersection-union; Berger, 1982).

    Assumes that held-out rows (units, if declared) are independent draws from the population of interest, that no
    unit of it has more rows than the largest held out, that no held-out row is a copy of one that trained, and that
    labels are right; errors of the labels are part of the Bayes error. Rows are tested for clustering when no unit is
    declared.

    Parameters
    ----------
    X : DataFrame, Arrow table, mapping of columns or array, shape (rows, features)
        Numbers, categories, text; missing values allowed. Times, and text that hardly repeats, are left out.
    y : array, shape (rows,)
        Classes, at least two; none missing.
    target : float, in (0, 1)
        Accuracy wanted.
    alpha : float, in (0, 1)
    unit : str or array, optional
        Column of X, or values for each row: the independent unit. No unit is in both parts; a time stands for its day.
    candidates : mapping of str to scikit-learn classifier, optional
        Fixed before the labels are seen. By default the most common class, logistic regression, 15 nearest neighbors,
        and gradient boosting.
    test : tuple of (X, y), optional
        Held-out rows; by default half of the units of ``X``, chosen at random.
    timestamp : str or array, optional
        Time of each row; its day is tested for clustering, as are times and columns named ``id`` or ``*_id`` in X.
    columns : mapping of str to array, optional
        Further groupings to test.
    seed : int
    check : str

    Returns
    -------
    Verdict
        ``evidence.series`` has the candidates with their held-out errors, upper limits, and p-values against constant
        answers.

    Raises
    ------
    DataError
        If labels are missing or have one class, or lengths differ.
    UsageError
        If the label is continuous, or the target or alpha out of range.

    Notes
    -----
    Misleads if X holds what is not known at prediction time, or the label itself in disguise: then the target is within
    reach on paper only. At most 60,000 rows, drawn at random, are used. Cost: a few seconds at that size.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(2000, 3))
    >>> y = (X[:, 0] + 0.5 * rng.normal(size=2000) > 0).astype(int)
    >>> verdict = upper_limit(X, y, target=0.8)
    >>> verdict.status, verdict.evidence.statistic["candidate"], round(verdict.evidence.upper, 3)
    ('pass', '15 nearest neighbors', 0.154)

    References
    ----------
    Clopper, C. J. and Pearson, E. S. "The use of confidence or fiducial limits illustrated in the case of the
    binomial." Biometrika 26(4), 1934. Antos, A., Devroye, L. and Gyorfi, L. "Lower bounds for Bayes error
    estimation." IEEE Transactions on Pattern Analysis and Machine Intelligence 21(7), 1999. Berger, R. L.
    "Multiparameter hypothesis testing and acceptance sampling." Technometrics 24(4), 1982.
    """
    for name, value in (("target", target), ("alpha", alpha)):
        if not 0 < value < 1:
            raise UsageError(f"{name} must lie in (0, 1), got {value}")
    study = prepare(X, y, unit=unit, test=test, timestamp=timestamp, columns=columns, max_rows=MAX_ROWS, seed=seed)
    claim = Claim(
        f"Bayes error <= {1 - target:g}, so that an accuracy of {target:g} is within reach, and less than that of any "
        "constant answer"
    )
    units = study.held_out_units
    few = study.test_y.size if units is None else units
    if few < 2 or np.unique(study.train_y).size < 2:
        reason = (
            f"only {few} held-out {'rows' if units is None else f'units of {study.unit}'}"
            if few < 2
            else "the half to train on has one class only"
        )
        return Verdict(
            status="inconclusive",
            guarantee=Guarantee.none(reason),
            check=check,
            code="FEA101",
            stage="feasibility",
            claim=claim,
            actions=(Action("label more units", effect="enough to hold half of them out"),),
            reason=reason,
        )
    held = _held(study, candidates or _candidates(seed, study), alpha)
    clusters, looked = study.clustering(held.wrong)
    status, reason, actions = _outcome(study, held, target, alpha)
    guarantee = promise(study, alpha, looked)
    if clusters is not None:
        column, found = clusters
        status = "inconclusive"
        what = "rows" if study.unit is None else f"units of {study.unit}"
        reason = f"errors cluster by {column} (design effect {found.design_effect:.1f}), so {what} are not independent"
        actions = (Action(f'declare unit = "{column}"', effect="the limit then rests on units, and holds"),)
        guarantee = Guarantee.none(f"{what} of one {column} depend on each other, and it is not the unit")
    return Verdict(
        status=status,
        guarantee=guarantee,
        check=check,
        code="FEA101",
        stage="feasibility",
        claim=claim,
        evidence=Evidence(
            n=study.test_y.size,
            units=units,
            unit=study.unit,
            measure=f"held-out error of {held.names[held.best]}",
            estimate=held.error,
            upper=held.limit,
            limit=1 - target,
            level=1 - alpha,
            statistic={
                "candidate": held.names[held.best],
                "certified_limit": held.limit,
                "rows": study.rows,
                "trained_on": study.train_y.size,
                "classes": study.classes,
                "most_common_class": str(study.names[held.constants.common]),
                "most_common_share": held.constants.share,
                "p_constant": float(held.constants.p_values[held.better]),
                "dropped_columns": ", ".join(study.dropped) or None,
                "clustering_p_value": None if clusters is None else clusters[1].p_value,
                "clustering_design_effect": None if clusters is None else clusters[1].design_effect,
            },
            series={
                "candidate": list(held.names),
                "error": [float(value) for value in held.wrong.mean(axis=0)],
                "upper": [float(value) for value in held.uppers],
                "p_constant": [float(value) for value in held.constants.p_values],
            },
            method="held-out classifiers, " + ("Clopper-Pearson" if units is None else "betting on units"),
            versions={name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
            seed=seed,
        ),
        actions=actions,
        reason=reason,
    )


def _candidates(seed: int, study: Prepared) -> dict[str, Any]:
    """Chosen by the rows that train alone, so that the choice tells nothing of those that are held out."""
    found: dict[str, Any] = {"most common class": DummyClassifier(strategy="most_frequent")}
    if np.unique(study.train_y).size > 1:
        found["logistic regression"] = LogisticRegression(max_iter=200)
        if study.train_y.size >= NEIGHBORS:
            found[f"{NEIGHBORS} nearest neighbors"] = KNeighborsClassifier(NEIGHBORS)
        found["gradient boosting"] = HistGradientBoostingClassifier(random_state=seed, early_stopping=False)
    return found


def _held(study: Prepared, candidates: Mapping[str, Any], alpha: float) -> _Held:
    predicted = np.empty((study.test_y.size, len(candidates)), dtype=np.int64)
    for place, candidate in enumerate(candidates.values()):
        with warnings.catch_warnings():
            # A candidate that has not converged is still a classifier, and judged as it is.
            warnings.simplefilter("ignore", ConvergenceWarning)
            predicted[:, place] = clone(candidate).fit(study.train, study.train_y).predict(study.test)
    wrong = predicted != study.test_y[:, None]
    uppers = certified_uppers(wrong, alpha, study.units)
    constants = against_constants(wrong, study.test_y, study.classes, study.units, predicted)
    return _Held(list(candidates), wrong, uppers, constants)


def _outcome(study: Prepared, held: _Held, target: float, alpha: float) -> tuple[Status, str, tuple[Action, ...]]:
    name = held.names[held.best]
    if held.limit <= 1 - target:
        return _within(study, held, target, alpha)
    if held.error >= 1 - target:
        reason = (
            f"no candidate reaches an accuracy of {target:g}: the best, {name}, has {1 - held.error:.3f} held out; "
            "this does not show that none could"
        )
        actions = [
            Action("add features that tell the classes apart, or clean the labels", effect="lowers the Bayes error")
        ]
        if held.learns(alpha):
            certain = math.floor(100 * (1 - held.limit)) / 100
            actions.append(Action(f"lower the target to {certain:.2f}", effect="certified already"))
        return "inconclusive", reason, tuple(actions)
    reason = (
        f"{name} has {1 - held.error:.3f} held out, above the target of {target:g}, but {1 - held.limit:.3f} is all "
        "that is certain"
    )
    there = study.rows if study.units is None else 2 * (study.held_out_units or 0)
    if study.units is None:
        what = "rows"
        needed = binomial.units_needed(held.error, 1 - target, alpha / len(held.names), alternative="less")
        # Half of all labels are held out.
        more = 2 * max((needed or 0) - study.test_y.size, 1)
        effect = "decides with probability 0.8 if the error is as seen"
    else:
        what = f"units of {study.unit}"
        ratio = (held.limit - held.error) / (1 - target - held.error)
        more = max(math.ceil(there * (ratio**2 - 1)), 1)
        effect = "decides if the error is as seen"
    if more > MOST_TIMES * there:
        certain = math.floor(100 * (1 - held.limit)) / 100
        effect = f"more of the same would take {more:,} {what}, {more / there:,.0f} times those here"
        ways = [Action("add features that tell the classes apart", effect=effect)]
        if held.learns(alpha):
            ways.append(Action(f"lower the target to {certain:.2f}", effect="certified already"))
        return "inconclusive", reason, tuple(ways)
    labels, units = (more, None) if study.units is None else (None, more)
    action = Action(f"label {more:,} more {what}", labels=labels, units=units, effect=effect)
    return "inconclusive", reason, (action,)


def _within(study: Prepared, held: _Held, target: float, alpha: float) -> tuple[Status, str, tuple[Action, ...]]:
    """Say what a certified target is worth, beside what one constant answer reaches."""
    name, share = held.names[held.best], held.constants.share
    answer = f"always answering {str(study.names[held.constants.common])!r} is right on {share:.3f}"
    reached = (
        f"{name}: wrong on {held.error:.3f} of held-out rows, at most {held.limit:.3f} in truth, so an accuracy of "
        f"{target:g} is within reach"
    )
    if held.learns(alpha):
        if share < target:
            return "pass", f"{reached}; {answer}", ()
        return "pass", f"{reached}, but {answer}; {held.names[held.better]} is certainly better than that", ()
    reason = (
        f"{answer} of held-out rows, which {'reaches' if share >= target else 'nears'} {target:g} without a look at the "
        "features, and no candidate is certainly better: no evidence that anything can be learned"
    )
    return (
        "inconclusive",
        reason,
        (
            Action(
                'ask for what the rare class needs, in the gate: claim = "recall(n) > 0.8 and precision(n) > 0.5"',
                effect="a constant answer reaches no recall of it",
            ),
            Action("bring features that tell the classes apart, or more rows of the rare class"),
        ),
    )


def promise(study: Prepared, alpha: float, looked: Sequence[tuple[str, float]], scope: str = "false pass") -> Guarantee:
    """Say what exact limits on held-out errors promise, and what that rests on."""
    if study.unit is not None:
        independent = independence(looked, "", f"units of {study.unit} are independent")
    else:
        independent = independence(looked, "declare a unit, or a timestamp to test")
    bounded: tuple[Assumption, ...] = ()
    if study.units is not None:
        largest = int(np.unique(study.units, return_counts=True)[1].max())
        text, detail = f"no {study.unit} has more rows than {largest:,}", "the largest that was held out"
        bounded = (Assumption(text, "unverifiable", detail),)
    return Guarantee.exact(
        alpha,
        scope,
        (
            independent,
            *bounded,
            # Rows of few categories agree by chance, so that copies are counted, not refused.
            Assumption(
                "held-out rows are no copies of rows that trained",
                "unverifiable",
                f"{study.copies:,} of {study.test_y.size:,} equal one in all columns",
            ),
            Assumption("labelled rows are drawn like those to come", "unverifiable"),
            Assumption("features are known at prediction time", "unverifiable"),
        ),
        "exact upper bounds on held-out errors and sign tests against constant answers, Bonferroni over candidates, "
        "intersection-union; the Bayes error is at most any error",
    )
