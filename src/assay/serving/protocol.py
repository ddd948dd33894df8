"""The Open Inference Protocol, version 2: its messages, and how they become a model's columns and back.

A feature is one tensor of shape [n] or [n, 1] named as the column. A model of numbers also takes a single tensor of
shape [n, d] whose columns are in the signature's order. JSON null is a missing value.
"""

from __future__ import annotations

from itertools import chain
from math import prod
from typing import TYPE_CHECKING, Any

import msgspec

from assay.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from assay.tracking.formats import LoadedModel

_NUMBER: frozenset[type] = frozenset({int, float, type(None)})
_INTEGER: frozenset[type] = frozenset({int, type(None)})
_VALUES: dict[str, frozenset[type]] = {
    "BOOL": frozenset({bool, type(None)}),
    "BYTES": frozenset({str, type(None)}),
    **{f"FP{bits}": _NUMBER for bits in (16, 32, 64)},
    **{f"INT{bits}": _INTEGER for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": _INTEGER for bits in (8, 16, 32, 64)},
}
_JSON_NAMES = {
    bool: "a truth value",
    int: "an integer",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}
_DATATYPE_OF_KIND = {
    "float": "FP64",
    "int": "INT64",
    "bool": "BOOL",
    "str": "BYTES",
    "category": "BYTES",
    "any": "BYTES",
}
_DATATYPE_OF_DTYPE = {"f": "FP64", "i": "INT64", "u": "UINT64", "b": "BOOL"}
_NUMERIC_KINDS = {"float", "int", "bool", "any"}


class Tensor(msgspec.Struct):
    """One named input."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class RequestedOutput(msgspec.Struct):
    """The name of an output that the client wants."""

    name: str


class Request(msgspec.Struct):
    """What the client sends; fields of extensions are passed over."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[RequestedOutput] = []


class Output(msgspec.Struct, omit_defaults=True):
    """One named output, flat in row-major order."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class Response(msgspec.Struct):
    """What the server answers."""

    model_name: str
    model_version: str
    id: str
    outputs: list[Output]
    parameters: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(Request)


def decode(body: bytes) -> Request:
    """Read a request.

    Raises
    ------
    DataError
        It is not JSON or not an inference request; says where.
    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"not an inference request: {error}") from error


def columns_of(request: Request, signature: dict[str, Any]) -> dict[str, list[Any]]:
    """Columns of a request, each a list of n values.

    Raises
    ------
    DataError
        An input is named twice, empty, of an unknown datatype, or its data fit neither its shape nor its datatype.
    """
    names = list(signature["inputs"])
    if not request.inputs:
        raise DataError(f"no inputs: the model takes {', '.join(names)}")
    if len(request.inputs) == 1 and len(request.inputs[0].shape) == 2 and request.inputs[0].name not in names:
        return _matrix(request.inputs[0], signature)
    columns: dict[str, list[Any]] = {}
    for tensor in request.inputs:
        if tensor.name in columns:
            raise DataError(f"input {tensor.name!r} is given twice")
        if len(tensor.shape) != 1 and tensor.shape[1:] != [1]:
            raise DataError(f"input {tensor.name!r} has shape {tensor.shape}: give one column of shape [n] or [n, 1]")
        columns[tensor.name] = values = _values(tensor)
        rows = len(columns[request.inputs[0].name])
        if len(values) != rows:
            raise DataError(
                f"input {tensor.name!r} has {len(columns[tensor.name])} rows, {request.inputs[0].name!r} has {rows}"
            )
    return columns


def row_ids(request: Request, request_id: str, rows: int) -> list[str]:
    """Ids of the rows in the log: ``parameters.ids``, or the request's id and the row's number.

    Raises
    ------
    DataError
        ``parameters.ids`` are not n distinct texts.
    """
    ids = request.parameters.get("ids")
    if ids is None:
        return [f"{request_id}-{row}" for row in range(rows)]
    if not isinstance(ids, list) or len(ids) != rows or set(map(type, ids)) != {str} or len(set(ids)) != rows:
        raise DataError(f"parameters.ids must be {rows} distinct texts, one a row")
    return ids


def outputs_of(
    request: Request, predicted: NDArray[Any], probability: NDArray[np.float64] | None, classes: list[Any] | None
) -> list[Output]:
    """Outputs of an answer: ``predict``, and ``predict_proba`` of shape [n, k] when the model has it.

    Raises
    ------
    DataError
        The client wants an output that the model does not have.
    """
    outputs = [
        Output("predict", [len(predicted)], _DATATYPE_OF_DTYPE.get(predicted.dtype.kind, "BYTES"), predicted.tolist())
    ]
    if probability is not None:
        parameters = {"classes": classes} if classes is not None else {}
        outputs.append(
            Output("predict_proba", list(probability.shape), "FP64", probability.ravel().tolist(), parameters)
        )
    if not request.outputs:
        return outputs
    made = {output.name: output for output in outputs}
    for wanted in request.outputs:
        if wanted.name not in made:
            raise DataError(f"output {wanted.name!r} does not exist: the model gives {', '.join(made)}")
    return [made[wanted.name] for wanted in request.outputs]


def metadata(name: str, version: str, model: LoadedModel) -> dict[str, Any]:
    """Description of a model and its tensors."""
    signature = model.signature
    outputs = [{"name": "predict", "datatype": _DATATYPE_OF_KIND[signature["output"]], "shape": [-1]}]
    if hasattr(model, "predict_proba"):
        outputs.append({"name": "predict_proba", "datatype": "FP64", "shape": [-1, len(model.classes or [])]})
    return {
        "name": name,
        "versions": [version],
        "platform": model.format,
        "inputs": [
            {"name": column, "datatype": _DATATYPE_OF_KIND[kind], "shape": [-1]}
            for column, kind in signature["inputs"].items()
        ],
        "outputs": outputs,
    }


def _matrix(tensor: Tensor, signature: dict[str, Any]) -> dict[str, list[Any]]:
    names = list(signature["inputs"]) or [f"x{j}" for j in range(tensor.shape[1])]
    if not set(signature["inputs"].values()) <= _NUMERIC_KINDS:
        raise DataError(f"input {tensor.name!r} is a matrix, but the model takes columns: {', '.join(names)}")
    width = tensor.shape[1]
    if width != len(names):
        raise DataError(f"input {tensor.name!r} has {width} columns, the model takes {len(names)}: {', '.join(names)}")
    data = _values(tensor)
    return {name: data[j::width] for j, name in enumerate(names)}


def _values(tensor: Tensor) -> list[Any]:
    """Data of a tensor, flat, checked against its shape and datatype."""
    name, data = tensor.name, tensor.data
    allowed = _VALUES.get(tensor.datatype)
    if allowed is None:
        raise DataError(f"input {name!r} has datatype {tensor.datatype!r}: give one of {', '.join(_VALUES)}")
    if any(size < 1 for size in tensor.shape):
        raise DataError(f"input {name!r} has shape {tensor.shape}: give at least one row")
    if data and isinstance(data[0], list):
        if len(data) != tensor.shape[0] or any(
            type(row) is not list or len(row) != prod(tensor.shape[1:]) for row in data
        ):
            raise DataError(f"input {name!r} has shape {tensor.shape}, but its data are not nested so")
        data = list(chain.from_iterable(data))
    if len(data) != prod(tensor.shape):
        raise DataError(f"input {name!r} has shape {tensor.shape}, but {len(data)} values")
    kinds = set(map(type, data))
    if not kinds <= allowed:
        row = next(i for i, value in enumerate(data) if type(value) not in allowed)
        what = _JSON_NAMES[type(data[row])]
        raise DataError(f"input {name!r} has datatype {tensor.datatype}, but value {row} is {what}")
    if allowed is _NUMBER and int in kinds:
        try:
            return [None if value is None else float(value) for value in data]
        except OverflowError as error:
            raise DataError(f"input {name!r} has a number beyond {tensor.datatype}") from error
    return data
