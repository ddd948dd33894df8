r"""Answers of one test set to people who act on them: how the error probability is shared.

A test set answers one gate after the other. What developers see of an answer is one of k **words**; P of them mean
that the gate passed. Their next model may depend on every word before it, on labels in no other way. A **node** is
what was seen so far, x = (x_1 .. x_{t-1}); for a given strategy the model tested at a node is fixed. If the test at
each node errs with probability of at most delta * w(x), then

    P(any wrong pass) <= sum over nodes of delta * w(x) <= delta    whenever    sum over nodes of w(x) <= 1,

by a union bound over the nodes of the tree, whatever the strategy (Renggli et al. 2019 with w = 1/2^H; a strategy that
draws at random is a mixture of such trees). The inequality on w is Kraft's, so each prefix code is a policy.

======================  ===========================================================  ================================
policy                  what developers see                                          nodes, or w
======================  ===========================================================  ================================
``none``                nothing                                                      H
``first-change``        all words; retired at the first pass                         sum_{i<H} (k-P)^i; H for one bit
``full``                all words                                                    sum_{i<H} k^i < k^H
``k-pass``              all words; retired at pass K                                 sum_{i<H} sum_{j<K} C(i,j) P^j
                                                                                     (k-P)^(i-j)
``self-limiting``       all words; no true pass can come after the last              ``k-pass`` with K + 1
``prefix``              all words                                                    half Krichevsky-Trofimov, half
                                                                                     ``full``
``fresh-slice``         anything: no row is asked twice                              H; 6/(pi^2 t^2) without an H
======================  ===========================================================  ================================

``self-limiting``: each gate asks for n - o > A with A > 0, where o is the model that passed last and the first of
these has an accuracy of at least o_0. While no pass was wrong, each pass raises the accuracy by more than A, so at
most K = floor((1 - o_0)/A) passes are right, and the *first* wrong pass has at most K passes before it. So a union over
nodes with at most K passes bounds P(some pass is wrong); this is ``k-pass`` with K + 1 (the idea is the Ladder's; Blum
and Hardt, ICML 2015).

``prefix``: with KT(bits) the Krichevsky-Trofimov probability of the passes and refusals so far, w = KT(bits)
P^-passes (k-P)^-refusals / (t(t+1)). At each t the first factors sum to 1 over all x, and sum_t 1/(t(t+1)) = 1. Sequences with
few passes, or few refusals, cost least.

The sums depend on x only through the number of answers and of passes in it, so all functions here take these two.

References
----------
Renggli, C. et al. "Continuous integration of machine learning models with ease.ml/ci." MLSys 2019.
Krichevsky, R., Trofimov, V. "The performance of universal encoding." IEEE Trans. Inf. Theory 27(2), 1981.
Cover, T., Thomas, J. *Elements of Information Theory*, 2nd ed., 2006, theorem 5.2.2 (Kraft).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from assay.core.nearest import did_you_mean
from assay.errors import UsageError

Reuse = Literal["none", "first-change", "full", "k-pass", "self-limiting", "prefix", "fresh-slice"]

NOTHING_LEFT = -math.inf
"""Logarithm of a share of nothing."""


@dataclass(frozen=True)
class Policy:
    """How the error probability of one test set is shared over its answers.

    Parameters
    ----------
    reuse : Reuse
        See the table at the top of this module.
    steps : int >= 1, or None
        H, the most answers; ``None`` for no limit, with ``prefix`` and ``fresh-slice`` only.
    passes : int >= 1, optional
        K of ``k-pass``; the most true passes of ``self-limiting``, from :func:`most_passes`.
    words : int >= 1
        k, how many different answers a developer can be shown.
    passing : int >= 1
        P, how many of these mean that the gate passed.

    Raises
    ------
    UsageError
        If a number is missing, out of range or of no meaning for the policy.

    Examples
    --------
    >>> from math import exp
    >>> policy = Policy("k-pass", 3, passes=1)
    >>> round(exp(-policy.log_weight(0, 0)), 9), policy.log_mass(1, 1)
    (3.0, -inf)
    """

    reuse: Reuse
    steps: int | None
    passes: int | None = None
    words: int = 2
    passing: int = 1

    def __post_init__(self) -> None:
        if self.reuse not in get_args(Reuse):
            raise UsageError(
                f"policy: {self.reuse!r} is not known; {did_you_mean(self.reuse, get_args(Reuse), 'policies')}"
            )
        if self.steps is None and self.reuse not in ("prefix", "fresh-slice"):
            raise UsageError(f"policy {self.reuse!r}: say how many answers the set gives (steps)")
        if self.steps is not None:
            _whole("steps", self.steps)
        if self.reuse in ("k-pass", "self-limiting"):
            if self.passes is None:
                raise UsageError(f"policy {self.reuse!r}: say how many passes it allows (passes)")
            _whole("passes", self.passes)
        elif self.passes is not None:
            raise UsageError(f"policy {self.reuse!r}: passes means nothing here; it is for k-pass and self-limiting")
        _whole("words", self.words)
        if not 1 <= self.passing <= self.words:
            raise UsageError(f"passing: {self.passing} of {self.words} words mean a pass; give 1 to {self.words}")

    @property
    def seen(self) -> bool:
        """Whether the words are seen by those who can still use them."""
        return self.reuse not in ("none", "fresh-slice")

    @property
    def last_pass(self) -> int | None:
        """Number of the pass that retires the set; ``None`` if no pass does."""
        if self.reuse == "first-change":
            return 1
        if self.reuse == "self-limiting":
            assert self.passes is not None
            return self.passes + 1
        return self.passes

    def log_weight(self, answers: int, passes: int) -> float:
        """Logarithm of w(x), the share of the error probability for the test at one node.

        Parameters
        ----------
        answers : int >= 0
            Answers before it.
        passes : int, 0 .. answers
            Passes among these.

        Returns
        -------
        float
            At most 0; minus infinity where no test is left.
        """
        if self._over(answers, passes):
            return NOTHING_LEFT
        if self.reuse == "prefix":
            return _mix(self._coded(answers, passes, self._at(answers)), self._uniform_weight(answers))
        if self.steps is None:
            return math.log(6) - 2 * math.log(math.pi * (answers + 1))
        return -_log(self._nodes(self.steps, self.last_pass))

    def log_mass(self, answers: int, passes: int) -> float:
        """Logarithm of the sum of w over a node and all that can follow it.

        It is at most 0 at the root, and a node's own weight and the masses of its k children sum to its mass.
        """
        if self._over(answers, passes):
            return NOTHING_LEFT
        if self.reuse == "prefix":
            return _mix(self._coded(answers, passes, self._from(answers)), self._uniform_mass(answers))
        if self.steps is None:
            left = math.pi**2 / 6 - math.fsum(1 / t**2 for t in range(1, answers + 1))
            return math.log(left * 6 / math.pi**2)
        until = self.last_pass
        left = self._nodes(self.steps - answers, None if until is None else until - passes)
        return _log(left) - _log(self._nodes(self.steps, until))

    def log_left(self, answers: int, passes: int) -> float:
        """Nats that are left: how far the dearest test that may still be asked divides what is left.

        Where all nodes weigh the same this is the logarithm of their number. Infinite without an H.
        """
        mass = self.log_mass(answers, passes)
        if mass == NOTHING_LEFT or self.steps is None:
            return mass if self.steps is not None else math.inf
        if self.reuse == "prefix":
            return mass - self._uniform_weight(answers) + math.log(2)
        return mass - self.log_weight(answers, passes)

    def _nodes(self, steps: int, passes: int | None) -> int:
        if not self.seen:
            return steps
        return _tree(steps, passes, self.words, self.passing)

    def _over(self, answers: int, passes: int) -> bool:
        if self.steps is not None and answers >= self.steps:
            return True
        return self.last_pass is not None and passes >= self.last_pass

    def _at(self, answers: int) -> float:
        """Share of the code's half for answer t, in logarithms: 1/(t(t+1)), and all of it used up by step H."""
        t = answers + 1
        whole = 1.0 if self.steps is None else (self.steps + 1) / self.steps
        return math.log(whole) - math.log(t) - math.log(t + 1)

    def _from(self, answers: int) -> float:
        left = 1 / (answers + 1) if self.steps is None else (1 / (answers + 1) - 1 / (self.steps + 1))
        return math.log(left if self.steps is None else left * (self.steps + 1) / self.steps)

    def _coded(self, answers: int, passes: int, share: float) -> float:
        refusals = answers - passes
        words = passes * math.log(self.passing)
        if refusals:
            if self.words == self.passing:
                return NOTHING_LEFT
            words += refusals * math.log(self.words - self.passing)
        return share + _log_kt(passes, refusals) - words

    def _uniform_weight(self, answers: int) -> float:
        if self.steps is None:
            return self._at(answers) - answers * math.log(self.words)
        return -_log(_tree(self.steps, None, self.words, self.passing))

    def _uniform_mass(self, answers: int) -> float:
        if self.steps is None:
            return self._from(answers) - answers * math.log(self.words)
        return _log(_tree(self.steps - answers, None, self.words, self.passing)) + self._uniform_weight(answers)


def log_nodes(policy: Reuse, steps: int, *, passes: int | None = None, words: int = 2, passing: int = 1) -> float:
    """Nats by which the error probability is divided: each test has reliability 1 - delta * exp(-log_nodes).

    Parameters
    ----------
    policy : {"none", "first-change", "full", "k-pass", "self-limiting", "prefix", "fresh-slice"}
    steps : int >= 1
        H, the most answers.
    passes : int, optional
        K of ``k-pass``; the most true passes of ``self-limiting``, from :func:`most_passes`.
    words, passing : int
        How many answers are told apart, and how many of these mean a pass; 2 and 1 for one bit.

    Returns
    -------
    float
        For ``prefix``, whose price depends on the answers, that of the dearest test.

    Raises
    ------
    UsageError
        As :class:`Policy`.

    Examples
    --------
    >>> [round(log_nodes("k-pass", 32, passes=k), 2) for k in (1, 2, 3, 4, 7, 32)]
    [3.47, 6.27, 8.61, 10.63, 15.32, 22.18]
    >>> round(log_nodes("self-limiting", 32, passes=most_passes(0.02, 0.85)), 1)
    16.5
    """
    rule = Policy(policy, steps, passes, words, passing)
    if policy != "prefix":
        return -rule.log_weight(0, 0)
    return max(
        (-rule.log_weight(answers, count) for answers in range(steps) for count in range(answers + 1)), default=0.0
    )


def most_passes(gain: float, baseline: float = 0.0) -> int:
    """Give K, how many gates that ask for ``n - o > gain`` can rightly pass one after the other.

    Parameters
    ----------
    gain : float, in (0, 1]
        A: the least gain over the model that passed last.
    baseline : float, in [0, 1)
        Accuracy that the first of these models has at least.

    Raises
    ------
    UsageError
        If one of them is out of range: without a gain there is no end to true passes.
    """
    if not 0 < gain <= 1:
        raise UsageError(f"gain: passes limit themselves when each asks for a gain in (0, 1], not {gain:g}")
    if not 0 <= baseline < 1:
        raise UsageError(f"baseline: an accuracy in [0, 1) is needed, not {baseline:g}")
    # A quotient that rounding put just below a whole number is taken as that number: more passes cost more.
    return math.floor((1 - baseline) / gain + 1e-9)


@lru_cache(maxsize=4096)
def _tree(steps: int, passes: int | None, words: int, passing: int) -> int:
    """Nodes that are left: sum_{i<H} sum_{j<K} C(i,j) P^j (k-P)^(i-j)."""
    if steps <= 0 or (passes is not None and passes <= 0):
        return 0
    if passes is None or passes >= steps:
        return int(steps if words == 1 else (words**steps - 1) // (words - 1))
    refusing = words - passing
    # Nodes of this depth by the number of their passes.
    row = [1] + [0] * (passes - 1)
    total = 0
    for _ in range(steps):
        total += sum(row)
        row = [refusing * row[0], *(refusing * row[j] + passing * row[j - 1] for j in range(1, passes))]
    return total


def _log(count: int) -> float:
    return math.log(count) if count > 0 else NOTHING_LEFT


def _log_kt(ones: int, zeros: int) -> float:
    """Logarithm of the Krichevsky-Trofimov probability of one sequence: B(ones + 1/2, zeros + 1/2) / B(1/2, 1/2)."""
    return math.lgamma(ones + 0.5) + math.lgamma(zeros + 0.5) - math.lgamma(ones + zeros + 1) - math.log(math.pi)


def _mix(one: float, other: float) -> float:
    """Logarithm of the mean of two shares given by their logarithms."""
    top = max(one, other)
    if top == NOTHING_LEFT:
        return top
    return top + math.log((math.exp(one - top) + math.exp(other - top)) / 2)


def _whole(name: str, value: int) -> None:
    if isinstance(value, bool) or value != int(value) or value < 1:
        raise UsageError(f"{name}: {value!r} is no whole number of at least 1")
