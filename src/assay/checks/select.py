"""Selecting checks: ``better``, ``VAL1``, ``stage:gate``, ``dataset:live``, ``tag:nightly``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.nearest import did_you_mean
from assay.core.project import STAGE_OF_FAMILY, stage_of
from assay.errors import UsageError

if TYPE_CHECKING:
    from assay.core.project import CheckTable, ProjectFile

# Stages whose checks are about a model, the only one where none is named.
OF_MODELS = ("gate", "monitor")
STAGES = tuple(dict.fromkeys(STAGE_OF_FAMILY.values()))


def select(file: ProjectFile, selection: str = "") -> list[CheckTable]:
    """Return the checks that a selection names, in the order of the project file.

    Parameters
    ----------
    file : ProjectFile
        The project, with all checks that it declares.
    selection : str
        Terms separated by spaces; a check is selected when any term matches. Empty selects all.

    Raises
    ------
    UsageError
        If a term is neither a known kind nor the name of a check, so that a misspelled term is not an empty run.
    """
    terms = selection.split()
    if not terms:
        return list(file.checks)
    # Every term is looked at, so that a misspelled one is found even beside one that matches.
    chosen = {check.name for term in terms for check in file.checks if _matches(check, term, file)}
    return [check for check in file.checks if check.name in chosen]


def datasets_of(check: CheckTable, file: ProjectFile) -> set[str]:
    """Names of the datasets that a check reads: those that it names, and where it names none, those that it takes."""

    def of_role(*roles: str) -> set[str]:
        found = ({name for name, dataset in file.datasets.items() if dataset.role == role} for role in roles)
        return next(filter(None, found), set())

    stage, reference = stage_of(check), {check.reference} - {""}
    if stage == "data":
        reference = reference or of_role("train")
        return reference | (set(check.datasets) or set(file.datasets))
    if stage == "monitor":
        return (reference or of_role("test", "dev")) | of_role("live") | set(check.datasets)
    by_default = {"feasibility": ("train", "dev"), "gate": ("test", "dev")}
    return reference | (set(check.datasets) or of_role(*by_default.get(stage, ())))


def _matches(check: CheckTable, term: str, file: ProjectFile) -> bool:
    kind, colon, value = term.partition(":")
    if not colon:
        names = [other.name for other in file.checks]
        if term in names:
            return check.name == term
        code = term.upper()
        if code[:3] in STAGE_OF_FAMILY:
            family = check.use.upper() or "GAT1"
            return family.startswith(code) or code.startswith(family)
        raise UsageError(f"no check {term!r}; {did_you_mean(term, names, 'checks')}")
    if kind == "stage":
        if value not in STAGES:
            raise UsageError(f"no stage {value!r}; {did_you_mean(value, STAGES, 'stages')}")
        return stage_of(check) == value
    if kind == "dataset":
        if value not in file.datasets:
            raise UsageError(f"no dataset {value!r}; {did_you_mean(value, file.datasets, 'declared')}")
        return value in datasets_of(check, file)
    if kind == "tag":
        return value in check.tags
    if kind == "model":
        if value not in file.models:
            raise UsageError(f"no model {value!r}; {did_you_mean(value, file.models, 'declared')}")
        return check.model == value or (not check.model and len(file.models) == 1 and stage_of(check) in OF_MODELS)
    raise UsageError(f"{term!r}: select by id, code, stage:, dataset:, model: or tag:")
