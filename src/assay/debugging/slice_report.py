"""What a search found: slices with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    """

    predicates: tuple[Predicate, ...]
    score: float
    size: float
    total_error: float
    mean_error: float
    max_error: float
    rest_error: float

    @property
    def level(self) -> int:
        """Number of conditions."""
        return len(self.predicates)

    @property
    def sql(self) -> str:
        """The slice as an SQL predicate."""
        return " AND ".join(predicate.sql for predicate in self.predicates)

    @property
    def lift(self) -> float:
        """Mean error of the slice over that of all other rows, as seen in the rows that were searched."""
        if self.rest_error > 0:
            return self.mean_error / self.rest_error
        return float("nan") if self.mean_error <= 0 else float("inf")

    @property
    def words(self) -> str:
        """The slice as a person says it."""
        return " and ".join(predicate.words for predicate in self.predicates)

    def __str__(self) -> str:
        return self.sql


@dataclass(frozen=True)
class SliceReport:
    """Slices, best first.

    Attributes
    ----------
    slices : tuple of FoundSlice
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
    """

    slices: tuple[FoundSlice, ...]
    rows: int
    size: float
    mean_error: float
    support: float
    max_level: int
    columns: tuple[str, ...]

    def __iter__(self) -> Iterator[FoundSlice]:
        return iter(self.slices)

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, place: int) -> FoundSlice:
        return self.slices[place]

    def __str__(self) -> str:
        if not self.slices:
            return (
                f"no slice of {self.support:,.0f} rows or more and up to {self.max_level} conditions scores above 0 "
                f"({self.rows:,} rows, mean error {self.mean_error:.3g})"
            )
        return "\n".join(
            f"{each.words}: mean error {each.mean_error:.3g} against {each.rest_error:.3g}, {each.size:,.0f} rows"
            for each in self.slices
        )
