"""Whole tables without a fault, of 1 to 500 columns of every kind: how often does anything alarm?"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import popular
import pyarrow as pa
import pytest
from test_false_alarms_on_identical_data import LAWS

from assay.testing.coverage import assert_error_below, assert_power_above, error_rate
from assay.validation import compare, infer, inference, validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ALPHA = 0.05
N, M = 2_000, 1_000
KINDS = [law for law in LAWS if law != "half missing"]
WIDTHS = (1, 50, 500)

Columns = list[tuple[str, Any, Any]]


def draw(rng: np.random.Generator, columns: int, n: int = N, m: int = M) -> Columns:
    """Columns of every law in turn, a third of them with missing values: what they are, and both sides."""
    found = []
    for j in range(columns):
        # One column alone is of a law that chance picks.
        law = KINDS[(j if columns > 1 else int(rng.integers(len(KINDS)))) % len(KINDS)]
        sides = [LAWS[law][0](rng, rows) for rows in (n, m)]
        if j % 3 == 2:
            sides = [np.where(rng.random(x.size) < 0.1, None, x.astype(object)) for x in sides]
        found.append((law, *sides))
    return found


def tables(columns: Columns) -> list[pa.Table]:
    return [pa.table({f"x{j}": pa.array(column[side].tolist()) for j, column in enumerate(columns)}) for side in (1, 2)]


def limits(columns: Columns) -> bool:
    """Infer a schema from one side, and hold the other against it."""
    reference, batch = tables(columns)
    return any(v.failed for v in validate(batch, infer(reference), alpha=ALPHA, fingerprints={}))


def distributions(columns: Columns) -> bool:
    reference, batch = tables(columns)
    return any(v.failed for v in compare(reference, batch, alpha=ALPHA, fingerprints={}))


def defaults(columns: Columns, names: tuple[str, str]) -> bool:
    """One rule for numbers and one for texts, as a tool applies them to a table; and that for missing values."""
    for law, *sides in columns:
        gone = [np.array([value is None for value in side]) for side in sides]
        if gone[0].any() and popular.completeness(*gone):
            return True
        rules = LAWS[law][1]
        here = [np.array(side[~g].tolist()) for side, g in zip(sides, gone, strict=True)]
        if any(rules[name](*here) for name in names if name in rules):
            return True
    return False


# By tool: its rule for numbers and its rule for texts, at these sizes.
TOOLS = {
    "Evidently": ("Wasserstein / sd >= 0.1 (Evidently)", "JS distance >= 0.1 (Evidently)"),
    "TFDV": ("JS > 0.08 (TFDV)", "texts that were seen (TFDV)"),
    "PSI > 0.1, texts by chi-square": ("PSI > 0.1", "chi-square p < 0.05 (Evidently)"),
    "pandera's inferred schema": ("range that was seen (pandera)", "texts that were seen (TFDV)"),
}


@pytest.mark.parametrize("way", [limits, distributions])
def test_ours_keeps_its_promise_over_few_columns(way: Callable[[Columns], bool]) -> None:
    assert_error_below(lambda rng: way(draw(rng, 6)), ALPHA, runs=8, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("way", [limits, distributions])
@pytest.mark.parametrize(("columns", "runs"), [(1, 60), (50, 20)])
def test_ours_keeps_its_promise_over_columns_of_every_kind(
    way: Callable[[Columns], bool], columns: int, runs: int
) -> None:
    assert_error_below(lambda rng: way(draw(rng, columns)), ALPHA, runs=runs, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("way", [limits, distributions])
def test_five_hundred_columns_without_a_fault_raise_no_alarm(way: Callable[[Columns], bool]) -> None:
    assert_error_below(lambda rng: way(draw(rng, 500, 1_000, 500)), ALPHA, runs=3, seed=3)


def without_tolerance(rng: np.random.Generator, columns: int, rows: int) -> bool:
    return limits(draw(rng, columns, rows, 4 * rows))


@pytest.mark.slow
def test_without_its_tolerance_the_promise_is_kept_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bounds alone carry the promise: the tolerance is for changes too small to matter."""
    monkeypatch.setattr(inference, "TOLERANCE", dict.fromkeys(inference.TOLERANCE, 0.0))
    assert_error_below(lambda rng: without_tolerance(rng, 10, 500), ALPHA, runs=60, seed=4)


def test_limits_that_are_the_rates_seen_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "TOLERANCE", dict.fromkeys(inference.TOLERANCE, 0.0))
    # The upper bound on a share becomes the share that was seen.
    monkeypatch.setattr(inference.binomial, "upper", lambda k, n, _: max(k / n, 1e-6))
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: without_tolerance(rng, 6, 500), ALPHA, runs=8, seed=5)


def test_a_fault_in_one_of_many_columns_is_found() -> None:
    def found(rng: np.random.Generator) -> bool:
        columns = draw(rng, 12)
        reference, batch = tables(columns)
        values = pa.array([None if gone else 1.0 for gone in rng.random(M) < 0.1])
        batch, whole = (t.append_column("y", v) for t, v in ((batch, values), (reference, pa.array(np.ones(N)))))
        failed = {v.subject for v in validate(batch, infer(whole), alpha=ALPHA, fingerprints={}) if v.failed}
        return failed == {"y"}

    assert_power_above(found, 0.3, runs=8, seed=6)


@pytest.mark.parametrize("tool", TOOLS)
def test_popular_defaults_alarm_on_tables_without_a_fault(tool: str) -> None:
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: defaults(draw(rng, 50), TOOLS[tool]), ALPHA, runs=8, seed=7)


def rows(runs: int) -> Iterator[str]:
    """Rows of the table in the documentation: fewer runs for wide tables, and told."""
    counts = [max(runs // every, 3) for every in (1, 5, 50)]
    heads = " | ".join(f"{width} ({count} tables)" for width, count in zip(WIDTHS, counts, strict=True))
    yield f"| rule | {heads} |"
    yield "|---|" + "--:|" * len(WIDTHS)
    ways: dict[str, Callable[[Columns], bool]] = {
        f"**assay**, inferred limits, promised {ALPHA:.0%}": limits,
        f"**assay**, drift, promised {ALPHA:.0%}": distributions,
        **{tool: partial(defaults, names=names) for tool, names in TOOLS.items()},
    }
    for title, way in ways.items():
        told = [_rate(way, width, count) for width, count in zip(WIDTHS, counts, strict=True)]
        yield f"| {title} | {' | '.join(told)} |"


def _rate(way: Callable[[Columns], bool], width: int, count: int) -> str:
    return f"{error_rate(lambda rng: way(draw(rng, width)), runs=count, seed=8).rate:.0%}"
