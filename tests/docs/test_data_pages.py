"""The code of the pages on data runs, and the schema files that they show are schema files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from documents import ROOT, blocks

from assay.validation import Schema, infer

if TYPE_CHECKING:
    from pathlib import Path

PAGES = [ROOT / "docs" / "how-to" / name for name in ("fit.md", "schema-file.md")]


def flights(rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "date": pd.Timestamp("2013-01-01") + pd.to_timedelta(rng.integers(0, 30, rows), unit="D"),
            "flight": np.arange(rows),
            "carrier": rng.choice(["AA", "DL", "UA"], rows),
            "distance": rng.integers(100, 3000, rows),
            "hour": rng.integers(5, 23, rows),
            "cancelled": None,
        }
    ).astype({"cancelled": "string"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_of_the_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    reference, batch = flights(600, 0), flights(300, 1)
    batch.loc[:100, "carrier"] = None
    names = {"reference": reference, "batch": batch, "train": reference, "serve": reference.assign(hour=3)}
    names["schema"] = infer(reference)
    ran = 0
    for block in blocks(page):
        if block.language == "python":
            exec(compile(block.text, page.name, "exec", dont_inherit=True), names)
            ran += 1
    assert ran >= (6 if page.name == "fit.md" else 1)
    assert "verdicts" in names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_schema_files_of_the_page_are_read(page: Path) -> None:
    shown = [block.text for block in blocks(page) if block.title == "schema.toml"]
    assert shown
    for text in shown:
        schema = Schema.from_toml(text, str(page))
        assert Schema.from_toml(schema.to_toml()) == schema
