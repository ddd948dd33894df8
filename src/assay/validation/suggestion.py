"""A rule that data suggest, and what it will cost in false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from assay.core.nearest import did_you_mean
from assay.errors import UsageError
from assay.validation import limits
from assay.validation.column import Column
from assay.validation.relations import Relation
from assay.validation.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from assay.validation.column import Type


# Stands in a rule for the share that its limit allows, until that is known.
LIMIT = "{limit}"


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, for a person to accept or not.

    Parameters
    ----------
    name : str
        ``"nulls:delay"``; for a rule over several columns ``"order:created_at<=paid_at"``.
    kind : {"never", "at_most", "drift"}
    rule : str
        In words.
    n, k : int
        Reference rows that could have broken the rule, and those that did. For a rule that was learned from one half
        of the rows, those of the other half.
    bound : float or None
        Upper bound on the share of rows that break it. ``None`` for drift.
    error : float
        Probability that ``bound`` is below the true share, if rows are independent.
    predicted : float or None
        False alarms a year; ``None`` where rows depend on each other, so that nothing can be predicted.
    basis : str
        What the prediction rests on.
    column, family, limit : str, str, Limit or Drift
        Where the rule goes in the schema; empty for a relation.
    relation : Relation or None
    """

    name: str
    kind: Literal["never", "at_most", "drift"]
    rule: str
    n: int
    k: int
    bound: float | None
    error: float
    predicted: float | None
    basis: str
    column: str = ""
    family: str = ""
    limit: limits.Limit | limits.Drift | bool | None = None
    relation: Relation | None = None


class Suggestions(list[Suggestion]):
    """Suggestions in a table; none is accepted before somebody says so.

    Attributes
    ----------
    types : mapping of str to str
        Kind of each column of the reference.
    rows : int
        Of a batch, as the predictions take it.
    cadence : str
    alpha : float
        Error probability of a check of one batch that keeps the promise of false alarms a year.
    left_out : tuple of str
        What was not looked at, and why.
    """

    def __init__(
        self,
        found: Iterable[Suggestion],
        *,
        name: str,
        types: Mapping[str, Type],
        unit: str | None,
        rows: int,
        cadence: str,
        alpha: float,
        left_out: tuple[str, ...] = (),
    ) -> None:
        super().__init__(found)
        self.name, self.types, self.unit = name, types, unit
        self.rows, self.cadence, self.alpha, self.left_out = rows, cadence, alpha, left_out

    def named(self, *names: str) -> list[Suggestion]:
        """Give suggestions by name; with no names all that are no ``never``.

        Raises
        ------
        UsageError
            If a name is none of the suggestions'.
        """
        known = {one.name: one for one in self}
        for name in names:
            if name not in known:
                raise UsageError(f"no suggestion {name!r}; {did_you_mean(name, known, 'suggestions')}")
        return [known[name] for name in names] if names else [one for one in self if one.kind != "never"]

    def accept(self, *names: str, schema: Schema | None = None) -> Schema:
        """Put suggestions into a schema; with no names all that are no ``never``.

        Raises
        ------
        UsageError
            If a name is none of the suggestions'.
        """
        chosen = self.named(*names)
        base = schema or Schema(
            name=self.name, unit=self.unit, columns={column: Column(type=kind) for column, kind in self.types.items()}
        )
        columns, relations = dict(base.columns), list(base.relations)
        for one in chosen:
            if one.relation is not None:
                if one.relation not in relations:
                    relations.append(one.relation)
                continue
            before = columns.get(one.column) or Column(type=self.types[one.column])
            columns[one.column] = msgspec.structs.replace(before, **{one.family: one.limit})
        return msgspec.structs.replace(base, columns=columns, relations=tuple(relations))

    def __str__(self) -> str:
        total = sum(one.predicted or 0.0 for one in self if one.kind != "never")
        head = (
            f"{len(self)} suggestions from {self.name or 'the table'}; for {self.cadence} batches of {self.rows:,} rows, "
            f"checked at alpha = {self.alpha:.3g}"
        )
        lines = [head, ""]
        for one in self:
            evidence = f"{one.k:,} of {one.n:,} rows break it" if one.n else "to be tested"
            if one.bound is not None:
                evidence += f", at most {100 * one.bound:.3g}% do ({100 * (1 - one.error):.4g}% sure)"
            lines += [f"{one.name}  [{one.kind}]", f"    {one.rule}", f"    {evidence}; {_alarms(one)}"]
        lines += ["", f"All but the `never` rules together: {_count(total)} false alarms a year are predicted."]
        return "\n".join([*lines, *(f"Left out: {why}." for why in self.left_out)])

    __repr__ = __str__


def _alarms(one: Suggestion) -> str:
    if one.kind == "never":
        return f"false alarms a year: {one.basis}"
    if one.predicted is None:
        return f"no prediction: {one.basis}"
    return f"{_count(one.predicted)} false alarms a year ({one.basis})"


def _count(alarms: float) -> str:
    return "under 0.01" if alarms < 0.01 else f"{alarms:.2g}"
