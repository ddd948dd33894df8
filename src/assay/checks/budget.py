"""How the declared error probability is shared, and what an answer of a test set costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.core.project import stage_of
from assay.errors import ProjectError

if TYPE_CHECKING:
    from assay.core.project import CheckTable, DatasetTable, ProjectFile


def alpha_of(check: CheckTable, project: ProjectFile) -> float:
    """Error probability of one declared check.

    A check that states a reliability has ``1 - reliability``. Otherwise:

    * Gate. A candidate goes through only if *every* blocking gate check passes, so if any claim is false that one
      check has to pass falsely: P(the gate passes although a claim is false) <= alpha with the whole alpha for each
      (intersection-union; Berger, *Multiparameter hypothesis testing and acceptance sampling*, Technometrics 1982).
    * Data and feasibility. One alarm, or one pass, is enough to act on, so the blocking checks of a stage share
      alpha equally (Bonferroni): P(any error) <= alpha.
    * A check that does not block takes part in no decision and has alpha to itself.

    Monitors live on ``false_pages`` instead.

    Raises
    ------
    ProjectError
        If nothing is left to share.
    """
    if check.reliability is not None:
        return 1 - check.reliability
    if not check.blocking:
        return project.budget.alpha
    stage = stage_of(check)
    if stage == "gate":
        return project.budget.alpha
    blocking = [c for c in project.checks if c.blocking and stage_of(c) == stage]
    stated = sum(1 - c.reliability for c in blocking if c.reliability is not None)
    sharing = sum(c.reliability is None for c in blocking)
    left = (project.budget.alpha - stated) / sharing
    if left <= 0:
        raise ProjectError(
            f"check {check.name!r}: the other blocking checks of its stage ask for all of the budget's alpha of "
            f"{project.budget.alpha:.3g}; raise alpha or their reliability"
        )
    return left


def histories(dataset: DatasetTable, claims: int) -> float:
    """Count the tests over which a reused test set's error probability has to be shared.

    A model proposed after ``t`` answers depends on them through what was shown. With ``adaptivity = "none"`` nothing
    was shown, so that there is one possible history and ``queries`` tests. With ``"full"`` each answer shows one of
    three words for each of ``claims`` verdicts, so that answer ``t`` is one of ``3 ** (claims * (t - 1))`` tests; a union bound over all of them is valid for every
    strategy (Renggli et al., *Continuous Integration of Machine Learning Models with ease.ml/ci*, MLSys 2019, who
    count two words). It holds only while the words are all that is shown: see ``disclose``. ``"first-change"`` costs the
    same: of two words, one history leads to the first pass, but "fail" and "inconclusive" are told apart before it.

    Returns
    -------
    float
        Number by which the error probability is divided; at least 1.

    Raises
    ------
    ProjectError
        If the set is too often reused for the count to be finite.
    """
    if dataset.queries == 1 or dataset.adaptivity == "none":
        return float(dataset.queries)
    branches = 3.0**claims
    if dataset.queries * math.log(branches) > 600:
        raise ProjectError(
            f"queries = {dataset.queries} with adaptivity = {dataset.adaptivity!r} leaves no error probability per test"
        )
    return (branches**dataset.queries - 1) / (branches - 1)
