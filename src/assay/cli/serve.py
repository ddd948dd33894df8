"""``assay serve``."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli import options
from assay.errors import ModelError


@click.command()
@click.argument("reference", metavar="NAME[@ALIAS]")
@options.project_option
@click.option("--host", help="Address to listen at.", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 picks a free one.")
def serve(reference: str, project_path: Path | None, host: str, port: int) -> None:
    """Answer predictions over the Open Inference Protocol, and swap the model when its alias moves.

    Predictions are logged to .assay/log as Parquet.
    """
    from assay.serving.inference import ModelHolder
    from assay.serving.inference import serve as run_server
    from assay.tracking.formats import LoadedModel
    from assay.tracking.formats import load as load_model
    from assay.tracking.registry import Registry

    project = options.open_project(project_path)
    registry = Registry(project.records)
    name, _, alias = reference.partition("@")
    alias = alias or "champion"
    registry.get(f"{name}@{alias}")

    def current() -> tuple[str, int]:
        state = registry.alias(name, alias)
        if state is None:
            raise ModelError(f"{name}@{alias} points nowhere any more: `assay models promote {name}` sets it")
        return str(state.version), state.revision

    def load(version: str) -> LoadedModel:
        return load_model(project.store.artifacts.get(registry.get(f"{name}/{version}").digest))

    run_server(ModelHolder(current, load), name, host=host, port=port, log_root=project.log_root)
