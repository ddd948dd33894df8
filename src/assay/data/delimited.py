"""CSV files, whose types are guessed from every row, and never quietly."""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import shlex
from typing import TYPE_CHECKING

import duckdb

from assay.data.connection import Session, literal, quote, session
from assay.errors import DataError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import ibis
    import pyarrow as pa

# Words that mean "no value" in a column whose other values are numbers or times. In a column of text they stay text:
# NA is also Namibia.
MISSING = ("NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "none", "-", ".", "?")

_GUESSES = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP")
# Left to itself DuckDB reads yes, no, t and f as booleans, and 12:30 as 12:30:00.
_SNIFFED = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMPTZ", "VARCHAR")
_BOOLEANS = "('true', 'True', 'TRUE', 'false', 'False', 'FALSE')"
# Names that DuckDB takes for numbers: 007 and 7 are two, and so are 1e5 and 100000. A computer writes 1e+05 or 1.0E5.
_PADDED = r"^\s*[-+]?0[0-9]"
_CODED = r"^\s*[-+]?(0[xXbB]|[0-9]+[eE][0-9])"
_LONG = r"^\s*[-+]?[0-9]{19,}\s*$"
# More words than this in a column of numbers are no slips: it holds names such as C536379, 85123A or 113803.
SLIPS = 20
_WIDER = {"BIGINT": ("[.eE]", "DOUBLE"), "DATE": (":", "TIMESTAMP")}


def csv_of(table: pa.Table) -> bytes:
    """Write a table as CSV that :func:`read_csv` reads as the same values, numbers in their shortest form: 13343.0."""
    here = session()
    columns = ", ".join(f"{quote(name)}::VARCHAR AS {quote(name)}" for name in table.column_names)
    texts = here.backend.con.sql(f"SELECT {columns} FROM ({here.backend.compile(here.register(table))})")
    # Arrow's own writer puts every text in quotes.
    content: str = texts.to_arrow_table().to_pandas().to_csv(index=False)
    return content.encode()


class MixedColumn(DataError):
    """A column of numbers has words in it, and may be meant as text.

    Attributes
    ----------
    column : str
    """

    def __init__(self, message: str, column: str) -> None:
        super().__init__(message)
        self.column = column


def read_csv(
    session: Session, paths: Sequence[Path], text: Sequence[str] = (), wanted: Sequence[str] = ()
) -> ibis.Table:
    """Load CSV files of one layout into a table.

    The type of a column is the narrowest that all its values have: whole number, number, date, time, and boolean where
    all are ``true`` or ``false`` (also ``True`` and ``TRUE``). Everything else is text, and stays what the file says:
    ``yes`` and ``no``, ``t`` and ``f``, ``12:30``. So do names that look like numbers: those with leading zeros
    (``007`` is not 7), whole numbers some of which are written as ``1e5`` or ``0x1F`` or have more digits than 64 bits
    hold. Where a column of numbers, dates, times or booleans also holds words for "no value" (:data:`MISSING`), these
    become NULL.

    Parameters
    ----------
    session : Session
    paths : sequence of Path
        At least one; all with the same header.
    text : sequence of str
        Columns to read as text, whatever they look like.
    wanted : sequence of str
        More of them, that need not be there.

    Raises
    ------
    DataError
        If a file is empty, not UTF-8, has rows of different lengths or repeated names, if files have different
        headers, or if a column of numbers has a few words in it (:class:`MixedColumn`).
    """
    header, delimiter = _header(paths[0])
    for path in paths[1:]:
        other, _ = _header(path)
        if other != header:
            raise DataError(
                f"{shown(path)} has the columns {', '.join(other)}, but {shown(paths[0])} has {', '.join(header)}"
            )
    for name in text:
        if name not in header:
            raise DataError(f"{shown(paths[0])}: text = [...] names {name!r}, which is not a column")
    text = [*text, *(name for name in wanted if name in header)]
    name = session.name()
    try:
        _load(session, name, paths, header, delimiter, text)
        coded = _coded(session, name, paths, header, delimiter)
        if coded:
            session.run(f"DROP TABLE {quote(name)}")
            _load(session, name, paths, header, delimiter, [*text, *coded])
    except duckdb.Error as problem:
        raise DataError(_uneven(paths, delimiter, len(header)) or _explain(paths, str(problem))) from problem
    if [column[0] for column in session.run(f"DESCRIBE {quote(name)}")] != header:
        session.run(f"DROP TABLE {quote(name)}")
        raise DataError(_uneven(paths, delimiter, len(header)) or f"{shown(paths[0])}: its rows do not fit its header")
    _settle_types(session, name, paths, {*text, *coded})
    return session.expression(name)


def _load(
    session: Session, name: str, paths: Sequence[Path], header: Sequence[str], delimiter: str, text: Sequence[str]
) -> None:
    forced = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in dict.fromkeys(text))
    types = f", types = {{{forced}}}" if forced else ""
    sniffed = ", ".join(literal(kind) for kind in _SNIFFED)
    session.run(
        f"CREATE TABLE {quote(name)} AS SELECT * FROM read_csv({_layout(paths, header, delimiter)}, "
        f"sample_size = -1, auto_type_candidates = [{sniffed}]{types})"
    )


def _layout(paths: Sequence[Path], header: Sequence[str], delimiter: str) -> str:
    files = ", ".join(literal(str(path)) for path in paths)
    names = ", ".join(literal(name) for name in header)
    return f"[{files}], header = true, names = [{names}], delim = {literal(delimiter)}, quote = '\"', escape = '\"'"


def _coded(session: Session, name: str, paths: Sequence[Path], header: Sequence[str], delimiter: str) -> list[str]:
    """Columns of whole numbers that are not all written as such, by what the file says."""
    kinds = {row[0]: row[1] for row in session.run(f"DESCRIBE {quote(name)}")}
    if list(kinds) != list(header):
        return []
    floats = [column for column, kind in kinds.items() if kind == "DOUBLE"]
    if floats:
        whole = ", ".join(f"bool_and({quote(column)} = trunc({quote(column)}))" for column in floats)
        found = session.run(f"SELECT {whole} FROM {quote(name)}")[0]
        floats = [column for column, yes in zip(floats, found, strict=True) if yes]
    # What is cheap and rules most values out stands first.
    asked = {
        c: f"(contains({quote(c)}, 'e') OR contains({quote(c)}, 'E') OR strlen({quote(c)}) > 18) "
        f"AND regexp_matches({quote(c)}, {literal(f'{_CODED}|{_LONG}')})"
        for c in floats
    }
    asked |= {
        c: f"starts_with({quote(c)}, '0') AND strlen({quote(c)}) > 1" for c, kind in kinds.items() if kind == "BIGINT"
    }
    if not asked:
        return []
    tests = ", ".join(f"bool_or({test})" for test in asked.values())
    found = session.run(f"SELECT {tests} FROM read_csv({_layout(paths, header, delimiter)}, all_varchar = true)")[0]
    return [column for column, yes in zip(asked, found, strict=True) if yes]


def _header(path: Path) -> tuple[list[str], str]:
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", newline="") as lines:
            first = lines.readline()
            if not first.strip():
                raise DataError(f"{shown(path)} is empty: a CSV file begins with a line of column names")
            delimiter = max(",;\t|", key=re.sub('"[^"]*"', "", first).count)
            lines.seek(0)
            names = next(csv.reader(lines, delimiter=delimiter))
    except UnicodeDecodeError as problem:
        raise DataError(_not_utf8(path)) from problem
    except OSError as problem:
        raise DataError(f"{shown(path)} cannot be read: {problem.strerror or problem}") from problem
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise DataError(
                f"{shown(path)}: column {position} has no name: give it one in the first line, or write without the index: to_csv(..., index=False)"
            )
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise DataError(
                f"{shown(path)}: the column name {name!r} appears twice: rename one in the first line, or add a line of names"
            )
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
        wanted += [f"count(*) FILTER ({c} IN {_BOOLEANS})"]
        wanted += [f"count(*) FILTER (regexp_matches({c}, {literal(sign)}))" for sign in (_PADDED, _CODED, _LONG)]
        wanted += [f"count(*) FILTER (TRY_CAST({c} AS DOUBLE) != trunc(TRY_CAST({c} AS DOUBLE)))"]
    width = len(_GUESSES) + 7
    found = session.run(f"SELECT {', '.join(wanted)} FROM {quote(name)}")[0]
    for place, column in enumerate(columns):
        present, missing, *casts, booleans, padded, coded, long, broken = found[width * place : width * (place + 1)]
        rest = present - missing
        if rest == 0 or padded or (not broken and (coded or (long and casts[0] < rest))):
            continue
        whole = [kind for kind, count in zip(_GUESSES, casts, strict=True) if count == rest]
        numbers = casts[1]
        c = quote(column)
        if booleans == rest:
            session.run(f"ALTER TABLE {quote(name)} ALTER {c} TYPE BOOLEAN USING TRY_CAST({c} AS BOOLEAN)")
        elif missing and whole:
            kind = whole[0]
            # Casts to BIGINT and DATE round 1.5 and cut the hour off without a word.
            if kind in _WIDER and _any_match(session, name, c, _WIDER[kind][0]):
                kind = _WIDER[kind][1]
            session.run(f"ALTER TABLE {quote(name)} ALTER {c} TYPE {kind} USING TRY_CAST({c} AS {kind})")
        elif numbers < rest and 2 * numbers >= rest:
            strays = f"{c} IS NOT NULL AND {c} NOT IN ({words}) AND TRY_CAST({c} AS DOUBLE) IS NULL"
            kinds = f"SELECT count(DISTINCT {c}) FROM {quote(name)} WHERE {strays} AND regexp_matches({c}, '\\p{{L}}')"
            if session.run(kinds)[0][0] > SLIPS:
                continue
            word, row = session.run(
                f"SELECT {c}, i FROM (SELECT {c}, row_number() OVER () AS i FROM {quote(name)}) "
                f"WHERE {strays} ORDER BY i LIMIT 1"
            )[0]
            raise MixedColumn(
                f"{shown(paths[0])}: column {column!r} mixes numbers with text: {word!r} in row {row} "
                f"({rest - numbers:,} of {rest:,} values): correct them, or read the column as text with "
                f'source = {{path = "{paths[0].name}", text = ["{column}"]}}',
                column,
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
                        f"{shown(path)}, line {reader.line_num}: {len(record)} fields where the header has {width}: "
                        "repair the line"
                    )
    return None


def _not_utf8(path: Path) -> str:
    """Say in what a file is written, as far as its beginning tells, and how to convert it."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        start = file.read(4)
    # A byte order mark; without one, every second byte of plain text is zero.
    wide = start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    kind = "UTF-16" if wide else "UTF-16LE" if start[1:4:2] == b"\0\0" else "UTF-16BE" if start[:3:2] == b"\0\0" else ""
    said = f"is {kind}, not UTF-8" if kind else "is not UTF-8"
    return f"{shown(path)} {said}: convert it, as in `iconv -f {kind or 'latin1'} -t UTF-8 {shlex.quote(path.name)} > new.csv`"


def _explain(paths: Sequence[Path], problem: str) -> str:
    """Turn DuckDB's page of advice into one line."""
    path = next((p for p in paths if str(p) in problem), paths[0])
    if "unicode" in problem.lower():
        return _not_utf8(path)
    line = re.search(r"on Line: (\d+)", problem)
    where = f"{shown(path)}, line {line[1]}" if line else shown(path)
    if "quote" in problem.lower():
        return f"{where}: a quoted field does not end, or text follows its closing quote: repair the line"
    said = next((part.strip() for part in problem.splitlines() if part.strip()), "it cannot be read")
    return f"{where}: not a CSV table: {said[:160]}"
