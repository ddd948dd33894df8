"""A first project file, from the data files that are there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from assay.data.sources import table as open_table
from assay.errors import DataError
from assay.validation import clusters
from assay.validation.profiling import ColumnProfile, Profile, profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import ibis

    from assay.validation.clusters import Clustering

_ROLES = (
    ("test", re.compile(r"(^|[^a-z])(test|holdout|hold_out|eval)([^a-z]|$)", re.IGNORECASE)),
    ("dev", re.compile(r"(^|[^a-z])(dev|valid|validation|val)([^a-z]|$)", re.IGNORECASE)),
    ("live", re.compile(r"(^|[^a-z])(live|prod|production|new|batch|current|serving)([^a-z]|$)", re.IGNORECASE)),
    ("pool", re.compile(r"(^|[^a-z])(pool|unlabell?ed)([^a-z]|$)", re.IGNORECASE)),
    ("train", re.compile(r"(^|[^a-z])train(ing)?([^a-z]|$)", re.IGNORECASE)),
)
_LABELS = (
    "label",
    "target",
    "y",
    "class",
    "outcome",
    "response",
    "late",
    "churn",
    "default",
    "fraud",
    "survived",
    "price",
)
_ID = re.compile(r"(^|_)(id|uuid|key|index|rownum|row)$|(Id|ID)$", re.IGNORECASE)
CLASSES = 20


class _File(NamedTuple):
    name: str
    role: str
    source: str
    table: ibis.Table
    facts: Profile


def describe_project(paths: Iterable[str | Path]) -> str:
    """Write a commented ``assay.toml`` for the data files of a folder.

    Guesses, each marked as one: roles by the files' names (a lone file is ``train``; checks split it themselves), the
    label by its name or as the last column with few values, the task by the label's type, timestamp and id by name and
    type. When the label clusters by day or by a column that looks like an id (a permutation test at 1%), that column is
    proposed as the unit.

    Parameters
    ----------
    paths : iterable of path
        Data files, or folders of them, as the project should name them; relative ones stay relative.

    Returns
    -------
    str
        Text of ``assay.toml``.

    Raises
    ------
    DataError
        If there is no file, or one cannot be read.
    """
    given = [Path(path) for path in paths]
    if not given:
        raise DataError("there is no data file here: put a CSV or Parquet file into the folder, or name one")
    files = _files(given)
    main = next((file for file in files if file.role == "train"), files[0])
    label, why = _label(main.facts, [file.facts for file in files if file.role != "live"])
    task = _task(main.facts.columns[label]) if label else "classification"
    timestamp = next((name for name, c in main.facts.outer.items() if c.kind in ("timestamp", "date")), None)
    identity = _identity(main.facts, label)
    found = _unit(main, label, identity)
    unit = None if found is None or (found.by_day and main.facts.columns[found.column].kind != "date") else found.column

    lines = ["# Written by `assay init` from the files that it found. Every line is a guess: correct what is wrong."]
    lines += ["[project]", f"name = {json.dumps(_word(Path.cwd().name) or 'project')}", f'task = "{task}"']
    lines += ["", "[budget]", "alpha = 0.05       # error probability of all blocking checks of one run together"]
    for file in files:
        lines += ["", f"[datasets.{file.name}]", f'role = "{file.role}"', f"source = {json.dumps(file.source)}"]
        have = file.facts.columns
        if label and label in have:
            lines += [f"label = {json.dumps(label)}   # a guess: {why}"]
        if timestamp and timestamp in have:
            lines += [f"timestamp = {json.dumps(timestamp)}"]
        if identity and identity in have:
            lines += [f"id = {json.dumps(identity)}"]
        if unit and unit in have:
            lines += [f"unit = {json.dumps(unit)}   # {found}"]
        elif found is not None and found.column in have:
            lines += [f'# unit = "..."   # {found}: add a column of days and name it here']
        if file.role == "test":
            lines += ["queries = 32       # how often this holdout may answer, to people who see its answers"]
    if label is None:
        lines += ['# No label found: name its column as label = "..." in the dataset above.']
    lines += _checks(files, main, label)
    return "\n".join(lines) + "\n"


def _files(given: Sequence[Path]) -> list[_File]:
    files: list[_File] = []
    for path in given:
        role = "train" if len(given) == 1 else next((r for r, p in _ROLES if p.search(_stem(path))), "")
        table = open_table(path)
        name = _word(_stem(path)) or "data"
        while name in {file.name for file in files}:
            name += "_"
        files.append(_File(name, role, path.as_posix(), table, profile(table)))
    if not any(file.role == "train" for file in files):
        # The largest table that says nothing else of itself is what a model would be trained on.
        unnamed = [file for file in files if not file.role] or files
        largest = max(unnamed, key=lambda file: file.facts.rows)
        files[files.index(largest)] = largest._replace(role="train")
    files = [file if file.role else file._replace(role="live") for file in files]
    if sum(file.role == "train" for file in files) == 1:
        files = [file._replace(name="train") if file.role == "train" else file for file in files]
    return sorted(files, key=lambda file: ("train", "dev", "test", "live", "pool").index(file.role))


def _label(main: Profile, others: Sequence[Profile]) -> tuple[str | None, str]:
    """Guess the label, and say why: a telling name, else the last column if it has few values."""
    shared = [name for name in main.outer if all(name in other.columns for other in others)]
    lowered = {name.lower(): name for name in shared}
    for word in _LABELS:
        if word in lowered and main.columns[lowered[word]].present:
            return lowered[word], "its name sounds like one"
    for name in reversed(shared):
        if any(name.lower().startswith(("is_", "has_")) or name.lower().endswith(f"_{word}") for word in _LABELS):
            return name, "its name sounds like one"
    last = shared[-1] if shared else None
    if last and not _ID.search(last) and main.columns[last].kind in ("boolean", "integer", "string", "number"):
        column = main.columns[last]
        if column.kind == "boolean" or 2 <= (column.distinct or 0) <= CLASSES or column.kind == "number":
            return last, "it is the last column; correct it if that is not what a model should predict"
    return None, ""


def _task(label: ColumnProfile) -> str:
    few = (label.distinct or 0) <= CLASSES
    return (
        "classification" if label.kind in ("boolean", "string") or (label.kind == "integer" and few) else "regression"
    )


def _identity(facts: Profile, label: str | None) -> str | None:
    for name, column in facts.outer.items():
        unique = column.nulls == 0 and (column.distinct or 0) > 0.9 * column.rows
        if name != label and _ID.search(name) and unique and column.kind in ("integer", "string"):
            return name
    return None


def _unit(main: _File, label: str | None, identity: str | None) -> Clustering | None:
    if label is None:
        return None
    exclude = tuple(name for name in (label, identity) if name is not None)
    columns = clusters.candidates(main.table, exclude)
    # A column whose every value is new groups nothing.
    columns = [(n, day) for n, day in columns if day or (main.facts.columns[n].distinct or 0) < 0.5 * main.facts.rows]
    value = main.table[label]
    kind = main.facts.columns[label].kind
    if kind == "string":
        top = main.facts.columns[label].top
        value = value == top[0].value if top else value.isnull()
    return clusters.find(main.table, value, columns) if kind in ("string", "boolean", "integer", "number") else None


def _checks(files: Sequence[_File], main: _File, label: str | None) -> list[str]:
    # The reference is held against itself only when there is nothing else.
    batches = [file for file in files if file.role in ("live", "test")]
    names = ", ".join(json.dumps(file.name) for file in batches or [main])
    lines = ["", "[[checks]]", 'id = "data"         # types, missing values, ranges, categories, tails', 'use = "VAL1"']
    lines += ['stage = "data"', f"datasets = [{names}]"]
    if len(files) > 1:
        lines += [f"reference = {json.dumps(main.name)}"]
    if batches:
        lines += ["blocking = true     # a fault makes `assay check` exit with 1"]
    if label is not None and _task(main.facts.columns[label]) == "classification":
        lines += [
            "",
            "[[checks]]",
            'id = "feasible"     # can any model reach the target on these columns?',
            'use = "FEA1"',
        ]
        lines += ['stage = "feasibility"', f"datasets = [{json.dumps(main.name)}]"]
        lines += ["target = 0.8        # accuracy that you need"]
    return lines


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


def _word(text: str) -> str:
    """Make a bare TOML key of a name."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")
