"""The page in a real browser: charts are drawn, nothing is fetched, nothing complains."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from assay.report import to_html

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-logging=stderr",
    "--virtual-time-budget=10000",
    "--dump-dom",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium or google-chrome on the path")


def opened(path, folder, *flags: str) -> tuple[str, list[str]]:
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", *flags, path.as_uri()],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


def test_charts_are_drawn_in_the_page_colors_and_the_console_is_silent(tmp_path, verdicts, context):
    path = tmp_path / "report.html"
    path.write_text(to_html(verdicts, context), encoding="utf-8")
    dom, complaints = opened(path, tmp_path / "profile")
    assert complaints == []
    figures = re.findall(r"<figure class=\"chart\".*?</figure>", dom, re.DOTALL)
    assert len(figures) == 8
    for figure in figures:
        assert 'data-drawn="yes"' in figure.split(">", 1)[0]
        assert re.search(r"<svg[^>]*class=\"marks\"", figure)
        assert figure.count("<path") > 3
    assert "var(--pass)" in "".join(figures)


def test_a_broken_chart_is_noticed(tmp_path, verdicts, context):
    path = tmp_path / "report.html"
    page = to_html(verdicts, context).replace('"mark":{"type":"tick"', '"mark":{"type":"no such mark"')
    path.write_text(page, encoding="utf-8")
    dom, complaints = opened(path, tmp_path / "profile")
    assert 'data-drawn="no"' in dom
    assert complaints
