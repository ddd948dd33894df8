"""The model in service, replaced beside running requests when its alias moves."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.tracking.formats import LoadedModel

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 60.0


class Served(NamedTuple):
    """A model in service."""

    version: str
    revision: int
    model: LoadedModel


class ModelHolder:
    """Watches an alias and keeps the model it points to ready.

    A new model is loaded and verified beside the old one and takes over by one assignment: a request works on the
    model that it found when it came, so none fails or mixes two models. A model that cannot be loaded, or an alias that
    cannot be read, leaves the old model in service; ``problem`` says why, and loading is tried again, at first soon and
    later once a minute.

    Parameters
    ----------
    current : callable, () -> (version, revision)
        Where the alias points, cheaply. The revision grows with every move.
    load : callable, version -> LoadedModel
        Load and verify a version, as :func:`assay.tracking.formats.load` does.
    poll_seconds : float, default 0.5
        Time between looks at the alias.

    Attributes
    ----------
    problem : str or None
        Why the newest model is not in service.
    swaps : int
        Times that another model took over.

    Raises
    ------
    ModelError
        The first model cannot be loaded: there is nothing to serve.
    """

    def __init__(
        self,
        current: Callable[[], tuple[str, int]],
        load: Callable[[str], LoadedModel],
        *,
        poll_seconds: float = 0.5,
    ) -> None:
        self.problem: str | None = None
        self.swaps = 0
        self._current = current
        self._load = load
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._refused: tuple[int, float, float] | None = None
        version, revision = current()
        self._served = Served(str(version), revision, load(version))
        self._watch = threading.Thread(target=self._run, name="assay-hot-swap", daemon=True)
        self._watch.start()

    @property
    def served(self) -> Served:
        """The model in service."""
        return self._served

    def resolve(self, version: str | None = None) -> Served:
        """Model in service, if it is the version asked for.

        Raises
        ------
        LookupError
            Another version is in service.
        """
        served = self._served
        if version not in {None, served.version}:
            raise LookupError(f"version {version!r} is not in service, {served.version!r} is")
        return served

    def status(self) -> dict[str, Any]:
        """What is in service, for the health page."""
        served = self._served
        return {"version": served.version, "revision": served.revision, "swaps": self.swaps, "problem": self.problem}

    def close(self) -> None:
        """Stop watching; the model stays in service."""
        self._stop.set()
        self._watch.join(5.0)

    def _run(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            self._look()

    def _look(self) -> None:
        try:
            version, revision = self._current()
        except Exception as error:
            self._report(f"the alias cannot be read: {error}")
            return
        if revision == self._served.revision:
            self.problem, self._refused = None, None
            return
        now = time.monotonic()
        if self._refused is not None and self._refused[0] == revision and now < self._refused[1]:
            return
        try:
            same = str(version) == self._served.version
            model = self._served.model if same else self._load(version)
        except Exception as error:
            last_wait = self._refused[2] if self._refused is not None and self._refused[0] == revision else 0.0
            wait = min(max(2 * last_wait, self._poll_seconds), LONGEST_WAIT_SECONDS)
            self._refused = (revision, now + wait, wait)
            self._report(f"version {version} (revision {revision}) cannot be served: {error}")
            return
        self._served = Served(str(version), revision, model)
        self.swaps += not same
        self.problem, self._refused = None, None
        logger.info("version %s (revision %d) is in service", version, revision)

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            logger.warning("%s; version %s stays in service", problem, self._served.version)
        self.problem = problem
