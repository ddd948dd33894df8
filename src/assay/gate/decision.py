"""Deciding a condition: pass, fail or inconclusive, with the error that was promised."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

from assay.errors import ClaimError, UsageError
from assay.gate import judge, paper
from assay.gate.answer import Adaptivity, Promise, answer
from assay.gate.condition import TEMPLATE, Condition, Mode
from assay.gate.grammar import parse, require_rows
from assay.gate.inputs import by_name, collect, hint
from assay.gate.screening import candidates, copied, undeclared

if TYPE_CHECKING:
    from assay.core import Verdict
    from assay.core.check import Severity
    from assay.gate.inputs import Inputs
    from assay.gate.judge import Finding
    from assay.gate.screening import Clusters

Method = Literal["exact", "sequential", "hoeffding", "bennett"]


def decide(
    condition: str | Condition,
    *,
    labels: Any,
    new: Any,
    old: Any = None,
    reliability: float,
    steps: int = 1,
    adaptivity: Adaptivity = "none",
    mode: Mode = "fp-free",
    method: Method = "exact",
    unit: Any = None,
    unit_name: str = "",
    max_unit_size: int | None = None,
    slices: Any = None,
    timestamp: Any = None,
    columns: Any = None,
    content: Any = None,
    new_scores: Any = None,
    old_scores: Any = None,
    positive: Any = None,
    order: Any = None,
    level: float | None = None,
    check: str = "gate",
    blocking: bool = False,
    severity: Severity = "error",
) -> Verdict:
    r"""Decide a condition on a new model, and perhaps an old one, from labelled rows.

    ``pass``: the condition is shown. ``fail``: it is refuted. ``inconclusive``: neither, with the labels that
    would decide.

    Guarantee (exact, at this sample size). With a = (1 - reliability) / steps, or (1 - reliability) / 2^steps when
    developers see the answers: in mode ``fp-free`` P(pass) <= a if the condition does not hold, and P(fail) <= a if
    every clause holds by twice its tolerance; in mode ``fn-free`` P(fail) <= a if the condition holds. Over all steps
    together the error is at most 1 - reliability: with non-adaptive steps by a union bound over ``steps`` tests;
    with adaptive ones over the 2^steps histories of answers that a developer can see, each of which fixes the next
    model: it counts on their seeing of each answer only whether it passed. Proofs of the clause tests are in
    :mod:`assay.gate.counts`, :mod:`assay.gate.means` and :mod:`assay.gate.ratios`, that of the conjunction in :mod:`assay.gate.judge`.

    Assumes that rows (with ``unit``: units) are independent draws from the population that the claim is about, that
    labels are right, that the models were not trained or chosen on these rows beyond the steps declared, and with
    ``unit`` what is said at ``max_unit_size``.

    Parameters
    ----------
    condition : str or Condition
        See :func:`assay.gate.parse`. With ``{slice}`` in it every slice of ``slices`` must satisfy it.
    labels : array of shape (n,)
        True labels of any type, two classes or more: numpy, pandas, polars, Arrow or a list.
    new, old : array of shape (n,)
        Predictions, coded like the labels; or, where the labels are 0 and 1, probabilities of class 1 (floats that
        are not all whole), called 1 from 0.5 on. ``old`` is needed when the condition speaks of it.
    reliability : float, in (0, 1)
        Probability that none of the answers errs.
    steps : int, at least 1
        How many answers this test set is to give.
    adaptivity : {"none", "first-change", "full"}
        What developers see of the answers: nothing; of each whether it passed, up to the first pass, after which the
        set is retired; of each whether it passed. Who sees "fail" told from "inconclusive", or numbers, knows more than
        is counted: with 20 answers and their estimates, alpha / 20 each, noise passes four times in five.
    mode : {"fp-free", "fn-free"}
        ``fp-free`` passes only what is shown. ``fn-free`` fails only what is refuted, and passes all else.
    method : {"exact", "sequential", "hoeffding", "bennett"}
        ``exact`` judges rows that all have a label, once, each clause by the sharpest test. ``sequential`` may be asked
        again after every label: labels may be missing (None, NaN or null), the rows that count are those of a fixed
        order up to the first missing label that matters, and ``inconclusive`` says how many are still needed. See
        :class:`assay.gate.Sequential`, whose guarantee it has. ``hoeffding`` and ``bennett`` are those of the paper
        (:mod:`assay.gate.paper`): they need a tolerance, as many rows as they plan, and rows without units;
        ``bennett`` also a clause that limits ``d``.
    unit : array of shape (n,), optional
        The independent unit of each row (customer, day, machine).
    unit_name : str, optional
        Its name; by default the ``name`` of the column.
    max_unit_size : int, optional
        Most rows that any unit of the population has. Then the promise is about all of them; without it, about units
        with no more rows than the largest here, and with no more changed predictions.
    slices : mapping of str to array of bool of shape (n,), or table of n rows, optional
        Masks by name or by predicate text, as the condition writes them; or columns (a pandas, polars or Arrow table,
        or a mapping), on which the condition's slices are evaluated as SQL predicates.
    timestamp : array of shape (n,), optional
        Used only to test for clustering by day: of rows, or of units that have one day each.
    columns : mapping of str to array of shape (n,), or table of n rows, optional
        Columns that the condition takes a ``mean`` of, each in [0, 1]; all others are taken to identify things
        (customer, machine), and rows are tested for clustering by them, or units that lie in one group each. Not
        features: that classes differ in error is no clustering.
    content : array of shape (n,), optional
        A digest of what each row holds, by which copies of rows are found when no unit is given.
    new_scores, old_scores : array of float of shape (n,), in [0, 1], optional
        Probabilities of the positive class, where ``new`` and ``old`` are labels; ``brier`` and ``absolute`` need them.
    positive : optional
        The positive label for ``brier``, ``absolute``, ``precision``, ``recall`` and ``f1``; 1 (or True) when the
        labels are 0 and 1.
    order : array of int, optional
        For ``sequential``: the rows in the order in which they are labelled, fixed before the models were seen.
    level : float, in (0, 1 - reliability], optional
        Error probability of this answer, where a ledger shares it out by another rule than ``steps`` and
        ``adaptivity`` (:mod:`assay.gate.reuse`).
    check, blocking, severity
        Passed on to the verdict.

    Returns
    -------
    Verdict
        Code GAT101, or GAT102 when the condition speaks of slices. The main numbers of its evidence are those of
        the clause that decided; ``evidence.series`` has every clause.

    Raises
    ------
    ClaimError
        If the condition cannot be read, names a slice or column that was not given, or is none that the method covers.
    DataError
        If a column is missing, of the wrong length or kind, or has missing values; the message names the row.
    UsageError
        If reliability, steps, adaptivity, mode or method is out of range.

    Notes
    -----
    The order of the rows and the names of classes and units change nothing (but for the rounding of sums). Comparing
    a model with itself never passes a claim of a gain: the rows hold no evidence either way, so it is
    ``inconclusive``.
    Misleads if the test rows are not drawn like those that the model will meet, or took part in training.

    References
    ----------
    Renggli, C. et al. "Continuous integration of machine learning models with ease.ml/ci." MLSys 2019.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> labels = rng.integers(0, 2, 2000)
    >>> old = np.where(rng.random(2000) < 0.80, labels, 1 - labels)
    >>> new = np.where(rng.random(2000) < 0.05, labels, old)
    >>> verdict = decide("n - o > 0", labels=labels, new=new, old=old, reliability=0.99)
    >>> verdict.status, verdict.evidence.estimate
    ('pass', 0.0075)
    >>> str(verdict.guarantee)
    'exact, 1% false pass'
    """
    start = time.perf_counter()
    alpha, per_test = level_of(reliability, steps, adaptivity, mode, method, level)
    parsed = require_rows(parse(condition) if isinstance(condition, str) else condition)
    whole = parsed
    if parsed.template and isinstance(slices, Mapping):
        whole = Condition(tuple(dict.fromkeys(c for name in slices for c in parsed.on(name).clauses)))
    if method == "sequential":
        from assay.gate.sequential import look

        return look(
            whole, labels, start=start, new=new, old=old, reliability=reliability, steps=steps, adaptivity=adaptivity,
            mode=mode, unit=unit, unit_name=unit_name, max_unit_size=max_unit_size, slices=slices, timestamp=timestamp,
            columns=columns, content=content, new_scores=new_scores, old_scores=old_scores, positive=positive, order=order,
            level=level, check=check, blocking=blocking, severity=severity,
        )  # fmt: skip
    if order is not None:
        raise UsageError("order: only method='sequential' has an order of labelling")
    inputs = collect(
        whole, labels=labels, new=new, old=old, new_scores=new_scores, old_scores=old_scores, positive=positive,
        unit=unit, unit_name=unit_name, slices=slices, columns=columns, max_unit_size=max_unit_size,
    )  # fmt: skip
    screened, clusters = _screened(parsed, inputs, timestamp, columns, content)
    promise = Promise(alpha, per_test, steps, adaptivity, mode, screened=screened)
    return answer(
        whole,
        inputs,
        promise,
        _findings(whole, inputs, promise, method),
        clusters,
        claim=str(parsed),
        check=check,
        blocking=blocking,
        severity=severity,
        start=start,
    )


def decide_slices(
    condition: str | Condition,
    *,
    labels: Any,
    new: Any,
    old: Any = None,
    reliability: float,
    slices: Mapping[str, Any],
    steps: int = 1,
    adaptivity: Adaptivity = "none",
    mode: Mode = "fp-free",
    method: Method = "exact",
    unit: Any = None,
    unit_name: str = "",
    max_unit_size: int | None = None,
    timestamp: Any = None,
    columns: Any = None,
    content: Any = None,
    new_scores: Any = None,
    old_scores: Any = None,
    positive: Any = None,
    level: float | None = None,
    check: str = "gate",
    blocking: bool = False,
    severity: Severity = "error",
) -> list[Verdict]:
    """Decide a condition with ``{slice}`` in it on each slice by itself.

    Guarantee (exact): each of the k slices is tested at the level of :func:`decide` divided by k, so P(any false pass)
    is at most that level whatever the slices share (Bonferroni), and likewise for false fails. When only the answer
    for all slices together matters, :func:`decide` on the template needs no such division.

    Parameters
    ----------
    condition : str or Condition
        With ``{slice}``: ``"accuracy(new | {slice}) - accuracy(old | {slice}) > -0.03"``.
    slices : mapping of str to array of bool of shape (n,)
        At least one.
    labels, new, old, reliability, steps, adaptivity, mode, method, unit, unit_name, max_unit_size, timestamp
        As in :func:`decide`; ``method`` may not be ``sequential``.
    columns, content, new_scores, old_scores, positive, level, check, blocking, severity
        As in :func:`decide`.

    Returns
    -------
    list of Verdict
        One a slice, in their order, code GAT102, the slice as ``subject``.

    Raises
    ------
    ClaimError
        If there is no ``{slice}`` in the condition, or no slice.
    DataError, UsageError
        As in :func:`decide`.
    """
    start = time.perf_counter()
    alpha, per_test = level_of(reliability, steps, adaptivity, mode, method, level)
    if method == "sequential":
        raise UsageError("method: a verdict for each slice is no sequential one; decide() judges all slices together")
    parsed = require_rows(parse(condition) if isinstance(condition, str) else condition)
    if not parsed.template:
        raise ClaimError(f"{str(parsed)!r} has no {TEMPLATE} to put slices into: write accuracy(new | {TEMPLATE})")
    if not slices:
        raise ClaimError(f"{str(parsed)!r} holds {TEMPLATE}, but no slices were given; pass slices=")
    filled = {name: parsed.on(name) for name in slices}
    whole = Condition(tuple(dict.fromkeys(c for one in filled.values() for c in one.clauses)))
    inputs = collect(
        whole, labels=labels, new=new, old=old, new_scores=new_scores, old_scores=old_scores, positive=positive,
        unit=unit, unit_name=unit_name, slices=slices, columns=columns, max_unit_size=max_unit_size,
    )  # fmt: skip
    screened, clusters = _screened(parsed, inputs, timestamp, columns, content)
    promise = Promise(
        alpha,
        per_test / len(slices),
        steps,
        adaptivity,
        mode,
        screened=screened,
        slices=len(slices),
    )
    return [
        answer(
            one,
            inputs,
            promise,
            _findings(one, inputs, promise, method),
            clusters,
            claim=str(parsed),
            check=check,
            blocking=blocking,
            severity=severity,
            start=start,
            subject=name,
        )
        for name, one in filled.items()
    ]


def _findings(condition: Condition, inputs: Inputs, promise: Promise, method: Method) -> list[Finding]:
    if method == "exact":
        return judge.judge_all(condition, inputs, promise.per_test, promise.mode)
    return paper.judge_all(condition, inputs, promise.per_test, promise.mode, method)


def _screened(
    parsed: Condition, inputs: Inputs, timestamp: Any, columns: Any, content: Any
) -> tuple[tuple[tuple[str, float], ...], Clusters | None]:
    """Look for dependence of rows, or of the units declared; give also where it was looked for."""
    values = {name: column for name, column in by_name(columns).items() if name not in parsed.columns}
    groupings = candidates(timestamp, values, inputs.n, inputs.unit)
    # One test on all rows sees more than one a slice.
    found, seen = undeclared(parsed.on("").clauses, inputs, groupings)
    return seen, found or (None if content is None or inputs.unit is not None else copied(content, inputs.n))


def level_of(
    reliability: float, steps: int, adaptivity: str, mode: str, method: str = "exact", level: float | None = None
) -> tuple[float, float]:
    """Check the terms; give the error of all steps together and of one test."""
    for name, value, type_ in (
        ("adaptivity", adaptivity, Adaptivity), ("mode", mode, Mode), ("method", method, Method)
    ):  # fmt: skip
        if value not in get_args(type_):
            raise UsageError(f"{name}: {value!r} is not known{hint(str(value), get_args(type_))}")
    if isinstance(reliability, bool) or not 0 < reliability < 1:
        raise UsageError(f"reliability: {reliability!r} does not lie in (0, 1); write for example 0.99")
    if isinstance(steps, bool) or int(steps) != steps or steps < 1:
        raise UsageError(f"steps: {steps!r} is no whole number of at least 1")
    alpha = round(1 - reliability, 15)
    if level is not None:
        if not 0 < level <= alpha * (1 + 1e-9):
            raise UsageError(
                f"level: {level!r} does not lie in (0, {alpha:g}], what reliability leaves for all answers"
            )
        return alpha, level
    per_test = alpha / steps if adaptivity != "full" else alpha * 2.0 ** -min(steps, 2000)
    if per_test < 1e-240:
        raise UsageError(f"steps: {steps} fully adaptive answers leave no error probability for one; plan fewer steps")
    return alpha, per_test
