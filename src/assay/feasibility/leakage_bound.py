r"""How much of a secret can be told from what is observed of it.

The Bayes security of a channel is R / G: the least error with which the secret can be told from the observation, over the least
error of a guess that has seen nothing, G = 1 - max share. 1 is perfect, 0 tells all (Chatzikokolakis et al., 2020; as epsilon
in Cherubin, 2017).

An attack that succeeds shows that at least so much leaks. That none succeeds shows nothing: a better one, or a better feature
of the observation, may exist. The number that a nearest neighbor suggests as a bound for all attacks holds for rows without end
and for these features alone, and is an estimate. Only where observations take few values, known beforehand, is there a bound
from the other side.

References
----------
Cherubin, G. "Bayes, not naive: security bounds on website fingerprinting defenses." PoPETs 2017(4). Cherubin, G.,
Chatzikokolakis, K. and Palamidessi, C. "F-BLEAU: fast black-box leakage estimation." IEEE Symposium on Security and Privacy,
2019. Weissman, T. et al. "Inequalities for the L1 deviation of the empirical distribution." HP Labs HPL-2003-97, 2003.
"""

from __future__ import annotations

import math
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.guarantee import independence
from assay.errors import DataError, UsageError
from assay.feasibility.held_out import certified_uppers
from assay.feasibility.inequalities import cover_hart
from assay.feasibility.preparation import prepare
from assay.stats import binomial
from assay.stats.neighbors import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from assay.feasibility.preparation import Prepared

MAX_ROWS = 40_000
# Boosting takes minutes on more values times classes than this.
MAX_VALUES = 20_000_000


def leakage(
    observations: Any,
    secrets: Any,
    *,
    security: float = 1.0,
    alpha: float = 0.05,
    outputs: int | None = None,
    unit: Any = None,
    test: tuple[Any, Any] | None = None,
    timestamp: Any = None,
    columns: Mapping[str, Any] | None = None,
    seed: int = 0,
    check: str = "leakage",
) -> Verdict:
    r"""Show that observations leak a secret: the certified direction only.

    Verdict (code FEA103): ``fail`` if the Bayes security R / G is certainly below ``security``, so that an attacker certainly
    does better than ``security`` allows; with the default, better than a guess. Else ``inconclusive``: that no attack succeeded
    is no proof of safety. ``pass`` is possible only with ``outputs``.

    Guarantee (exact): P(false fail) <= alpha and P(false pass) <= alpha. Proof: (1) each of M attacks is fitted without the
    held-out rows, so that with probability of at least 1 - alpha / 2 all their true errors, none of which is below R, are at most
    their limits (Clopper-Pearson, or betting by unit, at alpha / 2M). (2) With probability of at least 1 - alpha / 2 no class has a
    larger share than its upper limit, the largest of which is V, so G >= 1 - V. Together R / G <= min U / (1 - V). (3) With S
    possible pairs of output and secret P(|p^ - p|_1 >= e) <= 2^S exp(-m e^2 / 2) (Weissman et al., 2003), and the plug-in error
    differs from R by at most half of |p^ - p|_1, because its sum of maxima does; a lower limit of the share of the class that is
    most common among the training rows gives G from above. Of (1, 2) and (3) only one can be wrong in a way that matters.

    Parameters
    ----------
    observations : DataFrame, Arrow table, mapping of columns, or array of shape (rows,) or (rows, features)
        Embeddings, sizes and times of packets, features: what an attacker sees. Missing values allowed in tables.
    secrets : array, shape (rows,)
        What it must not tell: a page, a person, a protected attribute. Classes, none missing.
    security : float, in (0, 1]
        The least Bayes security that is held to be safe.
    alpha : float, in (0, 1)
    outputs : int, optional
        How many distinct observations there can be at all, if they are few and known: then security can be certified too.
    unit, test, timestamp, columns, seed
        As for :func:`assay.feasibility.upper_limit`.
    check : str

    Returns
    -------
    Verdict
        ``evidence.upper`` is the certified upper limit of the Bayes security, ``evidence.estimate`` that of the best attack; with
        ``outputs``, ``evidence.lower`` the certified lower limit. ``evidence.statistic`` has ``nearest_neighbor_security`` (an
        estimate of what any attack can do), ``certified_bits``, the min-entropy leakage that is certain, and the attack.

    Raises
    ------
    DataError
        If secrets are missing or of one class, lengths differ, or there are more outputs than declared.
    UsageError
        If secrets are continuous, or an argument is out of range.

    Notes
    -----
    Misleads if observations hold the secret in disguise by mistake, such as an identifier. Cost: seconds at 40,000 rows, which are
    used at most.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> secrets = rng.integers(0, 2, size=4000)
    >>> sizes = 100 + 20 * secrets + rng.normal(scale=10, size=4000)
    >>> verdict = leakage(sizes, secrets)
    >>> verdict.status, round(verdict.evidence.estimate, 2), round(verdict.evidence.upper, 2)
    ('fail', 0.32, 0.38)
    """
    if not 0 < security <= 1:
        raise UsageError(f"security must lie in (0, 1], got {security}")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha must lie in (0, 1), got {alpha}")
    if outputs is not None and (outputs < 1 or unit is not None):
        raise UsageError("outputs must be at least 1, and needs rows that are independent: leave it out with a unit")
    seen, held_seen = _table(observations), None if test is None else (_table(test[0]), test[1])
    study = prepare(
        seen,
        secrets,
        unit=unit,
        test=held_seen,
        timestamp=timestamp,
        columns=columns,
        max_rows=MAX_ROWS,
        seed=seed,
        what="the secret",
    )
    claim = Claim(f"Bayes security >= {security:g}, where 1 tells nothing of the secret, and 0 tells all")
    shared: dict[str, Any] = {"check": check, "code": "FEA103", "stage": "feasibility", "claim": claim}
    units = study.held_out_units
    if (study.test_y.size if units is None else units) < 2 or np.unique(study.train_y).size < 2:
        reason = "too few units to hold half of them out, or the half to train on has one secret only"
        return Verdict(status="inconclusive", guarantee=Guarantee.none(reason), reason=reason, **shared)
    attacks, wrong, suggested = _attacks(study, seed)
    uppers = certified_uppers(wrong, alpha / 2, study.units)
    shown = study.test_y[:, None] == np.arange(study.classes)
    most = float(certified_uppers(shown, alpha / 2, study.units).max())
    best = int(np.argmin(uppers))
    error, limit = float(wrong[:, best].mean()), float(uppers[best])
    guess = 1 - float(shown.mean(axis=0).max())
    upper = min(1.0, limit / (1 - most)) if most < 1 else 1.0
    lower = None if outputs is None else _lower(study, outputs, alpha)
    status, reason = _outcome(attacks[best], error, guess, upper, lower, security)
    clusters, looked = study.clustering(wrong)
    guarantee = _guarantee(study, alpha, outputs, looked)
    actions: tuple[Action, ...] = ()
    if clusters is not None:
        column, found = clusters
        status = "inconclusive"
        what = "rows" if study.unit is None else f"units of {study.unit}"
        reason = f"errors cluster by {column} (design effect {found.design_effect:.1f}), so {what} are not independent"
        actions = (Action(f'declare unit = "{column}"', effect="the limit then rests on units, and holds"),)
        guarantee = Guarantee.none(f"{what} of one {column} depend on each other, and it is not the unit")
    elif status == "fail":
        actions = (Action("drop, coarsen or add noise to what tells the secret", effect="raises the Bayes security"),)
    return Verdict(
        status=status,
        guarantee=guarantee,
        evidence=Evidence(
            n=study.test_y.size,
            units=units,
            unit=study.unit,
            measure=f"Bayes security against {attacks[best]}",
            estimate=error / guess if guess > 0 else None,
            lower=lower,
            upper=upper,
            limit=security,
            level=1 - alpha,
            statistic={
                "attack": attacks[best],
                "attack_error": error,
                "certified_error": limit,
                "guess_error": guess,
                "certified_bits": max(0.0, math.log2((1 - limit) / most)) if limit < 1 else 0.0,
                "nearest_neighbor_security": suggested / guess if guess > 0 else None,
                "secrets": study.classes,
                "rows": study.rows,
                "trained_on": study.train_y.size,
                "dropped_columns": ", ".join(study.dropped) or None,
            },
            series={
                "attack": list(attacks),
                "error": [float(value) for value in wrong.mean(axis=0)],
                "upper": [float(value) for value in uppers],
            },
            method="held-out attacks, " + ("Clopper-Pearson" if units is None else "betting on units"),
            versions={name: version(name) for name in ("numpy", "scipy", "scikit-learn")},
            seed=seed,
        ),
        actions=actions,
        reason=reason,
        **shared,
    )


def _table(observations: Any) -> Any:
    if isinstance(observations, (list, tuple)):
        observations = np.asarray(observations)
    return (
        {"observation": observations}
        if isinstance(observations, np.ndarray) and observations.ndim == 1
        else observations
    )


def _attacks(study: Prepared, seed: int) -> tuple[list[str], NDArray[np.bool_], float]:
    """Give attacks, chosen by the training rows alone, where each is wrong, and the Cover-Hart number of one neighbor."""
    k = min(len(study.train), math.ceil(math.log(len(study.train))) | 1)
    near = study.train_y[nearest(study.test, study.train, k)[1]]
    found = {"1 nearest neighbor": near[:, 0]}
    if k > 1:
        counts = np.zeros((len(near), study.classes), dtype=np.int32)
        for column in near.T:
            counts[np.arange(len(near)), column] += 1
        found[f"{k} nearest neighbors"] = counts.argmax(axis=1)
    models: dict[str, Any] = {"logistic regression": LogisticRegression(max_iter=200)}
    if study.train.size * study.classes <= MAX_VALUES:
        models["gradient boosting"] = HistGradientBoostingClassifier(random_state=seed, early_stopping=False)
    # Threads cost more than they bring on a busy machine; an attack that has not converged is still one.
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, model in models.items():
            found[name] = model.fit(study.train, study.train_y).predict(study.test)
    wrong = np.stack(list(found.values()), axis=1) != study.test_y[:, None]
    return list(found), wrong, float(cover_hart(float(wrong[:, 0].mean()), study.classes))


def _lower(study: Prepared, outputs: int, alpha: float) -> float:
    """Bound the Bayes security from below where there are few possible observations."""
    rows = np.concatenate([study.train, study.test])
    _, cells = np.unique(rows, axis=0, return_inverse=True)
    cells = cells.reshape(-1)
    if cells.max() >= outputs:
        raise DataError(
            f"{int(cells.max()) + 1} distinct observations were seen, more than the outputs={outputs} declared"
        )
    counts = np.zeros((int(cells.max()) + 1, study.classes))
    np.add.at(counts, (cells, np.concatenate([study.train_y, study.test_y])), 1)
    reach = math.sqrt(2 * (outputs * study.classes * math.log(2) + math.log(2 / alpha)) / len(rows))
    error = 1 - float(counts.max(axis=1).sum()) / len(rows) - reach / 2
    common = int(np.bincount(study.train_y).argmax())
    guess = 1 - binomial.lower(int(np.sum(study.test_y == common)), study.test_y.size, alpha / 2)
    return float(np.clip(error / guess, 0, 1)) if guess > 0 else 0.0


def _outcome(
    attack: str, error: float, guess: float, upper: float, lower: float | None, security: float
) -> tuple[Any, str]:
    told = f"{attack} is wrong on {error:.3f} of held-out rows, a guess on {guess:.3f}"
    if upper < security:
        return "fail", f"{told}: the Bayes security is at most {upper:.3f} (1 tells nothing, 0 all), so that much leaks"
    if lower is not None and lower >= security:
        return "pass", f"{told}: among the few possible observations the Bayes security is at least {lower:.3f}"
    return "inconclusive", f"{told}: no leak is certain; that these attacks find none does not show that there is none"


def _guarantee(study: Prepared, alpha: float, outputs: int | None, looked: Sequence[tuple[str, float]]) -> Guarantee:
    if study.unit is not None:
        independent = independence(looked, "", f"units of {study.unit} are independent")
    else:
        independent = independence(looked, "declare a unit, or a timestamp to test")
    assumptions = [independent, Assumption("rows are drawn like those an attacker will see", "unverifiable")]
    if outputs is not None:
        assumptions.append(Assumption(f"there are no more than {outputs:,} distinct observations", "declared"))
    if study.units is not None:
        largest = int(np.unique(study.units, return_counts=True)[1].max())
        assumptions.append(Assumption(f"no {study.unit} has more rows than {largest:,}", "unverifiable"))
    scope = "false fail" if outputs is None else "false fail, or false pass"
    source = "exact upper bounds on held-out attacks and class shares, Bonferroni"
    return Guarantee.exact(alpha, scope, assumptions, source)
