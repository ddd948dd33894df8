"""Peers that cannot share an environment with assay, each installed into one of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from measure import environment

HERE = Path(__file__).parent
FOLDER = HERE / ".venvs"
PINS = {
    "datascope": ["datascope==0.0.32", "setuptools<81"],
    "evidently": ["evidently==0.7.23", "pandas<3", "pyarrow"],
    "faiss-cpu": ["faiss-cpu==1.15.1", "numpy>=2"],
    "great_expectations": ["great_expectations==1.24.1", "pyarrow"],
    "mlflow-skinny": ["mlflow-skinny==3.17.2"],
    "pandera": ["pandera[pandas]==0.35.0"],
    "pandera-polars": ["pandera[polars]==0.35.0"],
    "pointblank": ["pointblank[pl]==1.1.1", "pyarrow"],
    "sliceline": ["sliceline==0.3.0"],
    # The newest that is published for this Python; of its own accord it lacks dill, which apache-beam no longer brings.
    "tensorflow-data-validation": ["tensorflow-data-validation==1.16.1", "dill"],
    "ydata-profiling": ["ydata-profiling==4.18.4", "setuptools<81", "pandas<3", "pyarrow"],
    # whylogs was last released before pandas 3 and numpy 2.
    "whylogs": ["whylogs==1.6.4", "pandas<3", "numpy<2"],
}


class UnavailableError(Exception):
    """A peer could not be installed or does not run; the message is the last line that it wrote."""


def named(peer: str) -> str:
    """Give a peer with its pinned version."""
    return f"{peer} {PINS[peer][0].partition('==')[2]}"


def python(peer: str) -> str:
    """Give the interpreter of a peer's environment, made on first use.

    Raises
    ------
    UnavailableError
        If the packages cannot be had.
    """
    home = FOLDER / peer
    interpreter, stamp = home / "bin" / "python", home / "installed.json"
    if stamp.is_file() and json.loads(stamp.read_text()) == PINS[peer]:
        return str(interpreter)
    print(f"installing {' '.join(PINS[peer])} ...", file=sys.stderr)
    shutil.rmtree(home, ignore_errors=True)
    if uv := shutil.which("uv"):
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)])
        _run([uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(interpreter), *PINS[peer]])
    else:
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS[peer]])
    stamp.write_text(json.dumps(PINS[peer]))
    return str(interpreter)


def call(peer: str, module: str, function: str, *arguments: str) -> Any:
    """Run a function of this folder in a peer's environment; it takes texts and returns what JSON can hold."""
    code = f"import json, sys, {module}; print(json.dumps({module}.{function}(*sys.argv[1:])))"
    return json.loads(_run([python(peer), "-c", code, *arguments], "does not run").splitlines()[-1])


def _run(command: list[str], failed: str = "not installed") -> str:
    done = subprocess.run(command, cwd=HERE, env=environment(), capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise UnavailableError(f"{failed}: {lines[-1].strip()}")
    return done.stdout
