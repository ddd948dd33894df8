"""Sample sizes: the paper's table to the integer, ours never above it, and what a plan says."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.errors import ClaimError, UsageError
from assay.gate import hoeffding, plan
from assay.gate.bennett import exponent
from assay.gate.exact import disagreements
from assay.stats import binomial

# Renggli et al., MLSys 2019, figure 2, H = 32: F1 and F4 none, full; F2 and F3 none, full.
FIGURE_2 = {
    (0.99, 0.1): (404, 1340, 1753, 5496), (0.99, 0.05): (1615, 5358, 7012, 21984),
    (0.99, 0.025): (6457, 21429, 28045, 87933), (0.99, 0.01): (40355, 133930, 175282, 549581),
    (0.999, 0.1): (519, 1455, 2214, 5957), (0.999, 0.05): (2075, 5818, 8854, 23826),
    (0.999, 0.025): (8299, 23271, 35414, 95302), (0.999, 0.01): (51868, 145443, 221333, 595633),
    (0.9999, 0.1): (634, 1570, 2674, 6417), (0.9999, 0.05): (2536, 6279, 10696, 25668),
    (0.9999, 0.025): (10141, 25113, 42782, 102670), (0.9999, 0.01): (63381, 156956, 267385, 641684),
    (0.99999, 0.1): (749, 1685, 3135, 6878), (0.99999, 0.05): (2996, 6739, 12538, 27510),
    (0.99999, 0.025): (11983, 26955, 50150, 110038), (0.99999, 0.01): (74894, 168469, 313437, 687736),
}  # fmt: skip


@pytest.mark.parametrize(("cell", "row"), FIGURE_2.items(), ids=str)
def test_hoeffding_gives_the_table_of_the_paper_and_exact_never_more(
    cell: tuple[float, float], row: tuple[int, int, int, int]
) -> None:
    reliability, tolerance = cell
    seen = [("none", 0), ("first-change", 0), ("full", 1)]
    for conditions, column in ((("n > 0.8", "d < 0.1"), 0), (("n - o > 0.02", "o - n < 0.1"), 2)):
        for condition in conditions:
            for adaptivity, which in seen:
                text = f"{condition} +/- {tolerance}"
                paper = plan(text, reliability=reliability, steps=32, adaptivity=adaptivity, method="hoeffding")
                assert paper.labels == row[column + which]
                ours = plan(text, reliability=reliability, steps=32, adaptivity=adaptivity)
                assert ours.labels < paper.labels
                assert ours.paper["hoeffding"] == paper.labels


def test_bennett_gives_the_published_figures() -> None:
    pattern = "d < 0.1 +/- 0.01 and n - o > 0.02 +/- 0.01"
    none = plan(pattern, reliability=0.9999, steps=32, method="bennett")
    full = plan(pattern, reliability=0.9999, steps=32, adaptivity="full", method="bennett")
    once = plan(pattern, reliability=0.9999, method="bennett")
    assert (none.labels, none.labels_per_commit) == (29048, 2905)
    assert (full.labels, full.labels_per_commit) == (67706, 6771)
    assert once.labels_per_commit == 2189  # the paper rounds 2188.8 down
    for tolerance, adaptivity, printed in ((0.02, "none", 4713), (0.022, "full", 5204), (0.02, "full", 6260)):
        alone = plan(
            f"n - o > 0.02 +/- {tolerance}", reliability=0.998, steps=7, adaptivity=adaptivity, method="bennett",
            disagreement=0.1,
        )  # fmt: skip
        assert alone.labels == printed


def test_bennett_helps_a_high_floor_only() -> None:
    high = {"reliability": 0.9999, "steps": 32}
    assert plan("n > 0.95 +/- 0.01", method="bennett", **high).labels < 63381 / 4
    assert plan("error(new) < 0.05 +/- 0.01", method="bennett", **high).labels < 63381 / 4
    assert plan("n > 0.5 +/- 0.01", method="bennett", **high).labels == 63381
    assert plan("n > 0.05 +/- 0.01", method="bennett", **high).labels == 63381


FLOORS = {
    (0.99, "none", 0.05): (1160, 582, 77),
    (0.99, "none", 0.01): (29240, 18000, 9554, 4430, 400),
    (0.99, "full", 0.01): (119510, 73550, 39041, 18057, 1326),
    (0.9999, "none", 0.05): (2014, 1015, 121),
    (0.9999, "none", 0.01): (51024, 31394, 16669, 7721, 628),
    (0.9999, "full", 0.05): (5608, 2813, 298),
    (0.9999, "full", 0.01): (142104, 87465, 46424, 21476, 1554),
}


@pytest.mark.parametrize(("case", "row"), FLOORS.items(), ids=str)
def test_exact_floors_are_those_of_the_published_table(case: tuple[float, str, float], row: tuple[int, ...]) -> None:
    reliability, adaptivity, tolerance = case
    for limit, printed in zip((0.5, 0.8, 0.9, 0.95, 0.98), row, strict=False):
        found = plan(f"n > {limit} +/- {tolerance}", reliability=reliability, steps=32, adaptivity=adaptivity)
        assert found.labels == printed
        # The mirror image, and the same question of the other model.
        mirrored = plan(
            f"error(old) < {1 - limit:.3g} +/- {tolerance}", reliability=reliability, steps=32, adaptivity=adaptivity
        )
        assert mirrored.labels == printed


@pytest.mark.parametrize(
    ("limit", "adaptivity", "labels", "printed", "per_commit", "printed_per_commit"),
    [
        # The experiment that printed the first number searched to one part in two thousand: these are smaller.
        (0.0, "none", 20383, 20384, 2014, 2014),
        (0.0, "full", 56704, 56724, 5608, 5608),
        # It took the share of changed predictions as known; the bound on it costs 1%.
        (0.02, "none", 20173, 20264, 1869, 1850),
        (0.02, "full", 56222, 56268, 5202, 5149),
    ],
)
def test_exact_differences(
    limit: float, adaptivity: str, labels: int, printed: int, per_commit: int, printed_per_commit: int
) -> None:
    found = plan(f"d < 0.1 +/- 0.01 and n - o > {limit} +/- 0.01", reliability=0.9999, steps=32, adaptivity=adaptivity)
    assert (found.labels, found.labels_per_commit) == (labels, per_commit)
    assert labels <= printed
    assert per_commit <= 1.011 * printed_per_commit
    level = 1e-4 / (32 if adaptivity == "none" else 2**32)
    known = binomial.rows_needed((1 + limit / 0.1) / 2, (1 + (limit + 0.02) / 0.1) / 2, level, level)
    assert known == printed_per_commit


def test_semeval() -> None:
    found = plan("n - o > 0.02 +/- 0.02", reliability=0.998, steps=7, disagreement=0.1)
    assert found.labels == 2887  # printed: 2,888
    assert found.labels_per_commit <= 1.02 * 244 + 1


CLAUSES = st.sampled_from(
    [
        "n > {high}", "error(new) < {low}", "recall(new) > {high}", "n - o > {small}", "n - o > -{small}", "n > {low}",
        "n - 1.1*o > -{low}", "d < {low}", "brier(new) - brier(old) < {small}", "o > {high}", "f1(new) > {high}",
        "recall(new) - recall(old) > -{small}", "precision(new) - precision(old) > -{small}", "n - o + d < {low}",
    ]
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(
    clauses=st.lists(CLAUSES, min_size=1, max_size=3, unique=True),
    high=st.floats(0.4, 0.97),
    low=st.floats(0.05, 0.4),
    small=st.floats(0.0, 0.04),
    tolerance=st.sampled_from([0.01, 0.02, 0.05, 0.1]),
    reliability=st.floats(0.9, 0.99999),
    steps=st.integers(1, 40),
    adaptivity=st.sampled_from(["none", "first-change", "full"]),
    mode=st.sampled_from(["fp-free", "fn-free"]),
    disagreement=st.none() | st.floats(0.05, 1),
)
def test_exact_never_needs_more_than_the_paper(
    clauses: list[str], high: float, low: float, small: float, tolerance: float, reliability: float, steps: int,
    adaptivity: str, mode: str, disagreement: float | None,
) -> None:  # fmt: skip
    numbers = {"high": f"{high:.3f}", "low": f"{low:.3f}", "small": f"{small:.3f}"}
    terms = {"reliability": reliability, "steps": steps, "adaptivity": adaptivity, "mode": mode}
    try:
        text = " and ".join(clause.format(**numbers) + f" +/- {tolerance}" for clause in clauses)
        ours = plan(text, disagreement=disagreement, **terms)
    except ClaimError:
        assume(False)
    for method in ("hoeffding", "bennett"):
        theirs = plan(text, disagreement=disagreement, method=method, **terms)
        assert ours.labels <= theirs.labels
        assert ours.labels_per_commit <= theirs.labels
        assert ours.paper[method] == theirs.labels


def test_clauses_on_d_need_no_labels_but_rows() -> None:
    found = plan("d < 0.1 +/- 0.01", reliability=0.9999, steps=32)
    assert (found.labels, found.labels_per_commit) == (0, 0)
    assert found.unlabelled == binomial.rows_needed(0.9, 0.92, 1e-4 / 32, 1e-4 / 32)
    both = plan("d < 0.1 and n - o > 0 +/- 0.01", reliability=0.9999, steps=32)
    assert both.labels == plan("n - o > 0 +/- 0.01", reliability=0.9999, steps=32, disagreement=0.1).labels
    assert "with a tolerance" in str(both)


def test_a_conjunction_shares_its_rows_and_splits_only_what_it_must() -> None:
    terms = {"reliability": 0.99, "steps": 8}
    level = 0.01 / 8
    both = plan("n > 0.9 +/- 0.01 and n - o > 0 +/- 0.02", disagreement=0.2, **terms)
    floor = binomial.rows_needed(0.9, 0.92, level, level / 2)
    assert both.labels == floor
    assert [one.labels for one in both.clauses] == [floor, floor] or both.clauses[1].labels >= floor
    refuting = plan("n > 0.9 +/- 0.01 and n - o > 0 +/- 0.02", disagreement=0.2, mode="fn-free", **terms)
    assert refuting.labels == binomial.rows_needed(0.1, 0.12, level / 2, level)


def test_other_rows_are_counted_apart() -> None:
    terms = {"reliability": 0.99}
    everywhere = plan("n > 0.9 +/- 0.02", **terms)
    both = plan("n > 0.9 +/- 0.02 and recall(new | age >= 65) > 0.8 +/- 0.05", **terms)
    assert both.labels > everywhere.labels
    assert both.clauses[1].rows == "positive rows with age >= 65"
    # A bound on all rows says nothing about a slice.
    free = plan("accuracy(new | a) - accuracy(old | a) > 0 +/- 0.02 and d < 0.1 +/- 0.02", **terms)
    bound = plan("accuracy(new | a) - accuracy(old | a) > 0 +/- 0.02 and changed(new | a) < 0.1 +/- 0.02", **terms)
    assert free.labels > 5 * bound.labels


def test_general_forms_take_the_best_bound_that_is_proven() -> None:
    found = plan("n - 1.1*o > 0 +/- 0.02", reliability=0.99, disagreement=0.1)
    nats = math.log(100)
    by_hoeffding = math.ceil(2.1**2 * nats / (2 * 0.02**2))
    variance = 0.9 * 0.05**2 + 0.1 * 1.05**2
    assert found.labels == math.ceil(nats / exponent(variance, 1.05, 0.02)) < by_hoeffding
    assert "bets" in found.clauses[0].notes[0]
    assert plan("brier(new) - brier(old) < 0 +/- 0.02", reliability=0.99).labels == math.ceil(4 * nats / (2 * 0.02**2))


def test_wald_gives_the_published_means() -> None:
    found = plan("n - o > 0 +/- 0.01 and d < 0.1", reliability=0.9999, steps=32, method="sequential")
    by_truth = {one.truth: one for one in found.clauses[0].expected}
    # Printed without a cap and at the whole error: 209, 624, 632, 212; the halves cost 5%.
    for truth, printed in ((-0.02, 209), (0.0, 624), (0.02, 632), (0.04, 212)):
        assert printed < by_truth[truth].mean < 1.07 * printed
        assert by_truth[truth].most < found.labels_per_commit
    assert by_truth[0.01].mean < found.labels_per_commit == 2145
    assert found.labels == 32 * 2145
    assert by_truth[0.0].rejects <= found.delta_per_test
    assert by_truth[0.02].rejects >= 1 - found.delta_per_test


def test_the_ways_are_ordered_and_valid() -> None:
    found = plan(
        "n - o > 0.02 +/- 0.01", reliability=0.9999, steps=32, adaptivity="full", disagreement=0.1, baseline=0.85
    )
    ways = {way.name: way for way in found.ways()}
    assert ways["one fixed set"].labels == found.labels
    assert ways["passes that limit themselves"].nats == pytest.approx(16.5, abs=0.05)
    assert ways["one set until pass 3"].nats == pytest.approx(8.61, abs=0.01)
    assert not ways["one set until pass 3"].answers
    assert ways["fresh slices, labelled until decided"].labels < ways["one fixed set"].labels / 2
    costs = [way.labels for way in found.ways() if way.answers]
    assert costs == sorted(costs)
    text = found.explain()
    assert "bennett" in text
    assert "Cheapest that gives all answers: fresh slices, labelled until decided, as expected; at worst " in text


@pytest.mark.parametrize("condition", ["n - o > 0.02 +/- 0.02", "n > 0.9 +/- 0.02", "n - o > 0 +/- 0.01 and d < 0.1"])
@pytest.mark.parametrize("steps", [1, 4])
def test_the_cheapest_way_is_the_one_with_the_fewest_labels(condition: str, steps: int) -> None:
    found = plan(condition, reliability=0.95, steps=steps, adaptivity="none" if steps == 1 else "full")
    ways = [way for way in found.ways() if way.answers]
    assert ways[0].labels == min(way.labels for way in ways)
    assert f": {ways[0].name}" in found.explain().splitlines()[-1]


def test_the_ways_of_those_who_see_nothing_or_ask_once() -> None:
    unseen = plan("n > 0.9 +/- 0.01", reliability=0.99, steps=8)
    assert [way.name for way in unseen.ways()] == ["one fixed set"]
    once = plan("n - o > 0 +/- 0.01", reliability=0.99, disagreement=0.1)
    assert {way.name for way in once.ways()} == {
        "all labels at once", "only changed rows labelled", "labelled until decided",
    }  # fmt: skip
    until = plan("n > 0.9 +/- 0.01", reliability=0.99, steps=8, adaptivity="first-change")
    assert not next(way for way in until.ways() if "first pass" in way.name).answers


def test_the_tolerance_of_a_ratio_needs_a_baseline() -> None:
    ratio = plan("n / o > 1.02 +/- 0.01", reliability=0.99, baseline=0.8)
    assert ratio.labels == plan("n - 1.02*o > 0 +/- 0.008", reliability=0.99).labels
    with pytest.raises(ClaimError, match="baseline"):
        plan("n / o > 1.02 +/- 0.01", reliability=0.99)


def test_a_level_stands_for_another_account() -> None:
    terms = {"reliability": 0.99, "steps": 64, "adaptivity": "full"}
    assert (
        plan("n > 0.9 +/- 0.02", **terms).labels
        == plan("n > 0.9 +/- 0.02", reliability=0.99, level=0.01 / 2**64).labels
    )
    assert plan("n > 0.9 +/- 0.02", reliability=0.99, level=1e-200).labels > 10_000


def test_f1_scores_and_means() -> None:
    score = plan("f1(new) > 0.8 +/- 0.02", reliability=0.99)
    assert score.labels == binomial.rows_needed(0.8 / 1.2, 0.84 / 1.16, 0.01, 0.01)
    assert "positive or called so" in str(score)
    mean = plan("mean(delay) < 0.3 +/- 0.02", reliability=0.99)
    assert mean.labels == math.ceil(math.log(100) / (2 * 0.02**2))


def test_units_and_design_effect() -> None:
    alone = plan("n > 0.9 +/- 0.02", reliability=0.99)
    grouped = plan("n > 0.9 +/- 0.02", reliability=0.99, design_effect=3.5, unit_size=20)
    assert grouped.labels == math.ceil(3.5 * alone.labels)
    assert grouped.units == math.ceil(grouped.labels / 20)
    assert alone.units is None
    assert "estimate" in grouped.explain()


def test_a_difference_that_the_bound_on_change_settles() -> None:
    free = plan("n - o > -0.2 +/- 0.01 and d < 0.1 +/- 0.01", reliability=0.99)
    assert free.labels == 0
    with pytest.raises(ClaimError, match="can never be shown while"):
        plan("n - o > 0.2 +/- 0.01 and d < 0.1 +/- 0.01", reliability=0.99)


def test_limits_near_the_end_of_the_scale() -> None:
    assert plan("n > 0.95 +/- 0.1", reliability=0.99).labels == math.ceil(math.log(100) / -math.log(0.95))
    beyond = plan("n > 0.999 +/- 0.1", reliability=0.99)
    assert beyond.labels == hoeffding_labels(0.1)
    assert "no value lies" in str(beyond)


def hoeffding_labels(tolerance: float) -> int:
    return math.ceil(math.log(100) / (2 * tolerance**2))


@pytest.mark.parametrize(
    ("text", "terms", "error", "message"),
    [
        ("n - o > 0", {}, ClaimError, r"no tolerance.*write n - o > 0 \+/- 0.01"),
        ("d < 0.1", {}, ClaimError, "no tolerance"),
        ("n > 0 +/- 0.1", {"mode": "fn-free"}, ClaimError, "never be refuted"),
        ("n > 0.8 +/- 0.1", {"reliability": 1}, UsageError, "reliability"),
        ("n > 0.8 +/- 0.1", {"level": 0.2}, UsageError, "level"),
        ("n > 0.8 +/- 0.1", {"steps": 0}, UsageError, "steps"),
        ("n > 0.8 +/- 0.1", {"steps": 2000, "adaptivity": "full"}, UsageError, "plan fewer steps"),
        ("n > 0.8 +/- 0.1", {"adaptivity": "hybrid"}, UsageError, "adaptivity"),
        ("n > 0.8 +/- 0.1", {"method": "hoefding"}, UsageError, "did you mean 'hoeffding'"),
        ("n > 0.8 +/- 0.1", {"mode": "fp"}, UsageError, "mode"),
        ("n > 0.8 +/- 0.1", {"disagreement": 10}, UsageError, "disagreement"),
        ("n > 0.8 +/- 0.1", {"baseline": 1.0}, UsageError, "baseline"),
        ("n > 0.8 +/- 0.1", {"design_effect": 0.5}, UsageError, "design_effect"),
        ("n > 0.8 +/- 0.1", {"unit_size": 0}, UsageError, "unit_size"),
    ],
)
def test_bad_input_says_what_to_do(text: str, terms: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        plan(text, **({"reliability": 0.99} | terms))  # type: ignore[arg-type]


def test_disagreements_ask_for_a_bound_only_where_one_is_needed() -> None:
    assert disagreements(0.0, 0.02, 0.1, 1e-3, 1e-3)[1] == 0
    assert disagreements(-0.02, 0.0, 0.1, 1e-3, 1e-3)[1] == 0
    assert disagreements(0.02, 0.04, 0.1, 1e-3, 1e-3)[1] > 0
    assert disagreements(-0.03, -0.01, 0.1, 1e-3, 1e-3)[1] > 0


def test_one_tail_is_sharper_than_two_variables() -> None:
    # 2 ln(1/delta) / e^2, without the ln 2 for two variables.
    assert hoeffding.SOURCE
    found = plan("n - 1.000001*o > 0 +/- 0.01", reliability=0.9999, steps=32)
    assert found.labels == pytest.approx(253_522, rel=1e-4)
