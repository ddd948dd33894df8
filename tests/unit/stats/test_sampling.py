from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats import sampling


def test_seed_is_fixed_for_good() -> None:
    # Verdicts in a ledger replay by this number: it may never change.
    assert sampling.seed("better", "b3:00ff") == 7434326143161286714


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(), max_size=4), st.lists(st.text(), max_size=4))
def test_seeds_differ_with_their_parts(a: list[str], b: list[str]) -> None:
    assert 0 <= sampling.seed(*a) < 2**63
    assert (sampling.seed(*a) == sampling.seed(*b)) == (a == b)
