from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from assay.core import Action, Claim, Evidence, Guarantee, Verdict
from assay.report import Answer, ReportContext, StoryStep, to_html, to_json

VOID = {"meta", "input", "br", "img", "link", "rect", "line"}


class Page(HTMLParser):
    """Elements, attributes and text of a page; fails on tags that do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.words.append(data)


@pytest.fixture(scope="module")
def text(verdicts, context) -> str:
    return to_html(verdicts, context)


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def test_the_page_loads_nothing(text, page):
    assert len(text) < 1_300_000
    for tag, attributes in page.elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "form"}
        assert "src" not in attributes
        assert not (attributes.get("href") or "#").startswith(("http", "//", "javascript"))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)[1]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "unsafe-eval" not in policy
    library = next(script for script in page.scripts if "window.vegaEmbed" in script)
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text.replace(library, "")))
    assert all(re.fullmatch(r"https://vega\.github\.io/schema/vega-lite/v[\d.]+json", each) for each in addresses)


def test_the_library_is_inlined_once_and_only_when_there_is_a_chart(text):
    assert text.count("window.vegaEmbed") == 1
    bare = Verdict(
        status="skipped", check="c", code="SRV101", stage="serving", claim=Claim("x"), guarantee=Guarantee.none("y")
    )
    assert len(to_html([bare])) < 20_000


def test_verdicts_come_first_then_what_to_do_then_the_story_then_the_checks(text):
    places = [
        text.index(mark) for mark in ('class="headline', 'id="verdicts"', 'id="next"', 'id="story"', 'class="check"')
    ]
    assert places == sorted(places)


def test_every_verdict_has_its_place_and_every_link_its_target(verdicts, page):
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    assert {f"v-{verdict.id}" for verdict in verdicts} <= set(ids)
    links = {attributes["href"][1:] for tag, attributes in page.elements if tag == "a"}
    assert links
    assert links <= set(ids)
    labelled = {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert labelled <= set(ids)


def test_intervals_are_drawn_without_a_script_and_say_their_numbers(page):
    labels = [
        a["aria-label"] for t, a in page.elements if t == "svg" and a.get("class") in ("fail", "pass", "inconclusive")
    ]
    assert "estimate -0.098, interval [-0.169, -0.027], need > -0.02, fail" in labels


def test_numbers_assumptions_sources_and_replay_are_told(verdicts, page):
    words = " ".join(page.words)
    for part in (
        "Late arrivals in New York, 2013",
        "[−0.024, +0.001]",
        "days are independent",
        "unverifiable",
        "Theorem 2.4",
        "8,100 labels, about 22 h",
        "Is it still right?",
        "Eleven quiet weeks",
        "21 of 32 answers spent",
        "the chain verifies",
    ):
        assert part in words
    for verdict in verdicts:
        assert f"assay explain {verdict.id}" in words


def test_each_chart_has_its_table(text, page):
    figures = [attributes for tag, attributes in page.elements if tag == "figure"]
    assert len(figures) == 8
    assert all(attributes["aria-label"] for attributes in figures)
    for section in re.findall(r'<section class="check".*?</section>', text, re.DOTALL):
        assert section.count('class="chart"') <= section.count("<table>")
    assert text.count("2013-05-05") > 1


def test_the_json_in_the_page_is_the_report(verdicts, context, text):
    data = re.search(r'<script type="application/json" id="assay-report">(.*?)</script>', text, re.DOTALL)[1]
    assert json.loads(data) == json.loads(to_json(verdicts, context))


def test_no_text_can_become_markup_or_script():
    evil = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\'"<!--'
    verdict = Verdict(
        status="fail",
        check=evil,
        code="GAT101",
        stage="gate",
        claim=Claim(evil, evil),
        subject=evil,
        reason=evil,
        guarantee=Guarantee.exact(0.05, evil, source=evil),
        actions=(Action(evil, evil, effect=evil),),
        evidence=Evidence(
            estimate=0.2,
            lower=0.1,
            upper=0.3,
            limit=0.05,
            measure=evil,
            method=evil,
            unit=evil,
            units=3,
            statistic={evil: evil},
            fingerprints={evil: evil},
            series={evil: [evil], "n": [1]},
        ),
    )
    context = ReportContext(
        project=evil,
        title=evil,
        created=evil,
        version=evil,
        ledger=evil,
        answers=(Answer(evil, evil, verdict.id),),
        story=(StoryStep(evil, evil, evil, (verdict.id,)),),
    )
    text = to_html([verdict], context)
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert "img" not in tags
    assert len([tag for tag, _ in page.elements if tag == "script"]) == 6
    assert all(not name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert "<script>alert" not in text
    assert any("alert(1)" in words for words in page.words)


def test_the_same_input_gives_the_same_page(verdicts, context, text):
    assert to_html(verdicts, context) == text
