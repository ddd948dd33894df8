"""Two samples of one law: how often is a change called? Ours keeps its promise; the popular defaults do not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import popular
import pyarrow as pa
import pytest

from assay.testing.coverage import assert_error_below, assert_power_above, error_rate
from assay.validation import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ALPHA = 0.05


def zipf(rng: np.random.Generator, n: int) -> Any:
    weights = 1 / np.arange(1, 201) ** 1.1
    return rng.choice(np.array([f"v{i}" for i in range(200)]), n, p=weights / weights.sum())


LAWS: dict[str, tuple[Callable[[np.random.Generator, int], Any], Mapping[str, Any]]] = {
    "t(3)": (lambda rng, n: rng.standard_t(3, n), popular.NUMBERS),
    "lognormal": (lambda rng, n: np.exp(rng.normal(size=n)), popular.NUMBERS),
    "counts": (lambda rng, n: rng.poisson(5, n), popular.NUMBERS),
    "constant": (lambda _, n: np.ones(n), popular.NUMBERS),
    "30 texts": (lambda rng, n: rng.choice([f"t{i}" for i in range(30)], n), popular.TEXTS),
    "zipf, 200 texts": (zipf, popular.TEXTS),
    "half missing": (lambda rng, n: rng.random(n) < 0.5, popular.MISSING),
}
SIZES = ((500, 50), (2_000, 200), (10_000, 1_000), (10_000, 10_000))


def pair(rng: np.random.Generator, law: str, n: int, m: int) -> tuple[Any, Any]:
    draw = LAWS[law][0]
    return draw(rng, n), draw(rng, m)


def column(law: str, values: Any) -> Any:
    return pa.array([None if gone else 1.0 for gone in values]) if law == "half missing" else pa.array(values)


def ours(rng: np.random.Generator, law: str, n: int, m: int, columns: int = 1, across: str = "familywise") -> bool:
    """Whether any of some columns fails."""
    sides: list[dict[str, Any]] = [{}, {}]
    for j in range(columns):
        for side, values in zip(sides, pair(rng, law, n, m), strict=True):
            side[f"x{j}"] = column(law, values)
    found = compare(pa.table(sides[0]), pa.table(sides[1]), alpha=ALPHA, across=across, fingerprints={})  # type: ignore[arg-type]
    return any(verdict.failed for verdict in found)


def theirs(rng: np.random.Generator, law: str, rule: str, n: int, m: int) -> bool:
    return bool(LAWS[law][1][rule](*pair(rng, law, n, m)))


@pytest.mark.parametrize("law", ["t(3)", "zipf, 200 texts", "half missing"])
def test_ours_keeps_its_promise(law: str) -> None:
    assert_error_below(lambda rng: ours(rng, law, 2_000, 200), ALPHA, runs=25, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("n", "m"), [(500, 50), (10_000, 10_000)])
def test_ours_keeps_its_promise_at_every_size(law: str, n: int, m: int) -> None:
    assert_error_below(lambda rng: ours(rng, law, n, m), ALPHA, runs=60, seed=2)


@pytest.mark.slow
@pytest.mark.parametrize("across", ["familywise", "fdr"])
def test_ours_keeps_its_promise_over_many_columns(across: str) -> None:
    # Where nothing has changed, the share of false alarms is 1 as soon as there is one.
    assert_error_below(lambda rng: ours(rng, "t(3)", 2_000, 200, 20, across), ALPHA, runs=10, seed=3)


def test_ours_finds_what_has_changed() -> None:
    def found(rng: np.random.Generator) -> bool:
        before, after = pa.table({"x": rng.normal(size=5_000)}), pa.table({"x": rng.normal(0.8, 1, 1_000)})
        return compare(before, after, alpha=ALPHA, fingerprints={})[0].failed

    assert_power_above(found, 0.8, runs=40, seed=4)


@pytest.mark.parametrize(
    ("law", "rule", "n", "m"),
    [
        ("lognormal", "Wasserstein / sd >= 0.1 (Evidently)", 2_000, 200),
        ("t(3)", "PSI > 0.1", 500, 50),
        ("t(3)", "JS > 0.08 (TFDV)", 10_000, 1_000),
        ("t(3)", "range that was seen (pandera)", 10_000, 10_000),
        ("30 texts", "chi-square p < 0.05 (Evidently)", 500, 500),
        ("zipf, 200 texts", "JS distance >= 0.1 (Evidently)", 2_000, 200),
        ("half missing", "completeness (Deequ)", 10_000, 1_000),
    ],
)
def test_popular_defaults_alarm_on_identical_data(law: str, rule: str, n: int, m: int) -> None:
    with pytest.raises(AssertionError, match="promised to err"):
        assert_error_below(lambda rng: theirs(rng, law, rule, n, m), ALPHA, runs=150, seed=5)


def rows(runs: int) -> Iterator[str]:
    """Rows of the table in the documentation; ``runs`` pairs for popular rules, a fifth of them for ours."""
    heads = " | ".join(f"{n:,} / {m:,}" for n, m in SIZES)
    yield f"| column | rule | {heads} |"
    yield "|---|---|" + "--:|" * len(SIZES)
    for law, (_, rules) in LAWS.items():
        yield _row(f"{law} | **assay**, promised {ALPHA:.0%}", partial(_ours, law), max(runs // 5, 1))
        for rule in rules:
            yield _row(f"{law} | {rule}", partial(_theirs, law, rule), runs)


def _ours(law: str, size: tuple[int, int], rng: np.random.Generator) -> bool:
    return ours(rng, law, *size)


def _theirs(law: str, rule: str, size: tuple[int, int], rng: np.random.Generator) -> bool:
    return theirs(rng, law, rule, *size)


def _row(title: str, run: Callable[..., bool], runs: int) -> str:
    told = [f"{error_rate(partial(run, size), runs=runs, seed=6).rate:.1%}" for size in SIZES]
    return f"| {title} | {' | '.join(told)} |"
