"""Which rows, groups or sources matter: their values, and what to do about them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.core.guarantee import Assumption, Guarantee

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHOWN = 10
_STYLE = (
    ".importance{border-collapse:collapse;font-size:13px}.importance td,.importance th{padding:2px 10px;text-align:right}"
    ".importance td:first-child,.importance th:first-child{text-align:left}"
)


@dataclass(frozen=True, eq=False)
class Importance:
    """Shapley values of the training data, for the nearest-neighbor proxy of a pipeline.

    Attributes
    ----------
    names : tuple or range
        Of rows: their places. Of groups: their values; of a join, pairs of column and value.
    values : ndarray of float64, shape (names,)
        How much each adds to the utility: its mean over all orders in which the data could have been collected. They sum
        to :attr:`total`.
    rows : ndarray of int, shape (names,)
        Training rows of each.
    total : float
        Utility of the proxy with all of them; with none it is 0.
    what : str
        What is valued: ``row``, or the name of the group.
    means : str
        What the utility is.
    neighbors, validation : int
        Neighbors that have a vote; validation rows.
    """

    names: tuple[Any, ...] | range
    values: Floats
    rows: NDArray[np.intp]
    total: float
    what: str
    means: str
    neighbors: int
    validation: int
    _each: Callable[[], Floats]
    _extend: Callable[[Any, Any], Importance] | None = None

    @property
    def ranking(self) -> NDArray[np.intp]:
        """Places in :attr:`names`, the least valuable first; ties in their own order."""
        return np.argsort(self.values, kind="stable")

    def fix_first(self, k: int = SHOWN) -> list[Any]:
        """Give the k names with the lowest values: look at their labels first."""
        return [self.names[at] for at in self.ranking[:k].tolist()]

    def to_drop(self) -> list[Any]:
        """Give all names with a value below zero, lowest first: on average the proxy is better off without each of them."""
        return [self.names[at] for at in self.ranking.tolist() if self.values[at] < 0]

    def buy_more(self, k: int = SHOWN) -> list[Any]:
        """Give the k names whose rows are worth the most each: sources that more rows may be bought of."""
        return [self.names[at] for at in np.argsort(-self.value_a_row, kind="stable")[:k].tolist()]

    @cached_property
    def value_a_row(self) -> Floats:
        """Mean value of the rows of each, were every row valued by itself; shape (names,).

        The value of a group over its rows would favor small groups: whichever comes first adds what any rows would. Takes
        as long as the values of all rows do, the first time.
        """
        return self._each()

    def with_validation(self, X_val: Any, y_val: Any) -> Importance:
        """Add validation rows, at the cost of these alone.

        Raises
        ------
        ValueError
            If the utility weighs validation rows by how many there are of a class or group.
        """
        if self._extend is None:
            raise ValueError("this utility weighs all validation rows together: call importance with all of them")
        return self._extend(X_val, y_val)

    @property
    def guarantee(self) -> Guarantee:
        """What is promised: of the proxy everything, of the pipeline's own last step nothing."""
        return Guarantee.exact(
            0.0,
            f"Shapley values of the {self.neighbors}-nearest-neighbor proxy on these validation rows",
            [
                Assumption(
                    "the pipeline's own model values rows as the proxy does",
                    "unverifiable",
                    "nothing is proved of it: train it again without some rows to see",
                )
            ],
            "Jia et al., PVLDB 2019; Karlaš et al., ICLR 2024; Owen, Management Science 1972",
        )

    def name(self, at: int) -> str:
        """Name one of them in words."""
        return self._words(self.names[at])

    def _words(self, given: Any) -> str:
        if self.by_row:
            return f"row {given}"
        # A day is no moment.
        return " ".join(
            str(part).removesuffix(" 00:00:00") for part in (given if isinstance(given, tuple) else (given,))
        )

    @property
    def by_row(self) -> bool:
        """Whether rows are valued, and not groups of them."""
        return isinstance(self.names, range)

    def shown(self, k: int = SHOWN) -> list[int]:
        """Give the places of the k least and, of groups, of the k most valuable."""
        order: list[int] = self.ranking.tolist()
        return order[:k] if self.by_row else order if len(order) <= 2 * k else [*order[:k], *order[-k:]]

    def table(self, places: list[int] | None = None) -> list[tuple[str, ...]]:
        """Give a head, and below it name and value of some, by default of those that are shown; of groups rows, too."""
        lines: list[tuple[str, ...]] = [(self.what, "value", "rows", "value a row")]
        for at in self.shown() if places is None else places:
            each = 0.0 if self.by_row else self.value_a_row[at]
            lines.append((self.name(at), f"{self.values[at]:+.3g}", f"{self.rows[at]:,}", f"{each:+.3g}"))
        return [line[:2] for line in lines] if self.by_row else lines

    @property
    def summary(self) -> str:
        """Say what the values sum to, and how many are below zero."""
        below = int((self.values < 0).sum())
        return (
            f"{len(self.names):,} values sum to {self.total:.4g}, the {self.means} ({self.validation:,} validation rows); "
            f"{below:,} are below zero"
        )

    @property
    def advice(self) -> str:
        """Say what to do."""
        first = self.name(int(self.ranking[0]))
        if self.by_row:
            return f"look at labels in this order, from {first} on; below zero the proxy is better off without a row, on average"
        more = self._words(self.buy_more(1)[0])
        return (
            f"look at {first} first; rows of {more} are worth the most each here: that new ones would be is an estimate"
        )

    def __str__(self) -> str:
        from assay.core.layout import columns

        lines = columns(self.table(), 10**6, right={1, 2, 3}, head=True)
        return "\n".join([*lines, self.summary, self.advice, f"{self.guarantee.kind} for the {self.guarantee.scope}"])

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        cells = self.table()
        rows = [
            "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
            for tag, row in zip(["th", *["td"] * len(cells)], cells, strict=False)
        ]
        words = [self.summary, self.advice, f"{self.guarantee.kind} for the {self.guarantee.scope}"]
        told = "".join(f"<p>{escape(each)}</p>" for each in words)
        return f'<style>{_STYLE}</style><table class="importance">{"".join(rows)}</table>{told}'
