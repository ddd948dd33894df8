"""Tasks and annotations in the JSON of Label Studio."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def tasks(rows: Iterable[Mapping[str, Any]]) -> str:
    """Give rows as tasks to import into Label Studio: a list of ``{"data": {...}}``; what JSON lacks is text."""
    return json.dumps([{"data": dict(row)} for row in rows], indent=1, default=str, ensure_ascii=False)


def read(path: Path, id_column: str, label_column: str) -> tuple[list[str], list[Any]]:
    """Read what Label Studio exports, as JSON or as JSON-MIN.

    Parameters
    ----------
    path : Path
    id_column : str
        Name of the id in ``data``.
    label_column : str
        In JSON-MIN: where the label stands, unless it is ``choice``.

    Returns
    -------
    ids : list of str
    labels : list
        ``None`` for a task that nobody labelled.

    Raises
    ------
    DataError
        If it is no export, a task has no id, or its annotations differ.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataError(f"{path}: it is no JSON file that can be read ({problem})") from None
    if not isinstance(content, list) or not all(isinstance(task, dict) for task in content):
        raise DataError(f"{path}: not a list of tasks: export it from Label Studio as JSON or JSON-MIN")
    ids, labels = [], []
    for number, task in enumerate(content):
        fields = task.get("data", task)
        if not isinstance(fields, dict) or fields.get(id_column) is None:
            raise DataError(f"{path}: task {number} has no {id_column!r}: keep that field in the data of each task")
        ids.append(str(fields[id_column]))
        labels.append(_label(task, label_column, f"{path}: task {number} ({id_column} {fields[id_column]})"))
    return ids, labels


def _label(task: dict[str, Any], label_column: str, where: str) -> Any:
    if "annotations" not in task:
        return next((task[key] for key in (label_column, "choice") if task.get(key) not in (None, "")), None)
    found = []
    for annotation in task["annotations"]:
        if annotation.get("was_cancelled"):
            continue
        results = annotation.get("result", [])
        if len(results) > 1:
            raise DataError(f"{where}: an annotation has {len(results)} results: one label a row is needed")
        found += [_value(result, where) for result in results]
    if len({str(label) for label in found}) > 1:
        raise DataError(f"{where}: annotators said {found[0]!r} and {found[-1]!r}: settle it, and leave one")
    return found[0] if found else None


def _value(result: dict[str, Any], where: str) -> Any:
    value = result.get("value", {})
    for kind in ("choices", "taxonomy", "text"):
        if kind in value:
            chosen = value[kind] if isinstance(value[kind], list) else [value[kind]]
            if len(chosen) != 1 or isinstance(chosen[0], list):
                raise DataError(f"{where}: {len(chosen)} choices: one label a row is needed")
            return chosen[0]
    for kind in ("number", "rating"):
        if kind in value:
            return value[kind]
    raise DataError(f"{where}: a result of type {result.get('type')!r}: label with choices, a number or a text")
