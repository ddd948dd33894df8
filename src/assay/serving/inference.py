"""One process that serves one model by the Open Inference Protocol, version 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.errors import UsageError
from assay.serving.app import create_app
from assay.serving.hot_swap import ModelHolder
from assay.serving.http import address_of, listen, run
from assay.serving.request_log import RequestLog
from assay.store.events import DEFAULT_ROOT, PredictionLog

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ModelHolder", "create_app", "serve"]


def serve(
    holder: ModelHolder,
    name: str,
    host: str = "127.0.0.1",
    port: int = 8080,
    log_root: str | Path | None = DEFAULT_ROOT,
) -> None:
    """Serve a model until SIGTERM or SIGINT, then finish the requests under way and write the log.

    One line on stderr says when the server is ready and at which address.

    Parameters
    ----------
    holder : ModelHolder
        The model, and the watch on its alias; closed at the end.
    name : str
        Name under which it is served.
    host : str, default "127.0.0.1"
        Address to listen on.
    port : int, default 8080
        Port to listen on; 0 takes a free one.
    log_root : path or None
        Root of the prediction log; None keeps no log.

    Raises
    ------
    UsageError
        The address cannot be listened on.
    """
    try:
        listener = listen(host, port)
    except UsageError:
        holder.close()
        raise
    log = RequestLog(PredictionLog(log_root)) if log_root is not None else None
    app = create_app(holder.resolve, name=name, log=log, status=holder.status)
    served = holder.served
    place = address_of(listener, host)
    try:
        run(app, listener, f"assay serve: {name} version {served.version} is ready at {place}/v2/models/{name}/infer")
    finally:
        holder.close()
        if log is not None:
            log.close()
