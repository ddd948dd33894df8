"""The page of measured error rates speaks of every simulation, and keeps every promise."""

from __future__ import annotations

import re

import measured

PAGE = measured.PAGE.read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \| (\d+)% \| ([\d.]+)% \(at most ([\d.]+)%\) \| *(\d+%)? *\|$", re.MULTILINE)


def test_every_simulation_is_on_the_page() -> None:
    wanted = [(name, detail) for _, _, _, rows in measured.SECTIONS for name, detail, *_ in rows()]
    assert [(name, detail.strip("`")) for name, detail, *_ in ROW.findall(PAGE)] == wanted


def test_every_promise_on_the_page_is_kept_and_every_broken_variant_is_not() -> None:
    runs = int(re.search(r"share of ([\d,]+) runs", PAGE).group(1).replace(",", ""))  # type: ignore[union-attr]
    assert runs >= 1000
    for name, _, promised, realised, *_ in ROW.findall(PAGE):
        # Four standard deviations above the promise are no chance.
        most = float(promised) + 400 * (float(promised) / 100 / runs) ** 0.5
        assert (float(realised) > most) == ("(broken)" in name), name
