"""Names of columns whose values may group rows that are not independent."""

from __future__ import annotations

import re

_NAMES = re.compile(
    r"(^|_)(id|uuid|key|user|customer|client|account|patient|person|household|device|machine|vehicle|tailnum|session|"
    r"store|shop|school|hospital|station|sensor|host|date)s?$|(Id|ID)$",
    re.IGNORECASE,
)


def names_unit(column: str) -> bool:
    """Whether a column is called like an independent unit: an id, a customer, a day.

    Examples
    --------
    >>> [name for name in ("customer_id", "tailnum", "carrier", "idle") if names_unit(name)]
    ['customer_id', 'tailnum']
    """
    return _NAMES.search(column) is not None
