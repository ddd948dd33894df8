"""Rules of a schema as Ibis expressions: which rows break them, and how many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb
import numpy as np

from assay.data.connection import quote, session
from assay.data.facts import columns_present, to_arrow
from assay.data.slice import columns_known, columns_of, flags, refused
from assay.data.sources import table as open_table
from assay.errors import DataError
from assay.validation import conditions
from assay.validation.column import FAMILIES
from assay.validation.profile_measures import md5
from assay.validation.profiling import missing
from assay.validation.relations import WAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import ibis
    from numpy.typing import NDArray

    from assay.validation.relations import Relation
    from assay.validation.schema import Schema

# Beyond these a statement takes longer to plan than to run.
EXPRESSIONS, CONDITIONS = 500, 300
# Limits whose conditions are put to DuckDB as text, which costs a tenth of building them as expressions.
PLAIN = ("nulls", "nan", "infinite", "range", "tails", "categories", "length", "pattern", "format", "sql")
# What these ask of a row depends on the other rows, so that they are counted and never inferred.
GROUPED = ("duplicates", "key", "determines")


class Rule(NamedTuple):
    """One limit on the share of rows that break a condition.

    ``column`` is the path of a column, or the name of a relation; ``place`` is where the limit stands in the schema file;
    ``where`` keeps the rows that it speaks of; ``spec`` is the limit or relation itself.
    """

    column: str
    family: str
    limit: float
    place: tuple[str | int, ...] = ()
    where: str = ""
    spec: Any = None

    @property
    def counted(self) -> bool:
        """Whether its verdict is a fact of the table: no row may break it, or rows are judged by other rows."""
        return self.limit <= 0 or self.family in GROUPED


class Counts(NamedTuple):
    """Rows that break each rule, in all or by unit.

    ``broken`` has one row a unit (one in all, without units) and one column a rule; ``sizes`` counts rows.
    """

    broken: NDArray[np.int64]
    sizes: NDArray[np.int64]


def rules_of(schema: Schema, environment: str | None = None) -> list[Rule]:
    """List the limits of a schema that hold in an environment, column by column, relations last."""
    found = []
    for name, column in schema.columns.items():
        if not column.expected(environment):
            continue
        for family in FAMILIES:
            limit = column.limit(family)
            if limit is not None:
                found.append(Rule(name, family, float(limit.at_most), ("columns", name, family), "", limit))
        if column.shape:
            found.append(Rule(name, "shape", 0.0, ("columns", name, "shape"), "", column.shape))
        if column.unique:
            found.append(Rule(name, "duplicates", 0.0, ("columns", name, "unique"), "", None))
    for i, relation in enumerate(schema.relations):
        family = next(way for way in WAYS if getattr(relation, way))
        place = ("relations", i)
        found.append(
            Rule(relation_name(relation), family, float(relation.at_most), place, relation.where or "", relation)
        )
    return found


def relation_name(relation: Relation) -> str:
    """Name a relation: by its own name, or by what it says."""
    if relation.name:
        return relation.name
    if relation.sql:
        return relation.sql
    if relation.sum:
        return f"{' + '.join(relation.sum)} = {relation.equals}"
    if relation.key:
        return f"key {', '.join(relation.key)}"
    if relation.determines:
        first, second = relation.determines
        return f"{', '.join(first)} -> {', '.join(second)}"
    return f"{', '.join(relation.foreign_key)} in {relation.references}"


def applies(table: ibis.Table, rule: Rule) -> bool:
    """Tell whether the table has the columns, in types that the rule can read."""
    if rule.family in WAYS:
        return True
    found = conditions.type_at(table, rule.column)
    if found is None:
        return False
    return conditions.readable(found, rule.family) and (rule.family not in GROUPED or rule.column in table.columns)


def absent_columns(table: ibis.Table, schema: Schema) -> set[str]:
    """List the columns that a schema describes and a table does not have."""
    return {path for path in schema.columns if conditions.type_at(table, path) is None}


def named_columns(rule: Rule) -> set[str]:
    """List the columns that a relation speaks of; of a rule on one column, that of its own has its verdict elsewhere."""
    if rule.family not in WAYS:
        return set()
    spec: Relation = rule.spec
    found = {*spec.sum, *spec.key, *spec.foreign_key, *(column for side in spec.determines for column in side)}
    found |= {spec.equals} if isinstance(spec.equals, str) else set()
    for predicate in (spec.sql, spec.where):
        found |= set(columns_of(predicate)) if predicate else set()
    return found


class Broken(NamedTuple):
    """A table with what rules need beside its columns, and for each rule the rows that break it."""

    table: ibis.Table
    values: list[ibis.Value]
    where: ibis.Value | None


def broken(
    table: ibis.Table,
    rules: Sequence[Rule],
    *,
    where: str = "",
    references: Mapping[str, Any] | None = None,
) -> Broken:
    """Tell for each row which rules it breaks; a missing value breaks none but ``nulls``.

    Parameters
    ----------
    table : ibis.Table
    rules : sequence of Rule
        That apply to the table.
    where : str
        A predicate whose flag is wanted too; the rules' own are heeded in any case.
    references : dict of str to table, optional
        Tables that foreign keys name, by name; another name is opened as a source.

    Raises
    ------
    DataError
        If a predicate cannot be read or names no column, or a table that a foreign key names cannot be opened.
    """
    predicates = {f"assay_where_{i}": rule.where for i, rule in enumerate(rules) if rule.where}
    predicates |= {f"assay_sql_{i}": f"NOT ({rule.spec.sql})" for i, rule in enumerate(rules) if rule.family == "sql"}
    if where:
        predicates["assay_where"] = where
    wide = flags(table, predicates)
    keys = {i: rule for i, rule in enumerate(rules) if rule.family == "foreign_key"}
    for i, rule in keys.items():
        wide = _looked_up(wide, f"assay_known_{i}", rule.spec, references or {})
    values = []
    for i, rule in enumerate(rules):
        value = _breaks(wide, i, rule)
        values.append(value & wide[f"assay_where_{i}"] if rule.where else value)
    return Broken(wide, values, wide["assay_where"] if where else None)


def _breaks(table: ibis.Table, i: int, rule: Rule) -> ibis.Value:
    spec = rule.spec
    if rule.family == "sql":
        return table[f"assay_sql_{i}"]
    if rule.family == "foreign_key":
        present = _all(table, spec.foreign_key, lambda column: ~missing(table, column))
        return present & table[f"assay_known_{i}"].isnull()
    if rule.family == "sum":
        return conditions.wrong_sum(table, spec)
    if rule.family == "duplicates":
        present = ~missing(table, rule.column)
        # A window over present values alone, so that missing ones are nobody's twins.
        return present & (table.count().over(group_by=[rule.column]) > 1)
    if rule.family == "key":
        columns_present(table, spec.key)
        absent = ~_all(table, spec.key, lambda column: ~missing(table, column))
        kept = [table[f"assay_where_{i}"]] if rule.where else []
        return absent | (table.count().over(group_by=[*spec.key, *kept]) > 1)
    if rule.family == "determines":
        return conditions.undetermined(table, spec, table[f"assay_where_{i}"] if rule.where else None)
    return conditions.breaks(table, rule.column, rule.family, spec)


def _all(table: ibis.Table, columns: Sequence[str], condition: Callable[[str], ibis.Value]) -> ibis.Value:
    first, *rest = columns
    found = condition(first)
    for column in rest:
        found = found & condition(column)
    return found


def _looked_up(table: ibis.Table, name: str, relation: Relation, references: Mapping[str, Any]) -> ibis.Table:
    """Join a column that is true where the key is found in the other table, and NULL elsewhere."""
    import ibis

    source, _, columns = (relation.references or "").rpartition(":")
    theirs = [column.strip() for column in columns.split(",")]
    if not source or len(theirs) != len(relation.foreign_key):
        raise DataError(
            f'references = {relation.references!r} must be "table:column", with as many columns as foreign_key has'
        )
    other = open_table(references.get(source, source))
    columns_present(other, theirs, source)
    columns_present(table, relation.foreign_key)
    ours = {f"{name}_{i}": other[column] for i, column in enumerate(theirs)}
    known = other.select(**ours).distinct()
    if other.get_backend() is not table.get_backend():
        known = (
            session().register(known.to_pyarrow())
            if table.get_backend() is session().backend
            else ibis.memtable(known.to_pyarrow())
        )
    known = known.mutate(**{name: True})
    pairs = [table[mine] == known[key] for mine, key in zip(relation.foreign_key, ours, strict=True)]
    return table.left_join(known, pairs).drop(*ours)


def count(
    table: ibis.Table,
    rules: Sequence[Rule],
    unit: str | None = None,
    *,
    where: str = "",
    references: Mapping[str, Any] | None = None,
) -> Counts:
    """Count the rows that break each rule, in one query (one for each few hundred rules).

    Parameters
    ----------
    table, rules, references
        As for :func:`broken`.
    unit : str, optional
        Column by which to count.
    where : str
        A predicate: only rows for which it is true count, as rows and as broken.

    Raises
    ------
    DataError
        As :func:`broken`; or if some row has no unit.
    """
    if table.get_backend() is session().backend:
        plain = [rule for rule in rules if _is_plain(table, rule)]
        if plain:
            rest = [rule for rule in rules if not _is_plain(table, rule)]
            found = _count_plain(table, plain, unit, where)
            if not rest:
                return found
            other = count_expressions(table, rest, unit, where=where, references=references)
            broken = np.zeros((found.sizes.size, len(rules)), dtype=np.int64)
            chosen = np.array([_is_plain(table, rule) for rule in rules])
            broken[:, chosen], broken[:, ~chosen] = found.broken, other.broken
            return Counts(broken, found.sizes)
    return count_expressions(table, rules, unit, where=where, references=references)


def _is_plain(table: ibis.Table, rule: Rule) -> bool:
    if rule.family == "sql":
        return True
    if rule.family not in PLAIN or rule.column not in table.columns:
        return False
    return rule.family != "range" or not any(isinstance(end, str) for end in (rule.spec.min, rule.spec.max))


def _count_plain(table: ibis.Table, rules: Sequence[Rule], unit: str | None, where: str) -> Counts:
    kinds = table.schema()
    written = [rule.spec.sql for rule in rules if rule.family == "sql"] + [rule.where for rule in rules if rule.where]
    for predicate in written:
        columns_known(predicate, table.columns)
    asked = [
        conditions.as_sql(kinds.get(rule.column), rule.column, rule.family, rule.spec, conditions.IS_NAN)
        for rule in rules
    ]
    asked = [
        f"({condition}) AND ({rule.where})" if rule.where else condition
        for condition, rule in zip(asked, rules, strict=True)
    ]
    if where:
        table = flags(table, {"assay_where": where})
        table = table.filter(table["assay_where"])
    here = session()
    by = f" GROUP BY {quote(unit)} ORDER BY {quote(unit)}" if unit else ""
    head = f"{quote(unit)} IS NULL" if unit else "FALSE"
    rows = here.backend.compile(table)
    parts: list[NDArray[np.int64]] = []
    for start in range(0, len(asked), CONDITIONS):
        chunk = asked[start : start + CONDITIONS]
        counted = ", ".join(f"coalesce(count_if({condition}), 0)" for condition in chunk)
        try:
            found = here.run(f"SELECT {head}, count(*), {counted} FROM ({rows}) AS rows{by}")
        except duckdb.Error as problem:
            raise refused(written, problem) from problem
        if any(row[0] for row in found):
            raise _no_unit(unit)
        parts.append(np.array([row[1:] for row in found], dtype=np.int64).reshape(len(found), 1 + len(chunk)))
    return Counts(np.concatenate([part[:, 1:] for part in parts], axis=1), parts[0][:, 0])


def _no_unit(unit: str | None) -> DataError:
    return DataError(f"some rows have no {unit}, the declared unit: remove them, or give them one")


def count_expressions(
    table: ibis.Table,
    rules: Sequence[Rule],
    unit: str | None = None,
    *,
    where: str = "",
    references: Mapping[str, Any] | None = None,
) -> Counts:
    """Count as :func:`count` does, by Ibis expressions, on any engine."""
    parts: list[NDArray[np.int64]] = []
    sizes = np.zeros(0, dtype=np.int64)
    for start in range(0, max(len(rules), 1), EXPRESSIONS):
        some = rules[start : start + EXPRESSIONS]
        wide, values, kept = broken(table, some, where=where, references=references)
        wanted = {f"r{i}": value.sum(where=kept).fill_null(0).cast("int64") for i, value in enumerate(values)}
        wanted["size"] = wide.count(where=kept)
        if unit is None:
            found = to_arrow(wide.aggregate(**wanted))
        else:
            if kept is not None:
                # Units without a row of this part are no units of it.
                wide = wide.filter(kept)
                wanted = {f"r{i}": value.sum().fill_null(0).cast("int64") for i, value in enumerate(values)}
                wanted["size"] = wide.count()
            grouped = wide.group_by(unit=wide[unit]).aggregate(**wanted)
            found = to_arrow(grouped).sort_by("unit")
            if found.column("unit").null_count:
                raise _no_unit(unit)
        sizes = found.column("size").to_numpy().astype(np.int64)
        columns = [found.column(f"r{i}").to_numpy().astype(np.int64) for i in range(len(some))]
        parts.append(np.stack(columns, axis=1) if columns else np.zeros((len(sizes), 0), dtype=np.int64))
    return Counts(np.concatenate(parts, axis=1), sizes)


def halves(table: ibis.Table, unit: str) -> tuple[ibis.Table, ibis.Table]:
    """Split a reference by a digest of the unit: one half sets thresholds, the other stands beside the batch.

    The digest knows nothing of the values, and is the same whenever and wherever the split is made.
    """
    text = table[unit].cast("string").fill_null("")
    if table[unit].type().is_timestamp():
        text = table[unit].strftime("%Y-%m-%d %H:%M:%S")
    first = md5(text).substr(0, 1).isin(list("01234567"))
    return table.filter(first), table.filter(~first)
