"""What a gate commits itself to before it evaluates, and the release of a used-up test set that opens it.

The ledger gets the SHA-256 of an *opening*: a line of JSON with the SHA-256 of the rows and of the predictions as they are
released, the claim, its level, and random digits that keep it from being guessed. So whoever has the released files and
the ledger can check, with nothing of assay, that each verdict was about these rows, these labels and these predictions.
"""

from __future__ import annotations

import io
import json
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from assay.checks import testsets
from assay.checks.kept import Kept, opened
from assay.core.fingerprint import canonical_json
from assay.errors import DataError, UsageError
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from assay.checks.dataset import Dataset
    from assay.checks.project import Project

ROWS, ANSWERS = "rows.csv", "answers.json"


def rows_of(dataset: Dataset) -> bytes:
    """The rows as they are committed to and released: CSV in the order of :attr:`Dataset.order`."""
    return _csv(dataset.frame.iloc[dataset.order].reset_index(drop=True))


def commit(kept: Kept, dataset: Dataset, predicted: Mapping[str, Any], terms: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the opening of an answer, and return what the ledger says of it.

    Parameters
    ----------
    kept : Kept
        Gets the predictions and the opening; the rows stay where they are.
    dataset : Dataset
    predicted : mapping of str to array of shape (n,)
        Predictions of ``new`` and ``old``, in the order of the file.
    terms : mapping
        Check, claim, mode, level, and which rows of how many slices.
    """
    opening: dict[str, Any] = {**terms, "rows": dataset.rows_digest, "label": dataset.declared.label}
    opening["unit"], opening["salt"] = dataset.declared.unit, secrets.token_hex(16)
    files = {}
    for side, values in predicted.items():
        content = _csv(pd.DataFrame({"prediction": values[dataset.order]}))
        opening[side] = sha256(content).hexdigest()
        files[side] = kept.put(content)
    text = canonical_json(opening)
    held = kept.put(canonical_json({"opening": text.decode(), "files": files}))
    return {"commitment": sha256(text).hexdigest(), "opening": held, **kept.detail()}


def release(project: Project, dataset: Dataset, name: str, folder: Path) -> testsets.Meter:
    """Write a test set with what its answers were committed to; from then on it is a set for development.

    Raises
    ------
    UsageError
        If it has never answered, or the folder is there already.
    DataError
        If the dataset of the project is not the table that was judged on, or what an answer was committed to stayed in
        another clone.
    """
    store = project.records
    meter = testsets.find(store, name)
    ledger = Ledger(store)
    if testsets.family(ledger, dataset) != (meter.key, None):
        raise DataError(f"dataset {dataset.name!r} is not the table of {meter.key[:12]}: name that table as its source")
    if folder.exists():
        raise UsageError(f"{folder} is there already: name a folder to be made")
    answers, files = [], {}
    settled = {e.reservation: e for e in ledger.entries(kind="alpha") if e.state == "settle"}
    given = [
        entry
        for entry in ledger.entries(kind="alpha")
        if entry.state == "reserve"
        and entry.key.startswith(f"{meter.key}:")
        and entry.reservation in settled
        and "opening" in entry.detail
    ]
    elsewhere = [e for e in given if not e.detail.get("artifacts") and not store.artifacts.has(e.detail["opening"])]
    if elsewhere:
        raise DataError(
            f"dataset {dataset.name!r}: what {len(elsewhere)} of {len(given)} verdicts were committed to is not in this "
            "clone: it stayed where they were given, since it is for the judge alone or too large: release it from there"
        )
    for entry in given:
        end = settled[entry.reservation]
        held = json.loads(opened(store.content(entry.detail["opening"])))
        opening = json.loads(held["opening"])
        if opening["rows"] != dataset.rows_digest:
            continue
        for side, digest in held["files"].items():
            files[f"{opening[side]}.csv"] = opened(store.content(digest))
        answers.append(
            {
                "entry": entry.seq,
                "commitment": entry.detail["commitment"],
                "opening": held["opening"],
                "words": end.detail.get("words", []),
            }
        )
    # Before anybody can read the labels; whoever is interrupted in between releases it again.
    testsets.close(store, meter.key, "released", f"in {folder.name}")
    folder.mkdir(parents=True)
    (folder / ROWS).write_bytes(rows_of(dataset))
    for file, content in files.items():
        (folder / file).write_bytes(content)
    (folder / ANSWERS).write_text(json.dumps(answers, indent=1) + "\n", encoding="utf-8")
    return meter


def _csv(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    csv.write_csv(pa.Table.from_pandas(frame, preserve_index=False), content)
    return content.getvalue()
