from __future__ import annotations

from pathlib import Path

import pytest

from assay.checks.budget import alpha_of, histories
from assay.checks.select import select
from assay.core.project import DatasetTable, parse
from assay.errors import ProjectError, UsageError

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


@pytest.mark.parametrize(
    ("queries", "adaptivity", "claims", "expected"),
    [
        (1, "full", 3, 1),
        (8, "none", 3, 8),
        (3, "first-change", 1, 1 + 3 + 9),
        (3, "full", 1, 1 + 3 + 9),
        (2, "full", 2, 1 + 9),
    ],
)
def test_histories(queries: int, adaptivity: str, claims: int, expected: int) -> None:
    dataset = DatasetTable(role="test", source="x", queries=queries, adaptivity=adaptivity)  # type: ignore[arg-type]
    assert histories(dataset, claims) == pytest.approx(expected)


def test_too_many_histories() -> None:
    with pytest.raises(ProjectError, match="no error probability"):
        histories(DatasetTable(role="test", source="x", queries=1000, adaptivity="full"), 1)
