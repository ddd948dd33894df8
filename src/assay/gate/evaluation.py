"""A condition on point estimates, evaluated as Ease.ML/CI does: intervals, three values, and the mode at the end.

Each variable is known up to its interval [v - e, v + e]. A linear form sum(c v) is computed with interval
arithmetic, so it is known up to sum(|c|) e, and the tolerance E of the clause is split over the variables such that
this is E: with equally many examples for each, e = E / sum(|c|). A clause ``form > A +/- E`` is then

* true if the form's estimate exceeds A + E,
* false if it is less than A - E,
* unknown between, the ends included (but for ``>=``, which is true at A + E).

``and`` is that of Kleene's strong logic. At the end ``fp-free`` takes unknown for false, ``fn-free`` for true.

References
----------
Renggli, C. et al. "Continuous integration of machine learning models with ease.ml/ci: towards a rigorous yet
practical treatment." MLSys 2019, section 2.2 and appendix A.2.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, get_args

from assay.core.nearest import did_you_mean
from assay.errors import ClaimError, UsageError
from assay.gate.condition import Mode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.gate.condition import Clause, Condition

_WORDS = {"new": "n", "old": "o", "changed": "d"}


def evaluate(condition: Condition, estimates: Mapping[str, float], mode: Mode | None = None) -> bool | None:
    """Evaluate a condition on estimates of its variables.

    Guarantee: none by itself. If every estimate is within its share of the tolerance of the truth, which is what
    the sample sizes of ``hoeffding`` and ``bennett`` are for, then in mode ``fp-free`` a condition that does not hold
    is not passed, and in ``fn-free`` one that holds is.

    Parameters
    ----------
    condition : Condition
    estimates : mapping of str to float, each in [0, 1]
        By the terms as the condition writes them: ``n``, ``o``, ``d`` (also ``new``, ``old``, ``changed``),
        ``"recall(new)"``.
    mode : {"fp-free", "fn-free"}, optional

    Returns
    -------
    bool or None
        Without a mode ``None`` is unknown. A clause without tolerance is never unknown: its interval is a point.

    Raises
    ------
    ClaimError
        If an estimate is missing or lies outside [0, 1].
    UsageError
        If the mode or an estimate is not known.

    Examples
    --------
    >>> from assay.gate import parse
    >>> condition = parse("d < 0.1 +/- 0.01")
    >>> [condition.evaluate(d=d) for d in (0.08, 0.09, 0.11, 0.12)]
    [True, None, None, False]
    >>> condition.evaluate(d=0.1, mode="fp-free"), condition.evaluate(d=0.1, mode="fn-free")
    (False, True)
    """
    if mode is not None and mode not in get_args(Mode):
        raise UsageError(f"mode: {mode!r} is not known; write fp-free or fn-free")
    terms = [str(term) for term in condition.terms]
    values: dict[str, Fraction] = {}
    for name, value in estimates.items():
        term = _WORDS.get(name, name)
        if term not in terms:
            raise UsageError(f"{name}: {str(condition)!r} has no such term; {did_you_mean(term, terms, 'terms')}")
        if not 0 <= value <= 1:
            raise ClaimError(f"{name}: {value!r} is no estimate of {term}, which lies in [0, 1]")
        # The decimals as written, so that a limit is met exactly and not up to rounding.
        values[term] = Fraction(repr(float(value)))
    for term in terms:
        if term not in values:
            raise ClaimError(f"{str(condition)!r} needs an estimate of {term}")
    found = [_clause(clause, values) for clause in condition.clauses]
    whole = False if False in found else None if None in found else True
    return whole if mode is None or whole is not None else mode == "fn-free"


def _clause(clause: Clause, values: Mapping[str, Fraction]) -> bool | None:
    def form(pairs: tuple[tuple[float, object], ...]) -> Fraction:
        return sum((Fraction(repr(c)) * values[str(term)] for c, term in pairs), Fraction(0))

    margin = Fraction(repr(clause.tolerance)) * (form(clause.times) if clause.times else 1)
    above = form(clause.terms) - Fraction(repr(clause.threshold))
    if not clause.upward:
        above = -above
    if above > margin or (above == margin and clause.comparison in (">=", "<=")):
        return True
    return False if above < -margin or margin == 0 else None
