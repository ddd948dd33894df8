"""Rates batch after batch: false alarms counted in years, the delay of true ones, and mutants that must be caught."""

from __future__ import annotations

import numpy as np
import pytest

from assay.testing.coverage import assert_error_below, assert_power_above
from assay.validation import Schema, Watch, watching

RULES, LIMIT, ROWS = 3, 0.05, 400
SCHEMA = Schema.from_toml(
    "".join(f'[columns.x{j}]\ntype = "number"\nnulls = {{ at_most = {LIMIT} }}\n' for j in range(RULES))
)
# At 0.1 a quarter the expected number bounds the probability of any false alarm in it too.
PROMISED = 0.1
DAYS = 92


def first_alarm(rng: np.random.Generator, watch: Watch, rates: np.ndarray, *, tied: float = 0.0) -> int | None:
    """Day of the first alarm; with ``tied`` rows of a day share its luck."""
    for day, rate in enumerate(rates):
        counts = {}
        for rule in watch.rules:
            share = rng.beta(rate / tied, (1 - rate) / tied) if tied else rate
            counts[f"{rule.family}:{rule.column}"] = (int(rng.binomial(ROWS, share)), ROWS)
        if any(verdict.failed for verdict in watch.take(counts, f"{day:05d}")):
            return day
    return None


def new(**terms: object) -> Watch:
    return Watch(SCHEMA, false_alarms=f"{PROMISED}/quarter", **terms)  # type: ignore[arg-type]


def false_alarm(rng: np.random.Generator) -> bool:
    """Every rate exactly at its limit, a quarter long."""
    return first_alarm(rng, new(), np.full(DAYS, LIMIT)) is not None


@pytest.fixture
def without_doubts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound itself, and not what the tests of its assumptions take away."""
    monkeypatch.setattr(Watch, "_doubts", lambda _: {})


@pytest.mark.usefixtures("without_doubts")
def test_a_quarter_at_the_limit_seldom_alarms() -> None:
    assert_error_below(false_alarm, PROMISED, runs=60, seed=1)


@pytest.mark.slow
def test_a_quarter_at_the_limit_seldom_alarms_with_its_tests_of_assumptions() -> None:
    assert_error_below(false_alarm, PROMISED, runs=30, seed=2)


@pytest.mark.usefixtures("without_doubts")
def test_days_that_share_their_luck_keep_the_promise_by_unit() -> None:
    def alarms(rng: np.random.Generator) -> bool:
        return first_alarm(rng, new(unit="day"), np.full(DAYS, LIMIT), tied=0.02) is not None

    assert_error_below(alarms, PROMISED, runs=60, seed=3)


@pytest.mark.usefixtures("without_doubts")
def test_days_that_share_their_luck_break_it_by_row() -> None:
    def alarms(rng: np.random.Generator) -> bool:
        return first_alarm(rng, new(), np.full(DAYS, LIMIT), tied=0.02) is not None

    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(alarms, PROMISED, runs=20, seed=4)


def test_and_the_watch_says_so() -> None:
    def silent(rng: np.random.Generator) -> bool:
        watch = new()
        for day in range(40):
            # Within the limit on average, so that no rise hides the batches from the test.
            shares = rng.beta(0.04 / 0.02, 0.96 / 0.02, RULES)
            watch.take(
                {f"nulls:x{j}": (int(rng.binomial(ROWS, share)), ROWS) for j, share in enumerate(shares)}, f"{day:03d}"
            )
        return not any(watch._doubts().values())

    assert_error_below(silent, 0.2, runs=10, seed=5)


@pytest.mark.usefixtures("without_doubts")
def test_a_threshold_without_the_days_is_caught() -> None:
    """As if each batch were asked alone, at the level of the whole quarter."""

    def alarms(rng: np.random.Generator) -> bool:
        watch = new()
        watch.threshold = 1 / PROMISED
        return first_alarm(rng, watch, np.full(DAYS, LIMIT)) is not None

    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(alarms, PROMISED, runs=15, seed=6)


@pytest.mark.parametrize(("rate", "days"), [(0.1, 2), (0.07, 10)])
def test_a_rise_is_found_in_days(rate: float, days: int) -> None:
    def found(rng: np.random.Generator) -> bool:
        alarm = first_alarm(rng, new(), np.r_[np.full(20, 0.04), np.full(days, rate)])
        return alarm is not None and alarm >= 20

    assert_power_above(found, 0.6, runs=20, seed=7)


def test_where_a_rise_began_is_told_within_a_day_or_two() -> None:
    rng = np.random.default_rng(8)
    seen = watching._Seen([], [])
    for rate in [0.04] * 30 + [0.1] * 4:
        seen.broken.append(int(rng.binomial(ROWS, rate)))
        seen.rows.append(ROWS)
    assert abs(watching._rise(seen, LIMIT) - 30) <= 2
