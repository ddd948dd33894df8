"""Labels, ids and predictions in a CSV are what the file says, in every command that reads one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from loan_project import Assay, loans

PROJECT = """\
[project]
name = "loans"

[budget]
labels = 1000

[datasets.test]
role = "{role}"
source = "test.csv"
label = "late"
id = "loan"

[models.new]
predictions = "new.csv"

[models.old]
predictions = "old.csv"

[[checks]]
id = "good"
claim = "{claim}"
new = "new"
old = "old"
blocking = true
"""
# What is written for "not late" and "late".
WORDS = {
    "yes/no": ["no", "yes"],
    "y/n": ["n", "y"],
    "t/f": ["f", "t"],
    "T/F": ["F", "T"],
    "true/false": ["false", "true"],
    "0/1": ["0", "1"],
    "padded": ["007", "010"],
    "exponent": ["1e5", "2e7"],
    "point": ["13343.0", "2.0"],
    "NA": ["NA", "CH"],
    "quoted": ["no, never", "yes"],
}


def write(words: list[str], role: str = "test", claim: str = "n > 0.8", rows: int = 200) -> None:
    """A test set whose ids are codes, a model that is right in nine of ten rows and one that is right in seven."""
    late = loans(2, rows)["late"].to_numpy()
    texts = np.array(words, dtype=object)
    label = texts[late]
    ids = [f"{number:03d}" if number % 2 else f"{number}e5" for number in range(rows)]
    frame = pd.DataFrame({"loan": ids, "amount": loans(2, rows)["amount"], "late": label})
    frame.to_csv("test.csv", index=False)
    for name, every in (("new", 10), ("old", 3)):
        said = np.where(np.arange(rows) % every == 1, texts[1 - late], texts[late])
        pd.DataFrame({"loan": ids, "prediction": said})[::-1].to_csv(f"{name}.csv", index=False)
    Path("assay.toml").write_text(PROJECT.format(role=role, claim=claim))


def declare(before: str, after: str) -> None:
    toml = Path("assay.toml")
    assert before in toml.read_text()
    toml.write_text(toml.read_text().replace(before, after))


@pytest.mark.parametrize("kind", WORDS)
def test_words_are_judged_as_they_are_written(kind: str, assay: Assay) -> None:
    write(WORDS[kind])
    said = assay("gate", "--json")
    assert said.err == ""
    [verdict] = json.loads(said.out)["verdicts"]
    assert (verdict["status"], verdict["evidence"]["estimate"]) == ("pass", 0.9)


@pytest.mark.parametrize("kind", ["yes/no", "t/f", "padded"])
def test_code_that_answers_in_words_is_judged(kind: str, assay: Assay) -> None:
    write(WORDS[kind])
    no, yes = WORDS[kind]
    Path("answer.py").write_text(
        f"def answer(frame):\n    return [{yes!r} if x > 1200 else {no!r} for x in frame.amount]\n"
    )
    declare('predictions = "new.csv"', 'code = "answer:answer"')
    said = assay("gate", "--json")
    assert said.err == ""
    truth = (loans(2, 200)["amount"] > 1200) == loans(2, 200)["late"]
    assert json.loads(said.out)["verdicts"][0]["evidence"]["estimate"] == truth.mean()


@pytest.mark.parametrize("kind", WORDS)
def test_a_seal_gives_back_the_bytes(kind: str, assay: Assay, tmp_path_factory: pytest.TempPathFactory) -> None:
    pytest.importorskip("pyrage")
    write(WORDS[kind])
    key = tmp_path_factory.mktemp("judge") / "judge.key"
    public = assay("testset", "keygen", "--output", str(key)).out.strip()
    assert assay("testset", "seal", "test.csv", "--to", public, "--label", "late").code == 0
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ASSAY_JUDGE_KEY_FILE", str(key))
        assert assay("testset", "open", "test.sealed", "--output", "again.csv").code == 0
        assert Path("again.csv").read_bytes() == Path("test.csv").read_bytes()
        declare('"test.csv"', '"test.sealed"')
        declare("labels = 1000", 'disclose = "verdict"')
        assert assay("gate").code == 0


@pytest.mark.parametrize("kind", WORDS)
def test_labels_that_come_back_are_what_was_written(kind: str, assay: Assay) -> None:
    write(WORDS[kind], role="pool", claim="n - o > 0 +/- 0.1")
    declare("blocking = true", 'blocking = true\nmethod = "sequential"')
    truth = pd.read_csv("test.csv", dtype=str, keep_default_na=False)
    truth.drop(columns="late").to_csv("test.csv", index=False)
    asked = assay("labels", "suggest", "--check", "good", "--limit", "6", "--output", "ask.csv")
    assert asked.code == 0, asked.err
    rows = pd.read_csv("ask.csv", dtype=str, keep_default_na=False)
    rows["late"] = rows["loan"].map(truth.set_index("loan")["late"])
    # Half of them come later: their cells are empty.
    rows.loc[::2, "late"] = ""
    rows.to_csv("ask.csv", index=False)
    said = assay("labels", "import", "ask.csv", "--check", "good")
    assert said.out == "3 labels imported (0 known before, 3 rows still empty)\n", said.err
    assert assay("gate").code in (0, 4)
    said = assay("labels", "import", "ask.csv", "--check", "good")
    assert said.out == "0 labels imported (3 known before, 3 rows still empty)\n", said.err


def test_a_rare_class_makes_text_of_predictions_that_are_numbers(assay: Assay) -> None:
    write(["7", "10"])
    frame = pd.read_csv("test.csv", dtype=str)
    frame.loc[::20, "late"] = "10a"
    frame.to_csv("test.csv", index=False)
    declare('"test.csv"', '{ path = "test.csv", text = ["late"] }')
    said = assay("gate", "--json")
    assert said.err == ""
    # No model ever says 10a.
    assert json.loads(said.out)["verdicts"][0]["evidence"]["estimate"] == 0.85


def test_a_mixed_column_is_read_as_text_where_the_project_file_says_so(assay: Assay) -> None:
    write(["no", "yes"])
    frame = pd.read_csv("test.csv", dtype=str)
    frame.loc[3, "amount"] = "two"
    frame.to_csv("test.csv", index=False)
    said = assay("gate")
    assert said.code == 2
    [told] = [part for part in said.err.split("with ")[1:] if part.startswith("source = ")]
    declare('source = "test.csv"', told.strip())
    said = assay("gate")
    assert said.code == 0, said.err


@pytest.mark.parametrize(
    "source", ['{ path = "test.csv", url = "sqlite:///x.db" }', '{ text = ["late"] }', '{ query = "SELECT 1" }']
)
def test_a_source_is_a_file_or_a_query(source: str, assay: Assay) -> None:
    write(["no", "yes"])
    declare('"test.csv"', source)
    said = assay("gate")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert 'assay.toml:9: a source is { path = "codes.csv"' in said.err
