"""The pieces that the page is built of; each escapes what it is given."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from assay.core.plain import plain
from assay.report.words import price, prompt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from assay.core.action import Action
    from assay.core.verdict import Verdict

_WORD = {
    "pass": "✓ pass",
    "fail": "✕ fail",
    "inconclusive": "? inconclusive",
    "skipped": "– skipped",
    "error": "! error",
}


def data_script(identity: str, data: str) -> str:
    """JSON within HTML: no character in it can end the element."""
    safe = data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    mark = f' id="{identity}"' if identity else ""
    return f'<script type="application/json"{mark}>{safe}</script>'


def text(words: str) -> str:
    """Words on one line, escaped for elements and attributes."""
    return escape(plain(words))


def number(figure: str) -> str:
    """A number with true signs; the minus is as wide as a plus."""
    figure = figure.replace("<=", "≤").replace(">=", "≥")
    return text(figure).replace("-", "−") if "e-" not in figure else text(figure)


def status_mark(verdict: Verdict) -> str:
    """The status as a sign, a word and a color."""
    return f'<span class="status {verdict.status}">{_WORD[verdict.status]}</span>'


def action_items(actions: Iterable[Action]) -> str:
    """Next steps as items of a list: title, price, effect, command."""
    out = []
    for action in actions:
        cost = price(action)
        out.append(
            f"<li><strong>{text(action.title)}</strong>{f' <span class=price>{text(cost)}</span>' if cost else ''}"
            f"{f'<br><span class=effect>{text(action.effect)}</span>' if action.effect else ''}"
            f"{command(action.command) if action.command else ''}</li>"
        )
    return "".join(out)


def command(line: str) -> str:
    """A command with a button that copies it."""
    return (
        f'<div class="command"><code data-prompt="{text(prompt(line))}">{text(line)}</code>'
        '<button class="copy" type="button" hidden>copy</button></div>'
    )
