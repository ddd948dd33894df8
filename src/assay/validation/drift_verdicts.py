"""Verdicts on the columns of two tables: what was seen, with which guarantee, and what would decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.guarantee import independence
from assay.stats.multiplicity import benjamini_yekutieli, e_bh, holm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from assay.core.evidence import Scalar
    from assay.core.verdict import Status
    from assay.validation import shared_units
    from assay.validation.column_drift import ColumnDrift

CODE = "VAL201"
Across = Literal["fdr", "familywise"]
LOOK = (Action("look at these rows, and at what writes them"),)


@dataclass(frozen=True)
class Terms:
    """What one comparison of tables asks of all its columns."""

    tolerance: float
    alpha: float
    across: Across
    tests: int
    unit: str | None
    screened: tuple[tuple[str, float], ...] = ()

    @property
    def familywise(self) -> bool:
        """Whether any error counts, instead of the share of errors."""
        return self.across == "familywise"

    def fails(self, against: NDArray[np.float64], silent: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Join p-values (Holm) or e-values (e-BH) of all columns; those that are silent say nothing."""
        if silent is not None:
            against = np.where(silent, 1.0 if self.familywise else 0.0, against)
        return holm(against) <= self.alpha if self.familywise else e_bh(against, self.alpha)

    def passes(self, p_within: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Join p-values of "the distance is beyond the tolerance" (Holm, or Benjamini and Yekutieli)."""
        return (holm if self.familywise else benjamini_yekutieli)(p_within) <= self.alpha


def verdict_of(
    column: ColumnDrift, status: Status, cluster: shared_units.Found | None, terms: Terms, check: str
) -> Verdict:
    """Say of one column, whose rows are independent, what its test says."""
    seen, tolerance, alpha = column.witness, terms.tolerance, terms.alpha
    lower = max(seen.lower(alpha), 0.0)
    upper = max(column.upper(alpha), lower)
    share = alpha / terms.tests
    moved = moved_words(seen.words, seen.before / seen.n, seen.after / seen.m)
    within = f"{column.distance_name} of {column.cells.measure} is {column.distance:.3f}"
    guarantee = _guarantee(status, terms)
    actions: tuple[Action, ...] = ()
    if cluster is not None:
        status = "inconclusive"
        reason = f"{moved}; but {cluster}, so that no bound for independent rows holds"
        actions = (Action(f'declare the unit: unit = "{cluster.unit}"'),)
        guarantee = Guarantee.none(f"rows are not independent: {cluster}")
    elif status == "fail":
        reason = f"{moved}: up by at least {100 * lower:.3g} points, tolerance {100 * tolerance:.3g}"
        actions = LOOK
    elif status == "pass":
        reason = f"{within}, at most {upper:.3f}: shown to be within {tolerance:g}"
    else:
        reason = f"{within}, between {lower:.3f} and {upper:.3f}: {tolerance:g} is not excluded"
        actions = (_more(column.rows_needed(tolerance, share), column.m),)
    verdict = built(column, status, terms, check)
    statistic: dict[str, Scalar] = {
        "moved": seen.words,
        "share_before": seen.before / seen.n,
        "share_after": seen.after / seen.m,
        "p_moved": seen.p_value(tolerance),
        "e_moved": seen.e_value(tolerance),
        "p_within": column.p_within(tolerance),
        "tests": terms.tests,
        "found_with_power_90": column.detectable(tolerance, share),
    }
    evidence = msgspec.structs.replace(
        verdict.evidence,
        lower=lower,
        upper=upper,
        level=max(0.0, 1 - 2 * alpha),
        statistic=statistic | named(column),
        method=f"witness of held-out rows, {'e-BH' if terms.across == 'fdr' else 'Holm'}",
    )
    return msgspec.structs.replace(verdict, guarantee=guarantee, reason=reason, actions=actions, evidence=evidence)


def built(column: ColumnDrift, status: Status, terms: Terms, check: str, largest: int = 0) -> Verdict:
    """Build the verdict of a column, with what all have."""
    return Verdict(
        status=status,
        guarantee=_guarantee(status, terms, largest),
        check=check,
        code=CODE,
        stage="data",
        claim=Claim(f"{column.distance_name} <= {terms.tolerance:g}", column.cells.measure),
        evidence=Evidence(
            n=column.n + column.m, measure=column.distance_name, estimate=column.distance, limit=terms.tolerance
        ),
        subject=column.name,
    )


def named(column: ColumnDrift) -> dict[str, Scalar]:
    """Give the named distances, which are estimates."""
    return {f"estimate_{name}": value for name, value in column.named().items()}


def moved_words(words: str, before: float, after: float) -> str:
    """Say which rows moved, and how far."""
    return f"rows with {words} went from {_percent(before)} to {_percent(after)}"


def _more(rows: int | None, have: int) -> Action:
    if rows is None:
        return Action(
            "compare with a larger reference, or state a larger tolerance",
            effect="so near the tolerance more current rows alone do not decide",
        )
    return Action(
        f"compare about {rows:,} current rows", units=rows - have, effect="decides if the distance is the one seen"
    )


def _guarantee(status: Status, terms: Terms, largest: int = 0) -> Guarantee:
    what, several = ("false alarm", "false alarms") if status != "pass" else ("false pass", "false passes")
    wrong = f"any {what}" if terms.familywise else f"share of {several}"
    scope = f"{wrong}, all columns together"
    if terms.unit is not None:
        assumed = [
            independence(terms.screened, "", f"units of {terms.unit} are independent"),
            Assumption(
                f"no {terms.unit} has more rows than {largest:,}",
                "unverifiable",
                "the largest here; for these units alone nothing need be assumed",
            ),
        ]
        joined = "Holm (1979)" if terms.familywise else "Wang and Ramdas (2022)"
        return Guarantee.exact(terms.alpha, scope, assumed, f"Waudby-Smith and Ramdas (2024), {joined}")
    source = "Clopper-Pearson (1934), McDiarmid (1989), Massart (1990)"
    source += (
        ", Wasserman et al. (2020), Wang and Ramdas (2022), Benjamini and Yekutieli (2001)"
        if not terms.familywise
        else ", Holm (1979)"
    )
    why = "clustering is looked for where a column is decided, by columns that look like a time or an id"
    return Guarantee.exact(terms.alpha, scope, [independence(terms.screened, why)], source)


def skipped(column: str, why: str, check: str, tolerance: float) -> Verdict:
    """Say why a column is not compared."""
    return Verdict(
        status="skipped",
        guarantee=Guarantee.none("nothing was tested"),
        check=check,
        code=CODE,
        stage="data",
        claim=Claim(f"distance <= {tolerance:g}", column),
        reason=why,
        subject=column,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
