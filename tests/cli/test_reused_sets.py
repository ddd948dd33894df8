"""A test set in a project: what it answers, what resets nothing, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from loan_project import GATE, PROJECT, Assay, declare, loans, predictions

BETTER = '[[checks]]\nid = "better"\nclaim = "n - o > 0"\nnew = "new"\nold = "old"\nblocking = true\n'


def reused(queries: int = 3, adaptivity: str = "full", disclose: str = "verdict", more: str = "") -> str:
    keys = f'"test.csv"\nqueries = {queries}\nadaptivity = "{adaptivity}"\n{more}'
    return PROJECT.replace('"test.csv"', keys).replace(
        'name = "loans"\n', f'name = "loans"\n\n[budget]\ndisclose = "{disclose}"\n'
    )


def propose(folder: Path, accuracy: float, seed: int) -> None:
    labels = pd.read_csv(folder / "test.csv")["late"].to_numpy()
    predictions(labels, accuracy, seed).to_csv(folder / "new.csv", index=False)


def meter(assay: Assay) -> dict:
    return json.loads(assay("testset", "status", "--json").out)


def level(assay: Assay, number: int) -> float:
    entries = [json.loads(line) for line in assay("ledger", "show", "--json", "--limit", "999").out.splitlines()]
    return [entry["amount"] for entry in entries if entry["kind"] == "alpha" and entry["state"] == "reserve"][number]


def test_the_meter_runs_down_and_the_gate_closes(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused())
    for number, accuracy in enumerate((0.8, 0.7, 0.93)):
        propose(project, accuracy, number)
        assert assay("gate").code == (0 if accuracy > 0.9 else 4)
        found = meter(assay)
        assert (found["answers"], found["passes"]) == (number + 1, int(accuracy > 0.9))
        assert level(assay, number) == pytest.approx(0.05 / 7)
    assert (found["state"], found["nats_left"]) == ("spent", 0)
    propose(project, 0.94, 9)
    said = assay("gate")
    assert said.code == 4
    assert "3 of 3 spent" in said.out
    assert "collect a new test set of about 600 labelled rows" in said.out
    shown = assay("ledger", "show").out
    assert "3 of 3 answers given, 0 left; 2.1 nats disclosed, 0.0 left; spent" in shown
    assert assay("testset", "status", "test").code == 4


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        ({"queries": 8, "adaptivity": "none"}, 0.05 / 8),
        ({"queries": 8, "adaptivity": "first-change"}, 0.05 / 8),
        ({"queries": 8, "adaptivity": "first-change", "disclose": "three-valued"}, 0.05 / 255),
        ({"queries": 8, "adaptivity": "full"}, 0.05 / 255),
        ({"queries": 2, "adaptivity": "full", "disclose": "estimate"}, 0.05 / 607),
        ({"queries": 8, "more": 'policy = "k-pass"\npasses = 2'}, 0.05 / (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8)),
        ({"queries": 8, "more": 'policy = "fresh-slice"', "disclose": "full"}, 0.05 / 8),
    ],
)
def test_what_is_declared_is_charged(assay: Assay, project: Path, keys: dict, first: float) -> None:
    declare(project, GATE, reused(**keys))
    assay("gate")
    assert level(assay, 0) == pytest.approx(first)


def test_the_first_pass_retires_the_set(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused(8, "first-change"))
    for number, accuracy in enumerate((0.7, 0.93)):
        propose(project, accuracy, number)
        assay("gate")
        assert level(assay, number) == pytest.approx(0.05 / 8)
    propose(project, 0.94, 5)
    said = assay("gate")
    assert said.code == 4
    assert "retired at pass 1" in said.out
    # The model that passed is answered as before, and for nothing.
    propose(project, 0.93, 1)
    assert assay("gate").code == 0


def test_three_words_and_a_rounded_estimate(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace("0.8", "0.99"), reused(2, "full", "three-valued"))
    said = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert said["status"] == "fail"
    assert said["evidence"].get("estimate") is None
    declare(project, GATE, reused(2, "full", "estimate"))
    said = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert said["evidence"]["estimate"] == 0.92
    assert said["evidence"].get("lower") is None
    assert "about 0.92" in said["reason"]


@pytest.mark.parametrize(
    "edit",
    [
        lambda text, _: text.replace("queries = 3", "queries = 30"),
        lambda text, _: text.replace('id = "good-enough"', 'id = "other-name"'),
        lambda text, _: text.replace("n > 0.8", "n > 0.7"),
        lambda text, _: text.replace("disclose", "alpha = 0.2\ndisclose"),
        lambda text, _: text.replace('disclose = "verdict"', 'disclose = "three-valued"'),
        lambda text, _: text.replace('adaptivity = "full"', 'adaptivity = "none"'),
        lambda text, _: text.replace("datasets.test", "datasets.again").replace('["test"]', '["again"]'),
        lambda text, folder: renamed(text, folder, lambda frame: frame),
        lambda text, folder: renamed(text, folder, lambda frame: frame[frame.columns[::-1]]),
        lambda text, folder: renamed(text, folder, lambda frame: frame.iloc[:-1]),
        lambda text, folder: renamed(text, folder, lambda frame: changed(frame, "amount")),
        lambda text, folder: renamed(text, folder, lambda frame: changed(frame, "late")),
        lambda text, folder: renamed(text, folder, lambda frame: pd.concat([frame, loans(77, 50)])),
        lambda text, folder: renamed(text, folder, lambda frame: pd.concat([frame.head(200), loans(77, 400)])),
    ],
    ids=[
        "more queries", "another id", "another claim", "another budget", "more words", "unseen", "another name",
        "another file", "columns", "a row dropped", "a row changed", "a label changed", "rows added", "mostly fresh",
    ],
)  # fmt: skip
def test_what_is_spent_stays_spent(assay: Assay, project: Path, edit) -> None:
    declare(project, GATE, reused())
    for number in range(3):
        propose(project, 0.7, number)
        assay("gate")
    (project / "assay.toml").write_text(edit((project / "assay.toml").read_text(), project))
    labels = pd.read_csv(project / ("moved.csv" if (project / "moved.csv").exists() else "test.csv"))["late"]
    predictions(labels.to_numpy(), 0.95, 8).to_csv(project / "new.csv", index=False)
    said = assay("gate")
    assert said.code == 4, said.out + said.err
    assert "spent" in said.out
    assert "pass" not in json.loads(assay("gate", "--json").out)["verdicts"][0]["status"]


def renamed(text: str, folder: Path, change) -> str:
    change(pd.read_csv(folder / "test.csv")).to_csv(folder / "moved.csv", index=False)
    return text.replace("test.csv", "moved.csv")


def changed(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    frame.loc[3, column] = 1 - frame.loc[3, column]
    return frame


def test_fresh_rows_are_a_fresh_set(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused(1))
    assert assay("gate").code == 0
    loans(50).to_csv(project / "test.csv", index=False)
    propose(project, 0.93, 3)
    assert assay("gate").code == 0
    assert len(assay("testset", "status").out.splitlines()) == 2


def test_rows_that_say_little_are_told_apart_by_the_whole_table(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused(1))
    for seed in (1, 2):
        loans(seed)[["region", "late"]].to_csv(project / "test.csv", index=False)
        propose(project, 0.93, seed)
        assert assay("gate").code == 0


def test_rows_of_two_sets_are_refused(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused(1))
    for seed in (11, 12):
        loans(seed).to_csv(project / "test.csv", index=False)
        propose(project, 0.93, seed)
        assay("gate")
    pd.concat([loans(11, 600), loans(12, 600)]).to_csv(project / "test.csv", index=False)
    propose(project, 0.93, 3)
    said = assay("gate")
    assert said.code == 4
    assert "2 test sets" in said.err + said.out


def test_answers_that_were_not_to_be_seen_cannot_be_seen_later(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused(4, "none", "full"))
    assay("gate")
    declare(project, GATE, reused(4, "full", "verdict"))
    propose(project, 0.95, 5)
    said = assay("gate")
    assert said.code == 4
    assert "spent all of the error probability" in said.out


def test_a_lower_error_probability_is_not_promised_afterwards(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused())
    assay("gate")
    declare(project, GATE.replace("blocking", "reliability = 0.99\nblocking"), reused())
    propose(project, 0.95, 5)
    said = assay("gate")
    assert said.code == 4
    assert "0.05" in said.out
    assert "0.01" in said.out


def test_a_claim_that_is_added_shows_another_word(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused(3))
    assay("gate")
    declare(project, GATE + BETTER, reused(3))
    assay("gate")
    assert meter(assay)["answers"] == 2


def test_retired_by_a_person(assay: Assay, project: Path) -> None:
    declare(project, GATE, reused())
    assay("gate")
    assert assay("testset", "retire", "test", "--reason", "labels were published").code == 0
    propose(project, 0.95, 5)
    said = assay("gate")
    assert said.code == 4
    assert "retired: labels were published" in said.out
    assert assay("testset", "retire", "test", "--reason", "again").code == 2
    assert assay("testset", "retire", "nothing", "--reason", "x").code == 2


def test_a_killed_answer_counts_as_the_word_that_keeps_least(assay: Assay, project: Path, monkeypatch) -> None:
    import assay.checks.gate as gate_checks

    declare(project, GATE, reused(8, "first-change"))
    decide = gate_checks.decide
    monkeypatch.setattr(gate_checks, "decide", lambda *_, **__: 1 / 0)
    assert assay("gate").code == 3
    monkeypatch.setattr(gate_checks, "decide", decide)
    held = meter(assay)
    assert (held["answers"], held["pending"]) == (1, 1)
    labels = pd.read_csv(project / "new.csv")
    propose(project, 0.95, 5)
    said = assay("gate")
    # It may have been the pass that retires the set.
    assert said.code == 4
    assert "held by checks that are running" in said.out
    labels.to_csv(project / "new.csv", index=False)


def test_a_sorted_file_gives_the_verdict_of_a_shuffled_one(assay: Assay, project: Path) -> None:
    declare(project, GATE + BETTER.replace("n - o > 0", "n - 1.1*o > -0.05"))
    table = pd.read_csv(project / "test.csv")
    said = {name: pd.read_csv(project / f"{name}.csv") for name in ("old", "new")}
    found = []
    for order in (table.index, table.sort_values("late").index, table.sample(frac=1, random_state=1).index):
        table.loc[order].to_csv(project / "test.csv", index=False)
        for name, values in said.items():
            values.loc[order].to_csv(project / f"{name}.csv", index=False)
        (project / ".assay").rename(project / f"store{len(found)}") if found else None
        verdicts = json.loads(assay("gate", "--json").out)["verdicts"]
        for verdict in verdicts:
            verdict.pop("id")
            verdict["evidence"].pop("seconds", None)
            verdict["evidence"]["fingerprints"] = {}
        found.append(verdicts)
    assert found[0] == found[1] == found[2]


def test_each_answer_has_a_slice_of_its_own(assay: Assay, project: Path) -> None:
    declare(project, GATE.replace("0.8", "0.5"), reused(4, "full", "full", 'policy = "fresh-slice"'))
    rows = []
    for number in range(4):
        propose(project, 0.9, number)
        verdict = json.loads(assay("gate", "--json").out)["verdicts"][0]
        assert verdict["status"] == "pass"
        rows.append(verdict["evidence"]["n"])
    assert sum(rows) == 600
    assert min(rows) > 140
    propose(project, 0.9, 7)
    assert assay("gate").code == 4


def test_slices_share_no_unit_and_no_copy(assay: Assay, project: Path) -> None:
    from assay.checks.inputs import Inputs
    from assay.checks.project import load

    table = loans(2).assign(customer=lambda frame: frame.index // 7)
    table.to_csv(project / "test.csv", index=False)
    declare(project, GATE, reused(5, "full", "full", 'policy = "fresh-slice"\nunit = "customer"'))
    dataset = Inputs(load(project), {}).dataset("test")
    slices = [dataset.stretch(number, 5) for number in range(5)]
    customers = [set(table["customer"].iloc[rows]) for rows in slices]
    assert sorted(row for rows in slices for row in rows) == list(range(600))
    assert all(not one & other for i, one in enumerate(customers) for other in customers[:i])
    declare(project, GATE, reused(90, "full", "full", 'policy = "fresh-slice"\nunit = "customer"'))
    said = assay("gate")
    assert said.code == 2
    assert "plan fewer queries" in said.err
