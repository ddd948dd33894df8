"""``assay fuzz``: what it says, what it leaves behind, how it ends."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loan_project import Assay

SCHEMA = """
[columns.distance]
type = "number"
range = { min = 0, max = 5000 }
nulls = "never"
[columns.minutes]
type = "integer"
range = { min = 0, max = 900 }
nulls = "never"
"""
CODE = """
def speed(flights):
    return flights["distance"] / flights["minutes"]

def safe_speed(flights):
    return flights["distance"] / (flights["minutes"] + 1)
"""


@pytest.fixture(autouse=True)
def _code(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "schema.toml").write_text(SCHEMA)
    (tmp_path / "features_under_test.py").write_text(CODE)
    yield
    sys.modules.pop("features_under_test", None)


@pytest.mark.parametrize("format_", ["concise", "full", "junit", "markdown", "html"])
def test_what_is_in_no_store_is_explained_by_its_code(assay: Assay, tmp_path: Path, format_: str) -> None:
    said = assay("fuzz", "features_under_test:speed", "--oracles", "finite", "--trials", "20", "--format", format_).out
    (asked,) = set(re.findall("assay explain ([A-Za-z0-9]+)", said))
    assert assay("explain", asked).code == 0


def test_a_fault_fails_and_is_kept(assay: Assay, tmp_path: Path) -> None:
    said = assay("fuzz", "features_under_test:speed", "--oracles", "finite", "--trials", "20", "--format", "full")
    assert said.code == 1
    assert "minutes=0" in said.out
    assert "[columns.minutes] range: minimum" in said.out
    (kept,) = (tmp_path / "tests" / "assay-fuzz").rglob("*.json")
    assert json.loads(kept.read_text())["oracle"] == "finite"


def test_sound_code_passes_beside_its_serving_path(assay: Assay, tmp_path: Path) -> None:
    name = "features_under_test:safe_speed"
    said = assay("fuzz", name, "--serve", name, "--trials", "20", "--json")
    assert said.code == 0, said.err
    verdicts = json.loads(said.out)["verdicts"]
    assert {verdict["status"] for verdict in verdicts} == {"pass"}
    assert "VAL606" in {verdict["code"] for verdict in verdicts}
    assert not (tmp_path / "tests").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["speed"], "write it as module:function"),
        (["features_under_test:nope"], "no function 'nope'"),
        (["not_there:f"], "cannot be imported"),
        (["features_under_test:speed", "--schema", "no.toml"], "no.toml is not there"),
        (["features_under_test:speed", "--oracles", "fnite"], "did you mean"),
        (["features_under_test:speed", "--trials", "0"], "--trials"),
        (["features_under_test:speed", "--environment", "serve"], "declares no environment"),
    ],
)
def test_bad_input_is_one_line(assay: Assay, tmp_path: Path, arguments: list[str], told: str) -> None:
    said = assay("fuzz", *arguments)
    assert said.code == 2
    assert told in said.err
    assert len(said.err.splitlines()) == 1
    assert not (tmp_path / "tests").exists()
