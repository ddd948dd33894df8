"""Looking for clustering that nobody declared."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from assay.core.guarantee import MATERIAL_EFFECT, Assumption
from assay.errors import DataError
from assay.gate.inputs import by_name, column, numbered
from assay.gate.measure import parts
from assay.stats import clustering, crossing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from assay.gate.condition import Clause
    from assay.gate.inputs import Inputs

# Error probability of finding clustering where there is none, over all columns and clauses.
ALPHA = 0.01
# A smaller inflation of the variance hardly moves an error probability.
MATERIAL = 1.1
_PERMUTATIONS = 999


@dataclass(frozen=True)
class Clusters:
    """Clustering of a clause's values by a column.

    Attributes
    ----------
    of : str
        What clusters: ``"rows"``, or the name of the unit that was declared.
    column : str
        Name of the column in words: ``"the day of scheduled"``.
    unit : str
        Name to declare.
    icc, design_effect, p_value : float
    copies : int
        Rows that repeat an earlier row, where it is copies that were found; else 0.
    predicted : bool
        Whether it is not the values that cluster, but the rows whose predictions let a label matter.
    crossed : bool
        Whether units lie in several groups each, so that the column is no unit in their place.
    """

    column: str
    unit: str
    icc: float
    design_effect: float
    p_value: float
    copies: int = 0
    predicted: bool = False
    of: str = "rows"
    crossed: bool = False

    @property
    def refuted(self) -> Assumption:
        """The assumption that it refutes."""
        found = f"{self.copies:,} are copies" if self.copies else f"they cluster by {self.column}"
        what = "rows are independent" if self.of == "rows" else independent_units(self.of)
        return Assumption(what, "checked", f"refuted: {found}")

    @property
    def remedy(self) -> str:
        """What to declare."""
        if self.crossed:
            return f"declare as the unit what {self.of} and {self.unit} both lie in as a whole, and judge again"
        aside = "" if self.column == self.unit else f" ({self.column})"
        return f'declare unit = "{self.unit}"{aside}, and judge again'


def independent_units(unit: str) -> str:
    """State that units are independent."""
    return f"each {unit} is independent of the others"


def candidates(
    timestamp: Any, columns: Any, n: int, unit: NDArray[np.intp] | None = None
) -> dict[tuple[str, str], NDArray[np.intp]]:
    """Give the groupings to test, by name in words and name to declare, but for those of one row a group.

    With a unit they are those in which some group has several units; a unit may lie in one group, or be crossed by several.
    """
    found: dict[tuple[str, str], NDArray[np.intp]] = {}
    if timestamp is not None:
        name = str(getattr(timestamp, "name", None) or "timestamp")
        codes, groups = numbered(_days(column(timestamp, name), name), n, name)
        if 1 < groups < n:
            found[f"the day of {name}", "date"] = codes
    for name, values in by_name(columns).items():
        try:
            codes, groups = numbered(values, n, name)
        except DataError:
            # Nothing but the search for what is coarser than the unit needs the column.
            if unit is None or len(values) != n:
                raise
            continue
        if 1 < groups < n:
            found[name, name] = codes
    if unit is None:
        return found
    return {
        names: codes for names, codes in found.items()
        if clustering.coarser(codes, unit) or crossing.crosses(codes, unit)
    }  # fmt: skip


def undeclared(
    clauses: Iterable[Clause],
    inputs: Inputs,
    groupings: Mapping[tuple[str, str], NDArray[np.intp]],
    alpha: float = ALPHA,
) -> tuple[Clusters | None, tuple[tuple[str, float], ...]]:
    """Test the values of each clause, of rows or of whole units where one is declared, for clustering by each grouping.

    Guarantee (exact): if rows (units) are exchangeable, P(something is found) <= alpha: permutation tests, Bonferroni
    over groupings and clauses. Gives the finding with the largest design effect, or ``None``; and for each grouping, but
    those that cross units, the design effect that is found with probability 0.8 in every clause (an estimate).
    """
    tested = [part for clause in clauses for part in parts(clause, inputs)[0] if part.rows.any()]
    level = alpha / max(1, len(tested) * len(groupings))
    permutations = max(_PERMUTATIONS, int(np.ceil(2 / level)))
    worst: Clusters | None = None
    crossed = {words for (words, _), codes in groupings.items() if _crosses(codes, inputs.unit)}
    seen = {words: 1.0 if tested else math.inf for words, _ in groupings if words not in crossed}
    for part in tested:
        values = part.values(inputs)
        within = None if inputs.unit is None else inputs.unit[part.rows]
        for (words, unit), codes in groupings.items():
            if within is not None and words in crossed:
                result = crossing.test(values, codes[part.rows], within, permutations=permutations)
            else:
                each = clustering.of_units(values, codes[part.rows], within)
                result = clustering.test(*each, permutations=permutations, level=level)
            if result.p_value > level and words in seen:
                seen[words] = max(seen[words], result.detectable)
            if result.p_value > level or not result.design_effect > MATERIAL:
                continue
            if worst is None or result.design_effect > worst.design_effect:
                of = "rows" if inputs.unit is None else inputs.unit_name
                worst = Clusters(
                    words, unit, result.icc, result.design_effect, result.p_value, of=of, crossed=words in crossed
                )
    return worst, tuple(seen.items())


def foreseen(
    needed: Sequence[tuple[NDArray[np.intp], NDArray[np.bool_]]],
    looked: NDArray[np.intp],
    groupings: Mapping[tuple[str, str], NDArray[np.intp]],
    found: Mapping[str, float],
    alpha: float,
    inputs: Inputs,
) -> Clusters | None:
    """Test, where few labels are known, whether the rows that need one cluster: the predictions tell it for all.

    That models differ more often on some days shows that days matter; whether the labels there lean to one model is
    left to :func:`undeclared`, where there are enough of them. So a grouping counts if the rows that were looked at
    would have a material design effect, were their values as alike as the need for a label is, and if the test of the
    values can have missed that effect, or one above which no error probability means anything.

    Guarantee (exact): if rows (units) are exchangeable, P(something is found) <= alpha: permutation tests, Bonferroni
    over groupings and clauses.

    Parameters
    ----------
    needed : sequence of (rows, whether each needs a label)
        Of each clause, over the whole pool.
    looked : array of int
        Rows that the verdict rests on.
    groupings : mapping of (words, unit) to codes, shape (n,)
    found : mapping of words to float
        As :func:`undeclared` gives it for the rows that were looked at.
    alpha : float
    inputs : Inputs
        Of the whole pool.
    """
    level = alpha / max(1, len(needed) * len(groupings))
    permutations = max(_PERMUTATIONS, int(np.ceil(2 / level)))
    worst: Clusters | None = None
    for (words, unit), codes in groupings.items():
        if words not in found:
            continue
        _, group = clustering.of_units(looked, codes[looked], None if inputs.unit is None else inputs.unit[looked])
        sizes = np.bincount(group).astype(np.float64)
        typical = float(sizes @ sizes) / group.size
        for rows, needs in needed:
            each = clustering.of_units(needs, codes[rows], None if inputs.unit is None else inputs.unit[rows])
            result = clustering.test(*each, permutations=permutations)
            effect = 1.0 + (typical - 1.0) * result.icc
            if result.p_value > level or not MATERIAL < min(effect, MATERIAL_EFFECT) < found[words]:
                continue
            if worst is None or effect > worst.design_effect:
                of = "rows" if inputs.unit is None else inputs.unit_name
                worst = Clusters(words, unit, result.icc, effect, result.p_value, predicted=True, of=of)
    return worst


def copied(content: Any, n: int) -> Clusters | None:
    """Tell whether rows are copies of each other, from a digest of what each row holds.

    Rows drawn independently from any population repeat each other too, but not in any pattern. Let c(k) be the number
    of contents that occur k times. Over a Poisson number of draws E[c(k)] is a sum of exp(-l) l^k / k!, so k! E[c(k)]
    is log-convex in k (Cauchy and Schwarz), which is to say k E[c(k)]^2 <= (k + 1) E[c(k - 1)] E[c(k + 1)]. Copies
    break it: a table of distinct rows that was doubled has c(2) alone. They are found if the inequality fails with
    each number at its bound of level 0.0001 / 3 for the k at which it fails most (c(k) is a sum of independent events,
    which is less spread than a Poisson number), and if they are material. A few copies among many rows are not found.
    """
    codes, distinct = numbered(content, n, "content")
    times = np.bincount(codes)
    effect = float((times * times).sum() / n)
    if effect <= MATERIAL:
        return None
    seen = np.bincount(times, minlength=times.max() + 2).astype(np.float64)
    k = np.arange(2, seen.size - 1)
    level = 1e-4 / (3 * k.size)
    least = special.gammaincinv(np.maximum(seen, 1), level) * (seen > 0)
    most = special.gammaincinv(seen + 1, 1 - level)
    broken = k * least[k] ** 2 > (k + 1) * most[k - 1] * most[k + 1]
    if not broken.any():
        return None
    return Clusters("copies of rows", "", 1.0, effect, 1e-4, n - distinct)


def _crosses(codes: NDArray[np.intp], unit: NDArray[np.intp] | None) -> bool:
    return unit is not None and not clustering.coarser(codes, unit)


def _days(values: NDArray[Any], name: str) -> NDArray[Any]:
    if values.dtype.kind == "M":
        return values.astype("datetime64[D]")
    try:
        return np.asarray(values.astype(str), dtype="datetime64[D]")
    except ValueError:
        raise DataError(f"{name}: row 0 is {str(values[0])!r}, which is no date or time in ISO form") from None
