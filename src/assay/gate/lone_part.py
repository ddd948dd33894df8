"""Which clauses can be decided while labels are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.errors import ClaimError
from assay.gate.measure import parts

if TYPE_CHECKING:
    from assay.gate.condition import Clause
    from assay.gate.inputs import Inputs
    from assay.gate.measure import Part

COUNTS = frozenset({"accuracy", "error", "changed", "precision"})
PLAIN = COUNTS | {"brier", "absolute"}


def only_part(clause: Clause, inputs: Inputs) -> tuple[Part | None, float]:
    """Give the part of a clause that is to be decided while labels are missing, ``None`` without rows, and a constant.

    Raises
    ------
    ClaimError
        If its tolerance moves with a metric, a metric takes all labels, or its terms are taken over different rows.
    """
    if clause.times:
        raise ClaimError(f"{str(clause)!r}: a tolerance that moves with a metric takes method='exact'; give a number")
    for _, term in clause.terms:
        if term.metric not in PLAIN:
            raise ClaimError(
                f"{str(clause)!r}: {term.metric} cannot be decided while labels are missing; use method='exact' on "
                "labelled rows"
            )
    found, constant = parts(clause, inputs)
    if len(found) > 1:
        raise ClaimError(
            f"{str(clause)!r} speaks of {len(found)} different sets of rows, which one order cannot label together; "
            "use method='exact' on labelled rows"
        )
    return (found[0] if found and found[0].rows.any() else None), constant
