"""A first project file, from the data files that are there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from assay.core.unit_names import names_unit
from assay.errors import DataError
from assay.validation import clusters
from assay.validation.first_files import Answers, File, Folder, identity, look, looks_like_id, sides, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from assay.validation.clusters import Clustering
    from assay.validation.profiling import ColumnProfile, Profile

_LABELS = (
    "label",
    "target",
    "y",
    "class",
    "outcome",
    "response",
    "late",
    "churn",
    "default",
    "fraud",
    "survived",
    "price",
    "ziel",
    "klasse",
    "objetivo",
    "clase",
    "etiqueta",
    "cible",
    "classe",
    "etichetta",
    "цель",
    "класс",
    "标签",
    "目标",
    "ラベル",
)
CLASSES = 20
UNITS = 20
"""Values below which a column of ids is a category that a model uses, and no unit."""

_DAYS = 4
"""Days below which nothing can be judged by day."""

_CODE = re.compile(r"^[A-Za-z]{1,8}[-_ ]?\d{2,}[A-Za-z]{0,3}$")


class FirstProject(NamedTuple):
    """The text of a project file, and what was guessed in it, a sentence each."""

    text: str
    guesses: tuple[str, ...]


def describe_project(paths: Iterable[str | Path]) -> str:
    """Write a commented ``assay.toml`` for the data files of a folder.

    Guesses, each marked as one: roles by the files' names (a lone file is ``train``; checks split it themselves), the
    label as the column that an unlabelled table lacks, by its name, or as the last column with few values, the task by
    the label's type, timestamp and id by name and type. A file with one prediction for each row of a labelled test set
    becomes a model, and two of them a gate. Files that hold the rows of the training and the test data, answer for rows
    without labels or cannot be read are left out, each with a line that says why. When the label clusters by day or by a
    column that looks like an id (a permutation test at 1%), that column is proposed as the unit. Such a column is named
    like one, or holds e-mail addresses, UUIDs or codes of letters and digits; it has at least 20 values, and repeats them:
    a label clusters by every category that helps to predict it, and rows of one category may be independent all the same.

    Parameters
    ----------
    paths : iterable of path
        Data files, or folders of them, as the project should name them; relative ones stay relative.

    Returns
    -------
    str
        Text of ``assay.toml``.

    Raises
    ------
    DataError
        If there is no file, or one cannot be read.
    """
    return draft(paths).text


def draft(paths: Iterable[str | Path]) -> FirstProject:
    """As :func:`describe_project`, with what was guessed."""
    given = [Path(path) for path in paths]
    if not given:
        raise DataError("there is no data file here: put a CSV or Parquet file into the folder, or name one")
    folder = look(given)
    files = folder.files
    main = next((file for file in files if file.role == "train"), files[0])
    label, why = _label(main.facts, [file.facts for file in files if file is not main])
    files = [_unlabelled(file, label) for file in files]
    task = _task(main.facts.columns[label]) if label else "classification"
    timestamp = next((name for name, c in main.facts.outer.items() if c.kind in ("timestamp", "date")), None)
    own = identity(main.facts, label)
    found = _unit(main, label, own)
    unit = None if found is None or (found.by_day and main.facts.columns[found.column].kind != "date") else found.column
    folder = Folder(files, *_judged(folder, files, label))
    joined = {answers.of: answers.id for answers in folder.answers if answers.id}

    lines = ["# Written by `assay init` from the files that it found. Every line is a guess: correct what is wrong."]
    lines += [f"# left out: {path}: {reason}" for path, reason in folder.left_out]
    lines += ["[project]", f"name = {json.dumps(word(Path.cwd().name) or 'project')}", f'task = "{task}"']
    lines += ["", "[budget]", "alpha = 0.05       # error probability of all blocking checks of one run together"]
    for file in files:
        lines += ["", f"[datasets.{file.name}]", f'role = "{file.role}"', f"source = {file.source}"]
        lines += [f"# {note}" for note in file.notes]
        have = file.facts.columns
        if label and label in have:
            lines += [f"label = {_quoted(label)}   # a guess: {why}"]
        if timestamp and timestamp in have:
            lines += [f"timestamp = {_quoted(timestamp)}"]
        if joined.get(file.name, own) in have:
            lines += [f"id = {_quoted(str(joined.get(file.name, own)))}"]
        if unit and unit in have:
            lines += [f"unit = {_quoted(unit)}   # {found}"]
        elif found is not None and found.column in have:
            lines += [f'# unit = "..."   # {found}: add a column of days and name it here']
        if file.role == "test":
            lines += ["queries = 32       # how often this holdout may answer, to people who see its answers"]
    if label is None:
        lines += ['# No label found: name its column as label = "..." in the dataset above.']
    lines += _models(folder.answers)
    lines += _checks(files, main, label, {label, own, unit, timestamp})
    if task == "classification":
        lines += _gate(folder.answers)
    elif folder.answers:
        lines += [
            "",
            f"# not asked: is a model good enough? init writes claims of classes alone, and {label} is a number",
        ]
    guesses = _guesses(label, why, found, unit, [("id", own), ("timestamp", timestamp)], folder.answers)
    return FirstProject("\n".join(lines) + "\n", guesses)


def _guesses(
    label: str | None,
    why: str,
    found: Clustering | None,
    unit: str | None,
    others: Sequence[tuple[str, str | None]],
    answers: Sequence[Answers],
) -> tuple[str, ...]:
    said = [f"the label is {label!r} ({why})"] if label else []
    if found is not None:
        alike = f"{label} differs between its {found.units:,} values by more than chance"
        day = f"{label} differs between days by more than chance: add a column of days and declare it"
        said += [f"the unit is {unit!r} ({alike})" if unit else f"the unit is the day of {found.column!r} ({day})"]
    said += [f"the {what} is {name!r}" for what, name in others if name]
    if len(answers) > 1:
        new, old = sides([each.file.name for each in answers])
        said += [f"{new} is the new model, {old} the old one"]
    return tuple(said)


def _unlabelled(file: File, label: str | None) -> File:
    """A test set without labels is a pool of rows that could be labelled."""
    if file.role == "test" and (label is None or label not in file.facts.columns):
        note = "it has no labels, so that no model can be judged on it"
        return file._replace(role="pool", notes=(*file.notes, note))
    return file


def _judged(folder: Folder, files: Sequence[File], label: str | None) -> tuple[list[Answers], list[tuple[str, str]]]:
    """Tell predictions that can be judged, all of one test set, from those that cannot."""
    kept: list[Answers] = []
    left_out = list(folder.left_out)
    by_name = {file.name: file for file in files}
    for answers in folder.answers:
        # The training data are called train by now.
        table = by_name.get(answers.of) or next(file for file in files if file.role == "train")
        said = answers.file.facts.columns[answers.column].kind
        if table.role != "test" or label is None:
            reason = f"it seems to hold predictions for {table.path}, which is no labelled test set"
        elif (said == "string") != (table.facts.columns[label].kind == "string"):
            reason = f"its {answers.column!r} is of another kind than the label {label!r}: code both the same way"
        elif kept and kept[0].of != answers.of:
            reason = f"it holds predictions for another test set than {kept[0].file.path}"
        else:
            kept.append(answers)
            continue
        left_out.append((answers.file.path, reason))
    return kept, left_out


def _label(main: Profile, others: Sequence[Profile]) -> tuple[str | None, str]:
    """Guess the label, and say why: what another table lacks, a telling name, else the last column if it has few values."""
    for other in others:
        lacking = [name for name in main.outer if name not in other.columns]
        if len(lacking) == 1 and len(main.outer) > 2 and len(other.outer) == len(main.outer) - 1:
            return lacking[0], "the other table is the same without it"
    lowered = {name.lower(): name for name in main.outer}
    for known in _LABELS:
        if known in lowered and main.columns[lowered[known]].present:
            return lowered[known], "its name sounds like one"
    for name in reversed(list(main.outer)):
        if any(name.lower().startswith(("is_", "has_")) or name.lower().endswith(f"_{known}") for known in _LABELS):
            return name, "its name sounds like one"
    last = next((name for name in reversed(list(main.outer)) if all(name in other.columns for other in others)), None)
    if last and not looks_like_id(last) and main.columns[last].kind in ("boolean", "integer", "string", "number"):
        column = main.columns[last]
        if column.kind == "boolean" or 2 <= (column.distinct or 0) <= CLASSES or column.kind == "number":
            return last, "it is the last column; correct it if that is not what a model should predict"
    return None, ""


def _task(label: ColumnProfile) -> str:
    few = (label.distinct or 0) <= CLASSES
    # Classes written as 0.0 and 1.0 are those of a column in which some are missing.
    whole = label.kind == "integer" or (label.kind == "number" and label.nulls > 0 and few and _whole(label))
    return "classification" if label.kind in ("boolean", "string") or (whole and few) else "regression"


def _whole(label: ColumnProfile) -> bool:
    return all(float(value).is_integer() for value in label.quantiles.values())


def _unit(main: File, label: str | None, own: str | None) -> Clustering | None:
    if label is None:
        return None
    facts = main.facts
    named = {name: column for name, column in facts.outer.items() if name not in (label, own)}
    columns = [(name, True) for name, column in named.items() if column.kind in ("timestamp", "date")]
    columns += [(name, False) for name, column in named.items() if _groups(name, column)]
    value = main.table[label]
    kind = facts.columns[label].kind
    if kind == "string":
        top = facts.columns[label].top
        value = value == top[0].value if top else value.isnull()
    if kind not in ("string", "boolean", "integer", "number"):
        return None
    found, _ = clusters.find(main.table, value, columns[: clusters.MOST])
    return None if found is None or (found.by_day and found.units < _DAYS) else found


def _groups(name: str, column: ColumnProfile) -> bool:
    """Whether a column looks like one of ids, each of several rows."""
    # A column whose every value is new groups nothing.
    if not UNITS <= (column.distinct or 0) < 0.5 * column.rows:
        return False
    looks = column.kind == "string" and (
        any(column.looks_like.get(word) == 1 for word in ("e-mail", "UUID"))
        or (bool(column.top) and all(_CODE.match(str(value.value)) for value in column.top))
    )
    return looks or (names_unit(name) and column.kind in ("string", "integer"))


def _checks(files: Sequence[File], main: File, label: str | None, aside: set[str | None]) -> list[str]:
    batches = [file for file in files if file.role in ("live", "test", "pool") and file is not main]
    if main.role == "test" and not batches:
        # What a model is judged on, and nothing to hold it against.
        return []
    # A table stands alone only where there is nothing else.
    names = ", ".join(json.dumps(file.name) for file in batches or [main])
    what = "types, missing values, ranges, categories, tails" if batches else "what the table shows by itself"
    lines = ["", "[[checks]]", f'id = "data"         # {what}', 'use = "VAL1"']
    lines += ['stage = "data"', f"datasets = [{names}]"]
    if len(files) > 1:
        lines += [f"reference = {json.dumps(main.name)}"]
    if batches:
        lines += ["blocking = true     # a fault makes `assay check` exit with 1"]
    else:
        lines += [
            '# Add new rows as [datasets.new] with role = "live", and put "new" here: they are held against this table.'
        ]
    if main.role == "test" or label is None or _task(main.facts.columns[label]) != "classification":
        return lines
    told = main.facts.columns[label]
    if told.nulls or (told.distinct or 0) < 2:
        what = f"{told.nulls:,} rows have none" if told.nulls else "there is but one class"
        lines += [
            "",
            f"# not asked: can any model reach a target? {label} must have a value in each row, and several: {what}",
        ]
    elif not set(main.facts.outer) - aside:
        lines += ["", f"# not asked: can any model reach a target? There is no column to tell {label} by"]
    else:
        lines += [
            "",
            "[[checks]]",
            'id = "feasible"     # can any model reach the target on these columns?',
            'use = "FEA1"',
        ]
        lines += ['stage = "feasibility"', f"datasets = [{json.dumps(main.name)}]"]
        lines += ["target = 0.8        # accuracy that you need"]
    return lines


def _models(answers: Sequence[Answers]) -> list[str]:
    lines: list[str] = []
    for each in answers:
        how = f"joined by {each.id}" if each.id else "one for each row of the test set, in its order"
        lines += ["", f"[models.{each.file.name}]", f"predictions = {each.file.source}   # {how}"]
        lines += [f"column = {_quoted(each.column)}"] if each.column != "prediction" else []
    return lines


def _gate(answers: Sequence[Answers]) -> list[str]:
    if not answers:
        return []
    names = [each.file.name for each in answers]
    lines = ["", "[[checks]]"]
    if len(names) == 1:
        lines += ['id = "good-enough"  # is the accuracy what you need?', 'claim = "n > 0.8"', f'new = "{names[0]}"']
    else:
        new, old = sides(names)
        lines += ['id = "better"       # is the new model more accurate than the old one?', 'claim = "n - o > 0"']
        lines += [f'new = "{new}"', f'old = "{old}"']
    return [*lines, f"datasets = [{json.dumps(answers[0].of)}]", "blocking = true"]


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
