"""Labels that were flagged, and how many of them are wrong in truth: a certified share from a sample that a person looks at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Assumption, Guarantee
from assay.core.verdict import Verdict
from assay.errors import DataError, UsageError
from assay.stats import hypergeometric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Places = NDArray[np.intp]

CODE = "DBG201"


@dataclass(frozen=True, eq=False)
class LabelErrors:
    """Rows whose label is probably wrong.

    Attributes
    ----------
    flagged : ndarray of bool, shape (rows,)
    scores : ndarray of float, shape (rows,)
        How sure each label is, from 0 to 1.
    given, suggested : ndarray, shape (rows,)
        The label that a row has, and the most probable one.
    classes : ndarray, shape (classes,)
    joint : ndarray of float, shape (classes, classes)
        Estimated share of the rows by label (first) and truth (second).
    guarantee : Guarantee
        Of the flags.
    """

    flagged: NDArray[np.bool_]
    scores: NDArray[np.float64]
    given: NDArray[Any]
    suggested: NDArray[Any]
    classes: NDArray[Any]
    joint: NDArray[np.float64]
    guarantee: Guarantee

    @cached_property
    def ranking(self) -> Places:
        """All rows, the least sure label first."""
        return np.argsort(self.scores, kind="stable")

    @property
    def rows(self) -> Places:
        """The flagged rows, the least sure label first."""
        return self.ranking[self.flagged[self.ranking]]

    @property
    def noise(self) -> float:
        """Estimated share of wrong labels."""
        return float(1 - np.trace(self.joint))

    def sample(self, n: int, *, seed: int = 0) -> Places:
        """Draw flagged rows at random, for a person to look at; more rows of the same seed begin with the same ones.

        Parameters
        ----------
        n : int, at least 1
            Of fewer flags all are drawn.
        seed : int
        """
        if n < 1:
            raise UsageError(f"n must be at least 1, got {n}")
        return np.random.default_rng(seed).permutation(np.flatnonzero(self.flagged))[:n]

    def audit(
        self,
        wrong: Mapping[int, bool],
        *,
        precision: float = 0.5,
        alpha: float = 0.05,
        seed: int = 0,
        check: str = "label errors",
    ) -> Verdict:
        r"""Certify which share of the flagged labels is wrong, from what a person found in a random sample of them.

        Verdict (code DBG201): ``pass`` if the share is certainly at least ``precision``, ``fail`` if it is certainly below.

        Guarantee (exact): P(false pass) <= alpha and P(false fail) <= alpha. Proof: the flags are a finite set of N, D of
        them wrong; of n that are drawn without replacement k are, and k is hypergeometric whatever the rows are, dependent
        or not. The limits are the numbers D that this law does not refute at alpha, one side each (Clopper and Pearson's
        construction for a finite set; Konijn, 1973). Of the two errors only one is possible for a given D.

        Parameters
        ----------
        wrong : mapping of int to bool
            From each row of ``sample(n, seed=seed)`` to whether its label is wrong.
        precision : float, in (0, 1]
            The share of wrong labels that makes it worth it to go through the flags.
        alpha : float, in (0, 1)
            Of one look: a second, larger sample is a second look, whose errors add up.
        seed : int
            Of the sample.
        check : str

        Raises
        ------
        DataError
            If the rows are not the sample.
        UsageError
            If a number is out of its range.

        References
        ----------
        Clopper, C. J. and Pearson, E. S. Biometrika 26(4), 1934. Konijn, H. S. "Statistical theory of sample survey design
        and analysis." North-Holland, 1973.

        Examples
        --------
        >>> from assay.debugging import label_errors
        >>> y = np.arange(400) % 2
        >>> p = np.where((np.arange(400) < 100)[:, None], 1 - np.eye(2)[y], np.eye(2)[y])
        >>> found = label_errors(y, p)
        >>> verdict = found.audit({int(row): True for row in found.sample(20)}, precision=0.8)
        >>> verdict.status, int(found.flagged.sum()), round(verdict.evidence.lower, 2)
        ('pass', 100, 0.88)
        """
        if not 0 < precision <= 1:
            raise UsageError(f"precision must be above 0 and at most 1, got {precision}")
        if not 0 < alpha < 1:
            raise UsageError(f"alpha must lie in (0, 1), got {alpha}")
        flags, n = int(self.flagged.sum()), len(wrong)
        if not flags:
            raise DataError("no label is flagged: there is nothing to audit")
        if not n:
            raise DataError("no row was looked at: give an answer for each row of the sample")
        strange = set(wrong) ^ {int(row) for row in self.sample(n, seed=seed)}
        if strange:
            row = min(strange)
            which = "has an answer, and is not among" if row in wrong else "has no answer, and is among"
            raise DataError(
                f"row {row} {which} the {n} that were drawn: answer the rows of the sample, all of them and no others"
            )
        k = sum(bool(each) for each in wrong.values())
        lower = hypergeometric.lower(k, n, flags, alpha) / flags
        upper = 1 - hypergeometric.lower(n - k, n, flags, alpha) / flags
        status = "pass" if lower >= precision else "fail" if upper < precision else "inconclusive"
        held = f"at least {lower:.1%}" if status == "pass" else f"at most {upper:.1%}" if status == "fail" else (
            f"{lower:.1%} to {upper:.1%}"
        )  # fmt: skip
        more = min(flags, 2 * n)
        actions = (
            ()
            if status != "inconclusive"
            else (Action(f"draw and look at {more:,} of the {flags:,} flagged rows", labels=more - n),)
        )
        return Verdict(
            status=status,  # type: ignore[arg-type]
            guarantee=Guarantee.exact(
                alpha,
                "a wrong verdict",
                (Assumption("the person who looked is right about each row", "unverifiable"),),
                "Clopper and Pearson, Biometrika 1934, for a finite set",
            ),
            check=check,
            code=CODE,
            stage="debugging",
            claim=Claim(f"at least {precision:.0%} of the {flags:,} flagged labels are wrong"),
            evidence=Evidence(
                n=n,
                measure="share of the flagged labels that are wrong",
                estimate=k / n,
                lower=lower,
                upper=upper,
                limit=precision,
                level=1 - 2 * alpha if alpha < 0.5 else None,
                statistic={"wrong": k, "flagged": flags},
                method="finite Clopper-Pearson limits of a random sample",
                seed=seed,
            ),
            actions=actions,
            reason=f"{k:,} of {n:,} sampled flags are wrong labels: {held} of all {flags:,} are",
        )

    def __str__(self) -> str:
        flags = int(self.flagged.sum())
        return f"{flags:,} of {self.flagged.size:,} labels flagged ({self.guarantee})"
