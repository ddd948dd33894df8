"""What must hold of a function of tables, whatever legal table it is given."""

from __future__ import annotations

import math
import pickle
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from assay.core.nearest import did_you_mean
from assay.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

ROWS_ALONE = 4
"""Rows of a table that are asked for alone: first, last and two between."""


class Oracle(NamedTuple):
    """One thing that must hold: its name, code, the claim in words, and whether it is asked unless named."""

    name: str
    code: str
    claim: str
    usual: bool = True
    seconds: float = math.inf


ORACLES = {
    oracle.name: oracle
    for oracle in (
        Oracle("no_exception", "VAL601", "the function raises on no legal table"),
        Oracle("finite", "VAL602", "no number that comes out is NaN or infinite"),
        Oracle("shape", "VAL603", "one result for each row, of the same columns and types as on a plain table"),
        Oracle("permutation", "VAL604", "the order of the rows does not change what each gets"),
        Oracle("single_row", "VAL605", "a row gets alone what it gets in a table"),
        Oracle("serve", "VAL606", "the serving path gives what the training path gives"),
        Oracle("idempotence", "VAL607", "applied to its own result, the function changes nothing", usual=False),
        Oracle("duplicate", "VAL608", "a row that comes twice changes no other row"),
        Oracle("pickle", "VAL609", "function and result come back from pickle as they were"),
        Oracle("latency", "VAL610", "no table takes longer than the bound", usual=False),
    )
}


def chosen(names: Any, serve: bool) -> list[Oracle]:
    """Look up oracles by name, ``"latency:0.1"`` with its bound in seconds; ``None`` for the usual ones.

    Raises
    ------
    UsageError
        If a name is unknown, ``serve`` has nothing to compare with, or the bound is missing.
    """
    if names is None:
        return [oracle for oracle in ORACLES.values() if oracle.usual and (serve or oracle.name != "serve")]
    found: list[Oracle] = []
    for said in [names] if isinstance(names, str) else names:
        name, _, bound = str(said).partition(":")
        if name not in ORACLES:
            raise UsageError(f"no oracle {name!r}; {did_you_mean(name, ORACLES, 'oracles')}")
        if name == "serve" and not serve:
            raise UsageError("the oracle 'serve' compares two functions: give the serving one too")
        oracle = ORACLES[name]
        if name == "latency":
            try:
                seconds = float(bound)
            except ValueError:
                seconds = 0.0
            if not 0 < seconds < math.inf:
                raise UsageError(f"the oracle {said!r} needs a bound in seconds: latency:0.1")
            oracle = oracle._replace(seconds=seconds, claim=f"no table takes longer than {seconds:g} s")
        elif bound:
            raise UsageError(f"the oracle {name!r} has no bound: write it without {':' + bound!r}")
        if all(other.name != name for other in found):
            found.append(oracle)
    if not found:
        raise UsageError(f"no oracle is named: give some of {', '.join(ORACLES)}")
    return found


class Failure(NamedTuple):
    """An oracle that a table refutes, and how."""

    oracle: str
    reason: str


class Subject:
    """A function under test, with the oracles that it is held to.

    Parameters
    ----------
    function, serve : callable
        Take a pandas frame. ``serve`` is what answers in production.
    oracles : list of Oracle
    plain : pyarrow.Table
        A table of which the columns and types of the result are remembered.
    """

    def __init__(
        self, function: Callable[[Any], Any], serve: Callable[[Any], Any] | None, oracles: list[Oracle], plain: pa.Table
    ) -> None:
        self.function, self.serve, self.oracles = function, serve, oracles
        self._form: Any = None
        try:
            self._form = _form(_call(function, plain.to_pandas()), plain.num_rows)
        except Exception:
            # What raises on a plain table raises in the trials too, where it is told.
            self._form = None

    def judge(self, table: pa.Table, wanted: set[str]) -> tuple[list[Failure], set[str]]:
        """Hold the function to oracles on one table.

        Parameters
        ----------
        table : pyarrow.Table
        wanted : set of str
            Names of the oracles that are asked.

        Returns
        -------
        failures : list of Failure
        applied : set of str
            Oracles that had something to say; one about rows has none where the result is not one value for each row.
        """
        frame = table.to_pandas()
        started = time.perf_counter()
        try:
            result = _call(self.function, frame.copy())
        except Exception as problem:
            said = Failure("no_exception", f"raised {_told(problem)}")
            return ([said] if "no_exception" in wanted else []), {"no_exception"} & wanted
        seconds = time.perf_counter() - started
        failures, applied = [], {"no_exception"} & wanted
        for oracle in self.oracles:
            if oracle.name not in wanted or oracle.name == "no_exception":
                continue
            if oracle.name == "latency":
                # A pause of the machine is no fault of the function: the better of two counts.
                reason: str | None = ""
                if seconds > oracle.seconds:
                    started = time.perf_counter()
                    _call(self.function, frame.copy())
                    seconds = min(seconds, time.perf_counter() - started)
                    reason = f"took {seconds:.3g} s" if seconds > oracle.seconds else ""
            else:
                reason = getattr(self, f"_{oracle.name}")(frame, result)
            if reason is not None:
                applied.add(oracle.name)
                if reason:
                    failures.append(Failure(oracle.name, reason))
        return failures, applied

    def _again(self, frame: pd.DataFrame, function: Callable[[Any], Any] | None = None) -> Any:
        """Call on another table; what is raised there is the answer."""
        try:
            return _call(function or self.function, frame)
        except Exception as problem:
            return problem

    def _finite(self, frame: pd.DataFrame, result: Any) -> str | None:
        del frame
        numbers = list(_numbers(result))
        if not numbers:
            return None
        for name, values in numbers:
            bad = ~np.isfinite(values.ravel())
            if bad.any():
                place = int(np.flatnonzero(bad)[0])
                return f"{name}gives {values.ravel()[place]} at place {place}"
        return ""

    def _shape(self, frame: pd.DataFrame, result: Any) -> str | None:
        if self._form is None:
            return None
        form = _form(result, len(frame))
        if form == self._form:
            return ""
        # A result for each row cannot be told from one of another length in an empty or one-row table.
        return f"gives {form}, and {self._form} on a plain table"

    def _permutation(self, frame: pd.DataFrame, result: Any) -> str | None:
        if not _by_row(result, len(frame)) or len(frame) < 2:
            return None
        order = np.roll(np.arange(len(frame))[::-1], 1)
        other = self._again(frame.iloc[order].reset_index(drop=True))
        return _differs(_take(result, order), other, "with its rows in another order")

    def _single_row(self, frame: pd.DataFrame, result: Any) -> str | None:
        n = len(frame)
        if not _by_row(result, n) or n < 2:
            return None
        for place in sorted({0, n // 3, 2 * n // 3, n - 1} if n > ROWS_ALONE else set(range(n))):
            one = np.array([place])
            said = _differs(
                _take(result, one), self._again(frame.iloc[one].reset_index(drop=True)), f"for row {place} alone"
            )
            if said:
                return said
        return ""

    def _serve(self, frame: pd.DataFrame, result: Any) -> str | None:
        return _differs(result, self._again(frame.copy(), self.serve), "on the serving path")

    def _idempotence(self, frame: pd.DataFrame, result: Any) -> str | None:
        if not isinstance(result, pd.DataFrame) or list(result.columns) != list(frame.columns):
            return None
        return _differs(result, self._again(result.copy()), "applied to its own result")

    def _duplicate(self, frame: pd.DataFrame, result: Any) -> str | None:
        n = len(frame)
        if not _by_row(result, n) or not n:
            return None
        order = np.append(np.arange(n), 0)
        return _differs(_take(result, order), self._again(frame.iloc[order].reset_index(drop=True)), "with row 0 twice")

    def _pickle(self, frame: pd.DataFrame, result: Any) -> str | None:
        try:
            function = pickle.loads(pickle.dumps(self.function))
            back = pickle.loads(pickle.dumps(result))
        except Exception as problem:
            return f"does not come back from pickle: {_told(problem)}"
        if _comparable(result):
            return _differs(result, back, "after pickle, as a result") or _differs(
                result, self._again(frame.copy(), function), "after pickle, as a function"
            )
        return ""


def _call(function: Callable[[Any], Any], frame: pd.DataFrame) -> Any:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function(frame)


def _told(problem: Exception) -> str:
    lines = str(problem).strip().splitlines()
    return f"{type(problem).__name__}: {lines[0][:200]}" if lines else type(problem).__name__


def _comparable(result: Any) -> bool:
    return isinstance(
        result, (pd.DataFrame, pd.Series, pd.Index, np.ndarray, list, tuple, int, float, str, bool, np.generic)
    )


def _array(result: Any) -> NDArray[Any]:
    if isinstance(result, (pd.Series, pd.Index)):
        return np.asarray(result.to_numpy())
    try:
        return np.asarray(result)
    except ValueError:
        # A list of lists of different lengths.
        found = np.empty(len(result), dtype=object)
        found[:] = list(result)
        return found


def _parts(result: Any) -> list[tuple[str, NDArray[Any]]]:
    if isinstance(result, pd.DataFrame):
        return [(f"{name} ", _array(result.iloc[:, i])) for i, name in enumerate(result.columns)]
    return [("", _array(result))] if _comparable(result) else []


def _numbers(result: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    for name, values in _parts(result):
        if values.dtype.kind in "fc":
            yield name, values
        elif values.dtype.kind in "iu":
            yield name, values.astype(float)
        elif values.dtype == object:
            some = [value for value in values.ravel() if isinstance(value, (float, np.floating))]
            missing = [math.nan for value in values.ravel() if value is None or value is pd.NA]
            if some or missing:
                yield name, np.array([*some, *missing], dtype=float)


def _by_row(result: Any, rows: int) -> bool:
    if isinstance(result, (str, bytes)):
        return False
    return _comparable(result) and np.ndim(_parts_first(result)) > 0 and len(result) == rows


def _parts_first(result: Any) -> Any:
    return np.zeros(1) if isinstance(result, pd.DataFrame) else _array(result)


def _take(result: Any, order: NDArray[Any]) -> Any:
    if isinstance(result, (pd.DataFrame, pd.Series)):
        return result.iloc[order]
    return _array(result)[order]


def _form(result: Any, rows: int) -> str:
    """What a result looks like, without its number of rows where that is the table's."""
    if isinstance(result, pd.DataFrame):
        size = "a row each" if len(result) == rows else f"{len(result)} rows for {rows}"
        return f"{size}: " + ", ".join(f"{name} {_kind(result.iloc[:, i])}" for i, name in enumerate(result.columns))
    if not _comparable(result):
        return type(result).__name__
    values = _array(result)
    if not values.ndim or isinstance(result, str):
        return f"one {_kind(values)}"
    size = "one each" if len(values) == rows else f"{len(values)} for {rows}"
    inner = f" of {' x '.join(map(str, values.shape[1:]))}" if values.ndim > 1 else ""
    # numpy makes floats of an empty list.
    kind = _kind(values) if not isinstance(result, (list, tuple)) or len(values) else "any"
    return f"{size}{inner}, {kind}"


def _kind(values: Any) -> str:
    kind = np.dtype(values.dtype).kind if isinstance(values.dtype, np.dtype) else str(values.dtype)
    # An object column may hold texts; their width is none of a type.
    return "str" if kind in ("U", "S", "str", "string", "O") else str(values.dtype)


def _differs(expected: Any, found: Any, where: str) -> str | None:
    """Tell how two results differ; empty if they do not, ``None`` if they cannot be compared."""
    if isinstance(found, Exception):
        return f"raised {_told(found)} {where}"
    if not _comparable(expected):
        return None
    ours, theirs = _parts(expected), _parts(found)
    if [name for name, _ in ours] != [name for name, _ in theirs]:
        return f"gives other columns {where}"
    for (name, one), (_, two) in zip(ours, theirs, strict=True):
        if one.shape != two.shape:
            return f"{name}gives shape {two.shape}, not {one.shape}, {where}"
        same = _same(one, two)
        if not same.all():
            place = int(np.flatnonzero(~same.ravel())[0])
            return f"{name}gives {two.ravel()[place]!s:.60}, not {one.ravel()[place]!s:.60}, {where}"
    return ""


def _same(one: NDArray[Any], two: NDArray[Any]) -> NDArray[np.bool_]:
    """Equal, missing alike, or as near as sums in another order are."""
    if one.dtype.kind in "fiucb" and two.dtype.kind in "fiucb":
        narrow = any(values.dtype.kind == "f" and values.dtype.itemsize < 8 for values in (one, two))
        return np.asarray(np.isclose(one, two, rtol=1e-5 if narrow else 1e-9, atol=1e-12, equal_nan=True))
    pairs = zip(one.ravel(), two.ravel(), strict=True)
    return np.array([_alike(a, b) for a, b in pairs], dtype=bool).reshape(one.shape)


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple, np.ndarray, dict)) or isinstance(b, (list, tuple, np.ndarray, dict)):
        return repr(a) == repr(b)
    if pd.isna(a) or pd.isna(b):
        return bool(pd.isna(a)) and bool(pd.isna(b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
    return bool(a == b)
