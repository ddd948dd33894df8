"""Labels bought one by one: suggest, import, gate, and again."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from assay.checks.project import load
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from loan_project import Assay

ROWS = 3000
PROJECT = """\
[project]
name = "loans"

[budget]
labels = 600

[datasets.pool]
role = "pool"
source = "pool.csv"
label = "late"
id = "loan"
queries = 4
adaptivity = "none"

[models.old]
predictions = "old.csv"

[models.new]
predictions = "new.csv"

[[checks]]
id = "better"
claim = "n - o > 0 +/- 0.02"
method = "sequential"
reliability = 0.98
new = "new"
old = "old"
blocking = true
"""


def truth() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 2, ROWS)


def candidate(gain: float, seed: int = 2) -> np.ndarray:
    """Differs from the old model in a fifth of the rows."""
    rng = np.random.default_rng(seed)
    old = pd.read_csv("old.csv")["prediction"].to_numpy()
    right = old == truth()
    change = rng.random(ROWS) < np.where(right, (0.2 - gain) / 2 / 0.8, (0.2 + gain) / 2 / 0.2)
    return np.where(change, 1 - old, old)


def propose(gain: float, seed: int = 2) -> None:
    pd.DataFrame({"prediction": candidate(gain, seed)}).to_csv("new.csv", index=False)


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """3,000 loans without labels, an old model that is right in 80% of them, and a new one that is better."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"loan": [f"L{k}" for k in range(ROWS)], "amount": rng.gamma(2, 500, ROWS).round(2)})
    frame.to_csv("pool.csv", index=False)
    labels = truth()
    old = np.where(rng.random(ROWS) < 0.8, labels, 1 - labels)
    pd.DataFrame({"prediction": old}).to_csv("old.csv", index=False)
    (tmp_path / "assay.toml").write_text(PROJECT)
    propose(0.08)
    return tmp_path


def label(text: str) -> pd.DataFrame:
    """Fill in the labels of a table that was handed out."""
    asked = pd.read_csv(io.StringIO(text))
    assert list(asked) == ["loan", "amount", "late"]
    assert asked["late"].isna().all()
    asked["late"] = truth()[asked["loan"].str[1:].astype(int)]
    return asked


def answer(assay: Assay, limit: int = 40) -> tuple[str, int]:
    """Label until the check is decided; give its status and the labels that it took."""
    bought = 0
    for _ in range(40):
        status = json.loads(assay("gate", "--json").out)["verdicts"][0]["status"]
        said = assay("labels", "suggest", "--check", "better", "--limit", str(limit))
        assert said.code == 0, said.err
        if "nothing to label" in said.err:
            return status, bought
        asked = label(said.out)
        bought += len(asked)
        asked.to_csv("back.csv", index=False)
        assert assay("labels", "import", "back.csv", "--check", "better").code == 0
    raise AssertionError("never decided")


def spent(folder: Path, kind: str) -> dict[str, float]:
    return Ledger(load(folder).store).totals(kind)  # type: ignore[arg-type]


def test_a_better_model_passes_after_a_few_labels(assay: Assay, pool: Path) -> None:
    first = assay("gate")
    assert first.code == 4
    assert "labels still needed: expected" in first.out
    assert "assay labels suggest --check better" in first.out
    status, bought = answer(assay)
    assert status == "pass"
    assert 40 <= bought <= 400
    assert assay("gate").code == 0
    assert spent(pool, "labels") == {"loans": bought}
    # One answer and its share of the error, however often it was looked at.
    assert list(spent(pool, "answers").values()) == [1.0]
    assert list(spent(pool, "alpha").values()) == [pytest.approx(0.02 / 4)]
    told = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert told["guarantee"]["kind"] == "anytime"
    assert told["guarantee"]["error"] == pytest.approx(0.005)
    assert f"{bought} of 600 labels" in assay("status").out.replace(",", "")
    assert assay("ledger", "verify").code == 0


def test_a_worse_model_fails_and_the_next_one_gets_fresh_rows(assay: Assay, pool: Path) -> None:
    propose(-0.08)
    status, bought = answer(assay)
    assert status == "fail"
    first = {row for entry in Ledger(load(pool).store).entries(kind="labels") for row in entry.detail["rows"]}
    assert len(first) == bought
    propose(0.10, seed=5)
    assert assay("gate").code == 4
    asked = label(assay("labels", "suggest", "--check", "better").out)
    assert not set(asked["loan"]) & first
    entries = Ledger(load(pool).store).entries(kind="labels")
    owners = list(dict.fromkeys(entry.detail["owner"] for entry in entries))
    assert len(owners) == 2
    used = max(entry.detail["last"] for entry in entries if entry.detail["owner"] == owners[0])
    assert all(entry.detail["first"] >= used for entry in entries if entry.detail["owner"] == owners[1])
    assert list(spent(pool, "answers").values()) == [2.0]


def test_asking_twice_hands_out_the_same_rows_and_costs_once(assay: Assay, pool: Path) -> None:
    one = assay("labels", "suggest", "--check", "better", "--limit", "20")
    two = assay("labels", "suggest", "--check", "better", "--limit", "30")
    assert one.out.splitlines() == two.out.splitlines()[:21]
    assert "20 rows handed out, 20 of them new and paid for" in one.err
    assert "30 rows handed out, 10 of them new and paid for" in two.err
    assert spent(pool, "labels") == {"loans": 30.0}


def test_how_many_are_handed_out_and_how_many_would_do_are_both_said(assay: Assay, pool: Path) -> None:
    asked = assay("labels", "suggest", "--check", "better", "--limit", "30")
    label(asked.out).to_csv("back.csv", index=False)
    assert assay("labels", "import", "back.csv", "--check", "better").code == 0
    said = assay("labels", "suggest", "--check", "better", "--limit", "500")
    (handed,) = re.findall(r"(\d+) rows handed out, \1 of them new and paid for", said.err)
    (expected,) = re.findall(r"labels still needed to decide: expected (\d+), at most", said.err)
    assert int(expected) < int(handed)
    assert f"; --limit {expected} would hand out no more" in said.err


def test_the_budget_of_labels_is_the_end(assay: Assay, pool: Path) -> None:
    (pool / "assay.toml").write_text(PROJECT.replace("labels = 600", "labels = 25"))
    said = assay("labels", "suggest", "--check", "better", "--output", "ask.csv")
    assert said.code == 0
    assert len(pd.read_csv("ask.csv")) == 25
    label((pool / "ask.csv").read_text()).to_csv("back.csv", index=False)
    assert assay("labels", "import", "back.csv").code == 0
    refused = assay("labels", "suggest", "--check", "better")
    assert refused.code == 4
    assert "25 of the 25 labels" in refused.err
    (pool / "assay.toml").write_text(PROJECT.replace("labels = 600\n", ""))
    assert "say how many may be bought" in assay("labels", "suggest", "--check", "better").err


def test_no_prediction_leaves_with_the_rows(assay: Assay, pool: Path) -> None:
    text = assay("labels", "suggest", "--check", "better").out
    assert text.splitlines()[0] == "loan,amount,late"
    tasks = json.loads(assay("labels", "suggest", "--check", "better", "--format", "label-studio").out)
    assert all(task.keys() == {"data"} and task["data"].keys() == {"loan", "amount"} for task in tasks)
    assert [task["data"]["loan"] for task in tasks] == pd.read_csv(io.StringIO(text))["loan"].tolist()


@pytest.mark.parametrize("minimal", [False, True], ids=["JSON", "JSON-MIN"])
def test_label_studio_there_and_back(assay: Assay, pool: Path, minimal: bool) -> None:
    assert assay("labels", "suggest", "--check", "better", "--format", "label-studio", "--output", "t.json").code == 0
    tasks = json.loads((pool / "t.json").read_text())
    back = []
    for number, task in enumerate(tasks):
        said = str(truth()[int(task["data"]["loan"][1:])])
        if minimal:
            back.append({"id": number, **task["data"], "choice": said})
        else:
            result = [{"type": "choices", "from_name": "late", "value": {"choices": [said]}}]
            back.append({"id": number, **task, "annotations": [{"was_cancelled": False, "result": result}]})
    back[-1] = {"id": 99, **tasks[-1]["data"]} if minimal else {"id": 99, **tasks[-1], "annotations": []}
    (pool / "export.json").write_text(json.dumps(back))
    said = assay("labels", "import", "export.json")
    assert said.out == "49 labels imported (0 known before, 1 rows still empty)\n"
    evidence = json.loads(assay("gate", "--json").out)["verdicts"][0]["evidence"]
    assert evidence["statistic"]["labels"] == 49


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.assign(loan=["nobody", *t["loan"][1:]]), "row 0: dataset 'pool' has no row with the id 'nobody'"),
        (lambda t: pd.concat([t, t.head(1).assign(late=1 - t["late"][0])]), "in an earlier row"),
        (lambda t: t.assign(late="late"), "is no number, but predictions are numbers"),
        (lambda t: t.drop(columns="late"), "late"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_kept(
    assay: Assay, pool: Path, change: object, message: str
) -> None:
    asked = label(assay("labels", "suggest", "--check", "better").out)
    change(asked).to_csv("back.csv", index=False)  # type: ignore[operator]
    said = assay("labels", "import", "back.csv", "--check", "better")
    assert said.code == 2
    assert message in said.err
    assert not (pool / ".assay" / "bought").exists()


def test_rows_that_nobody_asked_for_and_labels_that_change_are_refused(assay: Assay, pool: Path) -> None:
    asked = label(assay("labels", "suggest", "--check", "better", "--limit", "10").out)
    same = np.flatnonzero(pd.read_csv("new.csv")["prediction"] == pd.read_csv("old.csv")["prediction"])
    pd.DataFrame({"loan": [f"L{same[0]}"], "late": [1]}).to_csv("other.csv", index=False)
    said = assay("labels", "import", "other.csv", "--check", "better")
    assert said.code == 2
    assert "nobody asked for" in said.err
    asked.to_csv("back.csv", index=False)
    assert "10 labels imported" in assay("labels", "import", "back.csv").out
    assert "0 labels imported (10 known before" in assay("labels", "import", "back.csv").out
    asked.assign(late=1 - asked["late"]).to_csv("turned.csv", index=False)
    said = assay("labels", "import", "turned.csv")
    assert said.code == 2
    assert "has the label" in said.err


def test_the_order_is_of_the_ids_alone(assay: Assay, pool: Path) -> None:
    before = assay("labels", "suggest", "--check", "better", "--limit", "15").out
    turn = np.random.default_rng(3).permutation(ROWS)
    for name in ("pool", "old", "new"):
        pd.read_csv(f"{name}.csv").iloc[turn].to_csv(f"{name}.csv", index=False)
    (pool / "assay.toml").write_text(PROJECT.replace("datasets.pool", "datasets.unlabelled"))
    assert assay("labels", "suggest", "--check", "better", "--limit", "15").out == before
    assert spent(pool, "labels") == {"loans": 15.0}


def test_rows_that_are_added_give_no_used_row_back(assay: Assay, pool: Path) -> None:
    propose(-0.08)
    _, bought = answer(assay)
    used = {row for entry in Ledger(load(pool).store).entries(kind="labels") for row in entry.detail["rows"]}
    for name, extra in (("pool", {"loan": ["X1", "X2"], "amount": [1.0, 2.0]}), ("old", {"prediction": [0, 1]})):
        pd.concat([pd.read_csv(f"{name}.csv"), pd.DataFrame(extra)]).to_csv(f"{name}.csv", index=False)
    old = pd.read_csv("old.csv")["prediction"].to_numpy()
    pd.DataFrame({"prediction": 1 - old}).to_csv("new.csv", index=False)
    asked = pd.read_csv(io.StringIO(assay("labels", "suggest", "--check", "better").out))
    assert bought
    assert not set(asked["loan"]) & used


def test_labels_that_are_in_the_table_count_in_their_turn(assay: Assay, pool: Path) -> None:
    frame = pd.read_csv("pool.csv").assign(late=truth())
    frame.to_csv("pool.csv", index=False)
    verdict = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert verdict["status"] == "pass"
    looked = verdict["evidence"]["statistic"]["rows_looked_at"]
    assert verdict["evidence"]["statistic"]["labels"] < 400
    assert spent(pool, "labels") == {"loans": 0.0}
    # Nobody is judged on these rows again.
    propose(0.10, seed=5)
    again = json.loads(assay("gate", "--json").out)["verdicts"][0]["evidence"]["statistic"]
    assert again["rows_looked_at"] < ROWS - looked


def test_the_queue_ends_with_the_answers(assay: Assay, pool: Path) -> None:
    (pool / "assay.toml").write_text(PROJECT.replace("queries = 4", "queries = 1"))
    answer(assay)
    propose(-0.05, seed=6)
    said = assay("gate")
    assert said.code == 4
    assert "answers" in said.out
    before = spent(pool, "labels")
    said = assay("labels", "suggest", "--check", "better")
    assert said.code == 4
    assert "all 1 answers of 'pool' are given" in said.err
    assert spent(pool, "labels") == before


def test_another_claim_on_the_same_labels_is_paid_for(assay: Assay, pool: Path) -> None:
    once = PROJECT.replace("queries = 4", "queries = 1")
    (pool / "assay.toml").write_text(once)
    answer(assay)
    (pool / "assay.toml").write_text(once.replace("n - o > 0 +/- 0.02", "n - o > -0.05"))
    said = assay("gate")
    assert said.code == 4
    assert "error probability" in said.out
    (pool / "assay.toml").write_text(once)
    assert assay("gate").code == 0


def test_two_checks_of_one_candidate_share_its_rows_and_its_answer(assay: Assay, pool: Path) -> None:
    second = (
        PROJECT[PROJECT.index("[[checks]]") :].replace('"better"', '"floor"').replace("n - o > 0 +/- 0.02", "d < 0.5")
    )
    (pool / "assay.toml").write_text(PROJECT + second)
    assert answer(assay)[0] == "pass"
    assert assay("gate").code == 0
    assert list(spent(pool, "answers").values()) == [1.0]
    assert assay("labels", "suggest", "--check", "floor").err.startswith("floor: nothing to label")


def test_what_does_not_label_says_so(assay: Assay, pool: Path) -> None:
    assert "no check 'bettr'; did you mean 'better'?" in assay("labels", "suggest", "--check", "bettr").err
    (pool / "assay.toml").write_text(PROJECT.replace('method = "sequential"\n', ""))
    assert 'add method = "sequential"' in assay("labels", "suggest", "--check", "better").err
    (pool / "assay.toml").write_text(PROJECT.replace('id = "loan"\n', ""))
    assert "declares no id" in assay("labels", "suggest", "--check", "better").err
    (pool / "assay.toml").write_text(PROJECT.replace('method = "sequential"', 'method = "sequential"\nslices = "all"'))
    said = assay("gate")
    assert said.code == 2
    assert "sequential" in said.err


def test_disclosing_one_bit_still_asks_for_labels(assay: Assay, pool: Path) -> None:
    (pool / "assay.toml").write_text(PROJECT.replace("labels = 600", 'labels = 600\ndisclose = "verdict"'))
    verdict = json.loads(assay("gate", "--json").out)["verdicts"][0]
    assert verdict["evidence"]["estimate"] is None
    assert verdict["actions"][0]["command"] == "assay labels suggest --check better"
    assert answer(assay)[0] == "pass"


def test_whole_customers_are_asked_for_and_labels_are_words(assay: Assay, pool: Path) -> None:
    rng = np.random.default_rng(8)
    words = np.array(["on time", "late"])
    frame = pd.read_csv("pool.csv").assign(customer=[f"C{k % 600}" for k in range(ROWS)])
    frame.to_csv("pool.csv", index=False)
    for name in ("old", "new"):
        said = words[pd.read_csv(f"{name}.csv")["prediction"]] if name == "old" else words[truth()]
        pd.DataFrame({"prediction": said}).to_csv(f"{name}.csv", index=False)
    text = PROJECT.replace('id = "loan"', 'id = "loan"\nunit = "customer"').replace(
        "n - o > 0 +/- 0.02", "n - o > 0.05"
    )
    (pool / "assay.toml").write_text(text)
    customers: list[str] = []
    for _ in range(30):
        said = assay("labels", "suggest", "--check", "better", "--limit", "25")
        assert said.code == 0, said.err
        if "nothing to label" in said.err:
            break
        asked = pd.read_csv(io.StringIO(said.out))
        customers += asked["customer"].tolist()
        asked["late"] = words[truth()[asked["loan"].str[1:].astype(int)]]
        asked.sample(frac=1, random_state=rng.integers(100)).to_csv("back.csv", index=False)
        assert assay("labels", "import", "back.csv").code == 0
    assert json.loads(assay("gate", "--json").out)["verdicts"][0]["status"] == "pass"
    starts = [one for one, before in zip(customers, ["", *customers], strict=False) if one != before]
    assert len(starts) == len(set(starts))


def test_with_a_live_dataset_only_the_check_takes_labels(assay: Assay, pool: Path) -> None:
    live = '[datasets.live]\nrole = "live"\nsource = "pool.csv"\nlabel = "late"\nid = "loan"\n'
    (pool / "assay.toml").write_text(PROJECT.replace("[models.old]", f"{live}\n[models.old]"))
    asked = label(assay("labels", "suggest", "--check", "better", "--limit", "10").out)
    asked.to_csv("back.csv", index=False)
    assert assay("labels", "import", "back.csv").out == "10 labels imported\n"
    assert (pool / ".assay" / "log" / "labels").is_dir()
    assert not (pool / ".assay" / "bought").exists()
    assert "10 labels imported (0 known" in assay("labels", "import", "back.csv", "--check", "better").out


def test_ids_are_the_same_in_every_format(assay: Assay, pool: Path) -> None:
    frame = pd.read_csv("pool.csv").assign(loan=np.arange(ROWS))
    frame.to_csv("pool.csv", index=False)
    before = assay("labels", "suggest", "--check", "better", "--limit", "12").out
    frame.astype({"loan": float}).to_parquet("pool.parquet")
    (pool / "assay.toml").write_text(PROJECT.replace("pool.csv", "pool.parquet"))
    after = assay("labels", "suggest", "--check", "better", "--limit", "12").out
    first, second = (pd.read_csv(io.StringIO(text))["loan"].astype(int).tolist() for text in (before, after))
    assert first == second
    assert spent(pool, "labels") == {"loans": 12.0}


def test_people_who_ask_at_once_pay_for_a_row_once(assay: Assay, pool: Path) -> None:
    assert assay("gate").code == 4
    command = [sys.executable, "-m", "assay", "labels", "suggest", "--check", "better", "--limit", "20"]
    asking = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [one.communicate(timeout=120) for one in asking]
    assert {one.returncode for one in asking} <= {0, 3}
    given = [out for (out, _), one in zip(said, asking, strict=True) if one.returncode == 0]
    assert given
    assert all(out == given[0] for out in given)
    assert all("ask again" in err for (_, err), one in zip(said, asking, strict=True) if one.returncode)
    assert spent(pool, "labels") == {"loans": 20.0}


def test_what_was_handed_out_is_on_the_shared_ledger(assay: Assay, pool: Path, tmp_path: Path) -> None:
    (pool / "assay.toml").write_text(PROJECT.replace('"loans"\n', f'"loans"\nledger = "file://{tmp_path}/bare.git"\n'))
    for words in (["init", "--quiet", "--bare", "bare.git"], ["init", "--quiet"]):
        subprocess.run(["git", *words], check=True, cwd=pool)
    status, bought = answer(assay, limit=200)
    assert status == "pass"
    (pool / ".assay").rename(pool / "gone")
    assert assay("ledger", "verify").code == 0
    assert sum(spent(pool, "labels").values()) == bought > 0
