"""Facts of a table: what is read and counted, not inferred, so that no error probability is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core import Action, Claim, Evidence, Guarantee, Verdict
from assay.data.facts import nearest, to_arrow
from assay.validation.codes import COLUMN, NEW_COLUMNS
from assay.validation.conditions import type_at
from assay.validation.edits import Edit, accept
from assay.validation.profiling import kind_of, missing
from assay.validation.schema import toml_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis

    from assay.core.evidence import Scalar
    from assay.validation.column import Column
    from assay.validation.schema import Schema

_FACT = "read from the table"


def fact(
    code: str,
    subject: str,
    claim: str,
    *,
    good: bool,
    said: str,
    rows: int,
    check: str,
    edit: Edit | None = None,
    actions: Sequence[Action] = (),
    measure: str = "",
    estimate: float | None = None,
    limit: float | None = None,
    statistic: dict[str, Scalar] | None = None,
    guarantee: Guarantee | None = None,
) -> Verdict:
    """Build the verdict of a fact.

    Guarantee: exact, error 0, unless another is given.
    """
    more: dict[str, Scalar] = {"alpha_spent": 0.0, **(statistic or {})}
    offered = list(actions)
    if edit is not None and not good:
        more |= edit.said()
        offered.append(accept(edit))
    return Verdict(
        status="pass" if good else "fail",
        guarantee=guarantee or Guarantee.exact(0.0, "", (), _FACT),
        check=check,
        code=code,
        stage="data",
        claim=Claim(claim),
        evidence=Evidence(n=rows, measure=measure, estimate=estimate, limit=limit, statistic=more, method="read"),
        actions=() if good else tuple(offered),
        reason=said,
        subject=subject,
    )


def column_verdicts(
    table: ibis.Table, schema: Schema, rows: int, check: str, name: str, environment: str | None = None
) -> list[Verdict]:
    """Tell for each column of a schema whether it is there and of its type.

    Whole numbers pass for numbers, and numbers for whole numbers if every value is whole (a missing value makes
    pandas write 3 as 3.0); dates pass for timestamps. A column without any value has no type to be wrong. Columns that
    are not expected in the environment, or whose stage keeps them from being checked, are not asked about.
    Columns that the schema does not know pass in one verdict of their own, unless it forbids them.

    Guarantee: exact, error 0. These are facts.
    """
    wanted = {path: column for path, column in schema.columns.items() if column.expected(environment)}
    types = {path: type_at(table, path) for path in wanted}
    kinds = {path: kind_of(found) for path, found in types.items() if found is not None}
    doubts = [path for path, kind in kinds.items() if not _alike(kind, wanted[path])]
    asked: dict[str, ibis.Value] = {}
    for i, doubt in enumerate(doubts):
        if doubt not in table.columns:
            continue
        asked[f"n{i}"] = (~missing(table, doubt)).sum()
        if wanted[doubt].type == "integer" and kinds[doubt] == "number":
            number = table[doubt].cast("float64")
            asked[f"w{i}"] = (number != number.floor()).fill_null(False).sum()
    found = to_arrow(table.aggregate(**asked)).to_pylist()[0] if asked else {}
    verdicts = []
    for subject, column in wanted.items():
        claim = f"{subject} is there and of type {column.type}"
        key = f"columns.{toml_key(subject)}"
        mend = Action(f"mend the column {subject} where the batch is made, or correct [{key}] in the schema file")
        if subject not in kinds:
            near = nearest(subject, [c for c in table.columns if c not in schema.columns])
            hint = near if "did you mean" in near else ""
            said = f"{name} has no column {subject}{hint}"
            edit = Edit(f"{key}.required", False)
            verdicts.append(
                fact(
                    COLUMN,
                    subject,
                    claim,
                    good=not column.required,
                    said=said,
                    rows=rows,
                    check=check,
                    actions=(mend,),
                    edit=edit,
                )
            )
            continue
        have = kinds[subject]
        good, said = True, f"{subject} is of type {have}"
        if subject in doubts:
            place = doubts.index(subject)
            present, broken = found.get(f"n{place}"), found.get(f"w{place}")
            if present == 0:
                said = f"{subject} has no value in {name}, so its type ({have}) says nothing"
            elif broken is not None and not broken:
                said = f"{subject} is of type {have}, and every value is whole"
            else:
                good, said = False, f"{subject} is of type {have} in {name}, the schema says {column.type}"
        edit = Edit(f"{key}.type", have)
        verdicts.append(
            fact(COLUMN, subject, claim, good=good, said=said, rows=rows, check=check, actions=(mend,), edit=edit)
        )
    heads = {path.split(".")[0] for path in schema.columns} | set(schema.columns)
    new = [column for column in table.columns if column not in heads]
    allowed = schema.rows is None or schema.rows.new_columns
    # To a schema of rules that describes no column, none is new.
    if new and not (allowed and not schema.columns):
        listed = f"{', '.join(new[:8])}{', ...' if len(new) > 8 else ''}"
        verdicts.append(
            fact(
                COLUMN if allowed else NEW_COLUMNS,
                "new columns",
                "new columns do no harm" if allowed else "no column is new",
                good=allowed,
                said=f"{name} has columns that the schema does not know: {listed}",
                rows=rows,
                check=check,
                actions=(Action("describe them as [columns.NAME] in the schema file, or drop them from the batch"),),
                edit=Edit("rows.new_columns", True),
            )
        )
    return verdicts


def _alike(have: str, column: Column) -> bool:
    return column.type in (have, "any") or (have, column.type) in {("integer", "number"), ("date", "timestamp")}
