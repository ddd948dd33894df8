"""A test set that only the judge can read, as a project uses it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from assay.core.project import Disclosure, place_of
from assay.data import table
from assay.data.connection import session
from assay.errors import DataError, ProjectError
from assay.gate import custody

if TYPE_CHECKING:
    import ibis

    from assay.checks.dataset import Dataset
    from assay.checks.project import Project
    from assay.core.project import DatasetTable
    from assay.gate.custody import Terms


def sealed_file(source: Any, project: Project) -> Path | None:
    """The path that a source names, if a sealed file is there."""
    place = place_of(source)
    if place is None:
        return None
    path = project.root / Path(place).expanduser()
    return path if custody.is_sealed(path) else None


def open_sealed(path: Path, declared: DatasetTable, project: Project) -> tuple[ibis.Table, Terms]:
    """Open a sealed test set in memory; nothing of it is written to the disk.

    Raises
    ------
    DataError
        If there is no key, or not this one.
    ProjectError
        If the project file asks for more than the set was sealed for: another column as its label, a model that would
        see it, more disclosure.
    """
    try:
        content = path.read_bytes()
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror}") from problem
    opened, terms = custody.unseal(content, custody.judge_key(), str(path))
    if terms.label is not None and declared.label != terms.label:
        raise ProjectError(
            f"label is {declared.label!r}, and the set was sealed with {terms.label!r}; write label = {terms.label!r}"
        )
    order = get_args(Disclosure)
    if order.index(project.file.budget.disclose) > order.index(terms.disclose):
        raise ProjectError(
            f"[budget] disclose is {project.file.budget.disclose!r}, and {path.name} was sealed for "
            f"{terms.disclose!r}; write disclose = {terms.disclose!r}, or ask its owner to seal it anew"
        )
    # A sort that outgrows the memory would otherwise be continued on the disk.
    session().run("SET temp_directory = ''")
    return table(opened), terms


def judges(dataset: Dataset) -> tuple[str, ...]:
    """Public keys that withheld numbers are sealed to: those of the test set, else that of this judge, if there is one."""
    return dataset.terms.recipients if dataset.terms is not None else custody.public_keys(custody.judge_key())


def hidden_places(source: Any, project: Project) -> list[Path]:
    """Files and folders that a model's code has no business with."""
    places = [project.root / ".assay"]
    if os.environ.get(custody.KEY_FILE):
        places.append(Path(os.environ[custody.KEY_FILE]))
    place = place_of(source)
    if place is not None:
        places.append(project.root / Path(place).expanduser())
    return places
