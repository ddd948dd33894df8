"""One clause as a question to be sized: two values to be told apart, with two stated errors.

With F the clause's form and A its limit, the contract of ``F > A +/- e`` in mode ``fp-free`` is

* (T1) F <= A implies P(pass) <= alpha,
* (T2) F >= A + 2e implies P(no pass) <= miss,

and in mode ``fn-free`` the same with "fail" for "pass" and the sides exchanged: F >= A implies P(fail) <= alpha, and
F <= A - 2e implies P(no fail) <= miss. Either is "G <= a implies P(rejection) <= alpha, G >= a + 2e implies
P(no rejection) <= miss" for G = F or -F, which is how a target holds it.

A conjunction needs no share of the error on its passing side (intersection-union; Berger, Technometrics 24(4), 1982):
with k clauses of which m need labels, ``fp-free`` has alpha = delta_t and miss = delta_t / m, ``fn-free`` alpha =
delta_t / k and miss = delta_t.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.gate.condition import Clause
    from assay.gate.forms import Form

UNSPLIT = 1e-9
"""What rounding adds to a number of labels that is whole."""


@dataclass(frozen=True)
class Target:
    """A clause, and what is asked of its test.

    Attributes
    ----------
    clause : Clause
    forms : list of Form
    null, alternative : float
        Values of G to be told apart; ``alternative`` is ``null`` plus twice the tolerance.
    constant : float
        What ``error`` adds to the clause's forms.
    sign : float
        G is ``sign`` times the clause's forms.
    tolerance : float
    nats : float
        Logarithm of 1 / delta_t, before any share.
    nats_alpha, nats_miss : float
        Logarithms of 1 / alpha and 1 / miss.
    clauses : int
        How many clauses the condition has.
    disagreement : float or None
        Bound on the share of rows whose predictions change, where one is known.
    """

    clause: Clause
    forms: list[Form]
    null: float
    alternative: float
    constant: float
    sign: float
    tolerance: float
    nats: float
    nats_alpha: float
    nats_miss: float
    clauses: int
    disagreement: float | None

    @property
    def alpha(self) -> float:
        """Probability of a wrong rejection."""
        return math.exp(-self.nats_alpha)

    @property
    def miss(self) -> float:
        """Probability of no rejection at the alternative."""
        return math.exp(-self.nats_miss)

    @property
    def form(self) -> Form | None:
        """The form, if there is one only."""
        return self.forms[0] if len(self.forms) == 1 else None

    @property
    def rates(self) -> tuple[float, float] | None:
        """If the clause is about one share of rows: G in terms of a share that is to be large, at null and alternative.

        An F1 score goes with the share t = F1 / (2 - F1) of true positives among its rows.
        """
        form = self.form
        if form is None or not form.rate:
            return None
        c = self.sign * form.rate
        ends = [round(abs(end / c), 15) for end in (self.null, self.alternative)]
        if self.alternative / c < 0 < c or self.alternative > 0 > c:
            ends[1] = 0.0  # beyond what a share can be
        if form.score:
            ends = [min(end, 1.0) / (2 - min(end, 1.0)) for end in ends]
        return (ends[0], min(ends[1], 1.0)) if c > 0 else (1 - ends[0], 1 - ends[1])

    @property
    def free(self) -> bool:
        """Whether predictions alone decide it."""
        return all(form.free for form in self.forms)

    @property
    def weight(self) -> float:
        """Sum of the sizes of the coefficients."""
        return sum(abs(c) * (2 if term.metric == "f1" else 1) for c, term in self.clause.terms)

    def everywhere(self, n: int) -> dict[str, int]:
        """Ask for n rows of each kind that the clause is about."""
        return {form.rows: n for form in self.forms}


@dataclass(frozen=True)
class Size:
    """What a clause needs.

    Attributes
    ----------
    method, source : str
    labels, per_commit : dict of str to int
        Labelled rows of each kind (the empty word stands for all rows): for all commits on one set, and for one commit
        when only what it needs is labelled.
    unlabelled : int
        Rows with predictions alone.
    notes : list of str
    expected : list of Expected
        Of sequential labelling.
    """

    method: str
    source: str
    labels: dict[str, int]
    per_commit: dict[str, int]
    unlabelled: int = 0
    notes: list[str] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)


@dataclass(frozen=True)
class Expected:
    """Labels that one commit takes, if the truth is as given, when labelling stops as soon as the gate has decided.

    Attributes
    ----------
    truth : float
        Value of the clause's form.
    rejects : float
        Probability that the test rejects: passes in mode ``fp-free``, fails in mode ``fn-free``.
    mean : float
    most : int
        Enough in 95 of 100 cases.
    edge : bool
        Whether the truth is the null or the alternative of the contract.
    """

    truth: float
    rejects: float
    mean: float
    most: int
    edge: bool


def rounded(n: float) -> int:
    """Round a number of rows up."""
    return math.ceil(n - UNSPLIT)
