"""Charts of what to buy."""

from __future__ import annotations

import json

import vl_convert

from assay.core import Evidence
from assay.core.palette import vega_config
from assay.core.simplex import bought_rows, mix_lines, simplex_chart
from assay.feasibility.acquisition_design import mixes_of_money


def evidence(sources):
    names = ["forms", "calls", "chats", "mails"][:sources]
    series = {
        "source": names,
        "rows_to_buy": [100 * (place + 1) for place in range(sources)],
        "rows_lower": [50] * sources,
        "rows_upper": [500] * sources,
        "money": [1 / sources] * sources,
    }
    if sources < 4:
        shares = mixes_of_money(sources)
        series |= {f"mix_{place + 1}": [float(share) for share in shares[:, place]] for place in range(sources)}
        series["times_least"] = [float(1 + (mix**2).sum() - 1 / sources) for mix in shares]
    return Evidence(series=series)


def test_charts_draw():
    for sources, panels in ((2, 2), (3, 2), (4, 1)):
        chart = simplex_chart(evidence(sources))
        assert len(chart["vconcat"]) == panels
        svg = vl_convert.vegalite_to_svg(json.dumps(chart), config=vega_config("light"))
        assert "forms" in svg
        assert "calls" in svg
    assert simplex_chart(Evidence(series={"source": ["a"]})) is None


def test_two_sources_are_a_line_of_characters():
    (line,) = mix_lines(evidence(2))
    assert line.startswith("calls - ")
    assert line.endswith(" - forms")
    marks = line.split()[1:-1]
    assert len(marks) == 25
    assert marks.index("x") == 12
    assert (marks[11], marks[9], marks[0]) == ("#", "+", "-")


def test_three_sources_are_a_triangle():
    lines = mix_lines(evidence(3))
    assert lines[0].strip() == "chats"
    assert lines[-1].startswith("forms ")
    assert lines[-1].endswith(" calls")
    # Each row is set in the middle.
    assert {2 * (len(line) - len(line.lstrip())) + len(line.strip()) for line in lines[2:-1]} == {37}
    marks = [line.replace("forms", "").replace("calls", "").split() for line in lines[1:]]
    assert [len(row) for row in marks] == list(range(1, 14))
    assert marks[8][4] == "x"


def test_four_sources_have_rows_alone():
    assert mix_lines(evidence(4)) == []
    assert [row[0] for row in bought_rows(evidence(4))] == ["forms", "calls", "chats", "mails"]
    assert bought_rows(Evidence()) == []
