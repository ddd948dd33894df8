"""The edit of a schema file that would accept what a verdict found, and its application, comments kept."""

from __future__ import annotations

import math
import tomllib
from typing import TYPE_CHECKING, Any

import msgspec

from assay.core import Action
from assay.errors import DataError, UsageError
from assay.validation.schema import Schema, toml_key, toml_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.core import Verdict
    from assay.validation.rules import Rule


class Edit(msgspec.Struct, frozen=True):
    """A key of a schema file, and its new value.

    Parameters
    ----------
    key : str
        Dotted, as in TOML: ``"columns.origin.nulls.at_most"``; an entry of a list is named by its number from 0:
        ``"relations.0.at_most"``.
    value : number, str, bool, list or dict
    """

    key: str
    value: Any

    @classmethod
    def parse(cls, text: str) -> Edit:
        """Read ``KEY=VALUE``, the value being TOML's; a text needs no quotes.

        Raises
        ------
        UsageError
            If there is no ``=`` or no key.
        """
        key, equals, value = text.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise UsageError(f"{text!r} is no edit: write KEY=VALUE, such as columns.origin.nulls.at_most=0.05")
        _steps(key.strip())
        try:
            return cls(key.strip(), tomllib.loads(f"value = {value}")["value"])
        except tomllib.TOMLDecodeError:
            return cls(key.strip(), value.strip())

    def said(self) -> dict[str, float | int | str | bool | None]:
        """Give it as entries of :attr:`assay.core.Evidence.statistic`."""
        return {"edit": self.key, "edit_value": self.value}

    def __str__(self) -> str:
        return f"{self.key}={toml_value(self.value)}"


def at_most(rule: Rule, rate: float) -> Edit:
    """Propose the limit that would accept a share, rounded up to three digits."""
    if rule.place[-1] in ("unique", "shape"):
        return Edit(_dotted(rule.place), False if rule.place[-1] == "unique" else [])
    return Edit(_dotted((*rule.place, "at_most")), rounded_up(rate))


def rounded_up(value: float) -> float:
    """Round up to three significant digits."""
    if value <= 0 or not math.isfinite(value):
        return value
    scale = 10.0 ** (2 - math.floor(math.log10(value)))
    return float(f"{math.ceil(value * scale - 1e-9) / scale:.12g}")


def accept(edit: Edit) -> Action:
    """Propose an edit to a person."""
    said = str(edit).replace("'", "'\\''")
    return Action(
        f"set {edit.key} to {toml_value(edit.value)} in the schema file",
        f"assay schema edit '{said}'",
        effect="accepts this batch, if it is right",
    )


def proposed_edits(verdicts: Iterable[Verdict]) -> list[Edit]:
    """Give the edits of the schema file that would accept what failed; for each key the widest.

    Parameters
    ----------
    verdicts : iterable of Verdict
        Of :func:`assay.validation.validate`.

    Returns
    -------
    list of Edit
        Applying all of them absorbs any fault: each is for a person to judge.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from assay.validation import Schema, validate
    >>> schema = Schema.from_toml('version = 1\\n[columns.a]\\ntype = "integer"\\nnulls = "never"')
    >>> [str(edit) for edit in proposed_edits(validate(pa.table({"a": [1, 2, None]}), schema))]
    ['columns.a.nulls.at_most=0.334']
    """
    found: dict[str, Edit] = {}
    for verdict in verdicts:
        key, value = (verdict.evidence.statistic.get(word) for word in ("edit", "edit_value"))
        if not isinstance(key, str) or not verdict.failed:
            continue
        before = found.get(key)
        smaller = key.rpartition(".")[2] in ("min", "ratio_min", "columns_min")
        if (
            before is None
            or isinstance(value, (str, bool))
            or ((value or 0) < before.value if smaller else (value or 0) > before.value)
        ):
            found[key] = Edit(key, [] if key.endswith(".shape") else value)
    return list(found.values())


def apply_edits(text: str, edits: Iterable[Edit], path: str = "schema.toml") -> str:
    """Apply edits to the text of a schema file; comments and order are kept.

    Parameters
    ----------
    text : str
        Content of the file.
    edits : iterable of Edit
    path : str
        Name of the file, for messages.

    Returns
    -------
    str
        The new content, which :meth:`Schema.from_toml` reads.

    Raises
    ------
    DataError
        If the file cannot be read before or after; nothing is written in any case.

    Examples
    --------
    >>> before = 'version = 1\\n[columns.a]  # of the till\\ntype = "integer"\\nnulls = "never"\\n'
    >>> print(apply_edits(before, [Edit("columns.a.nulls.at_most", 0.1)]))
    version = 1
    [columns.a]  # of the till
    type = "integer"
    nulls = {at_most = 0.1}
    <BLANKLINE>
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    Schema.from_toml(text, path)
    document: Any = tomlkit.parse(text)
    for edit in edits:
        *steps, last = _steps(edit.key)
        here = document
        try:
            for depth, step in enumerate(steps):
                if isinstance(here, list):
                    here = here[int(step)]
                    continue
                inner = here.get(step)
                if not isinstance(inner, (dict, list)):
                    # A limit that is not there, or is the word "never", becomes a table of one line.
                    here[step] = tomlkit.table() if depth < 2 and steps[0] != "rows" else tomlkit.inline_table()
                    inner = here[step]
                here = inner
            here[last] = edit.value
        except (TOMLKitError, IndexError, ValueError, TypeError) as problem:
            raise DataError(f"{path}: {edit.key} cannot be set: {problem}") from problem
    changed = tomlkit.dumps(document)
    Schema.from_toml(changed, path)
    return changed


def _dotted(place: Iterable[str | int]) -> str:
    return ".".join(str(step) if isinstance(step, int) else toml_key(step) for step in place)


def _steps(key: str) -> list[str]:
    try:
        content: Any = tomllib.loads(f"{key} = 0")
    except tomllib.TOMLDecodeError as problem:
        raise UsageError(f"{key!r} is no key of a schema file: write it as columns.origin.nulls.at_most") from problem
    steps = []
    while isinstance(content, dict):
        [(step, content)] = content.items()
        steps.append(step)
    return steps
