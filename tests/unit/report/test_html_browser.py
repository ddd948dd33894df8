"""The page in a real browser: charts are drawn, nothing is fetched, nothing complains."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from assay.core.portrait import Bars, ColumnPortrait, Fact, Portrait
from assay.report import to_html
from assay.report.portrait import portrait_html

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


PROBE = """<script>
const [search, order] = document.querySelectorAll("form.filter input[type=search], form.filter select");
const shown = () => [...document.querySelectorAll("section.columns article")]
  .filter((row) => row.getBoundingClientRect().height).map((row) => row.querySelector("h3").textContent);
const found = {all: shown(), wide: document.documentElement.scrollWidth > innerWidth};
const type = (words) => { search.value = words; search.dispatchEvent(new Event("input", {bubbles: true})); };
type("DELAY arr"); found.filtered = shown(); found.count = document.querySelector("output").textContent;
type("");
document.querySelector(".differ").click(); found.differ = shown();
document.querySelector(".differ").click();
order.value = "moved"; order.dispatchEvent(new Event("change", {bubbles: true})); found.moved = shown();
document.body.dataset.found = JSON.stringify(found);
</script></body>"""


@pytest.fixture
def portrait():
    bars = Bars(names=("1 to 2", "2 to 3"), shares=((0.5, 0.5), (0.1, 0.9)), ends=("1", "3"))
    names = ("dep_delay", "arr_delay", "same", "a_name_that_goes_on_and_on_" * 4)
    columns = [
        ColumnPortrait(
            name=name,
            types=("float64", "float64"),
            facts=(Fact("mean", ("1", "1" if name == "same" else "2")),),
            bars=bars,
            moved=place / 10,
        )
        for place, name in enumerate(names)
    ]
    return Portrait(names=("one.csv", "two.csv"), rows=(10, 20), columns=tuple(columns))


@pytest.mark.parametrize("width", [500, 1100])
def test_it_filters_and_orders_and_fits(tmp_path, portrait, width):
    path = tmp_path / "page.html"
    path.write_text(portrait_html(portrait).replace("</body>", PROBE), encoding="utf-8")
    dom, complaints = opened(path, tmp_path / "profile", f"--window-size={width},900")
    assert complaints == []
    found = json.loads(re.search(r'data-found="([^"]*)"', dom)[1].replace("&quot;", '"'))
    names = [column.name for column in portrait.columns]
    assert found["all"] == names
    assert not found["wide"]
    assert found["filtered"] == ["arr_delay"]
    assert found["count"] == "1 of 4 columns"
    assert found["differ"] == [names[0], names[1], names[3]]
    assert found["moved"] == names[::-1]


def test_the_page_stands_alone(portrait):
    page = portrait_html(portrait)
    assert "default-src 'none'" in page
    assert not re.search(r'(src|href)="', page)
    assert len(page) < 30_000


VERDICTS = """<script>
const table = document.querySelector(".verdicts");
const cut = [...table.querySelectorAll("tbody td, tbody th")].filter((cell) => {
  const place = cell.getBoundingClientRect();
  return place.width && (place.right > innerWidth || cell.scrollWidth > cell.clientWidth + 1);
}).map((cell) => cell.textContent);
const promises = [...table.querySelectorAll("td.promise")];
document.body.dataset.found = JSON.stringify({
  cut, wide: document.documentElement.scrollWidth > innerWidth || table.parentNode.scrollWidth > table.parentNode.clientWidth,
  promises: promises.length, shown: promises.filter((cell) => cell.getBoundingClientRect().width > 40).length});
</script></body>"""


@pytest.mark.parametrize("width", [390, 800, 1100, 1280])
def test_no_guarantee_is_cut_on_any_screen(tmp_path, verdicts, context, width):
    path = tmp_path / "report.html"
    page, _, end = to_html(verdicts, context).rpartition("</body>")
    path.write_text(page + VERDICTS + end, encoding="utf-8")
    dom, complaints = opened(path, tmp_path / "profile", f"--window-size={width},900")
    assert complaints == []
    found = json.loads(re.search(r'data-found="([^"]*)"', dom)[1].replace("&quot;", '"'))
    assert found["cut"] == []
    assert not found["wide"]
    assert found["promises"] == found["shown"] > 5
