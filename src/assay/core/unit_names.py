"""Names of columns whose values may group rows that are not independent."""

from __future__ import annotations

import re

_NAMES = re.compile(
    r"(^|_)(id|uuid|key|user|customer|client|account|patient|person|household|device|machine|vehicle|tailnum|session|"
    r"store|shop|school|hospital|station|sensor|host|date)s?$|(Id|ID)$",
    re.IGNORECASE,
)


# A yes or no about a unit, and a number of units, name none.
_OF_UNITS = re.compile(r"^(is|has|had|was|n|num|number|count|total|avg|mean|max|min)_|_(per|by)_", re.IGNORECASE)


def names_unit(column: str) -> bool:
    """Whether a column is called like an independent unit: an id, a customer, a day.

    Examples
    --------
    >>> [name for name in ("customer_id", "tailnum", "carrier", "idle") if names_unit(name)]
    ['customer_id', 'tailnum']
    >>> names_unit("has_account") or names_unit("num_devices") or names_unit("visits_per_user")
    False
    """
    return _NAMES.search(column) is not None and _OF_UNITS.search(column) is None
