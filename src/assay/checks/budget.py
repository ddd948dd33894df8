"""How the declared error probability is shared, and what an answer of a test set costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core.project import stage_of
from assay.errors import ProjectError
from assay.gate.condition import Term
from assay.gate.reuse import Policy, most_passes

if TYPE_CHECKING:
    from assay.core.project import BudgetTable, CheckTable, DatasetTable, Disclosure, ProjectFile
    from assay.gate.condition import Condition

LEVELS = 202
"""What an estimate is rounded to: hundredths from -1 to 1, or none."""


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


def shown(budget: BudgetTable, dataset: DatasetTable, *, planned: bool = False) -> Disclosure:
    """Return what is shown of an answer of a test set.

    ``"estimate"`` rounds only where somebody who sees the estimate can still ask these rows: not where a set answers
    once, where its answers are not seen, where each answer has rows of its own, or where the looks are ``planned``.
    """
    unseen = planned or dataset.queries == 1 or dataset.adaptivity == "none" or dataset.sharing == "fresh-slice"
    return "full" if budget.disclose == "estimate" and unseen else budget.disclose


def words_of(disclose: Disclosure, clauses: int = 1) -> tuple[int, int]:
    """Count what one verdict can be told apart as.

    Parameters
    ----------
    disclose : Disclosure
    clauses : int
        Clauses of the claim: the estimate is that of the one that decided, which is told with it.

    Returns
    -------
    words, passing : int
        All words, and those that mean a pass; 0 where numbers are shown that nobody counts.
    """
    if disclose == "full":
        return 0, 0
    if disclose == "verdict":
        return 2, 1
    return (3, 1) if disclose == "three-valued" else (3 * LEVELS * clauses, LEVELS * clauses)


def policy_of(dataset: DatasetTable, *, words: int, passing: int, gain: float | None) -> Policy:
    """Return how a test set shares its error probability; the proofs are in :mod:`assay.gate.reuse`.

    Parameters
    ----------
    dataset : DatasetTable
    words, passing : int
        Different answers that a developer can be shown of one candidate, and those that mean that the gate passed.
    gain : float or None
        Gain over the model that passed last that each pass shows, for ``self-limiting``.

    Raises
    ------
    ProjectError
        If no blocking check asks for a gain, and passes are to limit themselves.
    """
    steps = dataset.queries
    if steps == 1 or dataset.adaptivity == "none" or dataset.sharing == "fresh-slice":
        return Policy("fresh-slice" if dataset.sharing == "fresh-slice" else "none", steps)
    seen = {"words": words, "passing": passing}
    if dataset.sharing == "fixed":
        return Policy("first-change" if dataset.adaptivity == "first-change" else "full", steps, **seen)
    if dataset.sharing == "prefix":
        return Policy("prefix", steps, **seen)
    if dataset.sharing == "k-pass":
        return Policy("k-pass", steps, dataset.passes, **seen)
    if gain is None:
        raise ProjectError(
            "policy 'self-limiting' needs a blocking gate check in mode fp-free that asks for a gain in accuracy over "
            "the champion, such as 'n - o > 0.02': without one, passes have no end; or set policy = 'fixed'"
        )
    # With no gain to come, the first pass is a wrong one.
    return Policy("self-limiting", steps, max(1, most_passes(gain, dataset.baseline or 0.0)), **seen)


def gain_of(condition: Condition) -> float | None:
    """Return A where a condition holds only if ``n - o > A`` with A > 0 on all rows; the greatest, if several do."""
    both = ((1.0, Term("accuracy", "new")), (-1.0, Term("accuracy", "old")))
    gains = [c.threshold for c in condition.clauses if c.terms == both and c.upward and c.threshold > 0]
    return max(gains, default=None)
