"""The expressions that make up the state of a column, by its type, and how their values fill it."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import numpy as np

from assay.validation.profile_state import ColumnState, Moments
from assay.validation.profiling import QUANTILES
from assay.validation.sketch import LOG_GAMMA, bucket_of

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 1e75
"""Fourth powers of larger numbers overflow, which engines refuse or turn into infinity."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def md5(text: str) -> str:
    """Every engine's own."""
    raise NotImplementedError  # here, that is


@ibis.udf.scalar.builtin(name="hash")  # type: ignore[untyped-decorator]
def duckdb_hash(value: float) -> dt.uint64:
    """DuckDB's own, which spares it the text of each number."""
    raise NotImplementedError  # here, that is


def measures(rows: ibis.Table, *, weighted: bool, engine: str) -> dict[str, ibis.Value]:
    """Expressions for one column by its type; those with an underscore are by row, the others over rows."""
    value, kind = rows.assay_value, rows.assay_value.type()
    weight = rows.assay_weight
    if kind.is_boolean() or kind.is_string() or kind.is_date():
        found = {"present": value.count()}
        if kind.is_string():
            found |= _lengths(value.length())
        if kind.is_date():
            found |= {"low": value.min(), "high": value.max()}
        keys = {"_value": value, "_present": value}
        if not kind.is_boolean():
            keys["_hash"] = md5(value.cast("string"))
    elif kind.is_numeric():
        # An engine says of NaN that it is larger than any number or not comparable: this leaves it out either way.
        finite = (value.abs() <= sys.float_info.max).ifelse(value, None) if kind.is_floating() else value
        number = finite.cast("float64")
        moderate = (number.abs() < LARGEST).ifelse(number, None)
        term = moderate - rows.assay_shift
        if engine == "postgres":
            # PostgreSQL refuses a power that is too small for a double.
            term = (term.abs() < 1 / LARGEST).ifelse(0.0, term)
        square = term * term
        found = {"present": value.count(), "zeros": (finite == 0).sum(), "low": finite.min(), "high": finite.max()}
        if kind.is_floating():
            found |= {
                "present": value.isnan().ifelse(None, value).count(),
                "nan": value.isnan().sum(),
                "up": ((value > sys.float_info.max) & ~value.isnan()).sum(),
                "down": (value < -sys.float_info.max).sum(),
            }
        found |= {"m0": term.count(), "m1": term.sum(), "m2": square.sum()}
        found |= {"m3": (square * term).sum(), "m4": (square * square).sum(), "mean": moderate.mean()}
        if engine == "duckdb":
            found["quantiles"] = number.quantile(list(QUANTILES))
        if weighted:
            found |= {"w0": term.notnull().ifelse(weight, 0.0).sum()}
            found |= {"w1": (weight * term).sum(), "w2": (weight * square).sum()}
        size = (number == 0).ifelse(None, number.abs())
        text = (finite + 0.0 if kind.is_floating() else finite).cast("string")
        keys = {
            "_present": finite,
            "_finite": number.notnull(),
            "_sign": (number > 0).ifelse(1, (number < 0).ifelse(-1, 0)),
            "_key": (size.ln() / LOG_GAMMA).ceil().cast("int64"),
            "_octave": (size.ln() / 0.6931471805599453).ceil().cast("int64"),
            "_term": term,
            "_hash": duckdb_hash(number + 0.0) if kind.is_floating() and engine == "duckdb" else md5(text),
        }
        if kind.is_integer():
            keys["_value"] = value
    else:
        found, keys = {"present": value.count()}, {}
        if kind.is_timestamp() or kind.is_time():
            found |= {"low": value.min(), "high": value.max()}
            keys |= {"_hash": md5(value.cast("string")), "_present": value}
        elif kind.is_array():
            found |= _lengths(value.length())
    if weighted:
        present = value.isnan().ifelse(None, value) if kind.is_floating() else value
        found["weight"] = present.notnull().ifelse(weight, 0.0).sum()
    return found | keys


def _lengths(length: ibis.Value) -> dict[str, ibis.Value]:
    size = length.cast("float64")
    return {
        "lmin": length.min(),
        "lmax": length.max(),
        "l0": size.count(),
        "l1": size.sum(),
        "l2": (size * size).sum(),
    }


def fill(state: ColumnState, found: Mapping[str, Any], shift: float) -> None:
    """Put a row of aggregates into a state."""
    for key in ("present", "nan", "zeros", "up", "down"):
        if found.get(key):
            state.counts[key] = int(found[key])
    if "weight" in found:
        state.counts["weight_present"] = found["weight"] or 0
    state.low, state.high = (plain(found.get(key)) for key in ("low", "high"))
    if found.get("m0"):
        sums = [float(found[f"m{i}"]) for i in range(1, 5)]
        state.moments = Moments.of_sums(shift, int(found["m0"]), *sums)
    if found.get("w0"):
        state.weighted = Moments.of_sums(shift, *(float(found[f"w{i}"]) for i in range(3)))
    if found.get("l0"):
        state.lengths = Moments.of_sums(0.0, int(found["l0"]), float(found["l1"]), float(found["l2"]))
        state.length_low, state.length_high = int(found["lmin"]), int(found["lmax"])


def from_values(state: ColumnState) -> None:
    """Sort whole numbers that were counted one by one into their buckets."""
    values = sorted((int(text), count) for text, count in state.values.items())
    for value, count in values:
        bucket = bucket_of(value)
        state.buckets[bucket] += count
        if state.value_weights:
            weight = state.value_weights[str(value)]
            state.bucket_weights[bucket] = state.bucket_weights.get(bucket, 0.0) + weight
    if values:
        ends = np.cumsum([count for _, count in values])
        for q in QUANTILES:
            place = q * (ends[-1] - 1)
            low, high = (
                values[int(np.searchsorted(ends, rank, "right"))][0] for rank in (int(place), math.ceil(place))
            )
            state.quantiles[q] = float(low + (high - low) * (place - int(place)))


def plain(value: Any) -> float | int | str | None:
    """Turn what an engine's driver gave into what JSON and Parquet hold."""
    if value is None or isinstance(value, (int, float, str)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else float(value)
