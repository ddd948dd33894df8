"""Labels and predictions, checked and brought to plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from assay.core.nearest import nearest
from assay.errors import ClaimError, DataError, UsageError
from assay.gate.condition import TEMPLATE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from assay.gate.condition import Condition

    Mask = NDArray[np.bool_]
    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Inputs:
    """What the clauses of a condition are computed from; every array has shape (n,).

    Attributes
    ----------
    labels : ndarray
    predicted : dict of str to ndarray
        Predicted labels of ``"new"`` and ``"old"``.
    scores : dict of str to ndarray of float64, in [0, 1]
        Probabilities of the positive class, where they are known.
    positive : ndarray of bool or None
        Which labels are the positive class; None where no class is known to be it.
    positive_label : object
        The label of that class.
    slices : dict of str to ndarray of bool
    unit : ndarray of intp or None
        Number of each row's unit, from 0; units are numbered by first appearance.
    unit_name : str
    columns : dict of str to ndarray of float64, in [0, 1]
        What means are taken of.
    max_unit_size : int or None
        Most rows that any unit of the population has, where that is declared.
    strange : str
        What is predicted that no label of all rows is, in words.
    """

    labels: NDArray[Any]
    predicted: dict[str, NDArray[Any]]
    scores: dict[str, Floats]
    positive: Mask | None
    positive_label: Any
    slices: dict[str, Mask]
    unit: NDArray[np.intp] | None
    unit_name: str
    columns: dict[str, Floats]
    max_unit_size: int | None = None
    strange: str = ""

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.labels.size)

    def at(self, rows: NDArray[np.intp]) -> Inputs:
        """Give some of the rows, in the order asked for."""
        return replace(
            self,
            labels=self.labels[rows],
            predicted={model: values[rows] for model, values in self.predicted.items()},
            scores={model: values[rows] for model, values in self.scores.items()},
            positive=None if self.positive is None else self.positive[rows],
            slices={name: mask[rows] for name, mask in self.slices.items()},
            unit=None if self.unit is None else self.unit[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


def collect(
    condition: Condition,
    *,
    labels: Any,
    new: Any,
    old: Any,
    new_scores: Any,
    old_scores: Any,
    positive: Any,
    unit: Any,
    unit_name: str,
    slices: Any,
    columns: Any = None,
    max_unit_size: int | None = None,
    hidden: bool = False,
) -> Inputs:
    """Check and convert what :func:`assay.gate.decide` was given; of ``hidden`` labels no message says a value.

    Raises
    ------
    DataError
        If a column is missing, empty, of another length or kind than the labels, or holds a missing value or a
        probability outside [0, 1]; the message names the column and the row, counted from 0. If predictions are written
        otherwise than labels.
    ClaimError
        If the condition speaks of a slice or column that was not given.
    UsageError
        If ``max_unit_size`` is out of range or comes without a unit.
    """
    truth = column(labels, "labels")
    n = truth.size
    if n == 0:
        raise DataError("labels: there are no rows; give at least one labelled row")
    given = {"new": new, "old": old}
    given_scores = {"new": new_scores, "old": old_scores}
    predicted: dict[str, NDArray[Any]] = {}
    scores: dict[str, Floats] = {}
    strange = []
    which = _positive(truth, positive, hidden)
    for model in condition.models:
        if given[model] is None:
            raise DataError(
                f"{model}: {str(condition)!r} needs the predictions of the {model} model; give them, in Python as {model}="
            )
        values = _fitting(given[model], model, n)
        if given_scores[model] is not None:
            scores[model] = _probabilities(_fitting(given_scores[model], f"{model}_scores", n), f"{model}_scores")
        if _are_probabilities(values, truth):
            scores.setdefault(model, _probabilities(values, model))
            predicted[model] = (values >= 0.5).astype(truth.dtype)
        else:
            predicted[model] = _comparable(values, truth, model)
            other = require_same_writing(values, truth, model, hidden=hidden)
            if other:
                count = int(np.isin(values, np.array(list(other), dtype=values.dtype)).sum())
                what = f"{count:,} rows" if count > 1 else "one row"
                strange.append(f"{model} predicts {_some(other)} in {what}, and no label is that")
            if values.dtype.kind == "f" and model not in scores and np.isin(values, (0, 1)).all():
                scores[model] = values.astype(np.float64)
    for term in condition.terms:
        if term.metric in ("brier", "absolute") and term.model not in scores:
            raise DataError(
                f"{term.model}: {term.metric} needs probabilities of the positive class, not predicted labels; "
                f"give those as the predictions, or in Python as {term.model}_scores="
            )
        if which is None and term.metric in ("brier", "absolute", "precision", "recall", "f1"):
            raise DataError(
                f"labels: {term.metric} needs to know the positive class, and the labels are not 0 and 1: name it, as "
                f"positive = {_choice(truth, hidden)} of the dataset, in Python as positive="
            )
    units = None if unit is None else numbered(unit, n)[0]
    name_of_unit = unit_name or str(getattr(unit, "name", None) or "unit")
    return Inputs(
        labels=truth,
        predicted=predicted,
        scores=scores,
        positive=which,
        positive_label=1 if positive is None else positive,
        slices={name: _mask(name, {} if slices is None else slices, n) for name in condition.slices},
        unit=units,
        unit_name=name_of_unit,
        columns={name: _mean_of(name, columns, n) for name in condition.columns},
        max_unit_size=_largest_unit(units, max_unit_size, name_of_unit),
        strange="; ".join(strange),
    )


def column(values: Any, name: str) -> NDArray[Any]:
    """Turn a numpy, pandas, polars or Arrow column, or a list, into an array without missing values."""
    array = np.asarray(values)
    if array.dtype.kind == "U" and isinstance(values, list | tuple):
        array = np.array(values, dtype=object)  # numpy would turn a stray number into text
    if array.ndim != 1:
        raise DataError(f"{name}: one value a row is needed, but the shape is {array.shape}")
    if array.dtype.kind == "O":
        try:
            encoded = pa.array(array, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as problem:
            raise DataError(f"{name}: the values are of mixed types; bring them to one type ({problem})") from None
        missing = encoded.is_null().to_numpy(zero_copy_only=False)
        if not missing.any():
            array = encoded.to_numpy(zero_copy_only=False)
    elif array.dtype.kind == "f":
        missing = np.isnan(array)
    elif array.dtype.kind == "M":
        missing = np.isnat(array)
    else:
        return array
    if missing.any():
        raise DataError(
            f"{name}: row {int(np.argmax(missing))} has no value ({int(missing.sum())} missing in all); "
            "drop these rows from every column or fill them in"
        )
    return array


def by_name(columns: Any) -> dict[str, Any]:
    """Give the columns of a mapping or of a pandas, polars or Arrow table by name."""
    if columns is None or isinstance(columns, Mapping):
        return dict(columns or {})
    names = columns.column_names if isinstance(columns, pa.Table) else columns.columns
    return {str(name): columns[name] for name in names}


def numbered(values: Any, n: int, name: str = "unit") -> tuple[NDArray[np.intp], int]:
    """Number the distinct values of a column by first appearance; give also how many there are."""
    array = _fitting(values, name, n)
    if array.dtype.kind == "O":
        codes = pa.array(array).dictionary_encode().indices.to_numpy().astype(np.intp)
        return codes, int(codes.max()) + 1
    _, first, codes = np.unique(array, return_index=True, return_inverse=True)
    rank = np.empty(first.size, dtype=np.intp)
    rank[np.argsort(first)] = np.arange(first.size)
    return rank[codes], first.size


def _fitting(values: Any, name: str, n: int) -> NDArray[Any]:
    array = column(values, name)
    if array.size != n:
        raise DataError(
            f"{name}: {array.size} rows, but labels has {n}; give one value for each label, in the same order"
        )
    return array


def _are_probabilities(values: NDArray[Any], truth: NDArray[Any]) -> bool:
    """Tell scores from labels: floats that are not all whole, beside labels that are."""
    if values.dtype.kind != "f" or truth.dtype.kind not in "biuf" or not np.isin(truth, (0, 1)).all():
        return False
    return not np.array_equal(values, np.floor(values))


def _probabilities(values: NDArray[Any], name: str) -> Floats:
    if values.dtype.kind not in "biuf":
        raise DataError(f"{name}: probabilities are numbers in [0, 1], not {values.dtype}")
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(f"{name}: row {row} is {values[row]:g}, and a probability lies in [0, 1]")
    return values.astype(np.float64)


def _comparable(values: NDArray[Any], truth: NDArray[Any], name: str) -> NDArray[Any]:
    def family(array: NDArray[Any]) -> str:
        return "numbers" if array.dtype.kind in "biuf" else "dates" if array.dtype.kind == "M" else "text"

    if family(values) != family(truth):
        raise DataError(
            f"{name}: predictions are {family(values)}, but labels are {family(truth)}; code both the same way"
        )
    return values


def require_same_writing(values: NDArray[Any], truth: NDArray[Any], name: str, *, hidden: bool = False) -> set[Any]:
    """Refuse predictions ``Yes`` beside labels ``yes``, and several classes none of which is a label; give other strangers.

    They would all be wrong, and the answer would be spent on how a class is written.

    Raises
    ------
    DataError
    """
    said, labels = (set(pa.array(each).unique().to_pylist()) for each in (values, truth))
    if hidden:
        shown = "its predictions"
        way = "write them as the labels are written, of which nothing is shown"
    else:
        shown = f"its predictions ({_some(said)})"
        way = f"write them as the labels are written: {_some(labels)}"
    if said.isdisjoint(labels) and len(said) > 1 and len(labels) > 1:
        raise DataError(f"{name}: none of {shown} is ever a label; {way}")
    plain = {_folded(label): label for label in labels if isinstance(label, str)}
    for value in sorted(each for each in said - labels if isinstance(each, str)):
        if _folded(value) in plain:
            near = "" if hidden else f", and the label {plain[_folded(value)]!r}"
            raise DataError(f"{name}: a prediction is written {value!r}{near}; {way}")
    return said - labels


def _folded(text: str) -> str:
    return text.strip().casefold()


def _choice(truth: NDArray[Any], hidden: bool) -> str:
    """Write what the positive label can be, where two labels are there and may be shown."""
    labels = set(truth.tolist())
    return "LABEL" if hidden or len(labels) != 2 else _some(labels).replace(", ", " or ")


def _some(values: Collection[Any], most: int = 4) -> str:
    shown = [repr(value) for value in sorted(values, key=lambda value: (str(type(value)), value))[:most]]
    return ", ".join(shown) + (f" and {len(values) - most:,} more" if len(values) > most else "")


def _positive(truth: NDArray[Any], positive: Any, hidden: bool) -> Mask | None:
    if positive is None:
        if truth.dtype.kind in "biuf" and np.isin(truth, (0, 1)).all():
            return np.asarray(truth == 1)
        return None
    found = np.asarray(truth == positive)
    if found.shape != truth.shape or not found.any():
        shown = "" if hidden else f"; the labels are {_some(set(truth.tolist()))}"
        raise DataError(f"labels: no row has the positive label {positive!r}: name one that occurs{shown}")
    return found


def _mask(name: str, slices: Any, n: int) -> Mask:
    """Find the mask of a slice, or evaluate its predicate on the columns given."""
    if name == TEMPLATE:
        raise ClaimError(f"the claim holds {TEMPLATE}, but no slices were given; name them, in Python by slices=")
    if isinstance(slices, Mapping):
        same = [given for given in slices if "".join(str(given).split()) == "".join(name.split())]
        masks = all(column(values, str(given)).dtype.kind == "b" for given, values in slices.items())
        if not same and (masks or name.isidentifier()):
            raise ClaimError(
                f"no slice {name!r} was given{hint(name, slices)}; give it, in Python as slices={{{name!r}: mask}}"
            )
        if same:
            mask = column(slices[same[0]], f"slice {name!r}")
            if mask.dtype.kind != "b":
                raise DataError(f"slice {name!r}: a mask holds True and False, not {mask.dtype}")
            if mask.size != n:
                raise DataError(f"slice {name!r}: {mask.size} rows, but labels has {n}")
            return mask
        slices = pa.table({str(given): column(values, str(given)) for given, values in slices.items()})
    if len(slices) != n:
        raise DataError(f"slice {name!r}: the columns have {len(slices)} rows, but labels has {n}")
    from assay.data.slice import mask as evaluate

    return evaluate(slices, name)


def _mean_of(name: str, columns: Any, n: int) -> Floats:
    """Find the column that a mean is taken of; its range must be known, so it has to lie in [0, 1]."""
    given = by_name(columns)
    if name not in given:
        raise ClaimError(
            f"mean({name}): there is no column {name!r}{hint(name, given)}; name one that there is, in Python among columns="
        )
    values = _fitting(given[name], name, n)
    if values.dtype.kind not in "biuf":
        raise DataError(f"mean({name}): column {name!r} holds {values.dtype}, not numbers")
    outside = ~((values >= 0) & (values <= 1))
    if outside.any():
        row = int(np.argmax(outside))
        raise DataError(
            f"mean({name}): row {row} of column {name!r} is {values[row]:g}, and a bound needs values in [0, 1]; "
            "divide by the largest value that there can be, not by the largest here"
        )
    return values.astype(np.float64)


def _largest_unit(unit: NDArray[np.intp] | None, declared: int | None, name: str) -> int | None:
    """Check what was declared of the size of units against the units here."""
    if declared is None:
        return None
    if unit is None:
        raise UsageError("max_unit_size: it bounds the rows of a unit, and no unit was given; pass unit=")
    if isinstance(declared, bool) or int(declared) != declared or declared < 1:
        raise UsageError(f"max_unit_size: {declared!r} is no whole number of at least 1")
    sizes = np.bincount(unit)
    if sizes.max() > declared:
        row = int(np.argmax(unit == sizes.argmax()))
        raise DataError(
            f"max_unit_size: {declared:,} was declared, but the {name} of row {row} has {int(sizes.max()):,} rows; "
            "declare the most that there can be"
        )
    return int(declared)


def hint(name: str, known: Iterable[str]) -> str:
    """Name the nearest known word, or all of them when they are few."""
    words = list(known)
    near = nearest(name, words)
    if near:
        return f" (did you mean {near!r}?)"
    return f" (there are {', '.join(words[:8])})" if words else ""
