from __future__ import annotations

import math
from pathlib import Path

import pytest

from assay.checks.budget import alpha_of, gain_of, policy_of, shown, words_of
from assay.checks.select import select
from assay.core.project import BudgetTable, DatasetTable, parse
from assay.errors import ProjectError, UsageError
from assay.gate import parse as parse_claim

TEXT = """
[project]
name = "x"

[budget]
alpha = 0.05

[datasets.train]
role = "train"
source = "a"

[datasets.live]
role = "live"
source = "b"

[[checks]]
id = "better"
claim = "n - o > 0"
blocking = true

[[checks]]
id = "floor"
claim = "n > 0.5"
blocking = true
reliability = 0.99

[[checks]]
id = "fit"
use = "VAL1"
datasets = ["live"]
reference = "train"
blocking = true
tags = ["nightly"]

[[checks]]
id = "fit-again"
use = "VAL1"
blocking = true

[[checks]]
id = "reachable"
use = "FEA101"
"""
FILE = parse(TEXT, Path("assay.toml"))


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ("", ["better", "floor", "fit", "fit-again", "reachable"]),
        ("floor", ["floor"]),
        ("floor better", ["better", "floor"]),
        ("stage:gate", ["better", "floor"]),
        ("VAL1", ["fit", "fit-again"]),
        ("VAL", ["fit", "fit-again"]),
        ("VAL102", ["fit", "fit-again"]),
        ("GAT", ["better", "floor"]),
        ("dataset:live", ["fit", "fit-again"]),
        ("dataset:train", ["fit", "fit-again", "reachable"]),
        ("tag:nightly stage:feasibility", ["fit", "reachable"]),
        ("tag:weekly", []),
    ],
)
def test_select(selection: str, names: list[str]) -> None:
    assert [check.name for check in select(FILE, selection)] == names


@pytest.mark.parametrize("term", ["bettr", "stage:gat", "kind:x", "floor bettr", "dataset:liev", "model:x"])
def test_a_misspelled_term_is_an_error_not_an_empty_run(term: str) -> None:
    with pytest.raises(UsageError):
        select(FILE, term)


def test_how_alpha_is_shared() -> None:
    alphas = {check.name: alpha_of(check, FILE) for check in FILE.checks}
    assert alphas["floor"] == pytest.approx(0.01)
    # A gate passes only if all its checks pass, so each has the whole alpha; one data alarm is enough to act on.
    assert alphas["better"] == FILE.budget.alpha
    assert alphas["fit"] == alphas["fit-again"] == pytest.approx(FILE.budget.alpha / 2)
    assert alphas["reachable"] == FILE.budget.alpha


def test_nothing_left_to_share() -> None:
    stated = 'use = "VAL1"\ndatasets = ["live"]\nreliability = 0.95'
    file = parse(TEXT.replace("reliability = 0.99", "").replace('use = "VAL1"\ndatasets = ["live"]', stated), Path("a"))
    with pytest.raises(ProjectError, match="ask for all"):
        alpha_of(next(check for check in file.checks if check.name == "fit-again"), file)


def holdout(**keys: object) -> DatasetTable:
    return DatasetTable(role="test", source="x", **keys)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("keys", "words", "passing", "tests"),
    [
        ({"queries": 1, "adaptivity": "full"}, 27, 3, 1),
        ({"queries": 8, "adaptivity": "none"}, 27, 3, 8),
        ({"queries": 3, "adaptivity": "first-change"}, 2, 1, 3),
        ({"queries": 3, "adaptivity": "first-change"}, 3, 1, 1 + 2 + 4),
        ({"queries": 3, "adaptivity": "full"}, 2, 1, 1 + 2 + 4),
        ({"queries": 3, "adaptivity": "full"}, 3, 1, 1 + 3 + 9),
        ({"queries": 2, "adaptivity": "full"}, 9, 1, 1 + 9),
        ({"queries": 4, "adaptivity": "full", "policy": "k-pass", "passes": 2}, 2, 1, 1 + 2 + (1 + 2) + (1 + 3)),
        ({"queries": 9, "adaptivity": "full", "policy": "fresh-slice"}, 0, 0, 9),
        ({"queries": 5, "adaptivity": "full", "policy": "self-limiting", "baseline": 0.9}, 2, 1, 25),
    ],
)
def test_over_how_many_tests_alpha_is_shared(keys: dict, words: int, passing: int, tests: int) -> None:
    policy = policy_of(holdout(**keys), words=words, passing=passing, gain=0.05)
    assert math.exp(-policy.log_weight(0, 0)) == pytest.approx(tests)


def test_passes_limit_themselves_only_where_each_asks_for_a_gain() -> None:
    with pytest.raises(ProjectError, match="asks for a gain"):
        policy_of(holdout(queries=5, adaptivity="full", policy="self-limiting"), words=2, passing=1, gain=None)


@pytest.mark.parametrize(
    ("claim", "gain"),
    [
        ("n - o > 0.02 and d < 0.1", 0.02),
        ("o - n < -0.03", 0.03),
        ("n - o > -0.02", None),
        ("n > 0.8", None),
        ("n - 1.1*o > 0.02", None),
        ("accuracy(new | a) - accuracy(old | a) > 0.1", None),
    ],
)
def test_what_a_pass_gains(claim: str, gain: float | None) -> None:
    assert gain_of(parse_claim(claim)) == gain


def test_words() -> None:
    assert words_of("verdict") == (2, 1)
    assert words_of("three-valued", 2) == (3, 1)
    assert words_of("estimate", 2) == (3 * 202 * 2, 202 * 2)


def test_an_estimate_is_whole_where_nobody_can_use_it_again() -> None:
    budget = BudgetTable(disclose="estimate")
    assert shown(budget, holdout(queries=3, adaptivity="full")) == "estimate"
    assert shown(budget, holdout(queries=3, adaptivity="none")) == shown(budget, holdout()) == "full"
    # Who says nothing of who sees the answers gets no more than those who see them.
    assert shown(budget, holdout(queries=3)) == "estimate"
    assert shown(BudgetTable(disclose="verdict"), holdout()) == "verdict"
