from __future__ import annotations

import math

import pytest

from assay.errors import ProjectError
from assay.monitoring import FalsePages, parse_false_pages
from assay.monitoring.policy import log_threshold


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/quarter", FalsePages(1.0, 92)),
        (" 0.05 / Quarter ", FalsePages(0.05, 92)),
        ("2/year", FalsePages(2.0, 366)),
        (".5/week", FalsePages(0.5, 7)),
    ],
)
def test_reads_allowances(text, expected):
    assert parse_false_pages(text) == expected


@pytest.mark.parametrize(
    "text", ["", "1", "one/quarter", "1/fortnight", "-1/week", "0/week", "1/day", "8/week", "1/week/2"]
)
def test_refuses_what_promises_nothing(text):
    with pytest.raises(ProjectError, match="false_pages"):
        parse_false_pages(text)


def test_a_probability_is_promised_only_below_one():
    assert parse_false_pages("0.25/quarter").alpha == 0.25
    assert parse_false_pages("1/quarter").alpha is None
    assert parse_false_pages("1/quarter").threshold == 92
    assert math.isclose(log_threshold(92, 0.05), math.log(1840))
