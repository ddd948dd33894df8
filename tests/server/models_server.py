"""Serve the packages of a folder by the alias that a file in it names: ``VERSION REVISION``."""

from __future__ import annotations

import sys
from pathlib import Path

from assay.serving import ModelHolder, serve
from assay.tracking.formats import LoadedModel, load


def main() -> None:
    folder, log_root = Path(sys.argv[1]), Path(sys.argv[2])

    def current() -> tuple[str, int]:
        version, revision = (folder / "alias").read_text().split()
        return version, int(revision)

    def load_version(version: str) -> LoadedModel:
        return load((folder / f"{version}.model").read_bytes())

    serve(ModelHolder(current, load_version, poll_seconds=0.05), "flights", port=0, log_root=log_root)


if __name__ == "__main__":
    main()
