"""Floats keep all their bits."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from assay.store.schema import bits_float, float_bits


@given(st.floats())
def test_every_float_comes_back(value: float) -> None:
    back = bits_float(float_bits(value))
    assert (
        math.isnan(back) if math.isnan(value) else (back == value and math.copysign(1, back) == math.copysign(1, value))
    )
    assert -(2**63) <= float_bits(value) < 2**63


def test_every_not_a_number_is_the_same() -> None:
    assert float_bits(math.nan) == float_bits(-math.nan) == float_bits(math.inf - math.inf)
