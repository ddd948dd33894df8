r"""A Shiryaev-Roberts e-detector for a mean loss that may not rise above that of a reference sample.

The baseline m is not known; there are only labelled reference losses. Taking their mean for m makes the false-alarm
bound false, and taking an upper confidence bound spends error probability and wastes evidence. Here both samples
speak at once:

* R(m) is an e-value of the reference against "its mean is at least m": E[R(m)] <= 1 at the true m. It grows with m.
* M_t(m) is the Shiryaev-Roberts statistic of the stream against "the mean is at most m + tolerance":
  M_t = (M_{t-1} + 1)(1 + theta (total - m rows) / (m S)) for each bet theta, averaged over bets. It falls with m.

The statistic is inf over m of R(m) M_t(m), so it counts as evidence only what no baseline can explain. While the stream
has not risen, it is at most R(m) M_t(m) at the true m, whose expectation is at most t: given the reference
E[M_t | past] <= M_{t-1} + 1, and E[R] <= 1. Hence P(statistic >= c within H units) <= H/c and the expected number of
alarms, with M back to 0 after each, is at most H/c (M plus its values at the alarms so far grows by at most 1 a unit in
expectation, and each alarm has at least c of it), with nothing spent on the baseline.

Rows that are independent may be taken in by batches (:meth:`Detector.update_rows`): the factor of a batch is the product
of those of its rows, whose conditional mean is at most 1 as well, and the unit of the bounds is the batch.

The infimum is taken over cells: on [a, b] the product is at least R(a) M_t(b), as one factor grows and the other falls.
One per cent of either wealth is never bet, so R >= 0.01 and M_t >= 0.01 t everywhere; cells end where R is so large
that this alone exceeds c, and beyond there is nothing to search.

References
----------
Shin, J., Ramdas, A. and Rinaldo, A. "E-detectors: a nonparametric framework for sequential change detection." The New
England Journal of Statistics in Data Science 2(2), 2024. The profile over an unknown baseline is derived above.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from assay.stats import bets

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

UNBET = 0.01
# Cells where the infimum is sought finely, and on either side of them.
_CELLS = 112
_COARSE = 12
# Evidence beyond the threshold, in nats, that is still told apart.
_BEYOND = 40.0
_CEILING = 1e250


@dataclass(frozen=True)
class Baseline:
    """What is known of the mean loss before the stream starts.

    Build one with :meth:`known` or :meth:`from_reference`.

    Attributes
    ----------
    means : ndarray of float64, shape (cells,)
        Upper end of each cell of baselines.
    log_evidence : ndarray of float64, shape (cells,)
        ln R at the lower end of each cell.
    estimate : float
        Mean loss of the reference, or the known baseline.
    deviation : float
        Standard deviation of (total - estimate rows) over units, divided by the mean number of rows; 0 if known.
    units, rows : int
        Size of the reference; 0 if the baseline is known.
    """

    means: Floats
    log_evidence: Floats
    estimate: float
    deviation: float
    units: int
    rows: int

    @classmethod
    def known(cls, mean: float) -> Baseline:
        """Give a baseline that is known without error, in (0, 1)."""
        if not 0 < mean < 1:
            raise ValueError(f"a known baseline must lie in (0, 1), got {mean}")
        return cls(np.array([mean]), np.zeros(1), mean, 0.0, 0, 0)

    @classmethod
    def from_reference(
        cls, totals: ArrayLike, sizes: ArrayLike, log_threshold: float, size: float = np.inf
    ) -> Baseline:
        """Weigh every possible baseline by the losses of reference units.

        Parameters
        ----------
        totals, sizes : array of float, shape (units,)
            Sum of the losses, each in [0, 1], and number of rows of each independent unit; sizes are positive.
        log_threshold : float
            Logarithm of the level at which the detector will alarm.
        size : float
            Most rows that a unit counts for, as in the stream: larger units are scaled down to it. Were they weighed
            by different rules, a baseline and a stream of one law would differ wherever size and loss are related.
        """
        t, s = np.asarray(totals, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
        rows = int(s.sum())
        t, s = t * np.minimum(1.0, size / s), np.minimum(s, size)
        pairs, counts = np.unique(np.stack([t, s]), axis=1, return_counts=True)
        return cls._weighed(pairs, counts, rows, log_threshold)

    @classmethod
    def from_rows(cls, hits: int, rows: int, log_threshold: float) -> Baseline:
        """Weigh every possible rate of an event by reference rows, each of them independent; ``rows`` is positive."""
        counts = np.array([rows - hits, hits], dtype=np.int64)
        return cls._weighed(np.array([[0.0, 1.0], [1.0, 1.0]]), counts, rows, log_threshold)

    @classmethod
    def _weighed(cls, pairs: Floats, counts: NDArray[np.int64], rows: int, log_threshold: float) -> Baseline:
        t, s = pairs
        units = int(counts.sum())
        mean = float((t @ counts) / (s @ counts))
        residual = t - mean * s
        deviation = float(np.sqrt((residual**2 @ counts) / max(units - 1, 1)) / (s @ counts) * units)

        def evidence(m: float) -> float:
            return _log_e_value(pairs, counts, float(s.max()), units, m)

        goal = log_threshold - np.log(UNBET)
        near, far = _reached(evidence, mean, goal), _reached(evidence, mean, goal + _BEYOND)
        start = min(max(mean - 4 * deviation / np.sqrt(units), 0.5 * mean), 1.0 - 1e-6)
        low = np.linspace(0.0, start, _COARSE + 1) if start > 0 else np.zeros(1)
        fine = np.linspace(start, near, _CELLS + 1)[1:]
        high = np.linspace(near, far, _COARSE + 1)[1:] if far > near else np.empty(0)
        edges = np.concatenate([low, fine, high, [1.0]])
        known = np.array([np.log(UNBET)] + [evidence(float(m)) for m in edges[1:-1]])
        return cls(edges[1:], np.maximum.accumulate(known), mean, deviation, units, rows)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        return {
            "means": _packed(self.means),
            "log_evidence": _packed(self.log_evidence),
            "estimate": self.estimate,
            "deviation": self.deviation,
            "units": self.units,
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Baseline:
        """Restore what :meth:`to_dict` gave."""
        arrays = {name: _unpacked(state[name]) for name in ("means", "log_evidence")}
        return cls(**{**state, **arrays})


class Detector:
    """The statistic inf R(m) M_t(m) of one stream of units.

    Guarantee (anytime): if E[total - (m + tolerance) rows | past units] <= 0 at the true baseline m for each unit, then
    P(statistic >= c within the first H units) <= H/c.

    Parameters
    ----------
    baseline : Baseline
    size : float
        Most rows that a unit brings; the total and rows of a larger one are scaled down to it.
    horizon : int
        Units within which a rise should be found; it lays out the bets, and the guarantee does not rest on it.
    tolerance : float
        Rise that is of no concern.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> reference = rng.binomial(100, 0.2, size=60)
    >>> detector = Detector(Baseline.from_reference(reference, np.full(60, 100), np.log(1840)), 100, 92)
    >>> for errors in rng.binomial(100, 0.3, size=25):
    ...     detector.update(errors, 100)
    >>> bool(detector.log_statistic > np.log(1840))
    True
    """

    def __init__(self, baseline: Baseline, size: float, horizon: int, tolerance: float = 0.0) -> None:
        self.baseline = baseline
        self.size = float(size)
        self.horizon = horizon
        self.tolerance = tolerance
        self.count = 0
        scales = bets.for_sample(horizon).scales
        limits = np.minimum(baseline.means + tolerance, 1.0 - 1e-9)
        self._limits = limits[:, None]
        self._rates = np.minimum(1.0, scales * np.sqrt(limits / (1 - limits))[:, None]) / (limits[:, None] * self.size)
        # At a limit of 1 there is no gain to bet on.
        self._rates[baseline.means + tolerance >= 1.0] = 0.0
        self._wealth = np.zeros_like(self._rates)

    def update(self, total: float, rows: float) -> None:
        """Take in the sum of the losses of one unit and its number of rows."""
        if rows > self.size:
            total, rows = total * self.size / rows, self.size
        self.count += 1
        self._wealth += 1.0
        if rows:
            factors = self._rates * (total - self._limits * rows)
            factors += 1.0
            np.maximum(factors, 0.0, out=factors)
            self._wealth *= factors
            np.minimum(self._wealth, _CEILING, out=self._wealth)

    def update_rows(self, hits: int, rows: int) -> None:
        """Take in a batch of independent rows, of which ``hits`` have a loss of 1 and the others of 0.

        The detector must have ``size`` 1; :attr:`count` then counts batches.
        """
        self.count += 1
        won = np.log1p(self._rates * (1.0 - self._limits))
        lost = np.maximum(1.0 - self._rates * self._limits, 0.0)
        logs = np.log(self._wealth + 1.0) + hits * won + special.xlogy(rows - hits, lost)
        self._wealth = np.exp(np.minimum(logs, np.log(_CEILING)))

    def reset(self) -> None:
        """Start again from nothing, as after an alarm that was dealt with."""
        self.count = 0
        self._wealth[:] = 0.0

    @property
    def log_statistic(self) -> float:
        """Logarithm of the statistic; minus infinity before the first unit."""
        return float(np.min(self._profile()))

    @property
    def least_favorable(self) -> float:
        """The baseline that explains the stream best, in the light of the reference."""
        return float(self.baseline.means[int(np.argmin(self._profile()))])

    def _profile(self) -> Floats:
        mixed = (1 - UNBET) * self._wealth.mean(axis=1) + UNBET * self.count
        with np.errstate(divide="ignore"):
            return np.asarray(self.baseline.log_evidence + np.log(mixed))

    def to_dict(self) -> dict[str, Any]:
        """Give plain values that JSON can hold."""
        return {
            "baseline": self.baseline.to_dict(),
            "size": self.size,
            "horizon": self.horizon,
            "tolerance": self.tolerance,
            "count": self.count,
            "wealth": _packed(self._wealth),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Detector:
        """Restore what :meth:`to_dict` gave."""
        baseline = Baseline.from_dict(state["baseline"])
        detector = cls(baseline, state["size"], state["horizon"], state["tolerance"])
        detector.count = state["count"]
        detector._wealth = _unpacked(state["wealth"]).reshape(detector._wealth.shape)
        return detector


def _log_e_value(pairs: Floats, counts: NDArray[np.int64], size: float, units: int, mean: float) -> float:
    """Give ln R(mean): the wealth of bets that the reference mean is below, by the mirror image of the stream's."""
    other = 1.0 - mean
    mixture = bets.for_sample(units)
    gains = ((pairs[1] - pairs[0]) - other * pairs[1]) / (other * size)
    fractions = mixture.fractions(other, mean)[:, None]
    with np.errstate(divide="ignore"):
        wealth = np.log1p(np.maximum(fractions * gains, -1.0)) @ counts.astype(np.float64)
    share = np.log1p(-UNBET) - np.log(wealth.size)
    return float(np.logaddexp(np.logaddexp.reduce(wealth + share), np.log(UNBET)))


def _reached(evidence: Callable[[float], float], start: float, goal: float) -> float:
    """Give the least mean above ``start`` with that much evidence, or nearly 1 if there is none."""
    below, above = start, 1.0 - 1e-9
    if evidence(above) < goal:
        return above
    for _ in range(40):
        middle = 0.5 * (below + above)
        below, above = (below, middle) if evidence(middle) >= goal else (middle, above)
    return above


def _packed(values: Floats) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f8").tobytes()).decode()


def _unpacked(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text), dtype="<f8").astype(np.float64)
