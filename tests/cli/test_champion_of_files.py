"""A model that is a file of predictions: the old one is what passed last, and rows are joined by id."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from loan_project import GATE, PROJECT, Assay, declare, loans, predictions, train
from test_reused_sets import propose
from test_shared_ledger import git

from assay.checks import champions
from assay.checks.project import load
from assay.checks.run import run_checks

ONE = PROJECT.partition("[models.old]")[0] + '[models.m]\npredictions = "new.csv"\n'
FLOOR = '[[checks]]\nid = "floor"\nclaim = "n > 0.6"\nmodel = "m"\nblocking = true\n'
BETTER = '[[checks]]\nid = "better"\nclaim = "n - o > 0"\nmodel = "m"\nblocking = true\n'


def statuses(assay: Assay) -> dict[str, str]:
    return {v["check"]: v["status"] for v in json.loads(assay("gate", "--json").out)["verdicts"]}


def test_a_bad_push_does_not_lower_the_bar(assay: Assay, project: Path) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    propose(project, 0.85, 1)
    assert statuses(assay) == {"floor": "pass", "better": "skipped"}
    propose(project, 0.70, 2)
    assert statuses(assay)["better"] != "pass"
    # Better than the bad one before it, and worse than what passed.
    propose(project, 0.80, 3)
    assert statuses(assay)["better"] != "pass"
    propose(project, 0.97, 4)
    first = assay("gate", "--json").out
    assert statuses(assay) == {"floor": "pass", "better": "pass"}
    # Asked again it is answered as before, and not compared with itself.
    again = json.loads(assay("gate", "--json").out)
    assert [v["id"] for v in again["verdicts"]] == [v["id"] for v in json.loads(first)["verdicts"]]
    propose(project, 0.90, 5)
    assert statuses(assay)["better"] != "pass"


@pytest.mark.parametrize("change", ["order", "label"])
def test_a_test_set_in_another_order_is_compared_with_the_same_model(assay: Assay, project: Path, change: str) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    propose(project, 0.93, 1)
    assay("gate")
    table = pd.read_csv(project / "test.csv")
    if change == "order":
        table = table.sample(frac=1, random_state=5)
    else:
        table.loc[7, "late"] = 1 - table.loc[7, "late"]
    table.to_csv(project / "test.csv", index=False)
    # Compared with the rows mixed up, what passed would be right in about half of them.
    propose(project, 0.80, 2)
    assert statuses(assay)["better"] in ("fail", "inconclusive")
    propose(project, 0.99, 3)
    assert statuses(assay)["better"] == "pass"


@pytest.mark.parametrize("change", ["a row", "a column", "all rows"])
def test_a_floor_alone_lets_nobody_through_on_another_set(assay: Assay, project: Path, change: str) -> None:
    """The champion is known; until somebody says what it predicts on these rows, no candidate is compared, and none passes."""
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    propose(project, 0.93, 1)
    assay("gate")
    table = loans(77) if change == "all rows" else pd.read_csv(project / "test.csv")
    if change == "a row":
        table.loc[7, "region"] = "east"
    if change == "a column":
        table["visits"] = np.arange(600)
    table.to_csv(project / "test.csv", index=False)
    propose(project, 0.80, 2)
    spent = assay("ledger", "show", "--json").out
    said = assay("gate")
    assert said.code == 2
    assert "predicted other rows than 'test' has now: put those back, or score it on these first" in said.err
    assert "`assay models score m FILE --on test`" in said.err
    # Nothing is spent on it, and the plan says the same without failing.
    assert assay("ledger", "show", "--json").out == spent
    assert "score it on these first" in " ".join(assay("plan").out.split())
    # With its predictions of these rows the next ones are compared with it.
    labels = table["late"].to_numpy()
    predictions(labels, 0.93, 11).to_csv(project / "last.csv", index=False)
    entered = assay("models", "score", "m", "last.csv")
    assert entered.code == 0, entered.err
    assert re.search(r"old is m, first judged [\d-]+, scored [\d-]+, outside of git", entered.out)
    assert statuses(assay)["better"] in ("fail", "inconclusive")
    assert re.search(
        r"scored [\d-]+, outside of git \(declared\)", " ".join(assay("gate", "--format", "full").out.split())
    )
    propose(project, 0.99, 3)
    assert statuses(assay) == {"floor": "pass", "better": "pass"}
    # From here on the new one is the champion, on these rows.
    propose(project, 0.93, 5)
    assert statuses(assay)["better"] in ("fail", "inconclusive")
    assert assay("ledger", "verify").code == 0


def test_what_cannot_be_scored_is_said(assay: Assay, project: Path) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    early = assay("models", "score", "m", "new.csv")
    assert early.code == 2
    assert "m has not passed yet" in early.err
    assert not (project / ".assay").exists()
    propose(project, 0.93, 1)
    assay("gate")
    twice = assay("models", "score", "m", "new.csv")
    assert twice.code == 2
    assert "is on record" in twice.err
    loans(77, 500).to_csv(project / "test.csv", index=False)
    short = assay("models", "score", "m", "new.csv")
    assert short.code == 2
    assert "600 predictions for the 500 rows" in short.err
    assert "no model 'n'; declared: m" in assay("models", "score", "n", "new.csv").err


def test_a_verdict_says_which_model_it_compares_with(
    assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A candidate that passed sets the bar, merged or not; the verdict says when it passed, and at which commit."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))

    def compared() -> str:
        found = json.loads(assay("gate", "--json").out)["verdicts"]
        better = next(v for v in found if v["check"] == "better")
        return next(a["text"] for a in better["guarantee"]["assumptions"] if a["text"].startswith("old is"))

    propose(project, 0.85, 1)
    assay("gate")
    propose(project, 0.80, 2)
    today = pd.Timestamp.now("UTC").date().isoformat()
    assert compared() == f"old is m, first judged {today}, outside of git"
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "train.csv")
    git(project, "commit", "--quiet", "-m", "loans")
    git(project, "checkout", "--quiet", "-b", "proposal")
    git(project, "commit", "--quiet", "--allow-empty", "-m", "a better model")
    head = git(project, "rev-parse", "HEAD").strip()
    propose(project, 0.99, 3)
    assert statuses(assay)["better"] == "pass"
    propose(project, 0.81, 4)
    assert compared() == f"old is m, passed {today}, {head[:10]} in this checkout"
    assert f"{head[:10]} in this checkout (checked)" in assay("gate").out
    git(project, "checkout", "--quiet", "main")
    propose(project, 0.82, 5)
    assert compared().endswith(f"{head[:10]} not in this checkout")
    assert "it was not merged here, unless its commits were squashed" in " ".join(
        assay("gate", "--format", "full").out.split()
    )


def test_a_registered_champion_is_named_with_its_version(assay: Assay, trained: Path) -> None:
    assert assay("models", "promote", "loan").code == 0
    train(trained, scale=0.01)
    said = assay("gate", "--format", "full").out.replace("\n", " ")
    assert "old is loan/1, champion since " in said


def test_the_first_is_told_what_it_can_do(assay: Assay, project: Path) -> None:
    """Nothing is registered here, so that nothing can be promoted."""
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    found = json.loads(assay("gate", "--json").out)["verdicts"]
    better = next(v for v in found if v["check"] == "better")
    assert better["reason"] == (
        "m has no champion yet: the first that passes the rest of the gate is what the next is compared with"
    )
    assert not better.get("actions")
    assert "next" not in assay("status").out


def test_the_first_is_kept_where_nothing_but_a_comparison_is_asked(assay: Assay, project: Path) -> None:
    """Else every candidate would be the first, and go through without a question."""
    declare(project, BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    propose(project, 0.93, 1)
    assert statuses(assay) == {"better": "skipped"}
    propose(project, 0.80, 2)
    assert assay("gate").code in (1, 4)


def test_each_of_two_sets_has_the_champion(assay: Assay, project: Path) -> None:
    second = '\n[datasets.later]\nrole = "dev"\nsource = "later.csv"\nlabel = "late"\nid = "loan"\nqueries = 9\nadaptivity = "none"\n'
    both = pd.concat([loans(2), loans(5)], ignore_index=True).assign(loan=np.arange(1200) + 7)
    both[:600].to_csv(project / "test.csv", index=False)
    both[600:].to_csv(project / "later.csv", index=False)
    text = ONE.replace('"test.csv"', '"test.csv"\nid = "loan"\nqueries = 9\nadaptivity = "none"').replace(
        "\n[models", second + "\n[models"
    )
    twice = BETTER.replace("blocking", 'datasets = ["test"]\nblocking')
    twice += BETTER.replace("better", "later").replace("blocking", 'datasets = ["later"]\nblocking')
    declare(project, twice, text)

    def go(accuracy: float, seed: int) -> dict[str, str]:
        said = predictions(both["late"].to_numpy(), accuracy, seed).assign(loan=both["loan"])
        said.to_csv(project / "new.csv", index=False)
        return statuses(assay)

    assert go(0.85, 1) == {"better": "skipped", "later": "skipped"}
    assert go(0.95, 2) == {"better": "pass", "later": "pass"}
    assert "pass" not in go(0.80, 3).values()


def test_a_pass_is_made_up_for_by_whoever_asks_again(
    assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    propose(project, 0.93, 1)
    with monkeypatch.context() as killed:
        # A process that dies after its verdicts are on record.
        killed.setattr(champions, "keep", lambda *_: None)
        assay("gate")
    assert statuses(assay) == {"floor": "pass", "better": "skipped"}
    assay("gate")
    events = [json.loads(line)["detail"] for line in assay("ledger", "show", "--json").out.splitlines()]
    assert [detail.get("event") for detail in events].count("passed") == 1
    propose(project, 0.80, 2)
    assert statuses(assay)["better"] in ("fail", "inconclusive")


def test_predictions_that_were_sent_are_what_passed(project: Path) -> None:
    declare(project, FLOOR + BETTER, ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"'))
    labels = pd.read_csv(project / "test.csv")["late"].to_numpy()
    predictions(labels, 0.55, 1).to_csv(project / "new.csv", index=False)
    found = []
    with load(project) as opened:
        for accuracy, seed in ((0.93, 2), (0.80, 3), (0.99, 4)):
            sent = pa.Table.from_pandas(predictions(labels, accuracy, seed))
            found.append(run_checks(opened, "stage:gate", submitted=sent).verdicts["better"].status)
    assert found[0] == "skipped"
    assert found[1] in ("fail", "inconclusive")
    assert found[2] == "pass"


def test_predictions_with_an_id_are_joined_by_it(assay: Assay, project: Path) -> None:
    table = pd.read_csv(project / "test.csv").assign(loan=np.arange(600) * 3)
    table.to_csv(project / "test.csv", index=False)
    said = pd.read_csv(project / "new.csv").assign(loan=table["loan"])
    said.sample(frac=1, random_state=1).to_csv(project / "new.csv", index=False)
    declare(project, GATE, PROJECT.replace('"test.csv"', '"test.csv"\nid = "loan"'))
    found = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert found["status"] == "pass"
    assert found["evidence"]["estimate"] == pytest.approx(0.925)


@pytest.mark.parametrize(("rows", "message"), [(slice(1, None), "none for the loan 0"), (slice(None), "two rows")])
def test_ids_that_do_not_fit(assay: Assay, project: Path, rows: slice, message: str) -> None:
    table = pd.read_csv(project / "test.csv").assign(loan=np.arange(600))
    table.to_csv(project / "test.csv", index=False)
    said = pd.read_csv(project / "new.csv").assign(loan=table["loan"] if rows.start else 5)
    said.iloc[rows].to_csv(project / "new.csv", index=False)
    declare(project, GATE, PROJECT.replace('"test.csv"', '"test.csv"\nid = "loan"'))
    refused = assay("gate")
    assert refused.code == 2
    assert message in refused.err


def test_a_named_old_model_is_said_to_be_vouched_for_by_nobody(assay: Assay, project: Path) -> None:
    named = BETTER.replace('model = "m"', 'new = "new"\nold = "old"')
    declare(project, named)
    found = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert any(
        "'old' is as the project says; no pass vouches for it" in a["text"] for a in found["guarantee"]["assumptions"]
    )
