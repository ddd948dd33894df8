"""The search gives what trying every slice gives, for scores of all kinds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.debugging.lattice import Coded
from assay.debugging.objective import Excess, Score
from assay.debugging.search import Found, search

sys.path.insert(0, str(Path(__file__).parent))
import brute_force


def values_of(kind: int, rows: int, rng: np.random.Generator) -> np.ndarray[Any, Any]:
    return [
        (rng.random(rows) < 0.2).astype(float),
        rng.exponential(size=rows),
        rng.normal(size=rows),
        (rng.random(rows) < 0.05) * rng.exponential(size=rows),
        rng.integers(-1, 2, size=rows).astype(float),
        np.round(rng.exponential(size=rows), 1),
    ][kind]


def compare(seed: int) -> bool:
    """Draw a case and compare; says whether there was anything to find."""
    rng = np.random.default_rng(seed)
    rows, columns = int(rng.integers(20, 250)), int(rng.integers(1, 6))
    domains = rng.integers(1, 6, size=columns)
    codes = np.stack([rng.integers(0, domain, size=rows) for domain in domains], axis=1)
    if columns > 2 and rng.random() < 0.2:
        codes[:, 1] = codes[:, 0]
    values = values_of(int(rng.integers(6)), rows, rng)
    if not values.any():
        return False
    weights = [np.ones(rows), rng.integers(1, 4, size=rows) * 1.0, rng.random(rows) + 0.1][int(rng.integers(3))]
    domains = codes.max(axis=0) + 1
    ordered = tuple(int(domain - rng.integers(2)) if rng.random() < 0.3 else 0 for domain in domains)
    size = float(weights.sum())
    mean, scale = float(weights @ values) / size, float(weights @ np.abs(values)) / size
    objective: Any = Score(size, mean, scale, float(rng.choice([0.3, 0.5, 0.9, 0.95, 0.99, 1.0])))
    if rng.random() < 0.3:
        objective = Excess(size, mean, float(values.std()) + 0.01, float(rng.choice([0.0, 1.0, 2.5])))
    k, level = int(rng.integers(1, 9)), int(rng.integers(1, 6))
    support = float(rng.integers(1, max(2, rows // 5)))
    found = search(
        Coded(codes.astype(np.uint8), domains, np.array(ordered)),
        values, objective, k=k, support=support, max_level=level,
        weights=None if (weights == 1).all() else weights,
    )  # fmt: skip

    def score(size: float, total: float) -> float:
        return float(objective(np.array([size]), np.array([total]))[0])

    truth = brute_force.slices(codes, values, weights, score, support=support, max_level=level, ordered=ordered)
    assert [round(each.score, 8) for each in found] == [round(each[0], 8) for each in truth[:k]], seed
    by_conditions = {each[2]: each for each in truth}
    for each in found:
        assert each.size == pytest.approx(by_conditions[each.conditions][1])
    if (weights == 1).all() and set(values) <= {0.0, 1.0}:
        assert [each.conditions for each in found] == [each[2] for each in truth[:k]], seed
    return bool(truth)


def test_as_trying_every_slice() -> None:
    assert sum(compare(seed) for seed in range(150)) > 80


@pytest.mark.slow
def test_as_trying_every_slice_thousands_of_times() -> None:
    assert sum(compare(seed) for seed in range(1000, 7000)) > 3000


def test_a_search_with_a_wrong_bound_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """With another number in place of that of the rows, as in public code, the bound loses slices."""
    honest = Score.most

    def other_rows(self: Score, size: Any, lines: Any, support: float) -> Any:
        return honest(Score(3 * self.rows, self.mean, self.scale, self.weight), size, lines, support)

    monkeypatch.setattr(Score, "most", other_rows)
    with pytest.raises(AssertionError):
        [compare(seed) for seed in range(400)]


def best(codes: np.ndarray[Any, Any], values: np.ndarray[Any, Any], weight: float, **more: Any) -> list[Found]:
    size = values.size
    coded = Coded(codes.astype(np.uint16), codes.max(axis=0) + 1, np.zeros(codes.shape[1], dtype=int))
    return search(coded, values, Score(size, values.mean(), values.mean(), weight), **more)


def test_ids_of_slices_do_not_overflow() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 10, size=(5000, 20))
    planted = (codes[:, 0] == 3) & (codes[:, 19] == 4)
    errors = np.where(planted, 1.0, rng.random(5000) < 0.05)
    first = best(codes, errors, 0.99, k=3, support=10, max_level=2)[0]
    assert first.conditions == ((0, 3, 3), (19, 4, 4))
    assert first.score == pytest.approx(16, abs=2)


def test_no_slice_is_lost_while_there_are_fewer_than_k() -> None:
    rng = np.random.default_rng(0)
    rows = 4000
    group = rng.random(rows) < 0.2
    codes = np.where(group[:, None], rng.integers(4, 9, size=(rows, 4)), rng.integers(1, 4, size=(rows, 4)))
    codes[:, 0] = group
    both = (codes[:, 1] == 1).astype(int) + (codes[:, 2] == 1)
    errors = np.where(group, 10.0, np.choose(both, [0.2, 0.0, 5.0])) + rng.random(rows) * 0.01
    found = best(codes, errors, 0.97, k=5, support=220, max_level=3)
    assert [round(each.score, 1) for each in found] == [2.6, 0.6, 0.6]


def test_more_columns_than_rows() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(10, 80, size=(100, 8))
    errors = rng.exponential(0.2, size=100)
    codes[:4, 0], codes[:4, 1], errors[:4] = 1, 2, 20.0
    codes[4:14, 0], codes[14:24, 1], errors[4:24] = 1, 2, 0.01
    codes[24:28, 2], errors[24:28] = 7, 12.0
    [found] = best(codes, errors, 0.9, k=1, support=3, max_level=2)
    assert found.conditions == ((0, 1, 1), (1, 2, 2))


def test_levels_without_limit() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, size=(3000, 8))
    deep = (codes[:, :6] == 1).all(axis=1)
    found = best(codes, np.where(deep, 1.0, rng.random(3000) < 0.02), 0.95, k=1, support=20, max_level=8)
    assert found[0].conditions == tuple((column, 1, 1) for column in range(6))
