"""Moving an alias: only with the verdicts that the project asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.checks.run import run_checks
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Guarantee
from assay.core.project import stage_of
from assay.core.verdict import Verdict
from assay.errors import ModelError, ProjectError, shown
from assay.store import records
from assay.store.aliases import AliasMove
from assay.tracking.formats import load as load_model
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.checks.inputs import Series
    from assay.checks.project import Project
    from assay.core.project import CheckTable


@dataclass(frozen=True)
class Promotion:
    """What came of asking for a promotion: the verdicts, and whether the alias moved."""

    verdicts: list[Verdict]
    moved: bool
    version: int
    before: int | None


def promote(
    project: Project,
    model: str,
    *,
    side: str = "candidate",
    alias: str = "champion",
    override: str = "",
    datasets: Mapping[str, Any] | None = None,
    series: Series | None = None,
) -> Promotion:
    """Gate a version and, when every blocking gate check of its model passes or is waived, move the alias to it.

    A check that is skipped because there is no champion to compare with does not stand in the way of the first one.
    The alias moves by compare-and-swap in the transaction that writes the verdict, its ledger entry and the lineage.

    Parameters
    ----------
    project : Project
    model : str
        Name of the model.
    side : str
        An alias or a version number: which version is to be promoted.
    alias : str
        The alias to move.
    override : str
        Reason to move it although the gate refuses; it stays in the ledger for ever.
    datasets : mapping of str to source
        Sources that stand in for declared ones in the gate.
    series : Series, optional
        The planned looks that these sources are part of.

    Raises
    ------
    ModelError
        If there is no such version, or its stored example gives another answer than it did.
    Conflict
        If the alias moved meanwhile.
    ProjectError
        If no blocking gate check judges the model and no reason is given: nothing would stand for the move.
    """
    registry = Registry(project.records)
    if side == "candidate" and registry.alias(model, side) is None:
        version = registry.get(model)
    else:
        version = registry.get(f"{model}/{side}" if side.isdigit() else f"{model}@{side}")
    before = registry.alias(model, alias)
    if before is not None and before.version == version.version:
        raise ModelError(f"{model}/{version.version} is already {alias}")
    if not override and not any(_judges(check, model) for check in project.file.checks):
        raise ProjectError(
            f"{shown(project.path)}: no blocking gate check judges {model}: declare one ([[checks]] with a claim and "
            "blocking = true), or give the reason with --override"
        )
    run = run_checks(project, "stage:gate", datasets, series=series, candidate=side, model=model)
    gate = run.results
    if not override and run.stopped:
        return Promotion(gate, False, version.version, before.version if before else None)
    loads = _loads(project, model, version)
    records.record(
        project.store,
        verdicts=[loads],
        cache_key=None,
        edges=[("verdict", verdict.id, "model_version", f"{model}/{version.version}", "judged") for verdict in gate],
        alias=AliasMove(
            model,
            alias,
            version.version,
            before.revision if before else 0,
            detail={"gate": [verdict.id for verdict in gate]} | ({"override": override} if override else {}),
        ),
    )
    return Promotion([*gate, loads], True, version.version, before.version if before else None)


def _judges(check: CheckTable, model: str) -> bool:
    return stage_of(check) == "gate" and check.blocking and check.model in ("", model)


def _loads(project: Project, model: str, version: Any) -> Verdict:
    """Load the stored model, which compares its answer to the stored example; raises when they differ."""
    load_model(project.store.artifacts.get(version.digest))
    return Verdict(
        status="pass",
        guarantee=Guarantee.exact(0.0, "a fact that was read"),
        check=f"{model}-loads",
        code="SRV101",
        stage="serving",
        claim=Claim(f"{model}/{version.version} answers its stored example as when it was saved"),
        evidence=Evidence(fingerprints={"new": version.digest}),
        reason="the stored example gives the stored answers",
    )
