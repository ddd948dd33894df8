"""Selecting checks: ``better``, ``VAL1``, ``stage:gate``, ``dataset:live``, ``tag:nightly``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.nearest import did_you_mean
from assay.core.project import STAGE_OF_FAMILY, stage_of
from assay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.core.project import CheckTable

STAGES = tuple(dict.fromkeys(STAGE_OF_FAMILY.values()))


def select(checks: Sequence[CheckTable], selection: str = "") -> list[CheckTable]:
    """Return the checks that a selection names, in the order of the project file.

    Parameters
    ----------
    checks : sequence of CheckTable
        All that the project declares.
    selection : str
        Terms separated by spaces; a check is selected when any term matches. Empty selects all.

    Raises
    ------
    UsageError
        If a term is neither a known kind nor the name of a check, so that a misspelled term is not an empty run.
    """
    terms = selection.split()
    if not terms:
        return list(checks)
    # Every term is looked at, so that a misspelled one is found even beside one that matches.
    chosen = {check.name for term in terms for check in checks if _matches(check, term, checks)}
    return [check for check in checks if check.name in chosen]


def _matches(check: CheckTable, term: str, checks: Sequence[CheckTable]) -> bool:
    kind, colon, value = term.partition(":")
    if not colon:
        if any(other.name == term for other in checks):
            return check.name == term
        code = term.upper()
        if code[:3] in STAGE_OF_FAMILY:
            family = check.use.upper() or "GAT1"
            return family.startswith(code) or code.startswith(family)
        raise UsageError(f"no check {term!r}; {did_you_mean(term, [c.name for c in checks], 'checks')}")
    if kind == "stage":
        if value not in STAGES:
            raise UsageError(f"no stage {value!r}; {did_you_mean(value, STAGES, 'stages')}")
        return stage_of(check) == value
    if kind == "dataset":
        return value in check.datasets or value == check.reference
    if kind == "tag":
        return value in check.tags
    if kind == "model":
        return value == check.model
    raise UsageError(f"{term!r}: select by id, code, stage:, dataset:, model: or tag:")
