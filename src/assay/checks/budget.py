"""How the declared error probability is shared, and what an answer of a test set costs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from assay.core.project import stage_of
from assay.errors import ProjectError

if TYPE_CHECKING:
    from assay.core.project import CheckTable, DatasetTable, ProjectFile

INFERENTIAL = {"data", "feasibility", "gate"}


def alpha_of(check: CheckTable, project: ProjectFile) -> float:
    """Error probability of one declared check.

    The budget's alpha bounds the probability of any wrong ``pass`` among the blocking checks (Bonferroni): those
    that state a reliability take ``1 - reliability``, the others share what is left equally. A check that does not
    block takes part in no decision and has the whole alpha to itself. Monitors live on ``false_pages`` instead.

    Raises
    ------
    ProjectError
        If nothing is left to share.
    """
    if check.reliability is not None:
        return 1 - check.reliability
    if not check.blocking:
        return project.budget.alpha
    blocking = [c for c in project.checks if c.blocking and stage_of(c) in INFERENTIAL]
    stated = sum(1 - c.reliability for c in blocking if c.reliability is not None)
    sharing = sum(c.reliability is None for c in blocking) or 1
    left = (project.budget.alpha - stated) / sharing
    if left <= 0:
        raise ProjectError(
            f"check {check.name!r}: the other blocking checks ask for all of the budget's alpha of "
            f"{project.budget.alpha:.3g}; raise alpha or their reliability"
        )
    return left


def histories(dataset: DatasetTable, claims: int) -> float:
    """Count the tests over which a reused test set's error probability has to be shared.

    A model proposed after ``t`` answers depends on them through what was shown. With ``adaptivity = "none"`` nothing
    was shown, and with ``"first-change"`` the set is retired at its first pass, so that there is one possible history
    and ``queries`` tests. With ``"full"`` each answer shows one of three words for each of ``claims`` claims, so that
    answer ``t`` is one of ``3 ** (claims * (t - 1))`` tests; a union bound over all of them is valid for every
    strategy (Renggli et al., *Continuous Integration of Machine Learning Models with ease.ml/ci*, MLSys 2019, who
    count two words). It holds only while the words are all that is shown: see ``disclose``.

    Returns
    -------
    float
        Number by which the error probability is divided; at least 1.

    Raises
    ------
    ProjectError
        If the set is too often reused for the count to be finite.
    """
    if dataset.queries == 1 or dataset.adaptivity != "full":
        return float(dataset.queries)
    branches = 3.0**claims
    if dataset.queries * math.log(branches) > 600:
        raise ProjectError(f"queries = {dataset.queries} with adaptivity = 'full' leaves no error probability per test")
    return (branches**dataset.queries - 1) / (branches - 1)
