"""One table, or two side by side, as a person looks at them: a picture and a few numbers of each column."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True):
    """A number with its name, and its text for each table; empty where a table has none."""

    name: str
    values: tuple[str, ...]


class Bars(msgspec.Struct, frozen=True, kw_only=True):
    """How the values of a column are distributed.

    Parameters
    ----------
    names : tuple of str
        What each bar stands for: a value, or a range.
    shares : tuple of tuple of float
        For each table the share of its rows with a value that each bar holds; empty where the column is absent.
    ends : tuple of (str, str), optional
        Where the first bar begins and the last one ends, when they are ranges one after the other; else each bar is a
        value.
    note : str
        What the bars leave out.
    """

    names: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    ends: tuple[str, str] | None = None
    note: str = ""


class ColumnPortrait(msgspec.Struct, frozen=True, kw_only=True):
    """A column.

    Parameters
    ----------
    name : str
    types : tuple of str
        By table; empty where the column is absent.
    missing : float
        The greatest share of rows without a value.
    facts : tuple of Fact
    bars : Bars, optional
    moved : float, optional
        Of two tables: the total variation distance between the cells that are drawn, with missing as a cell. An estimate
        that has no error bound.
    """

    name: str
    types: tuple[str, ...]
    missing: float = 0.0
    facts: tuple[Fact, ...] = ()
    bars: Bars | None = None
    moved: float | None = None

    @property
    def differs(self) -> bool:
        """Whether any text is not the same for both tables."""
        return any(len(set(texts)) > 1 for texts in (self.types, *(fact.values for fact in self.facts)))


class Portrait(msgspec.Struct, frozen=True, kw_only=True):
    """One table or two.

    Parameters
    ----------
    names : tuple of str
    rows : tuple of int
    columns : tuple of ColumnPortrait
    parts : dict of str to Portrait
        Slices of the tables by their names.
    """

    names: tuple[str, ...]
    rows: tuple[int, ...]
    columns: tuple[ColumnPortrait, ...]
    parts: dict[str, Portrait] = msgspec.field(default_factory=dict)
