"""How the loss falls with the rows of each source, what a further row of each is worth, and which rows to buy.

All of it is an estimate: that the law of :mod:`assay.feasibility.acquisition_fit` goes on as it has is supposed, not shown. What
can be shown is how it did so far: the fit to the smaller runs is held against the larger ones, and the miss stands beside every
forecast. In simulations of least squares the level at ten times the rows is often off by as much as what is above the floor. The
mix does better: where each of two sources is good at something else it costs less than a hundredth of that excess. Where three
sources differ in more ways than three it cost up to a twentieth in most trials and a fifth in some; the support tells these apart
only in part.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.guarantee import Guarantee
from assay.errors import DataError, UsageError
from assay.feasibility.acquisition_fit import Laws, Observed, fit_weighted, leverages, parameters, refit, terms_of
from assay.feasibility.acquisition_mix import Market, best_purchase, whole_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

REFITS = 200
LEVEL = 0.9
# Beyond this many times the largest run a forecast says so, and no target is looked for beyond the second.
FAR, FARTHEST = 10.0, 100.0
# A mix is as good as another where its excess loss is at most this share above.
ALIKE = 0.01
ORIGINS = 5
_ONE_SIZE = 1.1  # totals within a tenth are one size


class Reading(float):
    """A number that a law gives, with what its refits say of it; it adds and compares like any other number.

    Attributes
    ----------
    lower, upper : float
        Middle 90% of the refits. Not a confidence interval: all refits suppose that the law has the right form.
    words : str
        What else has to be known of it.
    """

    lower: float
    upper: float
    words: str

    def __new__(cls, value: float, lower: float, upper: float, words: str) -> Reading:
        """Make it of a number."""
        made = super().__new__(cls, value)
        made.lower, made.upper, made.words = float(lower), float(upper), words
        return made

    def __str__(self) -> str:
        return f"{float(self):.4g} ({LEVEL:.0%} of refits: {self.lower:.4g} to {self.upper:.4g}; {self.words})"


@dataclass(frozen=True)
class Missed:
    """How a law that was fitted to the smaller runs forecast larger ones.

    Attributes
    ----------
    fitted_to, forecast_to : float
        Training rows of the largest run of either kind.
    runs : int
        Runs that were forecast.
    of_loss, of_excess : float
        Median over them of the miss, as a share of the loss and of what is above the floor of the law fitted to all runs.
    """

    fitted_to: float
    forecast_to: float
    runs: int
    of_loss: float
    of_excess: float

    def __str__(self) -> str:
        return (
            f"fitted to at most {self.fitted_to:,.0f} rows it missed {self.runs} runs of up to {self.forecast_to:,.0f} by "
            f"{self.of_loss:.2%} of the loss, {self.of_excess:.0%} of what is above the floor"
        )


@dataclass(frozen=True)
class Mix:
    """Rows to buy.

    Attributes
    ----------
    buy, n_by_source : dict of str to int
        Rows to buy, and rows there are then.
    cost : float
    loss : Reading
        Forecast with all these rows.
    support : float
        Share of the refits by whose law this purchase is within 1% of the least excess loss that the same money buys.
    ranges : dict of str to (int, int)
        For each source the middle 90% of what the refits would buy.
    shares : dict of str to float
        Of the money.
    """

    buy: dict[str, int]
    n_by_source: dict[str, int]
    cost: float
    loss: Reading
    support: float
    ranges: dict[str, tuple[int, int]]
    shares: dict[str, float]

    def __str__(self) -> str:
        bought = ", ".join(f"{rows:,} of {name}" for name, rows in self.buy.items() if rows) or "nothing"
        return f"buy {bought} for {self.cost:,.6g}: loss {self.loss}; within {ALIKE:.0%} of the best by {self.support:.0%} of refits"


@dataclass(frozen=True)
class ScalingLaw:
    """A fitted law; see :func:`fit_scaling`.

    Attributes
    ----------
    sources : tuple of str
    runs : int
    exponent, floor : Reading
        By which power of the rows the excess loss falls, and the loss that no rows of these sources undercut.
    skills : ndarray of float, shape (skills, sources)
        How much a row of each source (column) teaches of each skill (row); only ratios within a row mean anything.
    backtest : tuple of Missed
        Fits to the smaller runs held against larger ones, the last one first; empty where the smaller runs are too few.
    guarantee : Guarantee
        An estimate.
    """

    sources: tuple[str, ...]
    runs: int
    exponent: Reading
    floor: Reading
    skills: Floats
    backtest: tuple[Missed, ...]
    guarantee: Guarantee
    _largest: Floats = field(repr=False)
    _laws: Laws = field(repr=False)  # the fit first, then the refits

    def __str__(self) -> str:
        return f"loss of {', '.join(self.sources)} by {self.runs} runs: floor {self.floor}, exponent {self.exponent}"

    @property
    def missed(self) -> str:
        """How the forecast did on the largest runs, in words."""
        return str(self.backtest[0]) if self.backtest else "not backtested: too few runs of smaller sizes to fit"

    def predict(self, n_by_source: Mapping[str, float]) -> Reading:
        """Forecast the loss of a model trained on rows of each source.

        Parameters
        ----------
        n_by_source : mapping of str to float
            Rows; a source that is left out gives none.

        Raises
        ------
        UsageError
            If a source is unknown, a number is negative, or all are 0.
        """
        counts = self._counts(n_by_source, "n_by_source")
        if not counts.any():
            raise UsageError("n_by_source has no rows: give at least one source some")
        return self._loss(counts)

    def best_mix(
        self,
        budget: float,
        prices: Mapping[str, float],
        stock: Mapping[str, float] | None = None,
        owned: Mapping[str, float] | None = None,
    ) -> Mix:
        """Find what to buy so that the loss is least.

        Parameters
        ----------
        budget : float
            In the unit of the prices.
        prices : mapping of str to float
            Of one row of each source.
        stock : mapping of str to float, optional
            Most rows that can be bought; without end where a source is left out.
        owned : mapping of str to float, optional
            Rows that are trained on anyway; 0 where a source is left out.

        Returns
        -------
        Mix

        Raises
        ------
        UsageError
            If a source is unknown or has no price, a number is out of range, or the budget buys no row.

        Notes
        -----
        Where the exponent is below 1, more rows of a poor source can make the forecast worse; then money is left over.
        """
        market = self._market(prices, stock, owned)
        return self._mix(self._budget(budget, market), market)

    def cheapest_for(
        self,
        loss: float,
        prices: Mapping[str, float] | None = None,
        stock: Mapping[str, float] | None = None,
        owned: Mapping[str, float] | None = None,
    ) -> Mix:
        """Find the cheapest purchase with which the loss that is forecast is at most ``loss``.

        Without prices each row costs 1, so that the fewest rows are found. The other arguments are those of :meth:`best_mix`.

        Raises
        ------
        UsageError
            If the loss is not above the floor, or is not reached with all of the stock or within a hundred times the largest
            run: the law says nothing there.
        """
        if not (math.isfinite(loss) and loss > self.floor):
            raise UsageError(
                f"a loss of {loss:g} is out of the law's reach: it puts the floor at {float(self.floor):.4g}; another model, or a "
                "source that teaches something else, may move it"
            )
        market = self._market(dict.fromkeys(self.sources, 1.0) if prices is None else prices, stock, owned)
        law = self._laws[:1]

        def reached(budget: float) -> bool:
            rows = market.owned + best_purchase(law, budget, market)
            return bool(law.floor[0] + law.excess(rows[None])[0, 0] <= loss)

        if market.owned.any() and law.floor[0] + law.excess(market.owned[None])[0, 0] <= loss:
            return self._mix(0.0, market)
        most = FARTHEST * float(self._largest.sum()) * float(market.prices.max())
        everything = float(market.stock @ market.prices) if np.all(np.isfinite(market.stock)) else math.inf
        high = min(most, everything)
        if not high > 0 or not reached(high):
            what = "with all of the stock" if everything <= most else f"within {FARTHEST:.0f} times the largest run"
            raise UsageError(f"a loss of {loss:g} is not reached {what}: ask for more, or find another source")
        low = 0.0
        while high - low > 1e-7 * high:
            middle = (low + high) / 2
            low, high = (low, middle) if reached(middle) else (middle, high)
        # Rows are whole, so that a little more is spent than the law needs.
        while True:
            found = self._mix(high, market)
            if found.loss <= loss or high >= everything:
                return found
            high = min(everything, high + float(market.prices.min()))

    def marginal_value(
        self, n_by_source: Mapping[str, float] | None = None, prices: Mapping[str, float] | None = None
    ) -> dict[str, Reading]:
        """Tell by how much one more row of each source lowers the loss, or one more unit of money; best source first.

        Parameters
        ----------
        n_by_source : mapping of str to float, optional
            Rows there are; by default those of the largest run.
        prices : mapping of str to float, optional
            Of one row; with them the value is that of one unit of money.

        Returns
        -------
        dict of str to Reading
            ``words`` says in how many of the refits the source is the best. A value can be negative.
        """
        counts = self._largest if n_by_source is None else self._counts(n_by_source, "n_by_source")
        if not counts.any():
            raise UsageError("n_by_source has no rows: give at least one source some")
        cost = np.ones(counts.size) if prices is None else self._prices(prices)
        value = self._slopes(counts) / cost
        first = np.bincount(value[1:].argmax(axis=1), minlength=counts.size) / (len(value) - 1)
        found = {}
        for place in np.argsort(-value[0], kind="stable"):
            low, high = _middle(value[1:, place])
            words = f"the best source in {first[place]:.0%} of refits"
            found[self.sources[place]] = Reading(value[0, place], low, high, words)
        return found

    def _slopes(self, counts: Floats) -> Floats:
        """Fall of the loss with a row of each source, shape (laws, sources)."""
        laws, rows = self._laws, counts / self._laws.scale
        total = rows.sum()
        left = 1 / np.maximum(laws.skills @ rows, 1e-300)
        power = laws.exponent[:, None]
        gained = np.einsum("bi,bik->bk", np.square(left), laws.skills) * total ** (1 - power)
        lost = (1 - power) * total**-power * left.sum(axis=1, keepdims=True)
        return np.asarray((gained - lost) / laws.scale)

    def _loss(self, counts: Floats) -> Reading:
        laws = self._laws
        values = laws.floor + laws.excess(counts[None])[:, 0]
        low, high = _middle(values[1:])
        ratio = counts.sum() / self._largest.sum()
        far = f"{ratio:,.0f} times the rows of the largest run; " if ratio > FAR else ""
        return Reading(values[0], low, high, far + self.missed)

    def _mix(self, budget: float, market: Market) -> Mix:
        laws, count = self._laws, len(self.sources)
        bought = np.zeros((len(laws.floor), count))
        if budget > 0:
            bought[0] = best_purchase(laws[:1], budget, market)
            near = bought[0]
            for place in range(1, len(bought)):
                bought[place] = best_purchase(laws[place : place + 1], budget, market, near=near)
        buy = whole_rows(bought[0], budget, market)
        rows = market.owned + bought
        mine = laws.excess(rows[:1])[1:, 0]
        theirs = np.array(
            [laws[place : place + 1].excess(rows[place : place + 1])[0, 0] for place in range(1, len(rows))]
        )
        low, high = np.quantile(bought[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        spent = buy * market.prices
        named = dict(zip(self.sources, range(count), strict=True))
        total = market.owned + buy
        return Mix(
            {name: int(buy[at]) for name, at in named.items()},
            {name: int(total[at]) for name, at in named.items()},
            float(spent.sum()),
            self._loss(total),
            float(np.mean(mine <= (1 + ALIKE) * theirs)),
            {name: (int(low[at]), int(high[at])) for name, at in named.items()},
            {name: float(spent[at] / spent.sum()) if spent.any() else 0.0 for name, at in named.items()},
        )

    def _market(
        self, prices: Mapping[str, float], stock: Mapping[str, float] | None, owned: Mapping[str, float] | None
    ) -> Market:
        most = self._counts(stock or {}, "stock", missing=math.inf)
        return Market(self._prices(prices), most, self._counts(owned or {}, "owned"))

    def _prices(self, prices: Mapping[str, float]) -> Floats:
        found = self._counts(prices, "prices", missing=math.nan)
        for name, price in zip(self.sources, found, strict=True):
            if not 0 < price < math.inf:
                said = "has no price" if math.isnan(price) else f"has the price {price:g}"
                raise UsageError(f"prices: source {name!r} {said}; give what a row costs, above 0")
        return found

    def _budget(self, budget: float, market: Market) -> float:
        if not (math.isfinite(budget) and budget > 0):
            raise UsageError(f"budget must be a number above 0, got {budget:g}")
        cheapest = float(market.prices.min())
        if budget < cheapest:
            raise UsageError(f"a budget of {budget:g} buys no row: the cheapest costs {cheapest:g}")
        return float(budget)

    def _counts(self, given: Mapping[str, float], what: str, missing: float = 0.0) -> Floats:
        for name, value in given.items():
            if name not in self.sources:
                raise UsageError(f"{what}: no source {name!r}; the runs have {', '.join(self.sources)}")
            if not value >= 0 or (math.isinf(value) and missing == 0):
                raise UsageError(f"{what}: {name} is {value}; give a number of at least 0")
        return np.array([float(given.get(name, missing)) for name in self.sources])


def fit_scaling(runs: Any, *, floor: float | None = None, seed: int = 0) -> ScalingLaw:
    """Fit how the loss falls with the rows of each source, from a few training runs.

    An estimate: nothing bounds its error. It is fitted by weighted least squares in the log loss, from many starts, and again to
    200 sets of losses that are the fit plus its residuals, each over sqrt(1 - leverage) and times a normal number (the wild
    bootstrap); what these refits agree on is the support that a mix or a ranking has.

    Parameters
    ----------
    runs : sequence or DataFrame
        One entry a run. A mapping with ``loss`` and the rows of each source (``{"web": 800, "own": 200, "loss": 0.41}``), or with
        ``loss`` and one mapping of rows by source; or a pair (rows by source, loss). A frame has ``loss`` and a column a source.
        Losses are above 0, on rows like those that matter, the same for all runs.
    floor : float, optional
        Loss that no data undercut, where it is known, such as from a second labeling. Forecasts are then two to four times closer.
    seed : int

    Returns
    -------
    ScalingLaw

    Raises
    ------
    DataError
        If a run lacks its loss or rows, or the runs do not determine the law: fewer than two a number of it (12 for two sources, 22
        for three), fewer than three sizes, or mixes that are too alike.

    Examples
    --------
    >>> runs = [({"web": a * n, "own": (1 - a) * n}, 0.2 + 9 / n * (1 / (a + 0.1) + 1 / (1.1 - a)))
    ...         for n in (100, 200, 400, 800) for a in (0.1, 0.3, 0.5, 0.7, 0.9)]
    >>> law = fit_scaling(runs)
    >>> round(float(law.floor), 3), round(float(law.exponent), 3)
    (0.2, 1.0)
    >>> law.best_mix(4000, {"web": 1.0, "own": 3.0}).buy
    {'web': 1750, 'own': 750}
    """
    sources, observed = _read(runs)
    if floor is not None and not 0 <= floor < observed.losses.min():
        raise UsageError(
            f"floor must be at least 0 and below the least loss of the runs, {observed.losses.min():.4g}; got {floor:g}"
        )
    _determined(observed, sources, floor)
    terms = terms_of(len(observed.losses), len(sources), floor)
    found, numbers, weighted = fit_weighted(observed, floor=floor, terms=terms, seed=seed)
    fitted = np.log(found.floor + found.excess(observed.counts)[0])
    hats = leverages(weighted, numbers, floor=floor, terms=terms)
    residual = (np.log(observed.losses) - fitted) / np.sqrt(np.maximum(1 - hats, 0.1))
    drawn = np.random.default_rng(seed).standard_normal((REFITS, len(fitted)))
    refits = refit(weighted, numbers, fitted + residual * drawn, floor=floor, terms=terms, seed=seed)
    laws = Laws(
        np.append(found.exponent, refits.exponent),
        np.append(found.floor, refits.floor),
        np.concatenate([found.skills, refits.skills]),
        found.scale,
    )
    known = "given" if floor is not None else "read off the curve"
    return ScalingLaw(
        sources,
        len(fitted),
        Reading(found.exponent[0], *_middle(refits.exponent), "read off the curve"),
        Reading(found.floor[0], *_middle(refits.floor), known),
        found.skills[0],
        _backtest(observed, sources, floor, float(found.floor[0]), seed),
        Guarantee.estimate("that the law goes on beyond the runs it was fitted to is supposed, not shown"),
        observed.counts[int(np.argmax(observed.totals))],
        laws,
    )


def _read(runs: Any) -> tuple[tuple[str, ...], Observed]:
    """Rows of each source and losses."""
    entries: Sequence[Any] = runs.to_dict("records") if hasattr(runs, "to_dict") else list(runs)
    rows: list[dict[str, float]] = []
    losses: list[float] = []
    for number, entry in enumerate(entries):
        counts, loss = _entry(entry, number)
        if not (math.isfinite(loss) and loss > 0):
            raise DataError(
                f"run {number} (counted from 0): its loss is {loss:g}; give losses above 0, or leave the run out"
            )
        for name, value in counts.items():
            if not (math.isfinite(value) and value >= 0):
                raise DataError(
                    f"run {number} (counted from 0): rows of {name!r} are {value:g}; give a number of at least 0"
                )
        if not any(counts.values()):
            raise DataError(f"run {number} (counted from 0) has no rows of any source")
        rows.append(counts)
        losses.append(loss)
    sources = tuple(dict.fromkeys(name for counts in rows for name in counts))
    if not rows:
        raise DataError("there is no run to fit: give rows of each source and the loss, one entry a run")
    for name in sources:
        if not any(counts.get(name) for counts in rows):
            raise DataError(f"no run has rows of source {name!r}: leave it out, or train with some")
    counted = np.array([[counts.get(name, 0.0) for name in sources] for counts in rows])
    return sources, Observed(counted, np.array(losses), np.ones(len(losses)))


def _entry(entry: Any, number: int) -> tuple[dict[str, float], float]:
    try:
        if isinstance(entry, Mapping):
            given, loss = {key: value for key, value in entry.items() if key != "loss"}, entry["loss"]
            if len(given) == 1 and isinstance(inner := next(iter(given.values())), Mapping):
                given = dict(inner)
        else:
            given, loss = entry
        return {str(name): float(value) for name, value in given.items()}, float(loss)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise DataError(
            f"run {number} (counted from 0) is not rows by source and a loss; write {{'web': 800, 'own': 200, 'loss': 0.41}}"
        ) from problem


def sizes(totals: Floats) -> list[float]:
    """Largest total of each size; totals within a tenth of the smallest of a size are one."""
    found: list[float] = []
    first = 0.0
    for total in np.sort(totals):
        if not found or total > _ONE_SIZE * first:
            found.append(float(total))
            first = float(total)
        found[-1] = float(total)
    return found


def _determined(observed: Observed, sources: tuple[str, ...], floor: float | None) -> None:
    """Refuse runs that do not determine the law."""
    count, numbers = len(observed.losses), parameters(len(sources), floor)
    what = f"{len(sources)} source{'s' * (len(sources) > 1)}"
    if count < 2 * numbers:
        raise DataError(
            f"{count} runs do not determine the {numbers} numbers of a law for {what}: train {2 * numbers} or more, of four sizes "
            "and several mixes"
        )
    least = 3 if floor is None else 2
    if len(sizes(observed.totals)) < least:
        raise DataError(
            f"the runs have {len(sizes(observed.totals))} different sizes, and the fall of the loss needs {least} or more, "
            "each a good part above the last"
        )
    # As many mixes as a quadratic of the shares needs (Scheffe's mixture model): each source by itself, and each two together.
    shares = observed.counts / observed.totals[:, None]
    left, right = np.triu_indices(len(sources))
    values = np.linalg.svd(shares[:, left] * shares[:, right], compute_uv=False)
    if np.sum(values > 1e-3 * values[0]) < left.size:
        raise DataError(
            f"the mixes of the runs are too alike to tell {what} apart: train on {left.size} or more mixes, each source being most "
            "of one and each two being even in one"
        )


def _backtest(
    observed: Observed, sources: tuple[str, ...], floor: float | None, fitted_floor: float, seed: int
) -> tuple[Missed, ...]:
    """Fit the runs up to each size and forecast those of the next, the last size first."""
    found: list[Missed] = []
    steps = sizes(observed.totals)
    for origin, ahead in reversed(list(pairwise(steps))):
        before = observed.of(observed.totals <= origin)
        after = observed.of((observed.totals > origin) & (observed.totals <= ahead))
        try:
            _determined(before, sources, floor)
        except DataError:
            break
        terms = terms_of(len(before.losses), len(sources), floor)
        law = fit_weighted(before, floor=floor, terms=terms, seed=seed)[0]
        apart = np.abs(law.floor + law.excess(after.counts)[0] - after.losses)
        above = np.maximum(after.losses - fitted_floor, 1e-12 * after.losses)
        found.append(
            Missed(
                origin,
                ahead,
                len(apart),
                float(np.median(apart / after.losses)),
                float(np.median(apart / above)),
            )
        )
        if len(found) == ORIGINS:
            break
    return tuple(found)


def _middle(values: Floats) -> tuple[float, float]:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
