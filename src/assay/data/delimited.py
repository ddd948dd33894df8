"""CSV files, whose types are guessed from every row, and never quietly."""

from __future__ import annotations

import csv
import gzip
import re
from typing import TYPE_CHECKING

import duckdb

from assay.data.connection import Session, literal, quote
from assay.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import ibis

# Words that mean "no value" in a column whose other values are numbers or times. In a column of text they stay text:
# NA is also Namibia.
MISSING = ("NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "-", ".", "?")

_GUESSES = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP")
_WIDER = {"BIGINT": ("[.eE]", "DOUBLE"), "DATE": (":", "TIMESTAMP")}


def read_csv(session: Session, paths: Sequence[Path], text: Sequence[str] = ()) -> ibis.Table:
    """Load CSV files of one layout into a table.

    The type of a column is the narrowest that all its values have. Numbers with leading zeros are text (``007`` is a
    name, not 7). Where a column of numbers, dates or times also holds words for "no value" (:data:`MISSING`), these
    become NULL.

    Parameters
    ----------
    session : Session
    paths : sequence of Path
        At least one; all with the same header.
    text : sequence of str
        Columns to read as text, whatever they look like.

    Raises
    ------
    DataError
        If a file is empty, not UTF-8, has rows of different lengths or repeated names, if files have different
        headers, or if a column mixes numbers with words.
    """
    header, delimiter = _header(paths[0])
    for path in paths[1:]:
        other, _ = _header(path)
        if other != header:
            raise DataError(f"{path} has the columns {', '.join(other)}, but {paths[0]} has {', '.join(header)}")
    for name in text:
        if name not in header:
            raise DataError(f"{paths[0]}: text = [...] names {name!r}, which is not a column")
    files = ", ".join(literal(str(path)) for path in paths)
    forced = "".join(f", {literal(name)}: 'VARCHAR'" for name in text)[2:]
    names = ", ".join(literal(name) for name in header)
    types = f", types = {{{forced}}}" if forced else ""
    name = session.name()
    try:
        session.run(
            f"CREATE TABLE {quote(name)} AS SELECT * FROM read_csv([{files}], header = true, sample_size = -1, "
            f"names = [{names}], delim = {literal(delimiter)}, quote = '\"', escape = '\"'{types})"
        )
    except duckdb.Error as problem:
        raise DataError(_uneven(paths, delimiter, len(header)) or _explain(paths, str(problem))) from problem
    if [column[0] for column in session.run(f"DESCRIBE {quote(name)}")] != header:
        session.run(f"DROP TABLE {quote(name)}")
        raise DataError(_uneven(paths, delimiter, len(header)) or f"{paths[0]}: its rows do not fit its header")
    _settle_types(session, name, paths, set(text))
    return session.expression(name)


def _header(path: Path) -> tuple[list[str], str]:
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            if not first.strip():
                raise DataError(f"{path} is empty: a CSV file begins with a line of column names")
            delimiter = max(",;\t|", key=re.sub('"[^"]*"', "", first).count)
            lines.seek(0)
            names = next(csv.reader(lines, delimiter=delimiter))
    except UnicodeDecodeError as problem:
        raise DataError(f"{path} is not UTF-8: convert it, as in `iconv -f latin1 -t utf8`") from problem
    except OSError as problem:
        raise DataError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise DataError(
                f"{path}: column {position} has no name: give it one in the first line, or write without the index: to_csv(..., index=False)"
            )
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise DataError(f"{path}: the column name {name!r} appears twice: rename one in the first line")
        seen.add(name.lower())
    return names, delimiter


def _settle_types(session: Session, name: str, paths: Sequence[Path], text: set[str]) -> None:
    """Give columns of numbers or times with words for "no value" their type; refuse other mixtures."""
    described = session.run(f"DESCRIBE {quote(name)}")
    columns = [row[0] for row in described if row[1] == "VARCHAR" and row[0] not in text]
    if not columns:
        return
    words = ", ".join(literal(word) for word in MISSING)
    wanted = []
    for column in columns:
        c = quote(column)
        wanted += [f"count({c})", f"count(*) FILTER ({c} IN ({words}))"]
        wanted += [f"count(TRY_CAST({c} AS {kind})) FILTER ({c} NOT IN ({words}))" for kind in _GUESSES]
        wanted += [f"count(*) FILTER (regexp_matches({c}, '^\\s*[-+]?0[0-9]'))"]
    width = len(_GUESSES) + 3
    found = session.run(f"SELECT {', '.join(wanted)} FROM {quote(name)}")[0]
    for place, column in enumerate(columns):
        present, missing, *casts, padded = found[width * place : width * (place + 1)]
        rest = present - missing
        if rest == 0 or padded:
            continue
        whole = [kind for kind, count in zip(_GUESSES, casts, strict=True) if count == rest]
        numbers = casts[1]
        c = quote(column)
        if missing and whole:
            kind = whole[0]
            # Casts to BIGINT and DATE round 1.5 and cut the hour off without a word.
            if kind in _WIDER and _any_match(session, name, c, _WIDER[kind][0]):
                kind = _WIDER[kind][1]
            session.run(f"ALTER TABLE {quote(name)} ALTER {c} TYPE {kind} USING TRY_CAST({c} AS {kind})")
        elif numbers < rest and 2 * numbers >= rest:
            word, row = session.run(
                f"SELECT {c}, i FROM (SELECT {c}, row_number() OVER () AS i FROM {quote(name)}) "
                f"WHERE {c} IS NOT NULL AND {c} NOT IN ({words}) AND TRY_CAST({c} AS DOUBLE) IS NULL ORDER BY i LIMIT 1"
            )[0]
            raise DataError(
                f"{paths[0]}: column {column!r} mixes numbers with text: {word!r} in row {row} "
                f"({rest - numbers:,} of {rest:,} values): correct them, or read the column as text with "
                f'source = {{path = "{paths[0].name}", text = ["{column}"]}}'
            )


def _any_match(session: Session, name: str, column: str, pattern: str) -> bool:
    query = f"SELECT count(*) FILTER (regexp_matches({column}, {literal(pattern)})) FROM {quote(name)}"
    return bool(session.run(query)[0][0])


def _uneven(paths: Sequence[Path], delimiter: str, width: int) -> str | None:
    """Find the first record whose length is not the header's."""
    for path in paths:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as lines:
            reader = csv.reader(lines, delimiter=delimiter)
            for record in reader:
                if record and len(record) != width:
                    return (
                        f"{path}, line {reader.line_num}: {len(record)} fields where the header has {width}: "
                        "repair the line"
                    )
    return None


def _explain(paths: Sequence[Path], problem: str) -> str:
    """Turn DuckDB's page of advice into one line."""
    path = next((p for p in paths if str(p) in problem), paths[0])
    if "unicode" in problem.lower():
        return f"{path} is not UTF-8: convert it, as in `iconv -f latin1 -t utf8`"
    line = re.search(r"on Line: (\d+)", problem)
    where = f"{path}, line {line[1]}" if line else str(path)
    if "quote" in problem.lower():
        return f"{where}: a quoted field does not end, or text follows its closing quote: repair the line"
    said = next((part.strip() for part in problem.splitlines() if part.strip()), "it cannot be read")
    return f"{where}: not a CSV table: {said[:160]}"
