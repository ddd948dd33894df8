"""Laws of several sources: fitted, refused, and spent by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from assay.errors import DataError, UsageError
from assay.feasibility import fit_scaling
from assay.feasibility.acquisition_design import design, mixes
from assay.feasibility.acquisition_fit import Laws
from assay.feasibility.acquisition_mix import Market, best_purchase

SIZES = (100, 200, 400, 800)
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)


def loss(web, own, exponent=1.0, floor=0.2):
    n = web + own
    return floor + n**-exponent * 9 * (n / (web + 0.1 * n) + n / (own + 0.1 * n))


def runs(noise=0.0, **law):
    rng = np.random.default_rng(3)
    found = []
    for n in SIZES:
        for share in SHARES:
            counts = {"web": share * n, "own": (1 - share) * n}
            found.append((counts, loss(**counts, **law) * float(np.exp(noise * rng.standard_normal()))))
    return found


@pytest.fixture(scope="module")
def law():
    return fit_scaling(runs())


@pytest.fixture(scope="module")
def noisy():
    return fit_scaling(runs(noise=0.01))


def test_a_law_is_found_again(law):
    assert law.floor == pytest.approx(0.2, abs=1e-4)
    assert law.exponent == pytest.approx(1, abs=1e-3)
    for counts in ({"web": 5000, "own": 200}, {"web": 10, "own": 700}, {"own": 3000, "web": 3000}):
        assert law.predict(counts) == pytest.approx(loss(**counts), rel=1e-4)


@pytest.mark.parametrize("exponent", [0.5, 1.4])
def test_other_exponents_are_found_too(exponent):
    found = fit_scaling(runs(exponent=exponent))
    assert found.exponent == pytest.approx(exponent, abs=2e-3)
    assert found.floor == pytest.approx(0.2, abs=2e-2)


def test_a_known_floor_is_kept():
    found = fit_scaling(runs(noise=0.01), floor=0.2)
    assert (found.floor, found.floor.lower, found.floor.upper) == (0.2, 0.2, 0.2)


def test_a_known_floor_brings_forecasts_nearer():
    apart = {}
    for floor in (None, 0.2):
        found = fit_scaling(runs(noise=0.01), floor=floor)
        apart[floor] = abs(found.predict({"web": 4000, "own": 4000}) - loss(4000, 4000))
    assert apart[0.2] < apart[None]


def test_all_ways_to_write_runs_give_the_same_law(law):
    flat = [{**counts, "loss": value} for counts, value in runs()]
    nested = [{"rows": counts, "loss": value} for counts, value in runs()]
    for given in (flat, nested, pd.DataFrame(flat)):
        assert fit_scaling(given).predict({"web": 900, "own": 50}) == law.predict({"web": 900, "own": 50})


def test_the_order_of_runs_hardly_matters(noisy):
    turned = fit_scaling(runs(noise=0.01)[::-1])
    assert turned.predict({"web": 3000, "own": 500}) == pytest.approx(
        noisy.predict({"web": 3000, "own": 500}), rel=1e-3
    )


def test_the_best_mix_is_that_of_a_grid(law):
    prices = {"web": 1.0, "own": 3.0}
    for owned in ({}, {"own": 400}):
        for stock in ({}, {"web": 300}):
            found = law.best_mix(3000, prices, stock, owned)
            web = np.linspace(0, min(3000, stock.get("web", 3000)), 601)
            least = min(loss(a, owned.get("own", 0) + (3000 - a) / 3) for a in web)
            assert loss(**{name: float(rows) for name, rows in found.n_by_source.items()}) <= least * (1 + 1e-4)
            assert found.cost <= 3000
            assert found.cost == sum(rows * prices[name] for name, rows in found.buy.items())
            assert found.buy["web"] <= stock.get("web", 3000)
            assert found.n_by_source["own"] == found.buy["own"] + owned.get("own", 0)
            assert sum(found.shares.values()) == pytest.approx(1)


def test_three_sources_with_a_concave_part():
    """Below an exponent of 1 the search is not convex; it still finds the best of a grid."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        laws = Laws(rng.uniform(0.1, 0.9, 1), np.zeros(1), np.exp(rng.normal(0, 1.5, (1, 3, 3))), 100.0)
        market = Market(np.exp(rng.normal(0, 1, 3)), np.full(3, np.inf), np.array([0.0, 200.0, 0.0]))
        cuts = np.linspace(0, 1, 41)
        parts = np.array([(a, b, c) for a in cuts for b in cuts for c in (0, 1 - a - b) if a + b <= 1 and c >= 0])
        least = laws.excess(market.owned + parts * 1000 / market.prices)[0].min()
        rows = best_purchase(laws, 1000.0, market)
        assert laws.excess((market.owned + rows)[None])[0, 0] <= least * (1 + 1e-9)
        assert rows @ market.prices <= 1000 * (1 + 1e-9)


def test_the_cheapest_for_a_loss_is_reached_and_no_cheaper_is(law):
    prices = {"web": 1.0, "own": 3.0}
    found = law.cheapest_for(0.22, prices)
    assert found.loss <= 0.22
    assert law.best_mix(found.cost - 5, prices).loss > 0.22
    assert law.cheapest_for(0.22).cost == pytest.approx(1500, abs=3)
    assert law.cheapest_for(0.25, prices, owned={"web": 2000, "own": 2000}).cost == 0


def test_what_a_row_is_worth_is_the_slope_of_the_loss(noisy):
    counts = {"web": 500.0, "own": 900.0}
    found = noisy.marginal_value(counts)
    assert list(found) == ["web", "own"]
    for name, value in found.items():
        more = {**counts, name: counts[name] + 1}
        assert value == pytest.approx(noisy.predict(counts) - noisy.predict(more), rel=0.01)
        assert value.lower <= value <= value.upper
    dear = noisy.marginal_value(counts, {"web": 100.0, "own": 1.0})
    assert list(dear) == ["own", "web"]
    assert dear["web"] == pytest.approx(found["web"] / 100)
    assert "100% of refits" in dear["own"].words


def test_a_forecast_says_how_the_last_one_missed(noisy):
    (missed,) = noisy.backtest
    before = [run for run in runs(noise=0.01) if sum(run[0].values()) < 700]
    earlier = fit_scaling(before)
    apart = [abs(earlier.predict(counts) - value) / value for counts, value in runs(noise=0.01)[-5:]]
    assert (missed.fitted_to, missed.forecast_to, missed.runs) == (400, 800, 5)
    assert missed.of_loss == pytest.approx(np.median(apart))
    assert missed.of_excess > missed.of_loss
    assert str(missed) in str(noisy.predict({"web": 1000}))
    assert "25 times the rows" in str(noisy.predict({"web": 20_000}))
    assert noisy.guarantee.kind == "estimate"


def test_rolling_origins_go_back_as_far_as_fits_do():
    sizes = (50, 100, 200, 400, 800, 1600)
    many = [
        ({"web": a * n, "own": (1 - a) * n}, loss(a * n, (1 - a) * n)) for n in sizes for a in (0.1, 0.3, 0.5, 0.7, 0.9)
    ]
    found = fit_scaling(many).backtest
    assert [missed.fitted_to for missed in found] == [800, 400, 200]


def test_one_source_is_a_power_law():
    found = fit_scaling([({"web": n}, 0.1 + 3 * n**-0.5) for n in (50, 100, 200, 400, 800, 1600)])
    assert found.predict({"web": 5000}) == pytest.approx(0.1 + 3 * 5000**-0.5, rel=1e-3)
    assert found.best_mix(100, {"web": 2}).buy == {"web": 50}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "no run to fit"),
        (runs()[:11], "11 runs do not determine the 6 numbers of a law for 2 sources: train 12"),
        ([({"a": n, "b": n}, 0.2 + 1 / n) for n in range(10, 40)], "too alike"),
        ([({"a": 100, "b": 100 + q}, 0.2) for q in range(15)], "2 different sizes|1 different sizes"),
        ([{"a": 100}], "run 0 .* is not rows by source and a loss"),
        ([({"a": 100}, 0.0)], "run 0 .*: its loss is 0"),
        ([({"a": 100}, float("nan"))], "run 0 .*: its loss is nan"),
        ([({"a": -1}, 0.5)], "rows of 'a' are -1"),
        ([({"a": 0}, 0.5)], "run 0 .* has no rows"),
        ([({"a": 10, "b": 0}, 0.5)], "no run has rows of source 'b'"),
    ],
)
def test_runs_that_determine_no_law_are_refused(given, words):
    with pytest.raises(DataError, match=words):
        fit_scaling(given)


def test_questions_out_of_range_are_refused(law):
    prices = {"web": 1, "own": 1}
    for ask, words in (
        (lambda: law.predict({"wbe": 3}), "no source 'wbe'"),
        (lambda: law.predict({}), "no rows"),
        (lambda: law.predict({"web": -1}), "web is -1"),
        (lambda: law.best_mix(0, prices), "budget must be"),
        (lambda: law.best_mix(0.5, prices), "buys no row"),
        (lambda: law.best_mix(10, {"web": 1}), "'own' has no price"),
        (lambda: law.best_mix(10, {"web": 1, "own": 0}), "'own' has the price 0"),
        (lambda: law.cheapest_for(0.1), "floor at 0.2"),
        (lambda: law.cheapest_for(0.2001), "not reached within 100 times"),
        (lambda: law.cheapest_for(0.21, stock={"web": 10, "own": 10}), "with all of the stock"),
        (lambda: fit_scaling(runs(), floor=0.9), "floor must be"),
    ):
        with pytest.raises(UsageError, match=words):
            ask()


@pytest.mark.parametrize("sources", [1, 2, 3, 4])
def test_a_design_determines_its_law(sources):
    names = [f"s{number}" for number in range(sources)]
    planned = design(dict.fromkeys(names, 2000))
    assert len(mixes(sources)) >= sources**2
    for run in planned.runs:
        assert all(0 < rows <= 2000 for rows in run.values())
    fitted = fit_scaling([(run, 0.1 + sum(1 / (rows + 1) for rows in run.values())) for run in planned.runs])
    assert fitted.backtest
    assert design(dict.fromkeys(names, 2000), planned.sizes[-1] - 200).rows < planned.rows


def test_a_design_needs_rows():
    with pytest.raises(DataError, match="180 rows of each source will do, and 'own' has 100"):
        design({"web": 1000, "own": 100})
    with pytest.raises(UsageError, match="'own' has 500: plan at most 555"):
        design({"web": 1000, "own": 500}, 900)
