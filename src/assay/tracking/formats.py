"""Models stored as data: a skops file with its signature, an example and the answer it must give.

A package is one zip file::

    package.json     format, signature, tolerance, versions of the libraries that wrote it
    model.skops      the estimator, built only from allowed types
    example.arrow    up to 100 rows of input
    expected.arrow   what the model answered to them

Loading answers the example again and refuses a model that has changed its answer, so a library upgrade that alters
predictions is found before the first request. The same model and example give the same bytes under the same versions.
"""

from __future__ import annotations

import io
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED

import joblib
import msgspec
import numpy as np
import pyarrow as pa
from blake3 import blake3
from sklearn.pipeline import Pipeline

from assay.errors import DataError, ModelError
from assay.tracking.archive import arrow_file, pack, read_arrow, skops_file, unpack
from assay.tracking.signature import Kind, Signature, columns, conform, kind_of, to_arrow
from assay.tracking.trust import load_trusted

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

EXAMPLE_ROWS = 100
RELATIVE_TOLERANCE = 1e-6
ABSOLUTE_TOLERANCE = 1e-9
_LIBRARIES = ("scikit-learn", "numpy", "scipy", "skops")
# Pickle protocols 2 and later, then what joblib compresses with: zlib, gzip, bz2, xz, lzma, and its own old format.
_PICKLE_STARTS = (b"\x80", b"\x78", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x5d\x00\x00", b"ZF", b"(", b"c")


class Contents(msgspec.Struct, frozen=True):
    """What ``package.json`` says."""

    signature: Signature
    versions: dict[str, str]
    format: str = "skops"
    relative_tolerance: float = RELATIVE_TOLERANCE
    absolute_tolerance: float = ABSOLUTE_TOLERANCE
    schema_version: int = 1


class ModelPackage(msgspec.Struct, frozen=True):
    """A model ready to be stored.

    Attributes
    ----------
    content : bytes
        The package.
    format : str
        ``skops``.
    signature : dict
        ``inputs`` (column to kind, in order), ``output``, ``classes``, ``container``, ``categories``.
    digest : str
        BLAKE3-256 of the content, in hex.
    """

    content: bytes
    format: str
    signature: dict[str, Any]
    digest: str


class LoadedModel:
    """A model that answers rows after checking them against its signature.

    Attributes
    ----------
    signature : dict
        As in :class:`ModelPackage`.
    classes : list or None
        A classifier's classes, in the order of the columns of ``predict_proba``.
    format : str
        ``skops`` or ``pickle``.
    """

    def __init__(self, estimator: Any, signature: Signature, format: str) -> None:  # noqa: A002
        self._estimator = estimator
        self._signature = signature
        self.format = format
        self.signature: dict[str, Any] = msgspec.to_builtins(signature)
        self.classes = signature.classes

    def predict(self, rows: Any) -> NDArray[Any]:
        """Predict one value a row.

        Parameters
        ----------
        rows : DataFrame, Table, Mapping of column to values, or ndarray of shape (n, d)
            The columns of the signature, in any order.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        DataError
            The rows do not fit the signature, or the model refuses them; names the column where it can.
        """
        predicted: NDArray[Any] = self._ask(self._estimator.predict, conform(self._signature, rows))
        return predicted

    @property
    def predict_proba(self) -> Callable[[Any], NDArray[np.float64]]:
        """Predict the probability of each class; absent when the model has none (``hasattr`` is False)."""
        if not hasattr(self._estimator, "predict_proba"):
            raise AttributeError(f"{type(self._estimator).__name__} gives no probabilities")
        return lambda rows: self._ask(self._estimator.predict_proba, conform(self._signature, rows))

    def answer(self, rows: Any) -> tuple[NDArray[Any], NDArray[np.float64] | None]:
        """Predictions and, when the model has them, probabilities, with a pipeline's transformers run once."""
        asked, final = conform(self._signature, rows), self._estimator
        if isinstance(final, Pipeline) and len(final.steps) > 1 and getattr(final, "transform_input", None) is None:
            asked, final = self._ask(final[:-1].transform, asked), final[-1]
        predicted = self._ask(final.predict, asked)
        return predicted, self._ask(final.predict_proba, asked) if hasattr(final, "predict_proba") else None

    @property
    def estimator(self) -> Any:
        """The model itself, for who looks at its steps; what it is asked is not checked."""
        return self._estimator

    def inputs(self, rows: Any) -> Any:
        """Rows in the form that the estimator takes, checked against the signature."""
        return conform(self._signature, rows)

    def _ask(self, method: Callable[[Any], Any], rows: Any) -> Any:
        try:
            return method(rows)
        except (ValueError, TypeError) as error:
            raise DataError(f"the model refused the rows: {str(error).splitlines()[0]}") from error


def save(model: Any, example: Any) -> ModelPackage:
    """Pack a fitted scikit-learn model as data, with an example of its input and its answer.

    The package is loaded again before it is returned, so what was saved can be served.

    Parameters
    ----------
    model : fitted estimator
        Anything with ``predict`` built from scikit-learn's own parts.
    example : DataFrame, Table or ndarray of shape (n, d)
        Rows like those the model was trained on, n >= 1, feature columns only; the first 100 are kept. Their columns
        become the signature.

    Returns
    -------
    ModelPackage

    Raises
    ------
    ModelError
        The model cannot be stored as data, or does not repeat its own answer.
    DataError
        The example cannot be a signature; names the column.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> x = np.arange(10.0).reshape(-1, 1)
    >>> package = save(LogisticRegression().fit(x, x[:, 0] > 4), x)
    >>> package.signature["inputs"]
    {'x0': 'float'}
    >>> load(package.content).predict({"x0": [0, 9]}).tolist()
    [False, True]
    """
    if not hasattr(model, "predict"):
        raise ModelError(f"{type(model).__name__} has no predict, so it cannot be stored as a model")
    arrays = _example_columns(model, example)
    kinds = {name: kind_of(name, values) for name, values in arrays.items()}
    named = hasattr(model, "feature_names_in_") or not set(kinds.values()) <= {"float", "int", "bool"}
    categories = {name: arrays[name].dictionary.to_pylist() for name, kind in kinds.items() if kind == "category"}
    classes = getattr(model, "classes_", None)
    signature = Signature(
        inputs=kinds,
        output="float",
        classes=None if classes is None else np.asarray(classes).tolist(),
        container="frame" if named else "array",
        categories=categories,
    )
    table = pa.table(arrays)
    expected = _answers(LoadedModel(model, signature, "skops"), table)
    signature = msgspec.structs.replace(signature, output=_output_kind(expected))
    libraries = {"python": platform.python_version(), **{name: version(name) for name in _LIBRARIES}}
    content = pack(
        {
            "package.json": msgspec.json.format(msgspec.json.encode(Contents(signature, libraries)), indent=2),
            "model.skops": skops_file(model),
            "example.arrow": arrow_file(table),
            "expected.arrow": arrow_file(expected),
        },
        ZIP_DEFLATED,
    )
    load(content)
    return ModelPackage(content, "skops", msgspec.to_builtins(signature), blake3(content).hexdigest())


def load(content: bytes, *, allow_pickle: bool = False) -> LoadedModel:
    """Build a stored model and check that it still answers its example as it did when it was saved.

    Predicted classes, integers and text must be equal; predicted numbers and probabilities must agree within a relative
    tolerance of 1e-6 and an absolute one of 1e-9, which leaves room for another order of summation and for little else.

    Parameters
    ----------
    content : bytes
        A package made by :func:`save`, or a pickle or joblib file.
    allow_pickle : bool, default False
        Load a pickle, which runs whatever code its author put in it, with your rights. It has no signature and no
        example, so neither its input nor its answers are checked.

    Raises
    ------
    ModelError
        Not a model, a damaged one, one with types outside the allow-list, one that answers its example otherwise, or a
        pickle without the flag.
    """
    if not content.startswith(b"PK"):
        return _load_pickle(content, allow_pickle)
    files = unpack(content)
    if "package.json" not in files:
        raise ModelError(
            "a zip file without package.json is no model package: make it with assay.tracking.formats.save"
        )
    try:
        contents = msgspec.json.decode(files["package.json"], type=Contents)
        example, expected = read_arrow(files["example.arrow"]), read_arrow(files["expected.arrow"])
        estimator = load_trusted(files["model.skops"])
        model = LoadedModel(estimator, contents.signature, contents.format)
        answers = _answers(model, example)
    except ModelError as error:
        raise ModelError(f"{error}{_changed_versions(contents)}") from error
    except (KeyError, pa.ArrowException, msgspec.DecodeError) as error:
        raise ModelError(f"the model package is damaged: {error}") from error
    except Exception as error:
        raise ModelError(f"the model fails on its own example: {error}{_changed_versions(contents)}") from error
    different = _differs(answers, expected, contents)
    if different:
        raise ModelError(f"the model no longer gives its saved answer: {different}{_changed_versions(contents)}")
    return model


def _example_columns(model: Any, example: Any) -> dict[str, pa.Array]:
    trained = [str(name) for name in getattr(model, "feature_names_in_", [])]
    found = columns(example, trained or None)
    unknown = [name for name in found if name not in trained]
    if trained and (unknown or len(found) < len(trained)):
        lacking = [name for name in trained if name not in found]
        raise DataError(
            f"the example has column {unknown[0]!r}, which the model was not trained on: give the feature columns only"
            if unknown
            else f"the example lacks column {lacking[0]!r}, which the model was trained on"
        )
    return {name: to_arrow(name, found[name])[:EXAMPLE_ROWS] for name in trained or found}


def _load_pickle(content: bytes, allowed: bool) -> LoadedModel:
    if not content.startswith(_PICKLE_STARTS):
        raise ModelError("neither a model package nor a pickle: make a package with assay.tracking.formats.save")
    if not allowed:
        raise ModelError(
            "a pickle or joblib file runs any code that its author put in it, with your rights, as soon as it is "
            "loaded: save the model with assay.tracking.formats.save, or pass allow_pickle=True if you trust its maker"
        )
    try:
        estimator = joblib.load(io.BytesIO(content))
    except Exception as error:
        raise ModelError(f"the pickle cannot be loaded: {error}") from error
    if not hasattr(estimator, "predict"):
        raise ModelError(f"the pickle holds a {type(estimator).__name__}, which has no predict")
    names = [str(name) for name in getattr(estimator, "feature_names_in_", [])]
    classes = getattr(estimator, "classes_", None)
    signature = Signature(
        inputs=dict.fromkeys(names, "any"),
        output="any",
        classes=None if classes is None else np.asarray(classes).tolist(),
        container="frame" if names else "array",
    )
    return LoadedModel(estimator, signature, "pickle")


def _answers(model: LoadedModel, rows: pa.Table) -> pa.Table:
    predicted, probability = model.answer(rows)
    if np.ndim(predicted) != 1:
        raise ModelError(f"the model predicts {np.ndim(predicted)} values a row, and one is needed")
    answers = {"predict": pa.array(predicted)}
    if probability is not None:
        answers |= {f"probability_{k}": pa.array(column) for k, column in enumerate(probability.T)}
    return pa.table(answers)


def _output_kind(answers: pa.Table) -> Kind:
    return kind_of("predict", answers["predict"].combine_chunks())


def _differs(answers: pa.Table, expected: pa.Table, contents: Contents) -> str | None:
    if answers.schema.names != expected.schema.names or len(answers) != len(expected):
        return f"{answers.num_columns} columns for {expected.num_columns}"
    for name in expected.schema.names:
        now, then = (table[name].to_numpy() for table in (answers, expected))
        if now.dtype.kind == "f" and then.dtype.kind == "f":
            same = np.isclose(now, then, contents.relative_tolerance, contents.absolute_tolerance, equal_nan=True)
        else:
            same = np.asarray(now == then)
        if not same.all():
            row = int(np.flatnonzero(~same)[0])
            return f"{name} is {now[row]} in row {row} of the example, was {then[row]}"
    return None


def _changed_versions(contents: Contents) -> str:
    changed = [
        f"{name} {version(name)}, was {then}"
        for name, then in contents.versions.items()
        if name in _LIBRARIES and version(name) != then
    ]
    return f" (installed: {'; '.join(changed)})" if changed else ""
