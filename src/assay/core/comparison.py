"""Two runs side by side: what was set, what was measured, which data were read."""

from __future__ import annotations

import msgspec

from assay.core.verdict import Verdict


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two.

    Parameters
    ----------
    asked : str
        How it was asked for: a run, a model version, a git revision.
    run, name : str
        Id and name of the run.
    model : str
        The version that the run registered, as ``name/version``; empty when there is none.
    commit : str
        Of the git checkout; empty when there was none.
    dirty : bool
        Whether files differed from the commit.
    started : str
        ISO 8601, UTC.
    """

    asked: str
    run: str
    name: str
    model: str = ""
    commit: str = ""
    dirty: bool = False
    started: str = ""


class Change(msgspec.Struct, frozen=True):
    """A parameter that differs; ``None`` where a side has none."""

    name: str
    base: str | None
    head: str | None


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A logged metric: its newest value on either side, and its values by step where there are several."""

    name: str
    base: float | None
    head: float | None
    base_steps: tuple[tuple[int, float], ...] = ()
    head_steps: tuple[tuple[int, float], ...] = ()


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A number from rows, with its interval where rows allow one."""

    estimate: float | None
    lower: float | None = None
    upper: float | None = None


class Measure(msgspec.Struct, frozen=True, kw_only=True):
    """One measure of both models on the same rows.

    Parameters
    ----------
    name : str
        ``"accuracy"``, ``"brier"``.
    slice : str
        Empty for all rows.
    rows : int
    units : int or None
        Independent units among them, when a unit is declared.
    base, head, difference : Measured
        ``difference`` is head less base, from the paired rows.
    level : float
        Confidence of each interval; over slices, of all of one measure together.
    note : str
        Why there is no interval.
    """

    name: str
    slice: str = ""
    rows: int
    units: int | None = None
    base: Measured
    head: Measured
    difference: Measured
    level: float
    note: str = ""


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """A column whose values moved.

    ``size`` is the difference of the means in standard deviations of the base, or the total variation distance of the
    values' shares, or the difference of the shares that are missing; at least 0.
    """

    column: str
    what: str
    base: str
    head: str
    size: float


class DataChange(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset that the runs read.

    ``note`` says why there are no shifts: the content is the same, or its rows are nowhere to be found any more.
    """

    name: str
    base: str | None
    head: str | None
    base_rows: int | None = None
    head_rows: int | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()
    shifts: tuple[Shift, ...] = ()
    note: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two runs.

    Parameters
    ----------
    project : str
    base, head : Side
    params : tuple of Change
        Those that differ.
    same_params : int
        How many do not.
    metrics : tuple of Metric
    dataset : str
        The labelled rows that ``measures`` are of; empty when there are none.
    measures : tuple of Measure
    data : tuple of DataChange
    base_verdicts, head_verdicts : tuple of Verdict
        Recorded gate verdicts about each model, newest of each check; nothing was asked anew.
    packages : tuple of Change
        Versions that differ.
    notes : tuple of str
        What could not be compared, and why.
    """

    project: str
    base: Side
    head: Side
    params: tuple[Change, ...] = ()
    same_params: int = 0
    metrics: tuple[Metric, ...] = ()
    dataset: str = ""
    measures: tuple[Measure, ...] = ()
    data: tuple[DataChange, ...] = ()
    base_verdicts: tuple[Verdict, ...] = ()
    head_verdicts: tuple[Verdict, ...] = ()
    packages: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
