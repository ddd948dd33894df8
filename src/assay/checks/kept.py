"""What is kept of a test set's answers: who may read it, and what of it other clones get with the ledger.

Kept are the predictions that passed last, and what an answer was committed to before it was given. Neither has a label in
it, but the commitments are in an order in which equal rows are sorted by their labels. So they are

* sealed to the keys of a sealed set;
* plain where the table is a file of the commit that is checked out, byte for byte: who reads them reads its labels;
* else sealed to the key of the judge who is asked, if there is one, and otherwise kept in the clone that asked, alone.
"""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from assay.checks.sealed import judges
from assay.core.project import place_of
from assay.errors import DataError, StoreError
from assay.gate import custody
from assay.store.git_ref import OBJECT_BYTES
from assay.store.git_repository import GitRepository

if TYPE_CHECKING:
    from assay.checks.dataset import Dataset
    from assay.checks.project import Project

logger = logging.getLogger(__name__)


def readers(project: Project, dataset: Dataset) -> tuple[str, ...] | None:
    """Public keys of those who may read what is kept; none for everybody, ``None`` for nobody but this clone."""
    if dataset.terms is not None:
        return dataset.terms.recipients
    place = place_of(dataset.source)
    if place is not None:
        path = (project.root / Path(place).expanduser()).resolve()
        try:
            if path.is_file() and GitRepository(path.parent).has_committed(path):
                return ()
        except StoreError:
            # Without git nothing is known to be public.
            pass
    return judges(dataset) or None


class Kept:
    """What is kept with one entry of the ledger.

    Parameters
    ----------
    project : Project
    dataset : Dataset
        The test set that it tells of.
    keys : tuple of str or None
        Who may read it: see :func:`readers`.
    """

    def __init__(self, project: Project, dataset: Dataset, keys: tuple[str, ...] | None) -> None:
        self._project = project
        self._dataset = dataset
        self._keys = keys
        self._names: list[str] = []
        self._largest = 0

    def put(self, content: bytes) -> str:
        """Keep something, sealed where it is not for everybody, and return its digest."""
        held = custody.seal_note(content, self._keys) if self._keys else content
        digest = self._project.store.artifacts.put(held)
        self._names.append(digest)
        self._largest = max(self._largest, len(held))
        return digest

    def detail(self) -> dict[str, list[str]]:
        """What the entry says of all of it, so that it goes to other clones; nothing where it has to stay here."""
        why = ""
        if self._keys is None:
            why = f"its rows are no file of the commit, and no judge's key ({custody.KEY}) is set to seal it to"
        elif self._largest > OBJECT_BYTES:
            why = f"its {self._largest:,} bytes are more than the {OBJECT_BYTES:,} that go to the git remote"
        if not why:
            return {"artifacts": self._names}
        if self._project.shared_ledger:
            _say_once(
                f"{self._project.path}: dataset {self._dataset.name!r}: what is kept of an answer stays here: {why}"
            )
        return {}


def opened(content: bytes) -> bytes:
    """Read what was kept, with the judge's key where it is sealed.

    Raises
    ------
    DataError
        If there is no key, or not this one.
    """
    if not content.startswith(custody.MAGIC):
        return content
    keys = custody.judge_key()
    if not keys:
        raise DataError(f"what is kept of the answers is sealed: set {custody.KEY}, or {custody.KEY_FILE}")
    return custody.open_note(content, keys)


@cache
def _say_once(text: str) -> None:
    logger.warning(text)
