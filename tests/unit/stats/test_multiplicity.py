from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.stats import multiplicity

p_lists = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@settings(deadline=None)
@given(p_lists)
def test_benjamini_hochberg_agrees_with_scipy(p: list[float]) -> None:
    assert multiplicity.benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


@settings(deadline=None)
@given(p_lists)
def test_holm_is_its_definition_and_commutes_with_order(p: list[float]) -> None:
    adjusted = multiplicity.holm(p)
    # The adjusted value is the smallest level at which stepping down still rejects.
    order = np.argsort(p, kind="stable")
    worst = 0.0
    for step, place in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - step) * p[place]))
        assert adjusted[place] == pytest.approx(worst)
    assert multiplicity.holm(p[::-1])[::-1] == pytest.approx(adjusted)
    assert np.all(multiplicity.benjamini_hochberg(p) <= adjusted + 1e-12)


def test_textbook_example() -> None:
    p = [0.01, 0.02, 0.03, 0.04, 0.05]
    assert multiplicity.holm(p) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert multiplicity.benjamini_hochberg(p) == pytest.approx([0.05] * 5)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(0.01, 0.5))
def test_e_bh_is_its_definition(e: list[float], alpha: float) -> None:
    rejected = multiplicity.e_bh(e, alpha)
    ordered = sorted(e, reverse=True)
    counts = [k for k in range(1, len(e) + 1) if ordered[k - 1] * k * alpha >= len(e)]
    assert rejected.sum() == max(counts, default=0)
    if rejected.any() and not rejected.all():
        assert np.asarray(e)[rejected].min() >= np.asarray(e)[~rejected].max()


def test_infinite_evidence_is_allowed() -> None:
    assert multiplicity.e_bh([float("inf"), 0.0], 0.05).tolist() == [True, False]


def test_nothing_tested() -> None:
    assert multiplicity.holm([]).size == multiplicity.benjamini_hochberg([]).size == 0
    assert multiplicity.e_bh([], 0.05).size == 0


@pytest.mark.parametrize("p", [[0.1, float("nan")], [0.1, 1.2], [0.1, -1e-9]])
def test_bad_p_values_are_named(p: list[float]) -> None:
    for correct in (multiplicity.holm, multiplicity.benjamini_hochberg):
        with pytest.raises(ValueError, match="entry 1"):
            correct(p)


def test_bad_e_values_are_named() -> None:
    for wrong in ([float("nan")], [-1.0], [[1.0]]):
        with pytest.raises(ValueError, match="e_values"):
            multiplicity.e_bh(wrong, 0.05)
    with pytest.raises(ValueError, match="alpha"):
        multiplicity.e_bh([1.0], 0.0)
