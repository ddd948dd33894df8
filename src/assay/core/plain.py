"""Text that is safe and exact on any screen: no control characters, and ASCII alone where asked."""

from __future__ import annotations

import unicodedata

_ASCII = str.maketrans(
    {
        "·": "|",
        "…": "...",
        "≤": "<=",
        "≥": ">=",
        "±": "+/-",
        "→": "->",
        "×": "x",
        "–": "-",
        "—": "-",
        "−": "-",
        "─": "-",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "\N{NO-BREAK SPACE}": " ",
    }
)
_UNSHOWN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def plain(text: str, *, ascii_only: bool = False) -> str:
    """One line of text that shows what it holds.

    White space of any kind becomes a space. Characters that move the cursor, reverse the reading direction or show
    nothing are written as escapes, so that a column's name can neither color nor forge a line of a report.

    Parameters
    ----------
    text : str
    ascii_only : bool
        Write typographic signs in ASCII (``≤`` as ``<=``) and all else outside ASCII as escapes.

    Examples
    --------
    >>> plain("age\\x1b[31m\\n>= 65"), plain("p ≤ 0.05 für", ascii_only=True)
    ('age\\\\x1b[31m >= 65', 'p <= 0.05 f\\\\xfcr')
    """
    text = " ".join(text.split())
    if any(unicodedata.category(char) in _UNSHOWN for char in text):
        text = "".join(_escape(char) if unicodedata.category(char) in _UNSHOWN else char for char in text)
    if ascii_only:
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
    return text


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
