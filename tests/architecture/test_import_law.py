"""The layout is a law: a floor imports only the floors below it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "assay"
FLOORS = [
    {"errors", "stats", "core"},
    {"data", "store"},
    {"tracking", "labeling"},
    {"feasibility", "validation", "debugging", "gate", "serving", "monitoring"},
    {"checks", "adaptation", "guide"},
    {"report", "server", "cli", "testing"},
]
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor}
QUESTIONS = 3
REPORT_KNOWS = {"core", "errors", "report"}


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a file imports, at the top or inside functions; names for type checkers do not count."""
    tree = ast.parse(path.read_text())
    hidden: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            hidden.update(inner for child in node.body for inner in ast.walk(child))
    rooms = set()
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("assay"):
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
        elif isinstance(node, ast.Import):
            rooms |= {a.name.split(".")[1] for a in node.names if a.name.startswith("assay.")}
    return rooms & LEVEL.keys()


def offences(room: str, imports: set[str]) -> set[str]:
    level = LEVEL[room]
    allowed = {other for other, at in LEVEL.items() if at < level} | {room, "errors"}
    if level == 0 or level in (1, 2, 4, 5):
        allowed |= FLOORS[level]
    if room == "report":
        allowed = REPORT_KNOWS
    if room == "stats":
        allowed = {"stats", "errors"}
    return imports - allowed


FILES = sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_floor_imports_only_floors_below(path: Path) -> None:
    room = path.relative_to(SOURCE).parts[0]
    assert room in LEVEL, f"{room} is on no floor"
    assert not offences(room, imported_rooms(path))


def test_the_law_catches_offenders() -> None:
    assert offences("gate", {"validation"}) == {"validation"}
    assert offences("stats", {"core"}) == {"core"}
    assert offences("data", {"checks"}) == {"checks"}
    assert offences("report", {"gate"}) == {"gate"}
    assert not offences("checks", {"gate", "store", "core"})


def test_depth_and_names() -> None:
    for path in SOURCE.rglob("*.py"):
        parts = path.relative_to(SOURCE).parts
        assert len(parts) <= 2 or parts[1] in {"migrations", "mlflow", "pages", "interop"}, f"{path} lies too deep"
        assert path.stem not in {"utils", "helpers", "base", "manager", "engine", "common", "misc"}
