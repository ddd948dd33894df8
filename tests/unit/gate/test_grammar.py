from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import ClaimError
from assay.gate import Clause, Condition, Term, parse

NEW, OLD, CHANGED = Term("accuracy", "new"), Term("accuracy", "old"), Term("changed")


def test_the_papers_example() -> None:
    assert parse("n - o > 0.02 +/- 0.01 and d < 0.1 +/- 0.01") == Condition(
        (
            Clause(((1.0, NEW), (-1.0, OLD)), ">", 0.02, 0.01),
            Clause(((1.0, CHANGED),), "<", 0.1, 0.01),
        )
    )


@pytest.mark.parametrize(
    "text",
    [
        "new - old > 0.02",
        "-o + n > 2%",
        "0.02 < n - o",
        "n > o + 0.02",
        "o - n < -0.02",
        "n - 0.02 > old",
        "2*(n - o)/2 > .02",
        "((n - o)) > 2e-2",
        "accuracy(new) - accuracy(old) > 0.02",
        "accuracy(candidate) - accuracy(champion) > 0.02",
        "n*1.5 - o - n/2 > 0.02",
        "(n - o > 0.02)",
    ],
)
def test_what_means_the_same_is_the_same_clause(text: str) -> None:
    assert parse(text) == parse("n - o > 0.02")


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (r"n - o > 0.02 +/- 0.01 /\ changed < 10%", "n - o > 0.02 +/- 0.01 and d < 0.1"),
        ("0.02 +- 1% < new - old", "n - o > 0.02 +/- 0.01"),
        ("n > 0.8 ± 0.05", "n > 0.8 +/- 0.05"),
        ("n / o > 1.02", "n - 1.02*o > 0"),
        ("1.02 >= n / o", "n - 1.02*o <= 0"),
        ("n / o > 1.02 +/- 1%", "n - 1.02*o > 0 +/- 0.01*o"),
        ("n / (2*o + d) < 0.9 +/- 0.01", "n - 1.8*o - 0.9*d < 0 +/- 0.02*(o + 0.5*d)"),
        ("0 +/- 0.01*old < new - 1.02*old", "n - 1.02*o > 0 +/- 0.01*o"),
        ("f1(new) / f1(old) >= 98%", "f1(new) - 0.98*f1(old) >= 0"),
        ("absolute(new | a) < 0.1", "absolute(new | a) < 0.1"),
        ("mean( cost_usd |age >= 65 ) < 20%", "mean(cost_usd | age >= 65) < 0.2"),
        ("brier(new) - brier(old) < 0", "brier(new) - brier(old) < 0"),
        ("-n > -0.9", "n < 0.9"),
        ("n ≥ 0.9 && (d <= .1 and o < 1)", "n >= 0.9 and d <= 0.1 and o < 1"),
        ("n > .5 and 0.5 < n", "n > 0.5"),
        ("d + o - n < 0.5", "n - o - d > -0.5"),
        ("accuracy(new|{slice}) > 0.5", "accuracy(new | {slice}) > 0.5"),
        ("changed(new | night) < 0.1", "changed(new | night) < 0.1"),
        ("recall(new | age >= 65 and f(')', x) = 1) > 0.8", "recall(new | age >= 65 and f(')', x) = 1) > 0.8"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    condition = parse(text)
    assert str(condition) == canonical
    assert parse(canonical) == condition


CARETS = {
    "n > 90": (4, "for percent write 90%"),
    "n - o > 2": (8, "for percent write 2%"),
    "n > 80% +/- 1": (12, "for percent write 1%"),
    "f1(n) - f1(o) > 0 +/- 3": (22, "cannot move so far"),
    "n > 1": (4, "can never hold"),
    "d >= 0": (5, "always holds"),
    "n - ": (3, "the claim ends here"),
    "n > x": (4, "'x' is not known"),
    "nwe - o > 0": (0, "did you mean 'new'?"),
    "accuracy(neww) > 0.8": (9, "expected new or old"),
    "acuracy(new) > .8": (0, "did you mean 'accuracy'?"),
    "n > 0.8 or d < .1": (8, "joined by 'and' only"),
    "0.5 < n < 0.9": (8, "two clauses"),
    "n => 0.8": (2, "write >= instead of =>"),
    "n =< 0.8": (2, "write <= instead of =<"),
    "n > 0.8 +/- 0.8": (12, "a tolerance below 0.8"),
    "d < 10% +/- 90%": (12, "nothing could be told"),
    "n == 0.8": (2, "bound it from both sides"),
    "n - n > 0": (6, "cancel out"),
    "n*o > 0.1": (2, "multiply by numbers only"),
    "2n > 0.8": (1, "write 2*n"),
    "": (0, "the claim is empty"),
    "   ": (0, "the claim is empty"),
    "n > 0.8 and": (11, "the claim ends here"),
    "(n > 0.8": (0, "not closed"),
    "n > 0.8)": (7, "no bracket is open"),
    "(n - o > 0": (0, "not closed"),
    "accuracy(new | ) > .8": (14, "a slice is missing"),
    "accuracy(new | a > .8": (8, "not closed"),
    "accuracy(new | a = 'x) > .8": (8, "a quote is not closed"),
    "n > 0.8 +/- 0": (12, "a tolerance must be above 0"),
    "n > 0.8 +/- o": (12, "expected a number after +/-"),
    "n @ o": (2, "means nothing here"),
    "n / 0 > 1": (4, "division by zero"),
    "n / (n - o) > 1": (4, "coefficients are all positive"),
    "n / o > 1.02 +/- 0.01*o": (17, "the tolerance of a ratio is a number"),
    "n > 0.8 +/- 0.01*2": (17, "a number times metrics"),
    "n > 0.8 +/- 0.01*(n - o)": (17, "a number times metrics"),
    "mean() > 0.8": (5, "expected a column"),
    "mean(cost |) > 0.8": (11, "a slice is missing"),
    "n > 0.8 /\\ ": (10, "the claim ends here"),
    "n / o - d > 1": (8, "a ratio stands alone"),
    "n / o > d": (8, "held against a number"),
    "changed(old) < 0.1": (8, "from old to new"),
    "n > 1e400": (4, "beyond anything"),
    "n > 0.8 d < .1": (8, "an operator is missing"),
    "n 0.8": (2, "an operator is missing"),
    "n and d < 0.1": (2, "expected >, <, >= or <="),
}


@pytest.mark.parametrize("text", CARETS)
def test_errors_show_the_place(text: str) -> None:
    place, advice = CARETS[text]
    with pytest.raises(ClaimError) as caught:
        parse(text)
    first, shown, caret = str(caught.value).split("\n")
    assert advice in first
    assert shown == "  " + text
    assert caret == "  " + " " * place + "^"


terms = st.sampled_from(
    ["n", "o", "d", "brier(new)", "error(old | a)", "accuracy(new | x > 3)", "f1(new)", "mean(cost | a)", "mean(new)"]
)
numbers = st.integers(1, 999).map(lambda k: f"{k / 100:g}")


@st.composite
def clauses(draw: st.DrawFn) -> tuple[list[tuple[str, str, str]], str, str, str]:
    names = draw(st.lists(terms, min_size=1, max_size=5, unique=True))
    pieces = [(draw(st.sampled_from("+-")), draw(numbers), name) for name in names]
    lowest = sum(-float(c) for sign, c, _ in pieces if sign == "-")
    highest = sum(float(c) for sign, c, _ in pieces if sign == "+")
    limit = lowest + (highest - lowest) * draw(st.floats(0.05, 0.95))
    return (
        pieces,
        draw(st.sampled_from([">", "<", ">=", "<="])),
        repr(round(limit, 6)),
        draw(st.sampled_from(["", "0.001", "0.1%", "0.001*o", "0.001*(2*o + f1(old | a))"])),
    )


def written(pieces: list[tuple[str, str, str]], comparison: str, limit: str, tolerance: str) -> str:
    margin = f" +/- {tolerance}" if tolerance else ""
    return " ".join(f"{sign} {c}*{name}" for sign, c, name in pieces) + f" {comparison} {limit}{margin}"


@given(clauses(), st.randoms(use_true_random=False))
def test_the_order_of_terms_does_not_matter_and_text_reads_back(
    clause: tuple[list[tuple[str, str, str]], str, str, str], random: object
) -> None:
    pieces, comparison, limit, tolerance = clause
    condition = parse(written(pieces, comparison, limit, tolerance))
    shuffled = list(pieces)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert parse(written(shuffled, comparison, limit, tolerance)) == condition
    assert parse(str(condition)) == condition


@given(
    st.one_of(
        st.text("no d()*+-/<>=.%0123456789and|'{}", max_size=30),
        st.text(max_size=20),
        st.lists(
            st.sampled_from(
                ["n", "o", "d", "-", "+", "*", "/", ">", "<=", "+/-", "0.1", "2", "5%", "(", ")", "and", "/\\", "or",
                 "f1(new)", "mean(x | y)", "recall(o | ", "'", "@"]
            ),
            max_size=12,
        ).map(" ".join),
    )
)  # fmt: skip
def test_any_text_is_read_or_refused(text: str) -> None:
    refused: list[ClaimError] = []
    try:
        condition = parse(text)
    except ClaimError as error:
        refused.append(error)
    else:
        assert parse(str(condition)) == condition
    assert all(str(error).splitlines()[-1].endswith("^") for error in refused)


def test_needs_of_a_condition() -> None:
    condition = parse("accuracy(new | {slice}) - accuracy(old | {slice}) > -0.03 and brier(new | a) < 0.2")
    assert condition.slices == ("{slice}", "a")
    assert condition.models == ("new", "old")
    assert condition.metrics == {"accuracy", "brier"}
    assert condition.template
    assert str(condition.on("b").clauses[0]) == "accuracy(new | b) - accuracy(old | b) > -0.03"
    assert parse("n > 0.5").models == ("new",)
    assert parse("d < 0.5").models == ("new", "old")
