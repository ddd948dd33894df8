from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.errors import DataError
from assay.labeling import label_studio


def task(*said: Any, kind: str = "choices", cancelled: bool = False) -> dict[str, Any]:
    value = lambda one: [one] if kind == "choices" else one  # noqa: E731
    return {
        "id": 5,
        "data": {"loan": "L1"},
        "annotations": [
            {"was_cancelled": cancelled, "result": [{"type": kind, "value": {kind: value(one)}}]} for one in said
        ],
    }


def read(tmp_path: Path, content: Any) -> tuple[list[str], list[Any]]:
    path = tmp_path / "export.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return label_studio.read(path, "loan", "late")


@pytest.mark.parametrize(
    ("one", "label"),
    [
        (task("1"), "1"),
        (task("1", "1"), "1"),
        (task(3, kind="number"), 3),
        (task("late", kind="text"), "late"),
        (task(), None),
        (task("1", cancelled=True), None),
        ({"id": 5, "loan": "L1", "choice": "1"}, "1"),
        ({"id": 5, "loan": "L1", "late": 0}, 0),
        ({"id": 5, "loan": "L1"}, None),
    ],
)
def test_what_label_studio_exports_is_read(tmp_path: Path, one: dict[str, Any], label: Any) -> None:
    assert read(tmp_path, [one]) == (["L1"], [label])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON file"),
        ({"a": 1}, "not a list of tasks"),
        ([{"data": {"other": 1}, "annotations": []}], "task 0 has no 'loan'"),
        ([task("1", "0")], "annotators said '1' and '0'"),
        ([task({"x": 1}, kind="rectangle")], "'rectangle'"),
        ([{"data": {"loan": 1}, "annotations": [{"result": [{"value": {"choices": ["a", "b"]}}]}]}], "2 choices"),
        ([{"data": {"loan": 1}, "annotations": [{"result": [{}, {}]}]}], "2 results"),
    ],
)
def test_what_is_not_one_label_a_task_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, content)


def test_tasks_can_be_imported(tmp_path: Path) -> None:
    assert json.loads(label_studio.tasks([{"loan": "é", "amount": 1.5}])) == [{"data": {"loan": "é", "amount": 1.5}}]
