"""Predictions of code that must not see the labels."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from assay.core.guarantee import Assumption
from assay.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = 300
_CELL = Path(__file__).with_name("cell.py")
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "SYSTEMROOT")
_CUT = {"network": "the network", "processes": "the judge's processes", "files": "the judge's files and all writing"}


@dataclass(frozen=True)
class Confined:
    """What a model's code answered, and how far it was shut in.

    Attributes
    ----------
    table : pyarrow.Table
        Column ``prediction``; of a stored binary model also ``score`` and ``positive``.
    assumption : Assumption
        What was cut off, and what could not be.
    """

    table: pa.Table
    assumption: Assumption


def predict(
    inputs: pa.Table,
    title: str,
    *,
    code: str | None = None,
    package: bytes | None = None,
    root: Path,
    hide: Sequence[Path] = (),
    seconds: float = SECONDS,
) -> Confined:
    """Ask a model about rows without their labels, in a process of its own.

    The process is given the inputs on a pipe and an environment without the judge's variables. On Linux, where
    namespaces may be made, it has no network, sees no process but its own, can write nowhere but in an empty folder in
    memory, and finds nothing at the paths in ``hide``; no capability is left to undo that. What it prints is thrown
    away. Whatever the code does, it does before any label is looked at: a failure costs no answer.

    Parameters
    ----------
    inputs : pyarrow.Table
        Columns that the model may see, n rows.
    title : str
        Name of the model, for messages.
    code : str, optional
        ``"module:callable"`` in ``root``: takes a pandas frame, returns n predictions.
    package : bytes, optional
        A stored model instead.
    root : Path
        Folder of the project.
    hide : sequence of Path
        Files and folders that are the judge's: the key, the store, the test set.
    seconds : float
        The process is killed after this time.

    Raises
    ------
    ModelError
        If the code fails, takes too long, or gives another number of predictions; what it said is not repeated.
    """
    task: dict[str, Any] = {"root": str(root), "hide": [str(path.absolute()) for path in hide]}
    task |= {"code": code} if package is None else {"package": package.hex()}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, inputs.schema) as writer:
        writer.write_table(inputs)
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="assay-cell-") as scratch:
        environment |= {"HOME": scratch, "TMPDIR": scratch}
        given = msgspec.json.encode(task | {"scratch": scratch}) + b"\n" + sink.getvalue().to_pybytes()
        said = _run(given, environment, title, seconds)
    first, _, stream = said.partition(b"\n")
    try:
        got = msgspec.json.decode(first, type=dict[str, bool])
        with pa.ipc.open_stream(stream) as reader:
            table = reader.read_all()
    except (msgspec.DecodeError, pa.ArrowException) as problem:
        raise ModelError(_failed(title, "gave no answer that can be read")) from problem
    if "prediction" not in table.column_names or table.num_rows != inputs.num_rows:
        raise ModelError(
            f"model {title!r}: {table.num_rows} predictions for {inputs.num_rows} rows: return one for each, in order"
        )
    return Confined(table, _assumption(title, got))


def _run(given: bytes, environment: dict[str, str], title: str, seconds: float) -> bytes:
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", str(_CELL)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd=environment["HOME"],
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise ModelError(_failed(title, f"took more than {seconds:g} s")) from None
    finally:
        # Also what it left running: it is in a session of its own, and its namespace ends with its first process.
        if hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
    if process.returncode != 0:
        raise ModelError(_failed(title, "ended with an error"))
    return said


def _failed(title: str, how: str) -> str:
    return f"model {title!r}: its code {how}; what it printed is withheld: run it on rows of your own"


def _assumption(title: str, got: dict[str, bool]) -> Assumption:
    cut = [words for name, words in _CUT.items() if got.get(name)]
    left = [words for name, words in _CUT.items() if not got.get(name)]
    text = f"the code of {title} predicted from inputs alone"
    if not left:
        return Assumption(text, "checked", f"a process of its own, cut off from {', '.join(cut)}")
    detail = f"a process of its own without labels or key; this platform did not cut it off from {', '.join(left)}"
    return Assumption(text, "unverifiable", detail)
