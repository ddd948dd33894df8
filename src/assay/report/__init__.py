"""What people and programs read: verdicts as text, JSON, XML, Markdown, HTML and charts."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.report.context import Answer, BudgetLine, ReportContext, StoryStep
    from assay.report.html import to_html
    from assay.report.json import report_schema, to_json, verdict_schema
    from assay.report.junit import to_junit
    from assay.report.markdown import to_markdown
    from assay.report.terminal import print_verdicts, render

_HOME = {
    "Answer": "context",
    "BudgetLine": "context",
    "ReportContext": "context",
    "StoryStep": "context",
    "print_verdicts": "terminal",
    "render": "terminal",
    "report_schema": "json",
    "to_html": "html",
    "to_json": "json",
    "to_junit": "junit",
    "to_markdown": "markdown",
    "verdict_schema": "json",
}

__all__ = [
    "Answer",
    "BudgetLine",
    "ReportContext",
    "StoryStep",
    "print_verdicts",
    "render",
    "report_schema",
    "to_html",
    "to_json",
    "to_junit",
    "to_markdown",
    "verdict_schema",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
