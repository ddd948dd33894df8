"""The code of each kind of rule, and the words for it."""

from __future__ import annotations

from assay.validation.relations import WAYS

COLUMN, NEW_COLUMNS, ROWS, COLUMNS, FRESH, DISTINCT, METRIC = (
    "VAL101",
    "VAL106",
    "VAL107",
    "VAL108",
    "VAL109",
    "VAL119",
    "VAL125",
)
DRIFT, SKEW, DISTANCE = "VAL201", "VAL202", "VAL203"
CODES = {
    "nulls": "VAL102",
    "range": "VAL103",
    "categories": "VAL104",
    "tails": "VAL105",
    "nan": "VAL110",
    "infinite": "VAL111",
    "length": "VAL112",
    "pattern": "VAL113",
    "format": "VAL114",
    "parses": "VAL115",
    "values": "VAL116",
    "shape": "VAL117",
    "duplicates": "VAL118",
    "sql": "VAL120",
    "sum": "VAL121",
    "key": "VAL122",
    "determines": "VAL123",
    "foreign_key": "VAL124",
}
_SAYS = {
    "nulls": "missing values",
    "range": "values out of range",
    "categories": "unknown categories",
    "tails": "values in the tails",
    "nan": "NaN",
    "infinite": "infinite values",
    "length": "texts of another length",
    "pattern": "texts that do not match",
    "format": "texts of another format",
    "parses": "texts that cannot be read",
    "values": "lists of another length",
    "shape": "lists of another shape",
    "duplicates": "values that come twice",
}


def has(family: str, column: str) -> str:
    """Say what rows do: ``"have missing values in origin"``."""
    return f"break {column!r}" if family in WAYS else f"have {_SAYS[family]} in {column}"


def measure(family: str) -> str:
    """Name the share: ``"share of rows with missing values"``."""
    return "share of rows that break it" if family in WAYS else f"share of rows with {_SAYS[family]}"


def percent(share: float) -> str:
    """Write a share for people."""
    return f"{100 * share:.3g}%"
