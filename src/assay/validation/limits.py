"""Limits that a schema sets: each on the share of rows that may break it.

Three kinds of rule are told apart. **never** (logic): ``at_most`` is 0, its default; one row is a fault, and no
statistics are asked. **at_most** (a rate): a fault is a share above the limit by more than chance. **drift** (a
distribution): a fault is a distance from the reference above its tolerance by more than chance.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Format = Literal["credit_card", "email", "ipv4", "social_security_number_us", "url", "uuid"]


class Limit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every limit has.

    Parameters
    ----------
    at_most : float
        Largest share of rows that may break it, from 0 to 1; 0 means never.
    """

    at_most: float = 0.0

    @property
    def never(self) -> bool:
        """Whether one row is a fault."""
        return self.at_most <= 0


class Nulls(Limit, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows without a value (NULL or NaN)."""


class NotANumber(Limit, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose value is NaN, told from NULL."""


class Infinite(Limit, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose value is without end."""


class Duplicates(Limit, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose value another row has too. Of the table itself: counted, not inferred."""


class Range(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows below ``min`` or above ``max``; dates and times are ISO text."""

    min: float | int | str | None = None
    max: float | int | str | None = None
    at_most: float = 0.0


class Tails(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows below ``low`` or above ``high``, the 1% and 99% quantiles of the reference.

    A change of unit (kilometers for miles) can keep every value inside the range; it cannot keep 98% of them between
    these two.
    """

    low: float
    high: float
    at_most: float = 0.0


class Categories(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose value, as text, is not among ``values``."""

    values: tuple[str, ...]
    at_most: float = 0.0


class Length(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose text has fewer than ``min`` or more than ``max`` characters."""

    min: int | None = None
    max: int | None = None
    at_most: float = 0.0


class Pattern(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose text does not match ``regex`` from end to end, in the syntax of RE2."""

    regex: str
    at_most: float = 0.0


class Formatted(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose text is not of a regular kind."""

    kind: Format
    at_most: float = 0.0


class Parses(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose text cannot be read as a value of type ``to``; ``format`` is strptime's, for dates and times."""

    to: Literal["integer", "number", "boolean", "date", "timestamp", "time"]
    format: str | None = None
    at_most: float = 0.0


class Values(Limit, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Rows whose list has fewer than ``min`` or more than ``max`` values."""

    min: int = 0
    max: int | None = None
    at_most: float = 0.0


class Distinct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many different values the column has. Of the table itself: counted, not inferred."""

    min: int = 0
    max: int | None = None


class Drift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far the distribution may move from that of the reference.

    Parameters
    ----------
    tolerance : float
        In total variation (texts, truth values) or Kolmogorov-Smirnov distance (numbers), as
        :func:`assay.validation.compare` tests it.
    metric : str or None
        One of the named distances instead; a number without an error rate, so that its verdict is an `estimate`.
    """

    tolerance: float = 0.05
    metric: (
        Literal["jensen_shannon", "l_infinity", "normalized_absolute_difference", "population_stability", "wasserstein"]
        | None
    ) = None
