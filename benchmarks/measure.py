"""What a comparison measures with: CPU seconds, never the clock on the wall, and the smallest of several runs."""

from __future__ import annotations

import os
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of the table: ours and a named peer's figure for the same thing."""

    what: str
    ours: float
    peer: str
    theirs: float | None
    unit: str
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        """Give the row as text; the last cell but one is the peer's figure over ours."""
        ours = f"{_digits(self.ours)} {self.unit}".strip()
        if self.theirs is None:
            return self.what, ours, self.peer, "", "", self.note
        ratio = f"{_digits(self.theirs / self.ours)} x" if self.ours else ""
        theirs = f"{_digits(self.theirs)} {self.unit}".strip()
        return self.what, ours, self.peer, theirs, ratio, self.note


def cpu(work: Callable[[], Any], runs: int = 3) -> float:
    """Give the CPU milliseconds of all threads, the smallest of ``runs``."""
    return 1000 * min(_once(work) for _ in range(runs))


def peak() -> float:
    """Give the most megabytes that this process had; ``ru_maxrss`` would count what its parent had when it was started."""
    status = Path("/proc/self/status")
    if status.is_file():
        [line] = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return float(line.split()[1]) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def cpu_of_command(command: Sequence[str], runs: int = 3) -> float:
    """Give the CPU milliseconds of a fresh process, the smallest of ``runs`` after one to warm up."""
    spent = []
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, env=environment())
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return 1000 * min(spent[1:])


def environment() -> dict[str, str]:
    """Give the environment of a child: bytecode is kept, as after any first start, and no peer reports to its home."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "WHYLOGS_NO_ANALYTICS": "true",
    }


def named(package: str) -> str:
    """Give a package of this environment with its version."""
    return f"{package} {version(package)}"


def _once(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
