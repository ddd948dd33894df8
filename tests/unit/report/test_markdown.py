from __future__ import annotations

import re
from datetime import date

import msgspec

from assay.core import Claim, Evidence, Guarantee, Verdict, Waiver
from assay.report import ReportContext, to_markdown


def visible(text: str) -> list[str]:
    text = re.sub(r"(<details>\n<summary>.*?</summary>).*?</details>", r"\1", text, flags=re.DOTALL)
    return [line for line in text.splitlines() if line and not line.startswith("<!--")]


def test_marker_headline_blocking_table_and_one_action(verdicts, context):
    text = to_markdown(verdicts, context)
    rows = text.splitlines()
    assert rows[0] == "<!-- assay:report:flights -->"
    assert rows[1] == "### Blocked: 2 failed, 1 error, 1 inconclusive of 30 blocking verdicts"
    shown = visible(text)
    assert len(shown) <= 25
    assert sum(row.startswith("| <code>") for row in shown) == 7
    assert not any("still-right" in row for row in shown)
    assert sum("**Next:**" in row for row in shown) == 1
    assert "| -0.012 \\[" not in text
    assert "11 of 32 answers left" in text


def test_many_blocking_verdicts_stay_within_25_lines(context):
    verdicts = [
        Verdict(
            status="fail",
            check=f"check-{place}",
            code="GAT101",
            stage="gate",
            claim=Claim("n < 0.1"),
            blocking=True,
            guarantee=Guarantee.exact(0.05, "false pass"),
            evidence=Evidence(estimate=0.2, lower=0.15, limit=0.1),
        )
        for place in range(60)
    ]
    shown = visible(to_markdown(verdicts, context))
    assert len(shown) <= 25
    assert "and 49 more blocking lines below." in shown


def test_text_from_data_makes_no_markup_no_link_and_no_mention():
    nasty = "a|b\n<img src=x onerror=1> `c` **d** [e](http://f) @octocat <!-- --> #12 www.g.org"
    verdict = Verdict(
        status="error",
        check=nasty,
        code="VAL101",
        stage="data",
        claim=Claim(nasty),
        subject=nasty,
        guarantee=Guarantee.none("x"),
        reason=nasty,
        blocking=True,
    )
    text = to_markdown([verdict], ReportContext(project="--> <b>", ledger=nasty))
    rows = [row for row in text.splitlines() if row.startswith("| <code>")]
    assert rows
    assert all(row.count("|") == 7 for row in rows)
    for forbidden in ("<img", "**d**", "](", "://", "@octocat", "`", "#12", "www.g"):
        assert forbidden not in text.replace("###", "").replace("&#", "")
    assert text.splitlines()[0] == "<!-- assay:report:_____b_ -->"


def test_all_passed_is_one_calm_sentence(context):
    verdict = Verdict(
        status="pass",
        check="ok",
        code="GAT101",
        stage="gate",
        claim=Claim("n < 0.1"),
        blocking=True,
        guarantee=Guarantee.exact(0.05, "false pass"),
    )
    text = to_markdown([verdict], ReportContext())
    assert "### Clear: the one blocking verdict passed" in text
    assert "**Next:**" not in text


def test_a_comment_fits_the_host_and_its_25_lines_whatever_is_in_it(context):
    verdicts = [
        Verdict(
            status="fail",
            check=f"check-{place}",
            code="GAT101",
            stage="gate",
            claim=Claim("n < 0.1 and " * 30),
            blocking=True,
            reason="because " * 40,
            guarantee=Guarantee.exact(0.05, "false pass"),
            evidence=Evidence(estimate=0.2, lower=0.15, limit=0.1),
        )
        for place in range(150)
    ]
    waivers = tuple(Waiver(f"check-{place}", "ann", "labels are late", date(2999, 1, 1)) for place in range(2))
    framed = msgspec.structs.replace(context, waivers=waivers)
    text = to_markdown(verdicts, framed, "https://ci.example.org/runs/1")
    assert len(text) < 65_536
    assert "too much for a comment, see the HTML report." in text
    assert "<details>" not in text
    short = to_markdown(verdicts[:15], framed, "https://ci.example.org/runs/1")
    assert "### Blocked: 13 failed of 15 blocking verdicts, 2 failed waived" in short
    assert "<code>check-0</code> waived by ann until 2999-01-01: labels are late" in short
    assert "| **fail**, waived |" in short
    assert "[Full report and pictures](https://ci.example.org/runs/1)" in short
    assert len(visible(short)) <= 25


def test_a_link_that_is_none_is_left_out(verdicts):
    for link in ("", "javascript:alert(1)", "https://a b", "https://a)[x](https://b"):
        assert "Full report" not in to_markdown(verdicts, link=link)


def test_what_is_withheld_is_said_to_be(verdicts):
    gate = next(verdict for verdict in verdicts if verdict.check == "better")
    hidden = msgspec.structs.replace(gate, evidence=Evidence(n=600))
    assert "| withheld |" in to_markdown([hidden], ReportContext(disclose="verdict"))
    assert "| not shown |" in to_markdown([hidden], ReportContext(disclose="estimate"))
