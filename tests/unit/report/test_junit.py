from __future__ import annotations

from xml.etree import ElementTree

from assay.core import Claim, Guarantee, Verdict
from assay.report import ReportContext, to_junit


def test_suites_are_stages_and_cases_are_verdicts(verdicts, context):
    root = ElementTree.fromstring(to_junit(verdicts, context))
    assert [suite.get("name") for suite in root] == ["data", "feasibility", "debugging", "gate", "serving", "monitor"]
    assert len(root.findall("testsuite/testcase")) == len(verdicts)
    assert {key: root.get(key) for key in ("tests", "failures", "errors", "skipped", "time")} == {
        "tests": "34",
        "failures": "4",
        "errors": "1",
        "skipped": "2",
        "time": "3.420",
    }


def test_inconclusive_fails_only_when_it_blocks(verdicts, context):
    root = ElementTree.fromstring(to_junit(verdicts, context))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert cases["better"].find("failure").get("type") == "inconclusive"
    assert cases["worth-starting"].find("failure") is None
    assert cases["worth-starting"].find("skipped").get("message").startswith("inconclusive: ")
    assert cases["no-slice-worse[evening]"].find("failure").get("type") == "fail"
    assert cases["weather-join"].find("error") is not None
    assert [child.tag for child in cases["good-enough"]] == ["properties"]


def test_properties_carry_interval_and_guarantee(verdicts, context):
    root = ElementTree.fromstring(to_junit(verdicts, context))
    case = next(case for case in root.iter("testcase") if case.get("name") == "good-enough")
    found = {each.get("name"): each.get("value") for each in case.iter("property")}
    assert found["interval"] == "[0.120, 0.163]"
    assert found["need"] == "< 0.17"
    assert found["guarantee"] == "exact, 1% false pass, over 32 adaptive answers"


def test_any_text_gives_valid_xml_and_is_kept():
    nasty = 'a < b & "c" ]]> \x00\x1b\ufffe é'
    verdict = Verdict(
        status="fail",
        check=nasty,
        code="VAL101",
        stage="data",
        claim=Claim(nasty),
        subject="</testcase>",
        guarantee=Guarantee.none(nasty),
        reason=nasty,
    )
    data = to_junit([verdict], ReportContext(project=nasty))
    case = ElementTree.fromstring(data).find("testsuite/testcase")
    kept = 'a < b & "c" ]]> \ufffd\ufffd\ufffd é'
    assert case.get("name") == f"{kept}[</testcase>]"
    assert case.find("failure").get("message") == kept
    assert to_junit([verdict], ReportContext(project=nasty)) == data
