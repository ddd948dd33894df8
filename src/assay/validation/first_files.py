"""What the data files of a folder are: their roles, which are predictions, which hold the rows of another."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from assay.data.content import row_hashes
from assay.data.delimited import MixedColumn
from assay.data.sources import table as open_table
from assay.errors import DataError
from assay.validation.profiling import Profile, profile

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis

ORDER = ("train", "dev", "test", "live", "pool")
_ROLES = {
    "test": "test tests testing holdout eval evaluation testdaten prueba pruebas teste prova essai тест 测试 テスト",
    "dev": "dev valid validation val validierung validacion validación validação",
    "live": "live prod production new batch current serving neu nuevo nouveau",
    "pool": "pool unlabeled unlabelled",
    "train": "train training trainingsdaten entrenamiento treino apprentissage addestramento обучение 训练 訓練 学習",
}
_NEW = {"new", "candidate", "challenger", "next", "neu", "nuevo", "nouveau", "nuovo", "novo"}
_OLD = {"old", "champion", "baseline", "current", "prod", "production", "alt", "viejo", "ancien", "vecchio", "base"}
_TRUTH = {"label", "labels", "truth", "solution", "answers", "gold"}
_ANSWER = re.compile(
    r"(^|[^a-z])(y_?)?(pred(ict(ion|ions|ed)?)?s?|hat|score|prob(a|ability|abilities)?s?|vorhersage|prediccion|predicción|"
    r"prédiction|previsao|previsão)([^a-z]|$)|^yhat$",
    re.IGNORECASE,
)
_ID = re.compile(r"(^|_)(id|uuid|key|index|rownum|row|nr|nummer|numero|número)$|_no$|(Id|ID|Nr|nummer)$", re.IGNORECASE)
PARTS = 3
"""Files whose names differ in digits alone, and that are as many, are one table."""

_COMPARED = 5_000_000
"""Rows up to which tables are looked for in each other."""


class File(NamedTuple):
    """A table of the folder.

    Attributes
    ----------
    name : str
        Of the dataset or the model.
    role : str
    path : str
        As a person would write it.
    text : tuple of str
        Columns that mix numbers and words, read as text.
    table : ibis.Table
    facts : Profile
    notes : tuple of str
        What else is to be said of it.
    """

    name: str
    role: str
    path: str
    text: tuple[str, ...]
    table: ibis.Table
    facts: Profile
    notes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """What stands in the project file behind ``source =``."""
        path = json.dumps(self.path, ensure_ascii=False)
        return f"{{ path = {path}, text = {json.dumps(self.text, ensure_ascii=False)} }}" if self.text else path


class Answers(NamedTuple):
    """Predictions for the rows of a table: in ``column``, joined by ``id`` or else in the same order."""

    file: File
    of: str
    column: str
    id: str | None


class Folder(NamedTuple):
    """The tables of a folder, its predictions, and the files that are of no use with why."""

    files: list[File]
    answers: list[Answers]
    left_out: list[tuple[str, str]]


def look(given: Sequence[Path]) -> Folder:
    """Open files and say what they are.

    Raises
    ------
    DataError
        If there is none that can be read.
    """
    left_out: list[tuple[str, str]] = []
    files = _opened(given, left_out)
    alone = len(files) == 1
    files = [file._replace(role="train" if alone else role_of(Path(file.path))) for file in files]
    answers, files = _answers(files, left_out)
    files = _roles(files, {each.of for each in answers})
    files = _overlaps(files, left_out)
    files = _related(files, left_out)
    return Folder(sorted(files, key=lambda file: ORDER.index(file.role)), answers, left_out)


def sides(names: Sequence[str]) -> tuple[str, str]:
    """Which of several models is the new one and which the old, by their names, else by the order of these."""
    ordered = sorted(names)
    old = next((name for name in ordered if _words(name) & _OLD), None)
    new = next((name for name in ordered if _words(name) & _NEW and name != old), None)
    old = old or next(name for name in ordered if name != new)
    return new or next(name for name in reversed(ordered) if name != old), old


def identity(facts: Profile, label: str | None) -> str | None:
    """The column whose name and values are those of an id."""
    for name, column in facts.outer.items():
        unique = column.nulls == 0 and (column.distinct or 0) > 0.9 * column.rows
        if name != label and _ID.search(name) and unique and column.kind in ("integer", "string"):
            return name
    return None


def looks_like_id(name: str) -> bool:
    """Whether a name is one of an id."""
    return _ID.search(name) is not None


def word(text: str) -> str:
    """Make a bare TOML key of a name."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_")


def role_of(path: Path) -> str:
    """The role that a name tells, or none."""
    said = _words(path.name.partition(".")[0])
    return next((role for role, known in _ROLES.items() if said & set(known.split())), "")


def _words(name: str) -> set[str]:
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return set(re.findall(r"[^\W\d_]+", apart.lower()))


def _opened(given: Sequence[Path], left_out: list[tuple[str, str]]) -> list[File]:
    files: list[File] = []
    first: DataError | None = None
    for path in _parts(given):
        try:
            table, text = _table(path)
            facts = profile(table)
            if not facts.rows:
                raise DataError(f"{path} has no rows: leave it out, or fill it")
        except DataError as problem:
            first = first or problem
            left_out.append((path.as_posix(), str(problem).replace(f"{Path.cwd()}/", "")))
            continue
        name = word(path.name.partition(".")[0].replace("*", "")) or role_of(path) or "data"
        while name in {file.name for file in files}:
            name += "_"
        notes = tuple(f"{column} mixes numbers and words: read as text" for column in text)
        files.append(File(name, "", path.as_posix(), text, table, facts, notes))
    if first is not None and not files:
        raise first
    return files


def _parts(given: Sequence[Path]) -> list[Path]:
    """Take files whose names differ in digits alone together, as a glob, if it matches them and no other."""
    groups: dict[str, list[Path]] = defaultdict(list)
    for path in given:
        groups[re.sub(r"\d+", "0", path.as_posix())].append(path)
    found = []
    for paths in groups.values():
        glob = paths[0].with_name(re.sub(r"\d[\d_.-]*\d|\d", "*", paths[0].stem) + paths[0].suffix)
        whole = len(paths) >= PARTS and sorted(glob.parent.glob(glob.name)) == sorted(paths)
        found += [glob] if whole else paths
    return found


def _table(path: Path) -> tuple[ibis.Table, tuple[str, ...]]:
    """Open a file; columns that mix numbers and words are text."""
    text: list[str] = []
    while True:
        try:
            return open_table({"path": str(path), "text": text} if text else path), tuple(text)
        except MixedColumn as problem:
            text.append(problem.column)


def _answers(files: Sequence[File], left_out: list[tuple[str, str]]) -> tuple[list[Answers], list[File]]:
    """Tell predictions from tables."""
    answers: list[Answers] = []
    rest = []
    for file in files:
        others = [other for other in files if len(other.facts.outer) > 1 and other.path != file.path]
        others.sort(key=lambda other: other.role != "test")
        found = next((one for one in (_answers_of(file, other) for other in others) if one is not None), None)
        if found is not None and _words(file.name) & _TRUTH and not _ANSWER.search(found.column):
            left_out.append((file.path, f"it seems to hold labels of {found.of}: put them into a column of that"))
        elif found is not None:
            answers.append(found)
        else:
            rest.append(file)
    return answers, rest


def _answers_of(file: File, table: File) -> Answers | None:
    """What a file is if it holds one prediction for each row of a table: next to predictions it has ids or labels alone."""
    columns, known = list(file.facts.outer), table.facts.outer
    if len(columns) >= len(known) + 1 or file.facts.rows != table.facts.rows:
        return None
    said = [name for name in columns if _ANSWER.search(name) and name not in known]
    shared = [name for name in columns if name in known and _ID.search(name) and _same_ids(file, table, name)]
    if not said and len(columns) == 2 and len(shared) == 1:
        # As Kaggle has it: an id, and a column named as the label is.
        said = [name for name in columns if name not in shared]
    odd = [name for name in columns if name not in said and name not in known and not _ID.search(name)]
    if not said or odd or len(columns) > len(known):
        return None
    column = next((name for name in said if name.lower() == "prediction"), said[0])
    return Answers(file, table.name, column, shared[0] if shared else None)


def _same_ids(file: File, table: File, name: str) -> bool:
    mine, theirs = (np.sort(row_hashes(each.table.select(name))) for each in (file, table))
    return bool(np.array_equal(mine, theirs)) and bool((mine[1:] != mine[:-1]).all())


def _roles(files: list[File], judged: set[str]) -> list[File]:
    # Models answer for the rows that they are judged on, and not for those that they were trained on.
    files = [file._replace(role="test") if file.name in judged and not file.role else file for file in files]
    if not any(file.role == "train" for file in files):
        # The largest table that says nothing else of itself is what a model would be trained on.
        rest = [file for file in files if file.name not in judged]
        unnamed = [file for file in rest if not file.role] or ([] if judged else rest)
        if unnamed:
            largest = max(unnamed, key=lambda file: file.facts.rows)
            files[files.index(largest)] = largest._replace(role="train")
    files = [file if file.role else file._replace(role="live") for file in files]
    if sum(file.role == "train" for file in files) == 1:
        files = [file._replace(name="train") if file.role == "train" else file for file in files]
    return files


def _related(files: list[File], left_out: list[tuple[str, str]]) -> list[File]:
    """Leave out what has no column of the training data, as no rule could be asked of it."""
    train = next((file for file in files if file.role == "train"), None)
    kept = []
    for file in files:
        if train is None or set(file.facts.outer) & set(train.facts.outer):
            kept.append(file)
            continue
        why = f"it has no column of {train.path}"
        if len(file.facts.outer) == 1 and file.facts.rows == train.facts.rows:
            why += "; if it holds the labels, put them into a column of that"
        left_out.append((file.path, why))
    return kept


def _overlaps(files: list[File], left_out: list[tuple[str, str]]) -> list[File]:
    """Leave out what holds the rows of the training and the test data, and say it where the training data does."""
    kept = []
    for file in files:
        held = [other for other in files if other.role in ("train", "test") and _holds(file, other)]
        names = " and ".join(Path(other.path).name for other in held)
        if held and file.role not in ("train", "test"):
            left_out.append((file.path, f"it holds the rows of {names}"))
        elif held:
            note = f"it holds the rows of {names}: a model trained on these has seen them"
            kept.append(file._replace(notes=(*file.notes, note)))
        else:
            kept.append(file)
    return kept


def _holds(file: File, other: File) -> bool:
    """Whether nearly all rows of another table are rows of this one, and cannot be so by chance."""
    if file.path == other.path or set(file.table.columns) != set(other.table.columns):
        return False
    if not other.facts.rows <= file.facts.rows <= _COMPARED or len(file.table.columns) < 2:
        return False
    mine, theirs = row_hashes(file.table), row_hashes(other.table)
    return np.unique(theirs).size > 0.9 * theirs.size and float(np.isin(theirs, mine).mean()) > 0.95
