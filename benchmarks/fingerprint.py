"""The content address of a table: 1,000,000 rows, 10 columns (4 integer, 3 real, 3 text), a pandas frame in memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from assay import data
from measure import Row, cpu, named


def compare() -> Iterator[Row]:
    frame = _frame(1_000_000)
    found = set()
    ours = cpu(lambda: found.add(_assay(frame)), runs=2)
    yield Row(
        "fingerprint", ours, named("pandas"), cpu(lambda: _row_hashes(frame), runs=2), "ms",
        f"sum of hash_pandas_object (64 bits), unchanged by {_survives(_row_hashes)}; assay by {_survives(_assay)}",
    )  # fmt: skip
    yield Row(
        "fingerprint", ours, f"{named('pandas')}, sha256", cpu(lambda: _csv_digest(frame), runs=1), "ms",
        f"to_csv and sha256, unchanged by {_survives(_csv_digest)}",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        frame.to_csv(path, index=False)
        yield Row(
            "fingerprint of the CSV file", cpu(lambda: found.add(_assay(path)), runs=2), "sha256",
            cpu(lambda: hashlib.sha256(path.read_bytes()), runs=2), "ms",
            f"hash of the bytes, {path.stat().st_size / 1e6:.0f} MB",
        )  # fmt: skip
    assert len(found) == 1, "a table and its CSV file must have one fingerprint"


def _frame(rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    names = np.array([f"carrier {i}" for i in range(1000)])
    columns: dict[str, np.ndarray] = {f"i{j}": rng.integers(0, 10 ** (2 * j + 1), rows) for j in range(4)}
    columns |= {f"r{j}": rng.normal(size=rows).round(3 * j + 2) for j in range(3)}
    columns |= {f"t{j}": names[rng.integers(0, 10 ** (j + 1), rows)] for j in range(3)}
    return pd.DataFrame(columns)


def _assay(source: pd.DataFrame | Path) -> str:
    return data.fingerprint(data.table(source))


def _row_hashes(frame: pd.DataFrame) -> int:
    return int(pd.util.hash_pandas_object(frame, index=False).sum())


def _csv_digest(frame: pd.DataFrame) -> str:
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()


def _survives(fingerprint: Callable[[pd.DataFrame], object]) -> str:
    """Say which changes that keep the content keep the fingerprint."""
    frame = _frame(1000)
    first = fingerprint(frame)
    same = {
        "shuffled rows": frame.sample(frac=1, random_state=1),
        "reordered columns": frame[frame.columns[::-1]],
        "integers as floats": frame.assign(i0=frame["i0"].astype(float)),
    }
    return ", ".join(name for name, other in same.items() if fingerprint(other) == first) or "none of these"
