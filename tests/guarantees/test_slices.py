"""How often a slice is called CONFIRMED, or all are CLEARED, falsely; and how often rightly."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from assay.debugging import SliceCounts, clearing, contrast, find_slices, no_slice_regression, regressions, verdicts
from assay.testing.coverage import assert_error_below, assert_power_above

ALPHA = 0.05
honest = verdicts._part


def draw(
    rng: np.random.Generator, kind: str, *, rows: int = 2000, columns: int = 6, lift: float = 1.0
) -> tuple[dict[str, Any], Any]:
    """Draw a table and errors that are ``lift`` times as many where x0 = 1 and x1 = 2."""
    X = rng.integers(0, 4, size=(rows, columns))
    units, weights = None, None
    rate = np.full(rows, 0.1)
    if kind == "unlike":  # rates that vary in a slice as much as they can, and edges from the same rows
        X = rng.normal(size=(rows, columns))
        rate = np.where((X[:, 2] > 0) ^ (X[:, 3] > 0), 0.19, 0.01)
    if kind == "unit":
        units = np.repeat(np.arange(rows // 8), 8)
        X[:, 2:] = rng.integers(0, 4, size=(rows // 8, columns - 2))[units]
        rate = rng.beta(1, 9, size=rows // 8)[units]
    planted = (X[:, 0] == 1) & (X[:, 1] == 2)
    rate = np.clip(rate * np.where(planted, lift, 1.0), 0, 1)
    errors = (rng.random(rows) < rate).astype(float)
    if kind == "continuous":
        errors = rng.exponential(10 * rate)
    if kind == "weights":
        weights = rng.random(rows) + 0.5
    more: dict[str, Any] = {"unit": units, "weights": weights, "min_support": 40, "score_weight": 0.99, "alpha": ALPHA}
    return {"X": X, "errors": errors, **more}, planted


def confirms(kind: str, **drawn: Any) -> Any:
    def run(rng: np.random.Generator) -> bool:
        given, planted = draw(rng, kind, **drawn)
        found = find_slices(**given, seed=int(rng.integers(1 << 30))).confirmed
        if not planted.any() or drawn.get("lift", 1.0) == 1.0:
            return bool(found)
        return any({"x0 = 1", "x1 = 2"} <= {p.sql for p in each.predicates} for each in found)

    return run


NOISE = {
    "right or wrong": "counted",
    "rates that vary inside of slices": "unlike",
    "losses without a limit": "continuous",
    "weights": "weights",
    "units of 8 rows": "unit",
}


def tells(score_weight: float) -> Any:
    """Whether noise has a slice with a positive score, which is what SliceLine reports."""

    def run(rng: np.random.Generator) -> bool:
        given, _ = draw(rng, "counted")
        return len(find_slices(given["X"], given["errors"], score_weight=score_weight, min_support=40)) > 0

    return run


def test_a_positive_score_is_no_evidence() -> None:
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(tells(0.99), ALPHA, runs=20, seed=14)


def test_noise_confirms_nothing() -> None:
    assert_error_below(confirms("counted"), ALPHA, runs=100, seed=1)


def counted(rng: np.random.Generator, lift: float = 1.0) -> bool:
    """Whether counts of two batches confirm a slice; of a planted one, that it is in it."""
    given, _ = draw(rng, "counted", lift=lift)
    X, errors = given["X"], given["errors"]
    counts = SliceCounts(X[:1000], errors[:1000])
    counts.add(X[1000:], errors[1000:])
    found = counts.report(score_weight=0.99, min_support=40, alpha=ALPHA).confirmed
    wanted = {"x0 = 1", "x1 = 2"} if lift > 1 else set()
    return any(wanted <= {p.sql for p in each.predicates} for each in found)


def test_counts_confirm_noise_rarely_and_what_is_planted_often(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error_below(counted, ALPHA, runs=60, seed=15)
    assert_power_above(lambda rng: counted(rng, 3.5), 0.7, runs=40, seed=16)
    monkeypatch.setattr(clearing.Shares, "__call__", lambda self, level, size: np.ones_like(size))
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(counted, ALPHA, runs=30, seed=15)


def test_a_planted_slice_is_confirmed() -> None:
    assert_power_above(confirms("counted", lift=3.5), 0.8, runs=60, seed=2)


def test_without_a_part_for_each_slice_noise_is_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing.Shares, "__call__", lambda self, level, size: np.ones_like(size))
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(confirms("counted"), ALPHA, runs=60, seed=1)


def test_confirmation_with_the_searched_rows_confirms_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "_part", lambda rows, kept: honest(rows, ~kept))
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(confirms("counted"), ALPHA, runs=60, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "drawn"),
    [
        ("counted", {"rows": 500, "columns": 10}),
        ("counted", {"rows": 8000, "columns": 5}),
        ("unlike", {}),
        ("continuous", {}),
        ("weights", {}),
        ("unit", {}),
    ],
)
def test_noise_of_all_kinds_confirms_nothing(kind: str, drawn: dict[str, int]) -> None:
    assert_error_below(confirms(kind, **drawn), ALPHA, runs=250, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["continuous", "weights", "unit"])
def test_planted_slices_of_all_kinds_are_confirmed(kind: str) -> None:
    assert_power_above(confirms(kind, lift=5.0), 0.7, runs=100, seed=4)


@pytest.mark.slow
def test_rows_of_a_unit_taken_for_independent_confirm_noise() -> None:
    def run(rng: np.random.Generator) -> bool:
        given, _ = draw(rng, "unit")
        given["unit"] = None
        return bool(find_slices(**given).confirmed)

    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(run, ALPHA, runs=150, seed=5)


def rates(rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Draw error rates of the cells of four columns of three values, the first of which is bad."""
    rate = rng.uniform(0.05, 0.15, size=(3,) * 4)
    rate[1] *= 3
    return rate


def true_lift(rate: np.ndarray[Any, Any], slice_: tuple[tuple[int, int], ...]) -> float:
    inside = np.ones(rate.shape, dtype=bool)
    for column, code in slice_:
        inside &= np.indices(rate.shape)[column] == code
    return float(rate[inside].mean() / rate[~inside].mean())


SLICES = [
    tuple(zip(chosen, codes, strict=True))
    for level in (1, 2)
    for chosen in itertools.combinations(range(4), level)
    for codes in itertools.product(range(3), repeat=level)
]


def report_of(rng: np.random.Generator, rate: np.ndarray[Any, Any], rows: int) -> Any:
    X = rng.integers(0, 3, size=(rows, 4))
    return find_slices(X, rng.random(rows) < rate[tuple(X.T)], max_level=2, min_support=rows // 30)


def exceeds_what_was_cleared(rng: np.random.Generator) -> bool:
    rate = rates(rng)
    report = report_of(rng, rate, 1500)
    return bool(report.cleared < max(true_lift(rate, each) for each in SLICES))


@pytest.mark.slow
def test_no_slice_exceeds_what_was_cleared() -> None:
    assert_error_below(exceeds_what_was_cleared, ALPHA, runs=400, seed=6)

    def tight(rng: np.random.Generator) -> bool:
        rate = np.full((3,) * 4, 0.1)
        return bool(report_of(rng, rate, 30_000).cleared < 1.5)

    assert_power_above(tight, 0.8, runs=60, seed=7)


@pytest.mark.slow
def test_a_bound_that_is_the_worst_estimate_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing.Bounds, "_upper", lambda self, total, size, alpha: total / size)
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(exceeds_what_was_cleared, ALPHA, runs=300, seed=6)


def misses_a_lift(rng: np.random.Generator) -> bool:
    rate = rates(rng)
    found = [each for each in report_of(rng, rate, 1500) if each.interval]
    lifts = [true_lift(rate, tuple((int(p.column[1:]), int(p.value)) for p in each.predicates)) for each in found]
    return any(not each.interval[0] <= lift <= each.interval[1] for each, lift in zip(found, lifts, strict=True))


@pytest.mark.slow
def test_intervals_hold_the_true_lift(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error_below(misses_a_lift, ALPHA, runs=300, seed=8)
    monkeypatch.setattr(contrast.Sample, "upper", lambda self, inside, alpha: 1.0)
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(misses_a_lift, ALPHA, runs=100, seed=8)


TAU = 0.04


def judged(rng: np.random.Generator, worst: float, others: float, unit: int) -> str:
    """Judge two models of which the new one is worse by ``worst`` where x0 = 0 and by ``others`` elsewhere."""
    rows = 1500 * unit
    X = rng.integers(0, 3, size=(rows, 3))
    if unit > 1:  # a unit is worse as a whole, or not at all
        X[:, 0] = np.repeat(rng.integers(0, 3, size=rows // unit), unit)
    y = rng.integers(0, 2, rows)
    old = np.where(rng.random(rows) < 0.1, 1 - y, y)
    rise = np.where(X[:, 0] == 0, worst, others) / 0.9
    draw = np.repeat(rng.random(rows // unit), unit)
    new = np.where((draw < rise) & (old == y), 1 - y, old)
    units = None if unit == 1 else np.arange(rows) // unit
    return no_slice_regression(X, y, new, old, tau=TAU, max_level=1, unit=units, alpha=ALPHA).status


def test_no_slice_regression_passes_a_bad_slice_rarely(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error_below(lambda rng: judged(rng, TAU + 0.002, 0.0, 1) == "pass", ALPHA, runs=50, seed=9)
    honest = regressions._decide
    lenient = lambda tests, tau, alpha, parts: honest(tests, tau + 0.03, alpha, parts)  # noqa: E731
    monkeypatch.setattr(regressions, "_decide", lenient)
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(lambda rng: judged(rng, TAU + 0.002, 0.0, 1) == "pass", ALPHA, runs=30, seed=9)


def alike(rng: np.random.Generator) -> str:
    """Judge two models that are equally good in each of 30 slices."""
    X, y = rng.integers(0, 30, (6000, 1)), rng.integers(0, 2, 6000)
    kind = rng.choice(3, 6000, p=[0.25, 0.25, 0.5])
    new, old = np.where(kind == 0, 1 - y, y), np.where(kind == 1, 1 - y, y)
    return no_slice_regression({"x": X[:, 0].astype(str)}, y, new, old, tau=0.0, min_support=50, alpha=ALPHA).status


def test_a_fail_of_each_slice_at_the_whole_alpha_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error_below(lambda rng: alike(rng) == "fail", ALPHA, runs=40, seed=14)
    monkeypatch.setattr(clearing.Shares, "__call__", lambda self, level, size: np.ones_like(size, dtype=float))
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(lambda rng: alike(rng) == "fail", ALPHA, runs=20, seed=14)


def seldom_moved(rng: np.random.Generator) -> str:
    """Judge two models that differ on whole units: in one slice on one in thirty, which is too much; in the other for good."""
    unit = np.repeat(np.arange(60), 10)
    here, y = unit < 30, rng.integers(0, 2, unit.size)
    moved = (rng.random(60) < np.where(np.arange(60) < 30, 0.033, 0.2))[unit]
    new, old = np.where(moved & here, 1 - y, y), np.where(moved & ~here, 1 - y, y)
    slices = {"s": np.where(here, "a", "b")}
    return no_slice_regression(slices, y, new, old, tau=0.02, min_support=50, unit=unit, alpha=ALPHA).status


def test_units_that_did_not_move_yet_pass_no_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error_below(lambda rng: seldom_moved(rng) == "pass", ALPHA, runs=60, seed=15)
    honest = regressions._Tests.p_below

    def by_what_moved(self: Any, at: int, tau: float) -> float:
        """A broken test: where no unit of the slice moved, none can."""
        return 0.0 if not self.counts[1:, at].any() else honest(self, at, tau)

    monkeypatch.setattr(regressions._Tests, "p_below", by_what_moved)
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(lambda rng: seldom_moved(rng) == "pass", ALPHA, runs=60, seed=15)


DAYS, UNITS = 8, 1000


def over_days(rng: np.random.Generator, crossed: bool, spread: float) -> Any:
    """Judge two models of which the new one is worse on some days only: by TAU over all, 0 on the others.

    Units of 5 rows lie each in one day, or cross days; one slice holds all.
    """
    unit = np.repeat(np.arange(UNITS), 5)
    day = rng.integers(0, DAYS, unit.size if crossed else UNITS)
    day = day if crossed else day[unit]
    bad = rng.random(DAYS) < spread
    y = rng.integers(0, 2, unit.size)
    new = np.where(rng.random(unit.size) < (TAU + 0.001) / spread * bad[day], 1 - y, y)
    return no_slice_regression(
        {"all": np.zeros(unit.size)}, y, new, y, tau=TAU, min_support=600, unit=unit,
        timestamp=np.datetime64("2026-01-01") + day, alpha=ALPHA,
    )  # fmt: skip


@pytest.mark.parametrize("crossed", [False, True])
def test_units_are_looked_at_by_day(crossed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_error_below(lambda rng: over_days(rng, crossed, 0.4).passed, ALPHA, runs=40, seed=16)
    even = [over_days(np.random.default_rng((17, k)), crossed, 1.0) for k in range(20)]
    assert sum("cluster" in verdict.reason for verdict in even) <= 1
    monkeypatch.setattr(regressions, "undeclared", lambda *_: ("", []))
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(lambda rng: over_days(rng, crossed, 0.4).passed, ALPHA, runs=40, seed=16)


@pytest.mark.slow
@pytest.mark.parametrize("unit", [1, 4])
def test_no_slice_regression_errs_rarely_and_decides_often(unit: int) -> None:
    assert_error_below(lambda rng: judged(rng, TAU + 0.001, 0.0, unit) == "pass", ALPHA, runs=150, seed=10)
    assert_error_below(lambda rng: judged(rng, TAU - 0.001, TAU - 0.001, unit) == "fail", ALPHA, runs=150, seed=11)
    assert_power_above(lambda rng: judged(rng, 0.005, 0.0, unit) == "pass", 0.7, runs=60, seed=12)
    assert_power_above(lambda rng: judged(rng, 0.2, 0.0, unit) == "fail", 0.7, runs=60, seed=13)


@pytest.mark.slow
def test_a_fail_at_too_high_a_level_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clearing.Shares, "__call__", lambda self, level, size: 10 * np.ones_like(size))
    with pytest.raises(AssertionError, match="promised"):
        assert_error_below(lambda rng: judged(rng, TAU, TAU, 1) == "fail", ALPHA, runs=80, seed=11)
