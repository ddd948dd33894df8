"""Where a run ran: commit, user, versions."""

from __future__ import annotations

import getpass
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# Module to distribution: the packages whose version can change what a run gives.
_PACKAGES = {
    "assay": "assay",
    "catboost": "catboost",
    "duckdb": "duckdb",
    "ibis": "ibis-framework",
    "lightgbm": "lightgbm",
    "numpy": "numpy",
    "onnxruntime": "onnxruntime",
    "pandas": "pandas",
    "polars": "polars",
    "pyarrow": "pyarrow",
    "pyspark": "pyspark",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "skops": "skops",
    "torch": "torch",
    "xgboost": "xgboost",
}


def commit(folder: Path) -> tuple[str | None, bool | None]:
    """Commit of the git checkout around a folder, and whether files differ from it; ``None`` without git."""
    head = _git(folder, "rev-parse", "HEAD")
    changes = None if head is None else _git(folder, "status", "--porcelain")
    return (head.strip() if head else None), (None if changes is None else bool(changes.strip()))


def user() -> str:
    """Name of the user, or nothing where the system does not know one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def environment() -> dict[str, Any]:
    """Versions of Python, the platform and the packages that are loaded."""
    packages = {}
    for module, distribution in _PACKAGES.items():
        if module in sys.modules:
            try:
                packages[distribution] = version(distribution)
            except PackageNotFoundError:
                continue
    return {"python": platform.python_version(), "platform": platform.platform(), "packages": packages}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
