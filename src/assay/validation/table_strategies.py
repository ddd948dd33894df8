"""Tables of a schema as strategies of hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from assay.errors import DataError, MissingExtra
from assay.validation.choices import one_of
from assay.validation.generation import Generator

if TYPE_CHECKING:
    from assay.validation.choices import Choices
    from assay.validation.schema import Schema


class Drawn:
    """Choices that hypothesis makes, keeps and shrinks."""

    def __init__(self, draw: Any) -> None:
        from hypothesis import strategies

        self._draw, self._integers = draw, strategies.integers

    def integer(self, low: int, high: int) -> int:
        """Let hypothesis choose."""
        return low if low == high else int(self._draw(self._integers(low, high)))


def strategies(
    schema: Schema,
    *,
    environment: str | None = None,
    rows: int = 20,
    illegal: bool = False,
    frame: Literal["arrow", "pandas"] = "arrow",
) -> Any:
    """Give a strategy of tables that a schema permits.

    Tables are built, not drawn and thrown away: values come from the limits of their column (typical ones between the
    tails or in the range, boundaries, rare but legal ones such as a missing value where some rows may miss it), and
    relations are mended row by row: ``a <= b`` between columns and ``a >= 0``, sums, keys, functional dependencies and
    foreign keys. A row that cannot be mended is left out of its table, as are rows that break another predicate;
    :class:`assay.validation.generation.Generator` says in ``notes`` which parts of the schema are not obeyed.

    Parameters
    ----------
    schema : Schema
    environment : str, optional
        Only columns that are expected there: ``"serve"`` leaves out the label.
    rows : int
        Most rows of a table, at least 1. Tables without rows come too, unless ``[rows] min`` asks for some.
    illegal : bool
        Tables of at least one row in which one value breaks one limit that no row may break, and only that one.
    frame : {"arrow", "pandas"}
        Kind of table.

    Returns
    -------
    hypothesis.strategies.SearchStrategy

    Raises
    ------
    MissingExtra
        If hypothesis is not installed.
    DataError
        If no table can be built, or with ``illegal`` the schema forbids nothing.

    Examples
    --------
    >>> from assay.validation.schema import Schema
    >>> schema = Schema.from_toml('[columns.age]\\ntype = "integer"\\nrange = { min = 0, max = 120 }\\nnulls = "never"')
    >>> table = strategies(schema).example()  # doctest: +SKIP
    """
    try:
        from hypothesis import strategies as build
    except ImportError as problem:
        raise MissingExtra("hypothesis", "fuzz", "a strategy of tables") from problem
    generator = Generator(schema, environment, rows)
    forbidden = [(name, point) for name, domain in generator.domains.items() for point in domain.illegal]
    if illegal and not forbidden:
        raise DataError("the schema forbids no value in any row, so that no table breaks it by one: add a limit")

    @build.composite
    def tables(draw: Any) -> Any:
        choices: Choices = Drawn(draw)
        data = generator.table(choices, least=generator.fewest)
        if illegal:
            if not next(iter(data.values())):
                data = generator.plain()
            name, point = one_of(choices, forbidden)
            data[name][choices.integer(0, len(data[name]) - 1)] = point.value
        table = generator.to_arrow(data)
        return table if frame == "arrow" else table.to_pandas()

    return tables()
