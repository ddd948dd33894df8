"""Many metrics of a table at once: those that can share a pass share it, and so do those of the same groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from assay.data.facts import columns_present, to_arrow
from assay.data.slice import flags
from assay.data.sources import table as open_table
from assay.errors import UsageError
from assay.validation.analyzers import Analyzer, Rows
from assay.validation.group_analyzers import GroupAnalyzer, groups_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import ibis

# A wider statement takes longer to plan than to run.
_EXPRESSIONS = 1000


def measure(source: Any, analyzers: Iterable[Analyzer], *, where: str | None = None) -> dict[Analyzer, Any]:
    """Measure a table by Deequ's analyzers.

    Analyzers that aggregate rows share one query, those that need the same groups share one group-by, and the rest have
    one each. Everything runs where the table is.

    Parameters
    ----------
    source : anything that :func:`assay.data.table` opens
    analyzers : iterable of Analyzer
        ``Completeness("a")``, ``Uniqueness(["a", "b"])``, ``Compliance("positive", "b > 0")``, ...
    where : str, optional
        An SQL predicate: only rows for which it is true count. Analyzers may have one of their own beside it.

    Returns
    -------
    dict of Analyzer to its metric
        In the order given: a number, ``None`` where there is nothing to measure, or what the analyzer's docstring says.

    Raises
    ------
    DataError
        If the table cannot be read, or lacks a column, or a column or predicate is not of the kind that is needed.
    UsageError
        If something in the list is no analyzer.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay.validation import Completeness, Compliance, Entropy, Uniqueness
    >>> table = pa.table({"a": ["x", "x", "y", None], "b": [1, 2, 3, 4]})
    >>> for metric, value in measure(table, [Completeness("a"), Uniqueness("b"), Compliance("big", "b > 3")]).items():
    ...     print(type(metric).__name__, value)
    Completeness 0.75
    Uniqueness 1.0
    Compliance 0.25
    """
    table = open_table(source)
    wanted = list(dict.fromkeys(analyzers))
    for each in wanted:
        if not isinstance(each, Analyzer):
            raise UsageError(f'{each!r} is no analyzer: write for example Completeness("column")')
        columns_present(table, each.columns, f"the table of {type(each).__name__}")
    plain = list(table.columns)
    if where:
        table = _filtered(table, where, plain)
    asked = [predicate for each in wanted for predicate in (_where(each), *each.predicates) if predicate]
    names = {predicate: f"assay_flag_{i}" for i, predicate in enumerate(dict.fromkeys(asked))}
    flagged = flags(table, {name: predicate for predicate, name in names.items()})
    found: dict[Analyzer, Any] = _in_one_pass(
        flagged, names, [each for each in wanted if type(each).expressions is not Analyzer.expressions]
    )
    groups: dict[tuple[tuple[str, ...], str], Any] = {}
    for each in wanted:
        if each in found:
            continue
        rows = flagged.filter(flagged[names[_where(each)]]).select(*plain) if _where(each) else table
        if isinstance(each, GroupAnalyzer):
            key = (each.on or tuple(plain), _where(each))
            if key not in groups:
                groups[key] = groups_of(rows, key[0])
            found[each] = each.of(groups[key])
        else:
            found[each] = each.of(rows)  # type: ignore[attr-defined]
    return {each: found[each] for each in wanted}


def _in_one_pass(table: ibis.Table, names: dict[str, str], analyzers: Sequence[Analyzer]) -> dict[Analyzer, Any]:
    wanted: dict[str, ibis.Value] = {}
    for i, each in enumerate(analyzers):
        for word, value in each.expressions(Rows(table, names, _where(each))).items():
            wanted[f"m{i}_{word}"] = value
    values: dict[str, Any] = {}
    keys = list(wanted)
    for start in range(0, len(keys), _EXPRESSIONS):
        some = {key: wanted[key] for key in keys[start : start + _EXPRESSIONS]}
        values |= to_arrow(table.aggregate(**some)).to_pylist()[0]
    found = {}
    for i, each in enumerate(analyzers):
        prefix = f"m{i}_"
        found[each] = each.result({key.removeprefix(prefix): v for key, v in values.items() if key.startswith(prefix)})
    return found


def _where(analyzer: Analyzer) -> str:
    return str(getattr(analyzer, "where", ""))


def _filtered(table: ibis.Table, where: str, columns: list[str]) -> ibis.Table:
    flagged = flags(table, {"assay_kept": where})
    return flagged.filter(flagged["assay_kept"]).select(*columns)
