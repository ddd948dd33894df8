"""Which process holds a reservation, and whether it still lives."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

PROC = Path("/proc")


def me() -> str:
    """Name this process, in words that no other has on any machine; empty where the system does not tell."""
    return name(os.getpid())


def name(process: int) -> str:
    """Name a process of this machine by its number."""
    place, started = _place(), _started(process)
    return f"{place}:{process}:{started}" if place and started else ""


def lives(holder: str) -> bool | None:
    """Say whether a process still runs, or ``None`` if that cannot be told from here.

    A process is told by its number and the moment at which it started, as numbers come again.
    """
    rest, _, started = holder.rpartition(":")
    place, _, process = rest.rpartition(":")
    if not place or place != _place():
        return None
    return _started(int(process)) == started


@cache
def _place() -> str:
    """This boot of this machine, and the processes that are seen from here: containers number theirs anew."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{(PROC / 'self' / 'ns' / 'pid').readlink()}"
    except OSError:
        return ""


def _started(process: int) -> str:
    try:
        said = (PROC / str(process) / "stat").read_text()
    except OSError:
        return ""
    # The name of the program, in parentheses, may hold anything; the start is the 20th word after it.
    words = said.rpartition(")")[2].split()
    return "" if words[0] in "ZX" else words[19]
