from __future__ import annotations

import doctest
import math

import numpy as np
import pytest

from assay.errors import DataError, UsageError
from assay.feasibility import curve, forecast
from assay.feasibility.curve import convergence
from assay.feasibility.estimates import Sample
from assay.feasibility.extrapolated import intrinsic_dimension
from assay.stats.neighbors import nearest

SIZES = [125, 250, 500, 1000, 2000]


def power(limit, scale, gamma):
    return [limit + scale * n**-gamma for n in SIZES]


@pytest.mark.parametrize(("limit", "scale", "gamma"), [(0.1, 2, 0.5), (0.0, 1, 0.3), (0.2, 3, 1.0), (0.05, 0.5, 0.2)])
def test_a_curve_without_noise_is_continued(limit, scale, gamma):
    found = forecast(SIZES, power(limit, scale, gamma), target=limit + scale * 10_000**-gamma)
    assert found.required == pytest.approx(10_000, rel=0.02)
    assert found.predict(20_000)[0] == pytest.approx(limit + scale * 20_000**-gamma, abs=2e-4)
    assert found.interval == pytest.approx((10_000, 10_000), rel=0.03)


def test_a_target_that_is_reached_already():
    found = forecast(SIZES, power(0.1, 2, 0.5), target=0.2)
    assert found.required == pytest.approx(400, rel=0.02)


def test_order_and_draws_do_not_matter():
    errors = power(0.1, 2, 0.5)
    straight = forecast(SIZES, errors, target=0.12)
    backward = forecast(SIZES[::-1], errors[::-1], target=0.12)
    assert straight.required == backward.required
    one = forecast(SIZES, [[error] for error in errors], target=0.12)
    assert one.required == straight.required


def test_a_target_below_the_limit_is_not_called_out_of_reach():
    rng = np.random.default_rng(0)
    errors = np.array(power(0.2, 2, 0.5)) + 0.004 * rng.standard_normal(5)
    found = forecast(SIZES, errors, target=0.1, rows=2000)
    assert found.required is None
    assert found.interval[1] == math.inf
    assert found.reason.startswith("cannot tell: not within 20,000 training rows")
    assert found.probability(20_000) < 0.2


def test_more_noise_gives_a_wider_interval():
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(5)
    widths = [
        np.ptp(forecast(SIZES, np.array(power(0.1, 2, 0.5)) + size * noise).predict(10_000)[1:])
        for size in (1e-4, 4e-3)
    ]
    assert widths[0] < widths[1]


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([0.30, 0.25, 0.20, 0.25, 0.30], "the error rises from"),
        ([0.10, 0.15, 0.20, 0.25, 0.30], "the error rises from"),
        ([0.40, 0.40, 0.40, 0.40, 0.05], "no power law fits it"),
    ],
)
def test_ill_behaved_curves_are_refused(errors, told):
    for rows in (None, 5000):
        with pytest.raises(DataError, match=f"ill-behaved: {told}"):
            forecast(SIZES, errors, rows=rows)


def test_a_level_curve_is_not_refused():
    rng = np.random.default_rng(2)
    found = forecast(SIZES, 0.2 + 0.004 * rng.standard_normal(5), target=0.15, rows=5000)
    assert found.required is None
    assert found.predict(10_000)[0] == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "more", "error", "told"),
    [
        ((SIZES[:3], [0.3, 0.2, 0.1]), {}, DataError, "3 sizes cannot determine"),
        ((SIZES, [0.3, 0.2]), {}, DataError, "one entry for each of the 5 sizes, got 2"),
        ((SIZES, [0.3, 0.2, 0.1, math.nan, 0.1]), {}, DataError, "errors in"),
        ((SIZES, [0.3, 0.2, 0.1, 1.1, 0.1]), {}, DataError, "at size 1000"),
        (([*SIZES[:4], 1000], [0.3, 0.2, 0.1, 0.1, 0.1]), {}, DataError, "size 1000 is there twice"),
        ((SIZES, power(0.1, 1, 0.5)), {"target": 1.0}, UsageError, "target must lie"),
        ((SIZES, power(0.1, 1, 0.5)), {"rows": 0}, UsageError, "rows must be"),
    ],
)
def test_bad_input_is_named(arguments, more, error, told):
    with pytest.raises(error, match=told):
        forecast(*arguments, **more)


def test_nothing_is_said_beyond_ten_times_the_rows():
    found = forecast(SIZES, power(0.1, 2, 0.5))
    with pytest.raises(UsageError, match="10 times the largest size, not for 20,001"):
        found.predict(20_001)
    with pytest.raises(UsageError, match="no target"):
        found.probability(10_000)


def test_the_curve_of_neighbors_is_that_of_each_size_by_itself():
    rng = np.random.default_rng(3)
    y, test_y = rng.integers(0, 2, size=530), rng.integers(0, 2, size=200)
    X, T = rng.standard_normal((530, 3)) + y[:, None], rng.standard_normal((200, 3)) + test_y[:, None]
    found = convergence(Sample(X, T, y, test_y, 2, seed=4))
    assert found.sizes == (16, 32, 64, 128, 256, 512)
    assert [len(each) for each in found.errors] == [32, 16, 8, 4, 2, 1]
    order = np.random.default_rng(4).permutation(530)
    for size, errors in zip(found.sizes, found.errors, strict=True):
        for draw, error in enumerate(errors):
            rows = order[draw * size : (draw + 1) * size]
            assert error == np.mean(y[rows[nearest(T, X[rows])[1][:, 0]]] != test_y)
    with pytest.raises(DataError, match="100 training rows are too few"):
        convergence(Sample(X[:100], T, y[:100], test_y, 2))


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_the_dimension_is_that_near_which_rows_lie(dimension):
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((3000, dimension)) @ np.linalg.qr(rng.standard_normal((40, dimension)))[0].T
    distances = nearest(rows, rows, 11)[0][:, 1:]
    assert intrinsic_dimension(distances) == pytest.approx(dimension, rel=0.15)
    assert intrinsic_dimension(np.zeros((5, 10))) == 1.0


def test_examples_run():
    assert doctest.testmod(curve).failed == 0
