"""Rows as numbers, in each of the ways that a study is given: what neighbors and linear models can work on."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.errors import DataError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[Any]

COLUMNS = "columns"
"""Name of the columns themselves, encoded and scaled."""


def represent(
    embeddings: Any, X: Any, train: NDArray[np.intp], test: NDArray[np.intp], *, cache: Path | None = None
) -> dict[str, tuple[Matrix, Matrix]]:
    """Embed the rows that train and those that are held out.

    Parameters
    ----------
    embeddings : mapping of str to embedding, or one embedding, or a list of them
        An embedding is an array of shape (rows, features), a callable that takes ``X`` and returns one, a scikit-learn
        transformer (fitted on the training rows alone), the path of an ONNX model, or the name of a sentence encoder that
        ``sentence-transformers`` has on this machine.
    X : table or array
        What callables, transformers and models are given; arrays are not asked.
    train, test : array of int
        Rows of ``X``.
    cache : Path, optional
        Folder where what callables, models and encoders return is kept, by the content of ``X`` and of what embeds it. An
        edit of a function that it calls is not seen: leave it out while you work on one.

    Returns
    -------
    dict of str to (array, array)
        Training and held-out rows, finite numbers.

    Raises
    ------
    DataError, UsageError
        If an embedding cannot be used; the message names it.
    """
    found = {}
    for name, given in named(embeddings).items():
        if hasattr(given, "fit") and hasattr(given, "transform"):
            from sklearn.base import clone

            fitted = clone(given).fit(_take(X, train))
            parts = tuple(np.asarray(fitted.transform(_take(X, rows))) for rows in (train, test))
        else:
            whole = _whole(name, given, X, cache)
            if whole.ndim != 2 or len(whole) <= max(train.max(), test.max()):
                raise DataError(f"embedding {name!r} must have one row for each row of X, got shape {whole.shape}")
            parts = (whole[train], whole[test])
        for part in parts:
            if part.dtype.kind not in "biuf":
                raise DataError(f"embedding {name!r} must be numbers, got {part.dtype}")
            if not np.isfinite(part).all():
                row = int(np.argmin(np.isfinite(part).all(axis=1)))
                raise DataError(f"embedding {name!r} has a value that is missing or infinite, in its row {row}")
        found[name] = (parts[0], parts[1])
    return found


def named(embeddings: Any) -> dict[str, Any]:
    """Give each embedding a name: its own, or its place."""
    if isinstance(embeddings, Mapping):
        if not embeddings:
            raise UsageError("embeddings is empty: leave it out to use the columns as they are")
        return {str(name): given for name, given in embeddings.items()}
    several = embeddings if isinstance(embeddings, list | tuple) else [embeddings]
    found: dict[str, Any] = {}
    for place, given in enumerate(several, 1):
        name = _name(given) or f"embedding {place}"
        found[name if name not in found else f"{name} {place}"] = given
    return found


def _name(given: Any) -> str:
    if isinstance(given, str | Path):
        return Path(given).stem
    if isinstance(given, np.ndarray):
        return ""
    return str(getattr(given, "__name__", type(given).__name__))


def _take(X: Any, rows: NDArray[np.intp]) -> Any:
    if hasattr(X, "iloc"):
        return X.iloc[rows]
    if hasattr(X, "take") and not isinstance(X, np.ndarray):
        return X.take(rows)
    return (
        X[rows]
        if hasattr(X, "__getitem__") and not isinstance(X, Mapping | list)
        else np.asarray(X, dtype=object)[rows]
    )


def _whole(name: str, given: Any, X: Any, cache: Path | None) -> Matrix:
    if isinstance(given, np.ndarray):
        return given
    if hasattr(given, "__array__") and not callable(given):
        return np.asarray(given)
    if isinstance(given, str | Path):
        path = Path(given)
        if path.suffix == ".onnx":
            if not path.is_file():
                raise DataError(f"embedding {name!r}: there is no file {path}")
            return _kept(cache, (path.read_bytes(),), X, lambda: _onnx(name, path, X))
        return _kept(cache, (str(given), "sentence"), X, lambda: _sentences(name, str(given), X))
    if callable(given):
        return _kept(cache, _code(given), X, lambda: np.asarray(given(X)))
    raise UsageError(
        f"embedding {name!r} is {type(given).__name__}; give an array, a callable, a transformer, the path of an ONNX model "
        "or the name of a sentence encoder"
    )


def _kept(cache: Path | None, identity: tuple[Any, ...], X: Any, compute: Any) -> Matrix:
    if cache is None:
        return np.asarray(compute())
    import joblib  # type: ignore[import-untyped]

    path = cache / f"{joblib.hash((identity, X))}.npy"
    if path.is_file():
        return np.asarray(np.load(path))
    found = np.asarray(compute())
    cache.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, found)
    partial.replace(path)
    return found


def _code(function: Any) -> tuple[Any, ...]:
    """What a function does, as far as it can be seen from it: its code, defaults and what it closes over."""
    code = getattr(function, "__code__", None)
    if code is None:
        return (type(function).__qualname__, function)
    held = tuple(cell.cell_contents for cell in function.__closure__ or ())
    return (code.co_code, repr(code.co_consts), code.co_names, inspect.signature(function).__str__(), held)


def _onnx(name: str, path: Path, X: Any) -> Matrix:
    if find_spec("onnxruntime") is None:
        raise UsageError(f"embedding {name!r}: an ONNX model needs onnxruntime: install assay with the extra onnx")
    runtime = import_module("onnxruntime")
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise UsageError(f"embedding {name!r}: {path} takes {len(inputs)} inputs; a model of one array is needed")
    rows = np.asarray(X, dtype=np.float32 if "float" in inputs[0].type else None)
    # A block at a time: hidden layers are larger than what goes in.
    blocks = [session.run(None, {inputs[0].name: rows[start : start + 1024]})[0] for start in range(0, len(rows), 1024)]
    return np.concatenate([np.asarray(block).reshape(len(block), -1) for block in blocks])


def _sentences(name: str, model: str, X: Any) -> Matrix:
    if find_spec("sentence_transformers") is None:
        raise UsageError(
            f"embedding {name!r} would be the sentence encoder {model!r}, and sentence-transformers is not installed: "
            "install it, or give an array, a callable or the path of an ONNX model"
        )
    texts = np.asarray(X)
    if texts.ndim == 2 and texts.shape[1] == 1:
        texts = texts[:, 0]
    if texts.ndim != 1:
        raise DataError(f"embedding {name!r} takes one column of text, and X has {texts.shape[1]}")
    encoder = import_module("sentence_transformers").SentenceTransformer(model, local_files_only=True)
    return np.asarray(encoder.encode([str(text) for text in texts]))
