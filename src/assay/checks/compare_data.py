"""Which data two runs read, and how these differ: content, rows, columns, distributions."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from assay.core.comparison import DataChange, Shift
from assay.core.project import place_of
from assay.data import fingerprint, table
from assay.errors import DataError
from assay.store.schema import datasets
from assay.validation import profile

if TYPE_CHECKING:
    from assay.checks.project import Project
    from assay.tracking.run_record import RunRecord
    from assay.validation.profiling import ColumnProfile, Profile

MOST_SHIFTS = 12
LEAST_SHIFT = 0.02
"""What is smaller is not listed: a fiftieth of a standard deviation, two points of a share."""


def data_changes(project: Project, base: RunRecord, head: RunRecord) -> tuple[DataChange, ...]:
    """Compare the datasets that two runs logged, by name.

    Rows are looked for where the run said that they came from, where the project file says that they are, and in the git
    commit of the run; they are used only if their fingerprint is the recorded one.
    """
    before = {name: content for name, content, _ in base.inputs}
    after = {name: content for name, content, _ in head.inputs}
    found = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            found.append(
                DataChange(name=name, base=old, head=new, note=f"only the {'head' if old is None else 'base'} read it")
            )
        elif old == new:
            known = _known(project, name, new)
            found.append(
                DataChange(name=name, base=old, head=new, base_rows=known[1], head_rows=known[1], note="the same rows")
            )
        else:
            found.append(_changed(project, name, base, old, head, new))
    return tuple(found)


def _changed(project: Project, name: str, base: RunRecord, old: str, head: RunRecord, new: str) -> DataChange:
    (source_old, rows_old, types_old), (source_new, rows_new, types_new) = (
        _known(project, name, content) for content in (old, new)
    )
    both = types_old.keys() & types_new.keys()
    before = _profile(project, name, source_old, old, base.commit)
    after = _profile(project, name, source_new, new, head.commit)
    shifts: tuple[Shift, ...] = ()
    if before is not None and after is not None:
        shifts = _shifts(before, after)
        note = "" if shifts else "no column moved by more than a fiftieth of a standard deviation"
    else:
        gone = " and ".join(side for side, found in (("base", before), ("head", after)) if found is None)
        note = f"distributions are not compared: the rows of the {gone} are neither at their source nor in git"
    return DataChange(
        name=name,
        base=old,
        head=new,
        base_rows=rows_old,
        head_rows=rows_new,
        added=tuple(column for column in types_new if column not in types_old),
        removed=tuple(column for column in types_old if column not in types_new),
        retyped=tuple(
            f"{column}: {types_old[column]} to {types_new[column]}"
            for column in types_new
            if column in both and types_old[column] != types_new[column]
        ),
        shifts=shifts,
        note=note,
    )


def _known(project: Project, name: str, content: str) -> tuple[str, int | None, dict[str, str]]:
    """Source, rows and types that were recorded of a version."""
    query = select(datasets).where(datasets.c.name == name, datasets.c.fingerprint == content)
    with project.records.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        return "", None, {}
    return row.source, row.rows, json.loads(row.schema) if row.schema else {}


def _profile(project: Project, name: str, source: str, content: str, commit: str | None) -> Profile | None:
    """Profile the version of a dataset, if its rows can still be found."""
    declared = project.file.datasets.get(name)
    places = [source] if source else []
    named = place_of(declared.source) if declared is not None else None
    if named is not None:
        places.append(named)
    for place in dict.fromkeys(places):
        if "://" in place:
            continue
        found = _matching(project.root / place, content)
        if found is None and commit:
            found = _from_git(project.root, place, commit, content)
        if found is not None:
            return found
    return None


def _matching(path: Path, content: str) -> Profile | None:
    try:
        opened = table(path)
        return profile(opened) if fingerprint(opened) == content else None
    except DataError:
        return None


def _from_git(root: Path, place: str, commit: str, content: str) -> Profile | None:
    command = ["git", "show", f"{commit}:./{place}"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(place).name
        path.write_bytes(done.stdout)
        return _matching(path, content)


def _shifts(base: Profile, head: Profile) -> tuple[Shift, ...]:
    """Columns that moved, the most first."""
    found = []
    for name in base.columns.keys() & head.columns.keys():
        old, new = base.columns[name], head.columns[name]
        missing = [column.nulls / column.rows for column in (old, new)]
        found.append(_shift(name, "missing", f"{missing[0]:.1%}", f"{missing[1]:.1%}", abs(missing[1] - missing[0])))
        moved = _moved(name, old, new)
        if moved is not None:
            found.append(moved)
    told = [each for each in found if each.size >= LEAST_SHIFT]
    return tuple(sorted(told, key=lambda each: (-each.size, each.column))[:MOST_SHIFTS])


def _moved(name: str, old: ColumnProfile, new: ColumnProfile) -> Shift | None:
    if old.mean is not None and new.mean is not None and old.sd:
        told = [f"{column.mean:.4g} (median {column.quantiles.get('0.5', float('nan')):.4g})" for column in (old, new)]
        return _shift(name, "mean", told[0], told[1], abs(new.mean - old.mean) / old.sd)
    if all(column.top and len(column.top) == column.distinct for column in (old, new)):
        shares = [{each.value: each.count / column.present for each in column.top} for column in (old, new)]
        values = shares[0].keys() | shares[1].keys()
        distance = sum(abs(shares[0].get(value, 0.0) - shares[1].get(value, 0.0)) for value in values) / 2
        told = [", ".join(f"{value} {share:.0%}" for value, share in list(each.items())[:3]) for each in shares]
        return _shift(name, "shares", told[0], told[1], distance)
    return None


def _shift(column: str, what: str, base: str, head: str, size: float) -> Shift:
    return Shift(column=column, what=what, base=base, head=head, size=size)
