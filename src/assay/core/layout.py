"""Text that fits a screen: wrapped between words, never cut, and no number broken."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Collection, Sequence

WIDTH = 80
"""Columns where neither a terminal nor ``COLUMNS`` says otherwise."""
_HANG = 4
_WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*"|['"])+""")


def screen_width() -> int:
    """Columns of the screen: what ``COLUMNS`` says, else the terminal, else :data:`WIDTH`; 40 at least."""
    return max(40, shutil.get_terminal_size((WIDTH, 24)).columns)


def fit(text: str, width: int) -> str:
    """Wrap each line that is too wide between words; what goes on below it is indented further.

    Examples
    --------
    >>> print(fit("  a line of many words", 16))
      a line of many
          words
    """
    return "\n".join(part for line in text.split("\n") for part in _fit_line(line, width))


def columns(
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    right: Collection[int] = (),
    head: bool = False,
    notes: Sequence[str] = (),
) -> list[str]:
    """Set cells in columns; those for which the screen has no room go below each row.

    Parameters
    ----------
    rows : sequence of rows of as many cells
    width : int
    right : collection of int
        Columns that are set flush right.
    head : bool
        Whether the first row names the columns; what goes below a row then has its name before it.

    notes : sequence of str, as many as rows
        What is said below a row; empty for nothing.

    Examples
    --------
    >>> rows = [("column", "mean", "most frequent"), ("late", "0.26", "0 74%, 1 26%")]
    >>> print("\\n".join(columns(rows, 80, right={1}, head=True)))
    column  mean  most frequent
    late    0.26  0 74%, 1 26%
    >>> print("\\n".join(columns(rows, 30, right={1}, head=True)))
    column  mean
    late    0.26
        most frequent 0 74%, 1 26%
    """
    if not rows:
        return []
    wide = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    count = len(wide)
    while count > 1 and max(len(_row(row[:count], wide, right)) for row in rows) > width:
        count -= 1
    names = rows[0] if head else [""] * len(wide)
    lines = []
    for place, row in enumerate(rows):
        lines += _fit_line(_row(row[:count], wide, right), width)
        if head and place == 0:
            continue
        below = [f"{name} {cell}".strip() for name, cell in zip(names[count:], row[count:], strict=True) if cell]
        if below:
            lines += _fit_line(" " * _HANG + "  ".join(below), width)
        if notes and notes[place]:
            lines.append(notes[place])
    return lines


def _row(cells: Sequence[str], wide: Sequence[int], right: Collection[int]) -> str:
    set_ = (
        f"{cell:>{size}}" if place in right else f"{cell:<{size}}"
        for place, (cell, size) in enumerate(zip(cells, wide, strict=False))
    )
    return "  ".join(set_).rstrip()


def command_lines(command: str, width: int, *, shell: bool = True) -> list[str]:
    """Break a command between words, outside of quotes, so that it can be copied as it stands.

    Parameters
    ----------
    command : str
    width : int
        Room for each line.
    shell : bool
        Whether a line that goes on ends with a backslash; a query needs none.

    Examples
    --------
    >>> print("\\n".join(command_lines("assay labels suggest late --output 'to label.csv'", 30)))
    assay labels suggest late \\
      --output 'to label.csv'
    """
    mark = " \\" if shell else ""
    lines = [""]
    for word in _WORD.findall(command):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if len(longer) + len(mark) <= width or not lines[-1].strip() or len(command) <= width:
            lines[-1] = longer
        else:
            lines[-1] += mark
            lines.append(f"  {word}")
    return lines


def _fit_line(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    words = line.lstrip()
    lead = " " * (len(line) - len(words))
    return textwrap.wrap(
        words, width, initial_indent=lead, subsequent_indent=lead + " " * _HANG, break_long_words=False,
        break_on_hyphens=False, expand_tabs=False, replace_whitespace=False,
    )  # fmt: skip
