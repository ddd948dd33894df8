"""The Bayes error as the error of one nearest neighbor suggests it, judged against a target."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.errors import UsageError
from assay.feasibility.inequalities import cover_hart
from assay.feasibility.preparation import prepare
from assay.stats.neighbors import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_ROWS = 40_000


def neighbor_estimate(
    X: Any,
    y: Any,
    *,
    target: float,
    unit: Any = None,
    test: tuple[Any, Any] | None = None,
    timestamp: Any = None,
    columns: Mapping[str, Any] | None = None,
    seed: int = 0,
    check: str = "cover-hart",
) -> Verdict:
    """Estimate the Bayes error from one nearest neighbor.

    Verdict (code FEA102): ``pass`` if the estimate is at most 1 - target, else ``inconclusive``; also where the most
    common class reaches the target by itself, unless the neighbor errs less often than always answering it. The
    guarantee is ``estimate``: there is no error bound, and it never blocks.

    Why there is none: the inequality holds for infinitely many rows; with few rows, or many features, the error of
    one nearest neighbor is above its limit and the number can exceed the Bayes error by far. Read it beside the
    certified limit of :func:`assay.feasibility.upper_limit`: between the two is what these rows leave open.

    Parameters
    ----------
    X, y, unit, test, timestamp, columns, seed
        As for :func:`assay.feasibility.upper_limit`. Half of the rows are held out; at most 20,000 each.
    target : float, in (0, 1)
        Accuracy wanted.
    check : str

    Returns
    -------
    Verdict
        ``evidence.estimate`` is the Cover-Hart number, ``evidence.statistic["nearest_neighbor_error"]`` the error.

    Raises
    ------
    DataError, UsageError
        As :func:`assay.feasibility.upper_limit`.

    Notes
    -----
    Misleads also when distances mean little: features are scaled to one standard deviation, and irrelevant ones count
    as much as the rest. Cost: rows times rows times features; a second at 20,000 x 20,000 x 20.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = rng.integers(0, 2, size=4000)
    >>> X = rng.normal(size=(4000, 2)) + 2 * y[:, None] * np.array([1, 0])
    >>> verdict = neighbor_estimate(X, y, target=0.8)
    >>> verdict.status, round(verdict.evidence.estimate, 2), str(verdict.guarantee)
    ('pass', 0.13, 'estimate, no error bound')
    """
    if not 0 < target < 1:
        raise UsageError(f"target must lie in (0, 1), got {target}")
    study = prepare(X, y, unit=unit, test=test, timestamp=timestamp, columns=columns, max_rows=MAX_ROWS, seed=seed)
    asymptotic = "the Cover-Hart inequality holds for infinitely many rows only"
    shared: dict[str, Any] = {
        "guarantee": Guarantee.estimate(
            asymptotic, [Assumption("the neighbors' error is near its limit", "unverifiable")]
        ),
        "check": check,
        "code": "FEA102",
        "stage": "feasibility",
        "claim": Claim(f"Bayes error <= {1 - target:g}, as one nearest neighbor suggests"),
        "severity": "warn",
    }
    if not study.train_y.size or not study.test_y.size:
        return Verdict(status="inconclusive", reason="too few units to hold half of them out", **shared)
    near = nearest(study.test, study.train)[1][:, 0]
    error = float(np.mean(study.train_y[near] != study.test_y))
    estimate = cover_hart(error, study.classes)
    counts = np.bincount(study.test_y, minlength=study.classes)
    common, share = str(study.names[counts.argmax()]), float(counts.max() / study.test_y.size)
    empty = share >= target and error >= 1 - share
    reachable = estimate <= 1 - target and not empty
    reason = (
        f"one nearest neighbor errs on {error:.3f} of held-out rows, which suggests a Bayes error of {estimate:.3f} or "
        f"more, {'within' if estimate <= 1 - target else 'above'} the {1 - target:.3g} that the target leaves"
    )
    if empty:
        reason += f"; but always answering {common!r} errs on {1 - share:.3f}, without a look at the features"
    return Verdict(
        status="pass" if reachable else "inconclusive",
        evidence=Evidence(
            n=study.test_y.size,
            units=study.held_out_units,
            unit=study.unit,
            measure="Cover-Hart number of the Bayes error",
            estimate=estimate,
            limit=1 - target,
            statistic={
                "nearest_neighbor_error": error,
                "classes": study.classes,
                "most_common_class": common,
                "most_common_share": share,
                "features": study.train.shape[1],
                "rows": study.rows,
                "trained_on": study.train_y.size,
                "dropped_columns": ", ".join(study.dropped) or None,
            },
            method="one nearest neighbor, held out; Cover and Hart (1967)",
            versions={name: version(name) for name in ("numpy",)},
            seed=seed,
        ),
        actions=()
        if reachable
        else (
            Action("add features that tell the classes apart, or clean the labels", effect="lowers the Bayes error"),
        ),
        reason=reason,
        **shared,
    )
