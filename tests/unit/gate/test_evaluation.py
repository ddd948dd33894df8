"""Three-valued evaluation on point estimates, as the paper defines it."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ClaimError, UsageError
from assay.gate import parse

# Estimates at which "n > 0.8 +/- 0.05" and "d < 0.1 +/- 0.01" have each value.
NEW = {True: 0.86, None: 0.82, False: 0.74}
CHANGED = {True: 0.08, None: 0.1, False: 0.12}
AND = {
    (True, True): True,
    (True, None): None,
    (True, False): False,
    (None, True): None,
    (None, None): None,
    (None, False): False,
    (False, True): False,
    (False, None): False,
    (False, False): False,
}


@pytest.mark.parametrize("pair", AND)
@pytest.mark.parametrize("flipped", [False, True])
def test_the_whole_truth_table(pair: tuple[bool | None, bool | None], flipped: bool) -> None:
    clauses = ["n > 0.8 +/- 0.05", "d < 0.1 +/- 0.01"]
    condition = parse(" and ".join(reversed(clauses) if flipped else clauses))
    at = {"n": NEW[pair[0]], "d": CHANGED[pair[1]]}
    whole = AND[pair]
    assert condition.evaluate(**at) is whole
    assert condition.evaluate(**at, mode="fp-free") is (whole is True)
    assert condition.evaluate(**at, mode="fn-free") is (whole is not False)


@pytest.mark.parametrize(
    ("claim", "name", "expected"),
    [
        ("d < 0.1 +/- 0.01", "d", {0.0899: True, 0.09: None, 0.1: None, 0.11: None, 0.1101: False}),
        ("d <= 0.1 +/- 0.01", "d", {0.0899: True, 0.09: True, 0.1: None, 0.11: None, 0.1101: False}),
        ("n > 0.7 +/- 0.1", "n", {0.8001: True, 0.8: None, 0.6: None, 0.5999: False}),
        ("n >= 0.7 +/- 0.1", "n", {0.8001: True, 0.8: True, 0.7999: None, 0.6: None, 0.5999: False}),
        ("n > 0.7", "n", {0.7001: True, 0.7: False, 0.6999: False}),
        ("n >= 0.7", "n", {0.7001: True, 0.7: True, 0.6999: False}),
    ],
)
def test_the_ends_of_the_interval(claim: str, name: str, expected: dict[float, bool | None]) -> None:
    assert {value: parse(claim).evaluate({name: value}) for value in expected} == expected


def test_the_papers_example() -> None:
    """A difference of .021 is within the tolerance of .02 +/- .01, so it is rejected (and the published code passes)."""
    condition = parse("n - o > 0.02 +/- 0.01")
    assert condition.evaluate(n=0.871, o=0.85) is None
    assert condition.evaluate(n=0.871, o=0.85, mode="fp-free") is False
    assert condition.evaluate(n=0.881, o=0.85, mode="fp-free") is True
    assert condition.evaluate(new=0.88, old=0.85) is None


def test_other_terms_and_tolerances_of_ratios() -> None:
    assert parse("recall(new | a) > 0.8 +/- 0.01").evaluate({"recall(new | a)": 0.82}) is True
    ratio = parse("n / o > 1.1 +/- 0.02")
    assert [ratio.evaluate(n=n, o=0.5) for n in (0.561, 0.56, 0.54, 0.539)] == [True, None, None, False]
    same = parse("n - 1.1*o > 0 +/- 0.02*o")
    assert [same.evaluate(n=n, o=0.5) for n in (0.561, 0.56, 0.54, 0.539)] == [True, None, None, False]


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"n": 0.9}, ClaimError, "needs an estimate of o"),
        ({"n": 0.9, "o": 80}, ClaimError, "o: 80 is no estimate of o, which lies in [0, 1]"),
        ({"n": 0.9, "o": float("nan")}, ClaimError, "lies in [0, 1]"),
        ({"n": 0.9, "o": 0.8, "d": 0.1}, UsageError, "d: 'n - o > 0' has no such term"),
        ({"n": 0.9, "o": 0.8, "mode": "fpfree"}, UsageError, "write fp-free or fn-free"),
    ],
)
def test_bad_estimates_are_named(values: dict[str, float], error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        parse("n - o > 0").evaluate(**values)
    assert words in str(caught.value)


@given(st.permutations(["n > 0.8 +/- 0.05", "d < 0.1 +/- 0.01", "n - o > 0 +/- 0.02"]), st.data())
def test_the_order_of_clauses_and_terms_does_not_matter(clauses: list[str], data: st.DataObject) -> None:
    at = {name: data.draw(st.integers(0, 100)) / 100 for name in ("n", "o", "d")}
    values = [parse(clause).evaluate({v: at[v] for v in at if v in clause.split()}) for clause in clauses]
    whole = False if False in values else None if None in values else True
    assert parse(" and ".join(clauses)).evaluate(at) is whole
    assert parse(" and ".join(clauses).replace("n - o > 0", "o < n + 0")).evaluate(at) is whole


def test_interval_arithmetic_gives_the_whole_tolerance_to_the_form() -> None:
    """Moving every variable by its share, all in the worst direction, moves the form by the tolerance and no more."""
    condition = parse("2*n - o + 0.5*d > 0.3 +/- 0.07")
    share = 0.07 / 3.5
    for n, o, d in product((0.4, 0.5), (0.6, 0.7), (0.2, 0.3)):
        form = 2 * n - o + 0.5 * d
        worst = 2 * (n - share) - (o + share) + 0.5 * (d - share)
        best = 2 * (n + share) - (o - share) + 0.5 * (d + share)
        assert worst == pytest.approx(form - 0.07)
        expected = True if worst > 0.3 else False if best < 0.3 else None
        assert condition.evaluate(n=n, o=o, d=d) is expected
