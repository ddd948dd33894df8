"""The server: its routes, and the thread that tells the owner."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from assay.checks.run import owner_addresses
from assay.server.api import Api, broken, refuse
from assay.server.notify import deliver
from assay.serving.http import address_of, listen, run

if TYPE_CHECKING:
    from assay.checks.project import Project

logger = logging.getLogger(__name__)

POLL_SECONDS = 2.0


def create_app(api: Api) -> Starlette:
    """Build the web application; see :mod:`assay.server.openapi` for its routes."""
    return Starlette(routes=api.routes(), exception_handlers={HTTPException: refuse, Exception: broken})


def serve(project: Project, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests under way.

    Raises
    ------
    UsageError
        If a test set cannot be opened, or the address cannot be listened on.
    """
    tell = owner_addresses(project)
    messenger: Messenger | None = None
    api = Api(project, told=lambda: messenger.wake() if messenger else None)
    api.rehearse()
    listener = listen(host, port)
    messenger = Messenger(project) if tell else None
    try:
        run(create_app(api), listener, f"assay server: {project.name} at {address_of(listener, host)}")
    finally:
        if messenger is not None:
            messenger.close()


class Messenger:
    """Delivers what is due to the owner, after each answer and every two seconds."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._woken = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="assay-messenger", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There may be something to tell."""
        self._woken.set()

    def close(self) -> None:
        """Deliver what can be delivered now, and end; the rest stays in the store for the next server."""
        self._ended = True
        self._woken.set()
        self._thread.join(15)

    def _run(self) -> None:
        while True:
            self._woken.wait(POLL_SECONDS)
            self._woken.clear()
            try:
                deliver(self._project)
            except Exception:
                # A store that does not answer now may answer in two seconds.
                logger.exception("the owner could not be told")
            if self._ended:
                return
