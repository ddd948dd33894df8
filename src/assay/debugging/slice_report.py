"""What a search found: slices with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal

from assay.core.palette import vega_config
from assay.core.scatter import slice_chart

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from assay.core.guarantee import Guarantee
    from assay.debugging.predicate import Predicate


@dataclass(frozen=True)
class FoundSlice:
    """A slice; as text it is its predicate in SQL.

    Attributes
    ----------
    predicates : tuple of Predicate
        One a column; rows that meet all of them are the slice.
    score : float
        What it is ranked by.
    size : float
        Rows, or the sum of their weights.
    total_error, mean_error, max_error : float
        Of the slice; of the rise of the error, where two models are compared.
    rest_error : float
        Mean error of all other rows; nan if there are none.
    shrunk_error : float
        Estimate of the mean error that allows for the slice having been chosen for it.
    status : {"CONFIRMED", "SUSPECTED"}
        Whether it is certain that the slice is worse than the rest, or, of two models, that the error rose in it.
    p_value : float
        Adjusted for all slices.
    interval : tuple of float, or None
        Of the lift, or of the rise of the error; lower ends hold for all confirmed slices together, and upper ends do.
    part_of : FoundSlice or None
        A slice that says it already: of much the same rows, or a certain one to which it adds nothing that shows.
    """

    predicates: tuple[Predicate, ...]
    score: float
    size: float
    total_error: float
    mean_error: float
    max_error: float
    rest_error: float
    shrunk_error: float
    status: Literal["CONFIRMED", "SUSPECTED"] = "SUSPECTED"
    p_value: float = 1.0
    interval: tuple[float, float] | None = None
    part_of: FoundSlice | None = None

    @property
    def level(self) -> int:
        """Number of conditions."""
        return len(self.predicates)

    @property
    def sql(self) -> str:
        """The slice as an SQL predicate."""
        return " AND ".join(predicate.sql for predicate in self.predicates)

    @property
    def words(self) -> str:
        """The slice as a person says it."""
        return " and ".join(predicate.words for predicate in self.predicates)

    @property
    def lift(self) -> float:
        """Mean error of the slice over that of all other rows, as seen in the rows that were searched."""
        if self.rest_error > 0:
            return self.mean_error / self.rest_error
        return float("nan") if self.mean_error <= 0 else float("inf")

    def __str__(self) -> str:
        return self.sql


@dataclass(frozen=True)
class SliceReport:
    """Slices, best first, and what is certain of them and of all others.

    Attributes
    ----------
    slices : tuple of FoundSlice
    others : tuple of FoundSlice
        Confirmed slices that the search of all rows does not rank among its best.
    status : {"CLEARED", "UNDETERMINED"}
        Whether :attr:`cleared` says anything.
    cleared : float or None
        With probability 1 - alpha no slice that has the support, of up to ``max_level`` conditions, has a larger lift.
    detectable : float or None
        Lift at which a slice that just has the support is confirmed with probability 0.8; an estimate. None if no lift
        is, or none was reckoned.
    guarantee : Guarantee
        Of the slices that are CONFIRMED, and by itself of ``cleared``.
    reason : str
        Why nothing is certain, if so.
    rows : int
        Rows that were searched.
    size : float
        The same, or the sum of their weights.
    mean_error : float
        Over all of them.
    support : float
        Smallest size of a slice.
    max_level : int
        Most conditions of a slice.
    columns : tuple of str
    compared : bool
        Whether the errors are those of one model less those of another.
    counted : bool
        Whether each row is right or wrong.
    """

    slices: tuple[FoundSlice, ...]
    others: tuple[FoundSlice, ...]
    cleared: float | None
    detectable: float | None
    guarantee: Guarantee
    reason: str
    rows: int
    size: float
    mean_error: float
    support: float
    max_level: int
    columns: tuple[str, ...]
    compared: bool
    counted: bool

    @property
    def status(self) -> Literal["CLEARED", "UNDETERMINED"]:
        """Whether a bound on all slices is known."""
        return "UNDETERMINED" if self.cleared is None else "CLEARED"

    @property
    def confirmed(self) -> tuple[FoundSlice, ...]:
        """Slices that are certainly worse, without those that only repeat another."""
        return tuple(
            each for each in (*self.slices, *self.others) if each.status == "CONFIRMED" and each.part_of is None
        )

    @property
    def told(self) -> tuple[FoundSlice, ...]:
        """All slices that are worth a line: those that only repeat another one are left out."""
        return tuple(each for each in (*self.slices, *self.others) if each.part_of is None)

    def __iter__(self) -> Iterator[FoundSlice]:
        return iter(self.slices)

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, place: int) -> FoundSlice:
        return self.slices[place]

    def sentence(self, found: FoundSlice, rows: str = "rows") -> str:
        """Say of a slice what is known of it."""
        sizes = f"{found.size:,.0f} {rows}"
        if self.compared:
            change = (
                f"{_more(found.mean_error, self.counted)}, elsewhere {_more(found.rest_error, self.counted)}, {sizes}"
            )
        elif self.counted:
            change = f"{found.mean_error:.0%} wrong against {found.rest_error:.0%}, {sizes}"
        else:
            change = f"mean error {found.mean_error:.3g} against {found.rest_error:.3g}, {sizes}"
        return f"{found.words}: {change}, {self._certain(found)}"

    def _certain(self, found: FoundSlice) -> str:
        if found.interval is None:
            shrunk = (
                f"{100 * found.shrunk_error:.1f} points"
                if self.compared and self.counted
                else f"{found.shrunk_error:.0%}"
                if self.counted
                else f"{found.shrunk_error:.3g}"
            )
            return f"not certain; about {shrunk} once it is allowed for that it was picked"
        low, high = found.interval
        if self.compared:
            return f"certain above {_more(low, self.counted)}"
        if low < 1.005:
            return "certain to be worse" + (f", below {high:.3g}x" if high < 1e6 else "")
        return f"certain above {low:.3g}x" + (f" and below {high:.3g}x" if high < 1e6 else "")

    @property
    def bound(self) -> str:
        """Say what is known of all slices."""
        scope = f"of {self.support:,.0f} rows or more and up to {self.max_level} conditions"
        found = f"a slice of {self.support:,.0f} rows is found from a lift of about {self.detectable or 0:.3g}x"
        found = (
            found if self.detectable else f"no lift of a slice of {self.support:,.0f} rows would be found for certain"
        )
        if self.reason:
            return f"UNDETERMINED: {self.reason}"
        if self.cleared is None:
            return "UNDETERMINED: no bound on all slices" + ("" if self.compared or not self.counted else f"; {found}")
        return f"CLEARED: no slice {scope} has a lift above {self.cleared:.3g}x; {found}"

    def __str__(self) -> str:
        lines = [self.sentence(each) for each in self.told]
        if not lines:
            lines = [
                f"no slice of {self.support:,.0f} rows or more and up to {self.max_level} conditions scores above 0"
            ]
        return "\n".join([*lines, self.bound])

    def chart(self, slices: Sequence[FoundSlice] | None = None) -> dict[str, Any]:
        """Draw lift (of two models: rise of the error) against size, as a Vega-Lite specification.

        Parameters
        ----------
        slices : sequence of FoundSlice, optional
            By default :attr:`told`; numbered in their order.
        """
        drawn = self.told if slices is None else slices
        rows = [
            (each.words, each.size, each.mean_error if self.compared else each.lift, each.interval) for each in drawn
        ]
        title = "rise of the error" if self.compared else "lift: times the error of the other rows"
        return slice_chart(rows, title, 0.0 if self.compared else 1.0)

    def _repr_html_(self) -> str:
        """What a notebook shows: a numbered sentence for each slice, what holds of all, and the chart."""
        import vl_convert

        items = "".join(f"<li>{each.status} {escape(self.sentence(each))}</li>" for each in self.told)
        held = self.guarantee
        promise = held.kind if held.error is None else f"{held.kind}, {held.error:.3g} for {held.scope}"
        words = f"<ol>{items}</ol><p>{escape(self.bound)}</p><p>{escape(promise)}</p>"
        if not self.told:
            return words
        drawn = vl_convert.vegalite_to_svg(self.chart(), config=vega_config("light"), allowed_base_urls=[])
        return f"{words}{drawn}"


def _more(rise: float, counted: bool) -> str:
    size = f"{100 * abs(rise):.1f} points" if counted else f"{abs(rise):.3g}"
    return f"{size} {'more' if rise >= 0 else 'less'} error"
