"""Faults put into real tables: which are found, whether the right column is named, and what is named beside it."""

from __future__ import annotations

import importlib.util
from collections import Counter
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pandas as pd
import pytest

from assay.validation import Schema, infer, validate
from assay.validation.limits import Drift
from assay.validation.relations import Fresh, Relation, Rows, Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.random import Generator

PREPARE = Path(__file__).parents[2] / "examples" / "flights" / "prepare.py"
DAYS, REFERENCE = 7, 150
WATCHED = ("hour", "carrier", "origin", "dest", "planned_minutes", "distance")


@lru_cache(1)
def flights() -> pd.DataFrame:
    """Every fourth flight that left New York in 2013, without its label."""
    spec = importlib.util.spec_from_file_location("prepare_flights", PREPARE)
    assert spec is not None
    assert spec.loader is not None
    prepare = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(prepare)
    return prepare.read_flights(prepare.package_folder())[prepare.KNOWN].iloc[::4].reset_index(drop=True)


def split(rng: Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A reference and a batch of days that nobody chose, so that a batch without a fault is like the reference."""
    table = flights()
    days = rng.permutation(table["date"].unique())
    batch, reference = days[:DAYS], days[DAYS : DAYS + REFERENCE]
    return table[table["date"].isin(reference)], table[table["date"].isin(batch)].reset_index(drop=True)


def schema_of(reference: pd.DataFrame) -> Schema:
    """What a person makes of it: inferred limits, drift of what should not move, and what is always so."""
    found = infer(reference, name="flights", unit="date")
    columns = {
        name: msgspec.structs.replace(column, drift=Drift(tolerance=0.1)) if name in WATCHED else column
        for name, column in found.columns.items()
    }
    a_week = len(reference) / REFERENCE * DAYS
    return msgspec.structs.replace(
        found,
        columns=columns,
        rows=Rows(min=int(0.6 * a_week), max=int(1.4 * a_week), fresh=Fresh(column="date", within="2d")),
        relations=(
            Relation(sql="hour = extract(hour FROM scheduled)", name="hour"),
            Relation(sql="date_trunc('day', scheduled) = date", name="scheduled"),
        ),
        slices=(Slice(by=("origin",), min_rows=300),),
    )


def unit_change(table: pd.DataFrame, _: Generator) -> pd.DataFrame:
    return table.assign(distance=(table["distance"] * 1.609).round().astype("int64"))


def null_burst(table: pd.DataFrame, rng: Generator) -> pd.DataFrame:
    return table.assign(carrier=table["carrier"].mask(rng.random(len(table)) < 0.25))


def swapped(table: pd.DataFrame, _: Generator) -> pd.DataFrame:
    return table.assign(origin=table["dest"], dest=table["origin"])


def encoding(table: pd.DataFrame, _: Generator) -> pd.DataFrame:
    # The bytes of UTF-16 that were read as Latin-1.
    return table.assign(dest=[text.encode("utf-16").decode("latin-1") for text in table["dest"]])


def time_zone(table: pd.DataFrame, _: Generator) -> pd.DataFrame:
    moved = table["scheduled"] + pd.Timedelta(hours=5)
    return table.assign(scheduled=moved, hour=moved.dt.hour, date=moved.dt.floor("D"))


def stale(table: pd.DataFrame, _: Generator) -> pd.DataFrame:
    ago = pd.Timedelta(days=14)
    return table.assign(date=table["date"] - ago, scheduled=table["scheduled"] - ago)


def duplicated(table: pd.DataFrame, _: Generator) -> pd.DataFrame:
    last = table["date"].max()
    return pd.concat([table, table[table["date"] == last]], ignore_index=True)


def sentinel(table: pd.DataFrame, rng: Generator) -> pd.DataFrame:
    return table.assign(planned_minutes=table["planned_minutes"].mask(rng.random(len(table)) < 0.1, -999))


def new_category(table: pd.DataFrame, rng: Generator) -> pd.DataFrame:
    return table.assign(carrier=table["carrier"].mask(rng.random(len(table)) < 0.1, "ZZ"))


def fan_out(table: pd.DataFrame, rng: Generator) -> pd.DataFrame:
    # A join that met two rows of weather for some flights.
    twice = table[rng.random(len(table)) < 0.1]
    return pd.concat([table, twice.assign(temp=twice["temp"] + 1)], ignore_index=True)


def one_slice(table: pd.DataFrame, _: Generator) -> pd.DataFrame:
    return table.assign(humid=table["humid"].mask(table["origin"] == "LGA"))


# Each fault, and the subjects of which at least one has to be named; "rows" is the table itself.
FAULTS: dict[str, tuple[Callable[[pd.DataFrame, Generator], pd.DataFrame], frozenset[str]]] = {
    "unit change, miles to kilometers": (unit_change, frozenset({"distance"})),
    "missing in a quarter of the rows": (null_burst, frozenset({"carrier"})),
    "two columns swapped": (swapped, frozenset({"origin", "dest"})),
    "encoding": (encoding, frozenset({"dest"})),
    "time zone, 5 hours": (time_zone, frozenset({"hour", "scheduled", "date"})),
    "stale partition": (stale, frozenset({"date"})),
    "one day twice": (duplicated, frozenset({"flight_id", "rows"})),
    "sentinel -999 in a tenth": (sentinel, frozenset({"planned_minutes"})),
    "new category in a tenth": (new_category, frozenset({"carrier"})),
    "join that fans out, a tenth": (fan_out, frozenset({"flight_id", "rows"})),
    "missing at one airport alone": (one_slice, frozenset({"humid"})),
}


def named(table: pd.DataFrame, schema: Schema, reference: pd.DataFrame, now: datetime) -> set[str]:
    """Columns that fail."""
    verdicts = validate(table, schema, reference=reference, unit="date", now=now, fingerprints={})
    return {verdict.subject.partition(" | ")[0] for verdict in verdicts if verdict.failed}


class Found(msgspec.Struct):
    """Of the batches with one fault: how many were called faulty, by the right column, and what else was named."""

    batches: int = 0
    called: int = 0
    right: int = 0
    beside: Counter[str] = msgspec.field(default_factory=Counter)


def inject(batches: int, faults: list[str], seed: int) -> tuple[dict[str, Found], int]:
    """Put each fault into each of some batches; also give how many batches without one were called faulty."""
    found = {fault: Found() for fault in faults}
    false = 0
    for number in range(batches):
        rng = np.random.default_rng((seed, number))
        reference, batch = split(rng)
        schema = schema_of(reference)
        now = (batch["date"].max() + pd.Timedelta(days=1)).to_pydatetime()
        false += bool(named(batch, schema, reference, now))
        for fault in faults:
            change, right = FAULTS[fault]
            told, seen = named(change(batch, rng), schema, reference, now), found[fault]
            seen.batches += 1
            seen.called += bool(told)
            seen.right += bool(told & right)
            seen.beside.update(told - right)
    return found, false


def test_the_plainest_faults_are_found_by_the_right_column() -> None:
    faults = ["missing in a quarter of the rows", "encoding", "one day twice"]
    found, false = inject(1, faults, seed=1)
    assert {fault: seen.right for fault, seen in found.items()} == dict.fromkeys(faults, 1)
    assert not false


@pytest.mark.slow
def test_faults_in_real_tables_are_found_by_the_right_column() -> None:
    found, false = inject(5, list(FAULTS), seed=2)
    missed = {fault: seen.batches - seen.right for fault, seen in found.items() if seen.right < seen.batches}
    assert sum(missed.values()) <= 3, missed
    assert false <= 1
    # Every alarm names the right column, or one that it was computed from; little else.
    right = sum(seen.right for seen in found.values())
    assert sum(sum(seen.beside.values()) for seen in found.values()) <= 0.2 * right


def rows(batches: int) -> Iterator[str]:
    """Rows of the table in the documentation."""
    found, false = inject(batches, list(FAULTS), seed=3)
    yield "| fault | batches called faulty | by the right column | also named |"
    yield "|---|--:|--:|---|"
    yield f"| none | {false} of {batches} | | |"
    for fault, seen in found.items():
        beside = ", ".join(f"{name} ({count})" for name, count in seen.beside.most_common())
        yield f"| {fault} | {seen.called} of {seen.batches} | {seen.right} of {seen.batches} | {beside} |"
    right = sum(seen.right for seen in found.values())
    asked = sum(seen.batches for seen in found.values())
    beside_all = sum(sum(seen.beside.values()) for seen in found.values())
    yield f"| all | recall {right / asked:.0%} | precision {right / max(right + beside_all, 1):.0%} | |"
