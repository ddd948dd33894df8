"""What it costs to start: CPU of a fresh process, interpreter included, bytecode present; and modules loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import peers
from measure import Row, cpu_of_command, environment

FIRST_VERDICT = (
    "import assay; y = [0, 1] * 50; assay.gate.decide('n - o > 0', labels=y, new=y, old=y[::-1], reliability=0.95)"
)
PANDERA_VERDICT = (
    "import pandas as pd; import pandera.pandas as pa; "
    "pa.DataFrameSchema({'a': pa.Column(int, pa.Check.ge(0))}).validate(pd.DataFrame({'a': [1, 2]}))"
)
PEERS = [
    # (what, assay's code, peer, peer's code, runs)
    ("import", "import assay", "mlflow-skinny", "import mlflow", 3),
    ("import", "import assay", "pandera", "import pandera.pandas", 3),
    ("import", "import assay", "great_expectations", "import great_expectations", 1),
    ("--help", "-m assay", "mlflow-skinny", "-m mlflow", 3),
    ("import and a first verdict", FIRST_VERDICT, "pandera", PANDERA_VERDICT, 3),
]


def compare() -> Iterator[Row]:
    for what, code, peer, theirs, runs in PEERS:
        ours = cpu_of_command(_command(sys.executable, code), runs)
        try:
            command = _command(peers.python(peer), theirs)
        except peers.UnavailableError as reason:
            yield Row(what, ours, peers.named(peer), None, "ms", str(reason))
            continue
        yield Row(what, ours, peers.named(peer), cpu_of_command(command, runs), "ms")
        if what == "import":
            counts = _modules(sys.executable, code), _modules(command[0], theirs)
            yield Row("modules after import", counts[0], peers.named(peer), counts[1], "modules")


def _command(python: str, code: str) -> list[str]:
    return [python, *code.split(), "--help"] if code.startswith("-m ") else [python, "-c", code]


def _modules(python: str, code: str) -> int:
    counted = [python, "-c", f"{code}; import sys; print(len(sys.modules))"]
    done = subprocess.run(counted, check=True, capture_output=True, text=True, env=environment())
    return int(done.stdout.split()[-1])
