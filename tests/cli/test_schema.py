"""``assay schema edit`` and ``assay schema diff``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loan_project import Assay

TEXT = 'version = 1\n\n[columns.x]  # of the till\ntype = "number"\nnulls = "never"\n'


def test_a_key_is_set_and_comments_stay(assay: Assay) -> None:
    Path("assay.toml").write_text('[project]\nname = "loans"\nschema = "schema.toml"\n')
    Path("schema.toml").write_text(TEXT)
    said = assay("schema", "edit", "columns.x.nulls.at_most=0.25", "columns.x.unique=true")
    assert said.code == 0
    assert "+ columns.x.unique = true" in said.out
    assert "[columns.x]  # of the till" in Path("schema.toml").read_text()
    assert "at_most = 0.25" in Path("schema.toml").read_text()
    Path("old.toml").write_text(TEXT)
    told = assay("schema", "diff", "old.toml", "schema.toml")
    assert told.code == 0
    assert "columns.x.nulls" in told.out
    assert assay("schema", "diff", "old.toml", "old.toml").out.strip() == "they say the same"


def test_a_wrong_key_is_refused_and_nothing_is_written(assay: Assay) -> None:
    Path("assay.toml").write_text('[project]\nname = "loans"\nschema = "schema.toml"\n')
    Path("schema.toml").write_text(TEXT)
    for wrong in ("columns.x.nols.at_most=0.1", "columns.x.nulls.at_most=7", "columns", "relations.3.at_most=0.1"):
        said = assay("schema", "edit", wrong)
        assert said.code == 2, wrong
        assert len(said.err.strip().splitlines()) == 1
    assert Path("schema.toml").read_text() == TEXT


PROJECT = """[project]
name = "loans"
schema = "schema.toml"
[datasets.new]
role = "live"
source = "new.csv"
"""
FAULTY = "x,y\n1,a\n,b\n3,c\n"


def test_edits_that_would_accept_a_dataset_are_proposed_and_taken_one_by_one(assay: Assay) -> None:
    Path("assay.toml").write_text(PROJECT)
    Path("new.csv").write_text(FAULTY)
    Path("schema.toml").write_text(
        TEXT + '[columns.y]\ntype = "string"\ncategories = { values = ["a", "b"] }  # known\n'
    )
    before = Path("schema.toml").read_text()
    told = assay("schema", "edit", "--dataset", "new")
    assert told.code == 0
    assert "VAL102:x  1 of 3 rows (33.3%) have missing values in x" in told.out
    assert "columns.x.nulls.at_most=0.334" in told.out
    assert "VAL104:y" in told.out
    assert "accept one with --accept CODE:COLUMN" in told.out
    assert Path("schema.toml").read_text() == before
    assert assay("schema", "edit", "--dataset", "new", "--accept", "VAL104:y").code == 0
    after = Path("schema.toml").read_text()
    assert 'values = ["a", "b"], at_most = 0.334}  # known' in after.replace("] ,", "],").replace(" }", "}")
    assert 'nulls = "never"' in after
    wrong = assay("schema", "edit", "--dataset", "new", "--accept", "VAL104:z")
    assert wrong.code == 2
    assert "VAL104:z is not proposed; proposed are VAL102:x" in wrong.err
    assert assay("schema", "edit").code == 2
    assert assay("schema", "edit", "a=1", "--dataset", "new").code == 2
    assay("schema", "edit", "--dataset", "new", "--accept", "VAL102:x")
    assert "nothing fails in new" in assay("schema", "edit", "--dataset", "new").out


def test_a_schema_is_shown_in_words_as_a_file_and_as_a_class(assay: Assay) -> None:
    Path("assay.toml").write_text(PROJECT)
    Path("schema.toml").write_text(TEXT + '[[relations]]\nsql = "x > 0"\nat_most = 0.1\n')
    shown = assay("schema", "show").out
    assert "x  number\n   VAL102  nulls  in no row\nVAL120  x > 0  broken at most 10% of rows" in shown
    names: dict[str, object] = {}
    exec(compile(assay("schema", "show", "--as", "python").out, "batch.py", "exec", dont_inherit=True), names)
    from assay.validation import Schema, from_class

    batch = names["Batch"]
    assert isinstance(batch, type)
    assert from_class(batch) == Schema.from_toml(Path("schema.toml").read_text())
    assert Schema.from_toml(assay("schema", "show", "--as", "toml").out) == from_class(batch)
