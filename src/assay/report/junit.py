"""Verdicts as JUnit XML, which every CI service reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from assay.core.waiver import waiver_of
from assay.report.context import ReportContext
from assay.report.figures import figures
from assay.report.words import STAGES, evidence_words, explained

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assay.core.verdict import Verdict
    from assay.core.waiver import Waiver

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(verdicts: Sequence[Verdict], context: ReportContext | None = None) -> bytes:
    """Encode verdicts as JUnit XML: a suite for each stage, a case for each verdict.

    ``fail`` is a failure of type ``fail``; ``inconclusive`` is a failure of type ``inconclusive`` when it blocks, else
    skipped; ``error`` is an error; ``skipped`` is skipped, and so is what a waiver lets through. The interval, the limit and the guarantee are properties of
    the case.

    Returns
    -------
    bytes
        UTF-8 with XML declaration. The same input gives the same bytes.
    """
    context = context or ReportContext()
    root = ElementTree.Element("testsuites", name=_text(context.project or "assay"))
    found: list[ElementTree.Element] = []
    for stage in STAGES:
        of_stage = [verdict for verdict in verdicts if verdict.stage == stage]
        if not of_stage:
            continue
        suite = ElementTree.SubElement(root, "testsuite", name=stage)
        cases = [_case(verdict, waiver_of(verdict, context.waivers), context.recorded) for verdict in of_stage]
        suite.extend(cases)
        _count(suite, cases, sum(verdict.evidence.seconds for verdict in of_stage))
        if context.created:
            suite.set("timestamp", _text(context.created))
        found += cases
    total = sum(verdict.evidence.seconds for verdict in verdicts) if context.seconds is None else context.seconds
    _count(root, found, total)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _count(element: ElementTree.Element, cases: list[ElementTree.Element], seconds: float) -> None:
    element.set("tests", str(len(cases)))
    for plural, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(plural, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{seconds:.3f}")


def _case(verdict: Verdict, waiver: Waiver | None, recorded: bool) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        classname=_text(f"assay.{verdict.stage}.{verdict.code}"),
        name=_text(verdict.name),
        time=f"{verdict.evidence.seconds:.3f}",
    )
    properties = ElementTree.SubElement(case, "properties")
    for name, value in [*_properties(verdict), ("waiver", str(waiver) if waiver is not None else "")]:
        if value:
            ElementTree.SubElement(properties, "property", name=name, value=_text(value))
    message = _text(verdict.reason or verdict.status)
    if waiver is not None:
        outcome = ElementTree.SubElement(case, "skipped", message=_text(f"{verdict.status}, {waiver}"))
    elif verdict.status == "fail" or (verdict.blocking and verdict.status in ("inconclusive", "skipped")):
        outcome = ElementTree.SubElement(case, "failure", type=verdict.status, message=message)
    elif verdict.status == "error":
        outcome = ElementTree.SubElement(case, "error", type="error", message=message)
    elif verdict.passed:
        return case
    else:
        outcome = ElementTree.SubElement(case, "skipped", message=_text(f"{verdict.status}: {message}"))
    outcome.text = _text("\n".join(_body(verdict, recorded)))
    return case


def _properties(verdict: Verdict) -> list[tuple[str, str]]:
    found = figures(verdict)
    return [
        ("id", verdict.id),
        ("status", verdict.status),
        ("blocking", "true" if verdict.blocking else "false"),
        ("claim", str(verdict.claim)),
        ("estimate", found.estimate),
        ("interval", found.interval),
        ("need", found.need),
        ("evidence", evidence_words(verdict)),
        ("guarantee", str(verdict.guarantee)),
        *(("assumes", f"{each.text} ({each.status})") for each in verdict.guarantee.assumptions),
    ]


def _body(verdict: Verdict, recorded: bool) -> list[str]:
    found = figures(verdict)
    numbers = ", ".join(part for part in (found.measured, found.wanted) if part)
    rows = [f"claim: {verdict.claim}", f"numbers: {numbers}" if numbers else "", f"guarantee: {verdict.guarantee}"]
    return [
        *filter(None, rows),
        *(f"next: {action}" for action in verdict.actions),
        f"more: {explained(verdict, recorded)}",
    ]


def _text(text: str) -> str:
    """Text without what XML 1.0 forbids, which would make the whole file unreadable."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
