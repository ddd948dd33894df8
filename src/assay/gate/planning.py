"""How many labels a condition needs, before any are bought."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from assay.core.nearest import did_you_mean
from assay.core.project import Adaptivity
from assay.errors import UsageError
from assay.gate.condition import Mode
from assay.gate.grammar import parse, require_rows
from assay.gate.sizing import sized, total
from assay.gate.targets import Expected

if TYPE_CHECKING:
    from assay.gate.condition import Condition
    from assay.gate.targets import Size, Target
    from assay.gate.ways import Way

Method = Literal["exact", "hoeffding", "bennett", "sequential"]

_SHOWN = MappingProxyType(
    {
        "none": "that developers do not see",
        "first-change": "up to the first pass",
        "full": "of which developers see whether they passed",
    }
)


# The exact tails end at the smallest number that a float can hold.
_MOST = 560.0


class ClausePlan(msgspec.Struct, frozen=True):
    """What one clause needs.

    Parameters
    ----------
    clause : str
    method : str
        The test or bound that its size comes from.
    rows : str
        Which rows its numbers count, in words; empty for all.
    labels : int
        Labelled rows, on one set for all commits.
    labels_per_commit : int
        Labelled rows to judge one commit when only those that it needs are labelled.
    unlabelled : int
        Rows with predictions alone.
    alpha, miss : float
        Errors of the contract in :mod:`assay.gate.targets`.
    disagreement : float or None
        Bound on the share of changed predictions that was used.
    notes : tuple of str
    expected : tuple of Expected
        Of sequential labelling: labels of one commit by the truth.
    source : str
    """

    clause: str
    method: str
    rows: str
    labels: int
    labels_per_commit: int
    unlabelled: int
    alpha: float
    miss: float
    disagreement: float | None
    notes: tuple[str, ...]
    expected: tuple[Expected, ...]
    source: str


class Plan(msgspec.Struct, frozen=True):
    """Labels for a condition; ``print`` shows it, :meth:`explain` sets it beside the paper and other ways.

    Parameters
    ----------
    condition : str
    reliability : float
    steps : int
    adaptivity, mode, method : str
    labels : int
        Labelled rows for the whole process, in all of its steps. With ``sequential`` the most that it can take.
    labels_per_commit : int
        Labelled rows to judge one commit when only those that it needs are labelled: where the condition compares two
        models, those on which they disagree. With ``sequential`` the most.
    delta_per_test : float
        Error probability of one answer.
    unlabelled : int
        Rows with predictions alone, for clauses on ``d`` and for the bound on the rate of disagreement.
    units : int or None
        Units that hold the labelled rows, if their size was given.
    clauses : tuple of ClausePlan
    paper : dict of str to int
        Labels by the paper's methods, ``"hoeffding"`` and ``"bennett"``, at the same reliability.
    disagreement, baseline : float or None
        As given.
    design_effect : float
    unit_size : float or None
    """

    condition: str
    reliability: float
    steps: int
    adaptivity: Adaptivity
    mode: Mode
    method: Method
    labels: int
    labels_per_commit: int
    delta_per_test: float
    unlabelled: int
    units: int | None
    clauses: tuple[ClausePlan, ...]
    paper: dict[str, int]
    disagreement: float | None
    baseline: float | None
    design_effect: float
    unit_size: float | None

    def __str__(self) -> str:
        answers = "one answer" if self.steps == 1 else f"{self.steps:,} answers {_SHOWN[self.adaptivity]}"
        lines = [
            self.condition,
            f"  reliability {self.reliability:g} over {answers}, {self.mode}: error {self.delta_per_test:.3g} an answer",
            f"  {_counted(self.labels, 'label')} in all ({self.method}); {self.labels_per_commit:,} for one commit"
            + (", of rows on which the models disagree" if self._paired else "")
            + (f"; {self.unlabelled:,} unlabelled rows" if self.unlabelled else "")
            + (f"; in {_counted(self.units, 'unit')}" if self.units is not None else ""),
        ]
        if len(self.clauses) > 1 or any(one.notes or one.rows for one in self.clauses):
            for one in self.clauses:
                needs = f"{_counted(one.labels, 'label')}, {one.labels_per_commit:,} for one commit"
                if not one.labels:
                    needs = f"0 labels, {one.unlabelled:,} unlabelled rows"
                lines.append(f"  {one.clause}: {needs}{', ' + one.rows if one.rows else ''} ({one.method})")
                lines += [f"    {note}" for note in one.notes]
        return "\n".join(lines)

    __repr__ = __str__

    @property
    def _paired(self) -> bool:
        """Whether the labels of one commit are fewer than its rows, for only disagreements need one."""
        return self.method != "sequential" and self.labels_per_commit < self.labels

    def ways(self) -> tuple[Way, ...]:
        """Give the ways to get the same answers at the same reliability, cheapest valid one first."""
        from assay.gate.ways import ways

        return ways(self)

    def explain(self) -> str:
        """Tell in words what is asked, ours beside the paper's numbers, and the cheapest valid way."""
        from assay.gate.ways import explain

        return explain(self)


def plan(
    condition: str | Condition,
    *,
    reliability: float,
    steps: int = 1,
    adaptivity: Adaptivity = "none",
    level: float | None = None,
    mode: Mode = "fp-free",
    method: Method = "exact",
    disagreement: float | None = None,
    baseline: float | None = None,
    design_effect: float = 1.0,
    unit_size: float | None = None,
) -> Plan:
    r"""Give how many labels decide a condition with a stated reliability.

    Guarantee (exact, for independent rows): with the number of labels planned, delta_t = (1 - reliability) / steps
    (``none``, ``first-change``) or (1 - reliability) / 2^steps (``full``), and all tests as planned: in mode ``fp-free``
    a model for which the condition does not hold passes with probability of at most delta_t, so that over all answers
    P(any wrong pass) <= 1 - reliability; a model for which every clause holds by twice its tolerance is passed but for
    probability delta_t (and delta_t more for each clause on ``d``, if no more than the ``unlabelled`` rows are there).
    In mode ``fn-free`` the same with pass and fail exchanged. Proofs: :mod:`assay.gate.targets` for the conjunction,
    :mod:`assay.stats.trinomial`, :mod:`assay.stats.binomial`, :mod:`assay.gate.hoeffding`, :mod:`assay.gate.bennett`,
    :mod:`assay.gate.wald` for the tests.

    Parameters
    ----------
    condition : str or Condition
        See :func:`assay.gate.parse`. Every clause that needs labels needs a tolerance: ``n - o > 0.02 +/- 0.01``.
    reliability : float, in (0, 1)
        Probability that none of the answers errs.
    steps : int, at least 1
        How many answers there will be.
    adaptivity : {"none", "first-change", "full"}
        What developers see of them; see :func:`assay.gate.decide`.
    level : float, in (0, 1 - reliability], optional
        Error probability of one answer, where another account than ``steps`` and ``adaptivity`` shares it.
    mode : {"fp-free", "fn-free"}
    method : {"exact", "hoeffding", "bennett", "sequential"}
        ``exact`` never needs more than the two of the paper. ``hoeffding`` counts samples as the paper does, of clauses on
        ``d`` too. ``sequential`` labels one by one until the gate has decided, on rows that no commit used before.
    disagreement : float, in (0, 1], optional
        Bound on the share of rows whose predictions change. A clause ``d < 0.1`` gives one by itself; a bound that is
        given here is part of the claim.
    baseline : float, in [0, 1), optional
        Accuracy that the old model has at least: how many passes there can be (see :meth:`Plan.ways`), and what the
        tolerance of a ratio ``n / o > 1.02 +/- 0.01`` comes to.
    design_effect : float, at least 1
        How many dependent rows tell as much as one independent row; verdicts on units print it. It is an estimate, and
        makes an estimate of the plan.
    unit_size : float, at least 1, optional
        Rows of a unit, to count units.

    Returns
    -------
    Plan

    Raises
    ------
    ClaimError
        If the condition cannot be read, has no tolerance where one is needed, or can never be shown.
    UsageError
        If another argument is out of range.

    Notes
    -----
    The contract holds in a sawtooth of the number of rows: ``labels`` is the smallest number at which it was found to hold
    for all clauses together, not one from which on it always does. A few rows more can lack power by a hair, never
    reliability.

    The size of a difference is that of the trinomial test with the bound on disagreement given. :func:`assay.gate.decide`
    needs no such bound and keeps the reliability whatever the rate is, but with a limit other than 0 it spends a tenth
    of the level on the rate: at rows planned for power 0.95 it was measured to pass 0.92 of the models at the edge.

    References
    ----------
    Renggli, C. et al. "Continuous integration of machine learning models with ease.ml/ci." MLSys 2019.

    Examples
    --------
    >>> plan("n > 0.9 +/- 0.01", reliability=0.9999, steps=32)
    n > 0.9 +/- 0.01
      reliability 0.9999 over 32 answers that developers do not see, fp-free: error 3.12e-06 an answer
      16,669 labels in all (exact); 16,669 for one commit
    >>> plan("n > 0.9 +/- 0.01", reliability=0.9999, steps=32, method="hoeffding").labels
    63381
    """
    parsed = require_rows(parse(condition) if isinstance(condition, str) else condition)
    nats = nats_of(reliability, steps, adaptivity)
    if level is not None:
        if not math.exp(-_MOST) <= level <= 1 - reliability + 1e-12:
            raise UsageError(
                f"level: {level!r} is no error probability of up to 1 - reliability = {1 - reliability:.3g}"
            )
        nats = -math.log(level)
    _check(mode, method, disagreement, baseline, design_effect, unit_size)
    found = sized(parsed, nats, mode, method, disagreement, baseline)
    per_commit = _dear(total(size.per_commit for _, size in found), design_effect)
    labels = _dear(total(size.labels for _, size in found), design_effect)
    if method == "sequential":
        labels = steps * per_commit
    return Plan(
        condition=str(parsed),
        reliability=reliability,
        steps=steps,
        adaptivity=adaptivity,
        mode=mode,
        method=method,
        labels=labels,
        labels_per_commit=per_commit,
        delta_per_test=math.exp(-nats),
        unlabelled=_dear(max(size.unlabelled for _, size in found), design_effect),
        units=None if unit_size is None else math.ceil(labels / unit_size),
        clauses=tuple(_clause(target, size, design_effect) for target, size in found),
        paper={
            name: _dear(
                total(size.labels for _, size in sized(parsed, nats, mode, name, disagreement, baseline)), design_effect
            )
            for name in ("hoeffding", "bennett")
        },
        disagreement=disagreement,
        baseline=baseline,
        design_effect=design_effect,
        unit_size=unit_size,
    )


def nats_of(reliability: float, steps: int, adaptivity: str) -> float:
    """Give ln(1/delta_t): the paper's accounting of answers.

    Raises
    ------
    UsageError
        If an argument is out of range, or leaves no error probability for one answer.
    """
    if adaptivity not in get_args(Adaptivity):
        raise UsageError(
            f"adaptivity: {adaptivity!r} is not known; {did_you_mean(str(adaptivity), get_args(Adaptivity), 'it is')}"
        )
    if isinstance(reliability, bool) or not 0 < reliability < 1:
        raise UsageError(f"reliability: {reliability!r} does not lie in (0, 1); write for example 0.99")
    if isinstance(steps, bool) or int(steps) != steps or steps < 1:
        raise UsageError(f"steps: {steps!r} is no whole number of at least 1")
    nats = (steps * math.log(2) if adaptivity == "full" else math.log(steps)) - math.log(round(1 - reliability, 15))
    if nats > _MOST:
        raise UsageError(
            f"steps: {steps} fully adaptive answers leave no error probability for one; plan fewer steps, or a fresh "
            'slice of rows for each, which is adaptivity "none"'
        )
    return nats


def _check(
    mode: str,
    method: str,
    disagreement: float | None,
    baseline: float | None,
    design_effect: float,
    unit_size: float | None,
) -> None:
    for name, value, known in (("mode", mode, get_args(Mode)), ("method", method, get_args(Method))):
        if value not in known:
            raise UsageError(f"{name}: {value!r} is not known; {did_you_mean(str(value), known, 'it is')}")
    if disagreement is not None and not 0 < disagreement <= 1:
        raise UsageError(f"disagreement: {disagreement!r} does not lie in (0, 1]; it is a share of rows, such as 0.1")
    if baseline is not None and not 0 <= baseline < 1:
        raise UsageError(f"baseline: {baseline!r} does not lie in [0, 1); it is an accuracy, such as 0.85")
    if not 1 <= design_effect < math.inf:
        raise UsageError(f"design_effect: {design_effect!r} is below 1, that of independent rows")
    if unit_size is not None and not 1 <= unit_size < math.inf:
        raise UsageError(f"unit_size: {unit_size!r} is below 1; it is the number of rows of a unit")


def _dear(n: int, design_effect: float) -> int:
    return n if design_effect == 1 else math.ceil(n * design_effect)


def _clause(target: Target, size: Size, design_effect: float) -> ClausePlan:
    return ClausePlan(
        clause=str(target.clause),
        method=size.method,
        rows=" and ".join(form.rows for form in target.forms if form.rows),
        labels=_dear(total([size.labels]), design_effect),
        labels_per_commit=_dear(total([size.per_commit]), design_effect),
        unlabelled=_dear(size.unlabelled, design_effect),
        alpha=target.alpha,
        miss=target.miss,
        disagreement=target.disagreement,
        notes=tuple(size.notes),
        expected=tuple(size.expected),
        source=size.source,
    )


def _counted(n: int, what: str) -> str:
    return f"{n:,} {what}" + ("" if n == 1 else "s")
