"""The columns that a stored model takes, and the check that given rows are such columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from assay.errors import DataError

Kind = Literal["float", "int", "bool", "str", "category", "any"]


class Signature(msgspec.Struct, frozen=True):
    """Names and kinds of a model's columns, in the order in which it was trained.

    Attributes
    ----------
    inputs : dict of str to str
        Column name to kind: ``float``, ``int``, ``bool``, ``str``, ``category``, or ``any`` for a pickle, which does
        not say.
    output : str
        Kind of one prediction.
    classes : list or None
        A classifier's classes, in the order of the columns of ``predict_proba``.
    container : str
        ``frame`` when the model was trained on named columns, ``array`` when on a matrix.
    categories : dict of str to list
        The categories of each ``category`` column.
    """

    inputs: dict[str, Kind]
    output: Kind
    classes: list[Any] | None = None
    container: Literal["frame", "array"] = "frame"
    categories: dict[str, list[Any]] = {}


def kind_of(name: str, values: pa.Array) -> Kind:
    """Kind of a column.

    Raises
    ------
    DataError
        The column is neither numbers, truth values nor text.
    """
    kind = values.type
    if pa.types.is_null(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "float"
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_boolean(kind):
        return "bool"
    if _is_text(kind):
        return "str"
    if pa.types.is_dictionary(kind):
        return "category"
    raise DataError(f"column {name!r} has type {kind}: turn it into numbers, truth values or text first")


def columns(rows: Any, names: list[str] | None = None) -> dict[str, Any]:
    """Columns of a table in any of its forms: pandas, polars, Arrow, a mapping of names, or a matrix.

    Parameters
    ----------
    rows : DataFrame, Table, Mapping or ndarray of shape (n, d)
        The rows. A matrix takes its names from ``names``, or ``x0``, ``x1``, ...
    names : list of str, optional
        Names for the columns of a matrix.

    Raises
    ------
    DataError
        It is none of these, or has no rows, or its columns differ in length.
    """
    found: dict[str, Any]
    if isinstance(rows, np.ndarray):
        if rows.ndim != 2:
            raise DataError(f"rows must be a table or a matrix, got an array of {rows.ndim} dimensions")
        names = names if names is not None else [f"x{j}" for j in range(rows.shape[1])]
        if len(names) != rows.shape[1]:
            raise DataError(f"the matrix has {rows.shape[1]} columns, the model takes {len(names)}")
        found = dict(zip(names, rows.T, strict=True))
    elif isinstance(rows, Mapping):
        found = dict(rows)
    elif isinstance(rows, pd.DataFrame):
        found = {str(name): rows[name] for name in rows.columns}
    elif isinstance(rows, pa.Table | pa.RecordBatch):
        found = dict(zip(rows.schema.names, rows.columns, strict=True))
    elif hasattr(rows, "to_arrow"):  # polars
        table = rows.to_arrow()
        found = dict(zip(table.schema.names, table.columns, strict=True))
    else:
        raise DataError(f"rows must be a table or a matrix, got {type(rows).__name__}")
    lengths = {len(values) for values in found.values()}
    if len(lengths) > 1:
        raise DataError(f"the columns differ in length: {', '.join(map(str, sorted(lengths)))}")
    if not lengths or lengths == {0}:
        raise DataError("no rows were given")
    return found


def to_arrow(name: str, values: Any) -> pa.Array:
    """Column as one Arrow array; NaN becomes null.

    Raises
    ------
    DataError
        Values of several types; names the column.
    """
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks()
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"column {name!r} mixes types: {str(error).splitlines()[0]}") from error


def conform(signature: Signature, rows: Any) -> Any:
    """Rows in the form that the model was trained on, or an error that names the column at fault.

    Whole floats pass as integers, and integers as floats, for text formats do not tell them apart. A missing number
    becomes NaN, and missing text null; whether the model can use them is the model's affair. A missing truth value is
    an error.

    Raises
    ------
    DataError
        A column is missing, not in the signature, or of another kind.

    Examples
    --------
    >>> conform(Signature({"a": "float", "b": "str"}, "int"), {"b": ["x"], "a": [1]})
         a  b
    0  1.0  x
    """
    expected = signature.inputs
    found = columns(rows, list(expected) if expected else None)
    if not expected:
        return np.column_stack([np.asarray(values) for values in found.values()])
    takes = f"the model takes {', '.join(expected)}"
    missing = [name for name in expected if name not in found]
    if missing:
        raise DataError(f"column {missing[0]!r} is missing{_others(missing)}: {takes}")
    extra = [name for name in found if name not in expected]
    if extra:
        raise DataError(f"column {extra[0]!r} is not in the signature{_others(extra)}: {takes}")
    cast = {name: _cast(signature, name, kind, found[name]) for name, kind in expected.items()}
    if signature.container == "array":
        return np.column_stack(list(cast.values()))
    return pd.DataFrame(cast)


def _cast(signature: Signature, name: str, kind: Kind, given: Any) -> Any:
    if kind == "float" and type(given) is list and set(map(type, given)) == {float}:
        return np.array(given)  # what a request brings most often, in a tenth of the time
    values = to_arrow(name, given)
    got = values.type
    if kind == "any":
        return values.to_pandas()
    if kind == "bool" and pa.types.is_boolean(got):
        if values.null_count:
            raise DataError(f"column {name!r} misses a truth value in row {_first_null(values)}")
        return values.to_numpy(zero_copy_only=False)
    if kind in {"float", "int"} and (pa.types.is_null(got) or _is_number(got)):
        return _numbers(name, kind, values)
    plain = got.value_type if pa.types.is_dictionary(got) else got
    if kind == "str" and (pa.types.is_null(got) or _is_text(plain)):
        return values.cast(pa.string()).to_pandas()
    if kind == "category":
        listed = signature.categories[name]
        if pa.types.is_null(got) or (not listed or isinstance(listed[0], str)) == _is_text(plain):
            return pd.Categorical(values.cast(plain).to_pandas(), categories=listed)
    raise DataError(f"column {name!r} must be {kind}, got {got}")


def _numbers(name: str, kind: Kind, values: pa.Array) -> Any:
    if kind == "int" and pa.types.is_integer(values.type) and not values.null_count:
        try:
            return values.cast(pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid as error:
            raise DataError(f"column {name!r} has a number beyond 64-bit integers") from error
    numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if kind == "int":
        broken = np.flatnonzero(~np.isnan(numbers) & (numbers != np.rint(numbers)))
        if len(broken):
            raise DataError(f"column {name!r} must be int, got {numbers[broken[0]]} in row {broken[0]}")
        if not values.null_count and (np.abs(numbers) < 2.0**63).all():
            return numbers.astype(np.int64)
    return numbers


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _first_null(values: pa.Array) -> int:
    return int(np.flatnonzero(values.is_null().to_numpy(zero_copy_only=False))[0])


def _others(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
