"""Compare assay with its peers: ``python benchmarks/run.py [NAME ...]``; all of them by default.

Prints a Markdown table as it goes. Each figure of a row was measured in this run, on the same data.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module
from importlib.metadata import version

COMPARISONS = [
    "imports", "bounds", "profiling", "validation", "checking", "drift", "fingerprint", "gate", "planning", "labeling",
    "detector", "feasibility", "importance", "slices"
]  # fmt: skip


def main() -> None:
    names = sys.argv[1:] or COMPARISONS
    if unknown := [name for name in names if name not in COMPARISONS]:
        sys.exit(f"no comparison {unknown[0]!r}; there are: {', '.join(COMPARISONS)}")
    print(
        f"assay {version('assay')}, Python {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores, "
        f"numpy {version('numpy')}, load {os.getloadavg()[0]:.1f}. Times are CPU. Ratio: the peer's figure over assay's."
    )
    for name in names:
        try:
            module = import_module(name)
        except ModuleNotFoundError as missing:
            sys.exit(f"{missing.name} is not installed; run `make bench`, or: pip install -e '.[demo]' --group bench")
        print(f"\n### {name}\n{module.__doc__.strip()}\n")
        print("| what | assay | peer | peer's | ratio | note |\n|---|--:|---|--:|--:|---|")
        for row in module.compare():
            print("| " + " | ".join(row.cells()) + " |", flush=True)


if __name__ == "__main__":
    main()
