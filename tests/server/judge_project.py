"""A project with a sealed test set, and a server process of ``assay server`` on it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pyrage
from pyarrow import parquet

from assay.gate.custody import seal

ROWS = 400
PROJECT = """\
[project]
name = "loans"

[budget]
disclose = "verdict"
{owner}
[datasets.test]
role = "test"
source = "test.sealed"
label = "late"
id = "loan"
queries = {queries}

[[checks]]
id = "good-enough"
claim = "n > 0.8"
blocking = true

[[checks]]
id = "fit"
use = "VAL1"
"""


def labels() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 2, ROWS)


def predictions(accuracy: float, seed: int = 0) -> list[int]:
    right = np.random.default_rng(seed).random(ROWS) < accuracy
    return [int(value) for value in np.where(right, labels(), 1 - labels())]


class Judge:
    """A folder with the project, and servers on it."""

    def __init__(self, folder: Path, *, queries: int = 100, owner: str = "", environment: dict[str, str] | None = None):
        self.folder = folder
        self.key = pyrage.x25519.Identity.generate()
        frame = pd.DataFrame({"loan": range(1000, 1000 + ROWS), "amount": np.arange(ROWS) * 1.5, "late": labels()})
        sealed = seal(pa.Table.from_pandas(frame), [str(self.key.to_public())], label="late")
        (folder / "test.sealed").write_bytes(sealed)
        (folder / "assay.toml").write_text(PROJECT.format(queries=queries, owner=owner))
        self.environment = (
            {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
            | {"ASSAY_JUDGE_KEY": str(self.key)}
            | (environment or {})
        )
        self.processes: list[subprocess.Popen[str]] = []

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "assay", *words],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def token(self, name: str, role: str) -> dict[str, str]:
        done = self.command("server", "token", "add", "--role", role, name)
        assert done.returncode == 0, done.stderr
        return {"Authorization": f"Bearer {done.stdout.strip()}"}

    def start(self) -> httpx.Client:
        process = subprocess.Popen(
            [sys.executable, "-m", "assay", "server", "--port", "0"],
            cwd=self.folder, env=self.environment, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.processes.append(process)
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return httpx.Client(base_url=found[0], timeout=60)
        raise AssertionError(said)

    def stop(self) -> list[int]:
        codes = []
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            process.stderr.read()
            codes.append(process.wait(30))
            process.stderr.close()
        self.processes.clear()
        return codes


def as_parquet(**columns: object) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


def as_arrow(*, stream: bool, **columns: object) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table(columns)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
