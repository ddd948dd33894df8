"""Who only looks leaves nothing behind; what is on record says where it comes from."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from loan_project import DATA, GATE, PROJECT, Assay, declare, loans, snapshot

from assay.checks.project import load
from assay.store import records


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["status"], "not asked yet"),
        (["status", "--json"], "0 entries, chain verified"),
        (["runs", "list"], "no run yet"),
        (["models", "list"], "no model yet"),
        (["ledger", "show"], "the ledger is empty"),
        (["ledger", "verify"], "0 entries, chain verified"),
        (["report", "--json"], "not asked yet"),
        (["profile", "test.csv"], "amount"),
    ],
)
def test_looking_makes_no_store(assay: Assay, project: Path, arguments: list[str], words: str) -> None:
    before = snapshot(project)
    said = assay(*arguments)
    assert said.code in (0, 5), said.err
    assert words in said.out
    assert snapshot(project) == before


def test_a_promotion_names_the_verdicts_that_allowed_it(assay: Assay, trained: Path) -> None:
    assert assay("models", "promote", "loan").code == 0
    entries = [json.loads(line) for line in assay("ledger", "show", "--json").out.splitlines()]
    (moved,) = [entry for entry in entries if entry["kind"] == "promotion"]
    store = load(trained).store
    judged = [records.get(store, identity) for identity in moved["detail"]["gate"]]
    assert {verdict.check for verdict in judged} == {"floor", "better"}
    assert records.get(store, moved["verdict_id"]).code == "SRV101"


def test_a_dataset_may_be_called_as_a_model_is(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace('["test"]', '["new"]'), PROJECT.replace("[datasets.test]", "[datasets.new]"))
    (verdict,) = json.loads(assay("check", "--json").out)["verdicts"]
    prints = verdict["evidence"]["fingerprints"]
    assert set(prints) == {"dataset:new", "new"}
    assert prints["dataset:new"] != prints["new"]
    with load(project) as opened, opened.store.read() as connection:
        found = connection.exec_driver_sql("SELECT source_id FROM lineage WHERE source_kind = 'dataset'").scalars()
        assert prints["dataset:new"] in set(found)


def test_a_dataset_selects_the_checks_that_read_it_without_naming_it(assay: Assay, project: Path) -> None:
    declare(project, GATE + DATA.replace('datasets = ["test"]\nreference = "train"\n', ""))
    loans(3).to_csv(project / "live.csv", index=False)
    text = (project / "assay.toml").read_text()
    (project / "assay.toml").write_text(text + '[datasets.live]\nrole = "live"\nsource = "live.csv"\n')
    found = json.loads(assay("check", "dataset:live", "--json").out)["verdicts"]
    assert {verdict["check"] for verdict in found} == {"fit"}


def test_init_says_that_the_label_is_a_guess(assay: Assay, tmp_path: Path) -> None:
    pd.DataFrame({"age": range(100), "color": ["red", "blue"] * 50}).to_csv(tmp_path / "people.csv", index=False)
    said = assay("init")
    assert said.code == 0
    assert "guessed: the label is 'color'" in said.err
    assert 'label = "color"   # a guess: it is the last column' in (tmp_path / "assay.toml").read_text()


def test_explain_replays_where_it_looked(assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (verdict,) = json.loads(assay("check", "--json").out)["verdicts"]
    monkeypatch.chdir("/")
    said = assay("explain", verdict["id"], "--project", str(project))
    assert f"assay check good-enough --project {project}" in said.out
