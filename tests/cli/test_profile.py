"""``assay profile``: slices, a saved profile, two side by side, another engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from assay.cli.main import cli
from assay.validation import Profile


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name, shift in (("one", 0.0), ("two", 5.0)):
        frame = pd.DataFrame({"x": rng.normal(size=200) + shift, "g": rng.choice(["a", "b"], 200), "same": 1})
        frame.to_parquet(f"{name}.parquet")
    return lambda *words: CliRunner().invoke(cli, ["profile", *words])


def test_slices_are_shown_below(run):
    shown = run("one.parquet", "--by", "g", "--label", "g").output
    assert [line for line in shown.splitlines() if line.startswith("g=")] == ["g=a", "g=b"]


def test_a_saved_profile_stands_for_its_table(run, tmp_path):
    assert run("one.parquet", "--save", "one.profile").exit_code == 0
    assert Profile.load(tmp_path / "one.profile").rows == 200
    again = run("one.profile")
    assert again.output == run("one.parquet").output
    beside = run("one.profile", "--compare", "two.parquet").output
    assert "one.parquet: 200 rows  ->  two.parquet: 200 rows" in beside
    assert "1 column with the same numbers" in beside
    assert any(line.startswith("x ") and "->" in line for line in beside.splitlines())


def test_a_column_on_one_side_alone_and_another_type_are_named(run):
    pd.DataFrame({"x": ["a"], "new": [1]}).to_parquet("three.parquet")
    shown = run("one.parquet", "--compare", "three.parquet").output
    assert "only in the second" in shown
    assert "float64 -> string" in shown


def test_a_page_of_one_table_and_of_two(run, tmp_path):
    assert run("one.parquet", "--by", "g", "--html", "one.html").exit_code == 0
    page = (tmp_path / "one.html").read_text()
    assert page.count("<article") == 9
    assert "g=a" in page
    assert run("one.parquet", "--compare", "two.parquet", "--html", "two.html").stdout == ""
    page = (tmp_path / "two.html").read_text()
    assert page.count('class="key') == 2
    assert "moved 0.000" in page


def test_what_cannot_be_read_is_said_in_one_line(run, assay):
    for words, said in (
        (["one.parquet", "--engine", "mainframe"], "no engine 'mainframe'"),
        (["t", "--engine", "postgresql://nobody@127.0.0.1:1/x"], "cannot be opened on 127.0.0.1:1/x"),
        (["one.parquet", "--by", "h"], "no column 'h'"),
        (["one.parquet", "--save", "no/where"], "there is no folder"),
        (["one.parquet", "--html", "no/where"], "there is no folder"),
    ):
        found = assay("profile", *words)
        assert (found.code, found.out) == (2, ""), words
        assert said in found.err
        assert found.err.count("\n") == 1
