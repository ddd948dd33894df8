"""Real servers over loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from assay.tracking.formats import save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Server:
    """A server process on the packages and the alias of a folder."""

    def __init__(self, folder: Path, log_root: Path) -> None:
        self.folder = folder
        self.log_root = log_root
        script = Path(__file__).with_name("models_server.py")
        self.process = subprocess.Popen(
            [sys.executable, str(script), str(folder), str(log_root)],
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        self.ready = self.process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", self.ready)
        assert found, self.ready + self.process.stderr.read()
        self.client = httpx.Client(base_url=found[0], timeout=30)

    def point(self, version: str, revision: int) -> None:
        """Move the alias."""
        written = self.folder / "alias.new"
        written.write_text(f"{version} {revision}")
        written.rename(self.folder / "alias")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End the process by a signal and give its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(30)
        self.client.close()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "delay": rng.normal(size=200),
            "hour": rng.integers(0, 24, 200),
            "origin": rng.choice(["EWR", "JFK"], 200),
            "holiday": rng.random(200) > 0.8,
        }
    )


@pytest.fixture(scope="session")
def packages(frame: pd.DataFrame) -> dict[str, bytes]:
    """Three versions that answer differently."""
    late = (frame["delay"] + frame["hour"] / 12 > 1).astype(int).to_numpy()
    packed = {}
    for version, strength in (("1", 1.0), ("2", 0.1), ("3", 0.01)):
        encode = ColumnTransformer([("origin", OneHotEncoder(), ["origin"])], remainder="passthrough")
        model = make_pipeline(encode, LogisticRegression(C=strength, max_iter=1000)).fit(frame, late)
        packed[version] = save(model, frame).content
    return packed


@pytest.fixture(scope="session")
def start(packages: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Server]]:
    """Start servers of version 1; they are stopped at the end."""
    servers: list[Server] = []

    def run() -> Server:
        folder = tmp_path_factory.mktemp("models")
        for version, content in packages.items():
            (folder / f"{version}.model").write_bytes(content)
        (folder / "alias").write_text("1 1")
        servers.append(Server(folder, folder / "log"))
        return servers[-1]

    yield run
    for server in servers:
        server.stop()
