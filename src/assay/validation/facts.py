"""Columns and types: what is read, not inferred."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core import Action, Claim, Evidence, Guarantee, Verdict
from assay.data.facts import nearest, row_count
from assay.validation.profiling import kind_of, missing

if TYPE_CHECKING:
    import ibis

    from assay.validation.column import Column
    from assay.validation.schema import Schema

CODE = "VAL101"


def column_verdicts(table: ibis.Table, schema: Schema, check: str, name: str) -> list[Verdict]:
    """Tell for each column of a schema whether it is there and of its type.

    Whole numbers pass for numbers, and numbers for whole numbers if every value is whole (a missing value makes
    pandas write 3 as 3.0); dates pass for timestamps. A column without any value has no type to be wrong.
    Columns that the schema does not know pass in one verdict of their own.

    Guarantee: exact, error 0. These are facts.
    """
    rows = row_count(table)
    doubts = [
        name for name, column in schema.columns.items() if name in table.columns and not _alike(table, name, column)
    ]
    wanted: dict[str, ibis.Value] = {}
    for i, doubt in enumerate(doubts):
        wanted[f"n{i}"] = (~missing(table, doubt)).sum()
        if schema.columns[doubt].type == "integer" and kind_of(table.schema()[doubt]) == "number":
            number = table[doubt].cast("float64")
            wanted[f"w{i}"] = (number != number.floor()).fill_null(False).sum()
    found = table.aggregate(**wanted).to_pyarrow().to_pylist()[0] if wanted else {}
    verdicts = []
    for subject, column in schema.columns.items():
        if subject not in table.columns:
            near = nearest(subject, [c for c in table.columns if c not in schema.columns])
            hint = near if "did you mean" in near else ""
            said = f"{name} has no column {subject}{hint}"
            verdicts.append(_verdict(not column.required, subject, column, said, rows, check))
            continue
        have = kind_of(table.schema()[subject])
        good, said = True, f"{subject} is of type {have}"
        if subject in doubts:
            place = doubts.index(subject)
            present, broken = int(found[f"n{place}"] or 0), found.get(f"w{place}")
            if present == 0:
                said = f"{subject} has no value in {name}, so its type ({have}) says nothing"
            elif broken is not None and not broken:
                said = f"{subject} is of type {have}, and every value is whole"
            else:
                good, said = False, f"{subject} is of type {have} in {name}, the schema says {column.type}"
        verdicts.append(_verdict(good, subject, column, said, rows, check))
    new = [column for column in table.columns if column not in schema.columns]
    if new:
        said = (
            f"{name} has columns that the schema does not know: {', '.join(new[:8])}{', ...' if len(new) > 8 else ''}"
        )
        verdicts.append(_verdict(True, "new columns", None, said, rows, check))
    return verdicts


def _alike(table: ibis.Table, name: str, column: Column) -> bool:
    have = kind_of(table.schema()[name])
    return have == column.type or (have, column.type) in {("integer", "number"), ("date", "timestamp")}


def _verdict(good: bool, subject: str, column: Column | None, said: str, rows: int, check: str) -> Verdict:
    claim = f"{subject} is there and of type {column.type}" if column is not None else "new columns do no harm"
    mend = Action(
        f"mend the column {subject} where the batch is made, or correct [columns.{subject}] in the schema file"
    )
    return Verdict(
        status="pass" if good else "fail",
        guarantee=Guarantee.exact(0.0, "", (), "read from the table"),
        check=check,
        code=CODE,
        stage="data",
        claim=Claim(claim),
        evidence=Evidence(n=rows, method="read"),
        actions=() if good else (mend,),
        reason=said,
        subject=subject,
    )
