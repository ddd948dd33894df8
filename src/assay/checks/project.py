"""An opened project: its file, its tables, its store."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from assay.core import project as project_file
from assay.core.nearest import did_you_mean
from assay.errors import ProjectError, StoreError, UsageError, at, shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from assay.checks.outcome import CheckRun
    from assay.core.project import CheckTable, DatasetTable, ModelTable, ProjectFile
    from assay.core.verdict import Verdict
    from assay.store.database import Store


class Project:
    """What ``assay.load()`` returns: run checks, read verdicts.

    A ``with`` statement closes its store at the end, as :meth:`close` does; the next use opens it again.

    Parameters
    ----------
    path : Path
        The project file.
    file : ProjectFile
        Its content.
    """

    def __init__(self, path: Path, file: ProjectFile) -> None:
        self.path = path
        self.file = file

    def __repr__(self) -> str:
        return f"Project({self.name!r}, {str(self.path)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the store, if it was opened."""
        store = self.__dict__.pop("store", None)
        if store is not None:
            store.close()

    @property
    def name(self) -> str:
        """Name of the project."""
        return self.file.project.name

    @property
    def root(self) -> Path:
        """Folder that relative paths start from."""
        return self.path.parent

    @cached_property
    def store(self) -> Store:
        """The store: ``.assay/store.db``, or the database that the environment variable ``ASSAY_STORE`` names."""
        from assay.store import Store

        return Store.open(os.environ.get("ASSAY_STORE"), root=self.root, ledger=self.shared_ledger)

    @property
    def shared_ledger(self) -> str:
        """The git remote that has the ledger: ``ASSAY_LEDGER`` in the environment, else what the project file names."""
        named = os.environ.get("ASSAY_LEDGER")
        if named is not None and not named.strip():
            # A secret that a job was not given is empty: to go on would be to count in a store that is thrown away.
            raise UsageError(
                "ASSAY_LEDGER is empty: name a git remote in it, or unset it to use what the project file says"
            )
        return named or self.file.project.ledger

    @property
    def has_store(self) -> bool:
        """Whether anything can have been recorded yet; asking makes no store."""
        return "ASSAY_STORE" in os.environ or bool(self.shared_ledger) or (self.root / ".assay" / "store.db").exists()

    @property
    def records(self) -> Store:
        """The store, for those who read what was recorded before.

        Raises
        ------
        StoreError
            If nothing was recorded yet.
        """
        if not self.has_store:
            raise StoreError(f"{self.root}: nothing is recorded here yet: run `assay check`, or train a model, first")
        return self.store

    @property
    def log_root(self) -> Path:
        """Folder of the prediction and label log."""
        return self.root / ".assay" / "log"

    def at(self, *place: str | int, name: str = "") -> AbstractContextManager[None]:
        """Name the line of the project file in what is refused inside, where that does not name a place itself.

        Parameters
        ----------
        *place : str or int
            The key in the project file: ``"datasets", "test", "source"``.
        name : str
            What stands there, for people, where the message does not say it.
        """

        def found() -> str:
            line = project_file.line_of(self.path, place)
            return f"{shown(self.path)}{f':{line}' if line else ''}{f': {name}' if name else ''}"

        return at(found)

    def at_check(self, check: CheckTable, key: str = "") -> AbstractContextManager[None]:
        """:meth:`at`, for a declared check."""
        place = "checks", self.file.checks.index(check), key
        return self.at(*place[: 3 if key else 2], name=f"check {check.name!r}")

    def check(self, selection: str = "", *, datasets: Mapping[str, Any] | None = None) -> CheckRun:
        """Evaluate the selected checks and commit their verdicts.

        Parameters
        ----------
        selection : str
            Ids, codes (``VAL1``), ``stage:gate``, ``dataset:live``, ``tag:nightly``; empty for all.
        datasets : mapping of str to source
            Sources that stand in for declared ones in this run: a path, a frame, an Ibis table.

        Returns
        -------
        CheckRun
            ``run.verdicts["better"]``, ``run.exit_code``.

        Raises
        ------
        UsageError
            If the selection or an input is wrong; nothing is written then.
        """
        from assay.checks.run import run_checks

        return run_checks(self, selection, datasets or {})

    def verdict(self, identity: str) -> Verdict:
        """Return a stored verdict by the first digits of its id."""
        from assay.store import records

        return records.get(self.records, identity)

    def dataset(self, name: str) -> DatasetTable:
        """Return what is declared of a dataset.

        Raises
        ------
        ProjectError
            If there is none of that name.
        """
        if name not in self.file.datasets:
            advice = did_you_mean(name, self.file.datasets, "declared")
            raise ProjectError(f"{shown(self.path)}: no dataset {name!r}; {advice}")
        return self.file.datasets[name]

    def dataset_of_role(self, *roles: str) -> str | None:
        """Return the name of the one dataset that has a role, trying the roles in order.

        Raises
        ------
        ProjectError
            If two datasets have the role, so that a check has to name the one that it means.
        """
        for role in roles:
            names = [name for name, dataset in self.file.datasets.items() if dataset.role == role]
            if len(names) > 1:
                raise ProjectError(
                    f"{shown(self.path)}: {' and '.join(names)} both have the role {role!r}; say which with datasets = [...]"
                )
            if names:
                return names[0]
        return None

    def model(self, name: str = "") -> tuple[str, ModelTable]:
        """Return a declared model; without a name, the only one.

        Raises
        ------
        ProjectError
            If there is none, or more than one to choose from.
        """
        models = self.file.models
        if not name:
            if len(models) != 1:
                if not models:
                    raise ProjectError(
                        f"{shown(self.path)}: no model is declared; add [models.NAME] with train or predictions"
                    )
                raise ProjectError(f"{shown(self.path)}: name the model; [models.*] declares: {', '.join(models)}")
            name = next(iter(models))
        if name not in models:
            raise ProjectError(f"{shown(self.path)}: no model {name!r}; {did_you_mean(name, models, 'declared')}")
        return name, models[name]

    def slices_of(self, names: str | tuple[str, ...]) -> dict[str, str]:
        """Return the named slices with their predicates; ``"all"`` names every declared one."""
        declared = self.file.slices
        return dict(declared) if names == "all" else {name: declared[name] for name in names}


def load(path: str | Path | None = None) -> Project:
    """Open the project at or above a folder.

    Parameters
    ----------
    path : str or Path, optional
        A project file, or a folder to begin in; the working directory by default.

    Raises
    ------
    UsageError
        If there is no project file.
    ProjectError
        If it is not in order.
    """
    place = Path(path) if path is not None else Path.cwd()
    if place.is_file():
        return Project(place.resolve(), project_file.read(place.resolve()))
    if not place.is_dir():
        raise UsageError(f"{place}: no such file or folder")
    found = project_file.find(place)
    if found is None:
        raise UsageError(f"no {project_file.FILE_NAME} at or above {place.resolve()}: `assay init` writes one")
    return Project(found, project_file.read(found))
