"""Has the error rate risen from .2? Streams of 0s and 1s after a baseline of 2,000 rows, which all detectors see.

assay's limit is the exact upper bound of the baseline (5%); its threshold allows a 5% chance of an alarm in 10,000
events. The peers run as they come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
from river.drift import ADWIN, PageHinkley
from river.drift.binary import DDM

from assay.stats import binomial, clustered
from assay.stats.edetector import ShiryaevRoberts
from measure import Row, cpu, named

HORIZON = 10_000
BASELINE = 2_000
JUMP = 5_000
STREAMS = 100
DAY = 100
RATE = 0.2
PEERS: dict[str, Callable[[], Any]] = {"ADWIN": ADWIN, "PageHinkley": PageHinkley, "DDM": DDM}
Stream = tuple[np.ndarray, np.ndarray]


def compare() -> Iterator[Row]:
    rng = np.random.default_rng(4)
    events = _draw(rng, np.full(100_000, RATE))
    together = cpu(lambda: ShiryaevRoberts(0.25).update(events))
    singly = 10 * cpu(lambda: _feed(ShiryaevRoberts(0.25), events[:10_000]), runs=2)
    theirs = cpu(lambda: _feed(ADWIN(), events))
    peer = f"{named('river')} ADWIN"
    yield Row("100,000 events, at once", together, peer, theirs, "ms", "ADWIN takes one value a call")
    yield Row("100,000 events, one a call", singly, peer, theirs, "ms", "assay's from 10,000 events")

    after = np.arange(HORIZON) >= JUMP
    quiet = [_stream(rng, np.full(HORIZON, RATE)) for _ in range(STREAMS)]
    jumps = {to: [_stream(rng, np.where(after, to, RATE)) for _ in range(STREAMS)] for to in (0.25, 0.3, 0.4)}
    mine_quiet = sum(len(_assay(*stream)) for stream in quiet)
    mine = {to: _delay([_assay(*stream) for stream in streams]) for to, streams in jumps.items()}
    for name, make in PEERS.items():
        peer = f"{named('river')} {name}"
        false = sum(len(_river(make, *stream)) for stream in quiet)
        yield Row("false alarms per 10,000 quiet events", mine_quiet / STREAMS, peer, false / STREAMS, "")
        for to, streams in jumps.items():
            delay, missed = _delay([_river(make, *stream) for stream in streams])
            note = f"median; no alarm within {HORIZON - JUMP:,} in {mine[to][1]} and {missed} of {STREAMS}"
            yield Row(f"delay of a jump to {to}", mine[to][0], peer, delay, "events", note)

    # Days of 100 rows whose rates differ, beta with mean .2 and sd .1: nothing changes but the weather.
    days = [_days(rng) for _ in range(STREAMS)]
    mine_quiet = sum(len(_assay_by_day(*stream)) for stream in days)
    for name in ("ADWIN", "DDM"):
        false = sum(len(_river(PEERS[name], *stream)) for stream in days)
        note = "days differ (sd .1), no change; assay with unit = day, the peer by row"
        peer = f"{named('river')} {name}"
        yield Row("false alarms per 10,000 quiet events", mine_quiet / STREAMS, peer, false / STREAMS, "", note)
    false = sum(len(_river(ADWIN, *map(_means, stream))) for stream in days)
    note = "the same, ADWIN fed with daily means"
    peer = f"{named('river')} ADWIN"
    yield Row("false alarms per 10,000 quiet events", mine_quiet / STREAMS, peer, false / STREAMS, "", note)


def _draw(rng: np.random.Generator, rates: np.ndarray) -> np.ndarray:
    return (rng.random(rates.size) < rates) * 1.0


def _stream(rng: np.random.Generator, rates: np.ndarray) -> Stream:
    return _draw(rng, np.full(BASELINE, RATE)), _draw(rng, rates)


def _days(rng: np.random.Generator) -> Stream:
    rates = np.repeat(rng.beta(3, 12, (BASELINE + HORIZON) // DAY), DAY)
    events = _draw(rng, rates)
    return events[:BASELINE], events[BASELINE:]


def _means(events: np.ndarray) -> np.ndarray:
    return events.reshape(-1, DAY).mean(axis=1)


def _feed(detector: Any, events: np.ndarray) -> None:
    for event in events.tolist():
        detector.update(event)


def _assay(baseline: np.ndarray, events: np.ndarray) -> list[int]:
    limit = binomial.upper(baseline.sum(), baseline.size, 0.05)
    detector = ShiryaevRoberts(limit, horizon=HORIZON, alpha=0.05)
    detector.update(events)
    return [] if detector.alarm_at is None else [detector.alarm_at]


def _assay_by_day(baseline: np.ndarray, events: np.ndarray) -> list[int]:
    sizes = np.full(BASELINE // DAY, DAY)
    limit = clustered.upper(_means(baseline) * DAY, sizes, 0.05, max_size=DAY)
    detector = ShiryaevRoberts(limit, horizon=HORIZON // DAY, alpha=0.05)
    detector.update_units(_means(events) * DAY, np.full(HORIZON // DAY, DAY), DAY)
    return [] if detector.alarm_at is None else [detector.alarm_at]


def _river(make: Callable[[], Any], baseline: np.ndarray, events: np.ndarray) -> list[int]:
    detector = make()
    _feed(detector, baseline)
    alarms = []
    for time, event in enumerate(events.tolist()):
        detector.update(event)
        if detector.drift_detected:
            alarms.append(time)
    return alarms


def _delay(found: list[list[int]]) -> tuple[float, int]:
    """Give the median delay of the first alarm from the jump on, and how many streams had none."""
    delays = [next((time - JUMP + 1 for time in alarms if time >= JUMP), HORIZON) for alarms in found]
    return median(delays), delays.count(HORIZON)
