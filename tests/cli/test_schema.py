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
