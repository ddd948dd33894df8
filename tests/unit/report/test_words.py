from __future__ import annotations

import pytest

from assay.core import Guarantee
from assay.report import ReportContext
from assay.report.words import brief_guarantee, groups, headline, least_guarantee, lines, next_actions


@pytest.mark.parametrize(
    ("guarantee", "brief", "least"),
    [
        (Guarantee.exact(0.05, "false pass, per check"), "exact, 5% false pass, per check", "exact 5%"),
        (Guarantee.exact(0.01, "false pass, over 32 adaptive answers"), "exact, 1% false pass", "exact 1%"),
        (Guarantee.exact(0, ""), "exact, a fact that was read", "exact, fact"),
        (Guarantee.estimate("no bound"), "estimate, no error bound", "estimate"),
        (Guarantee.none("nothing"), "no guarantee", "none"),
        (
            Guarantee.asymptotic(0.1, "one two three four five six seven"),
            "asymptotic, 10% one two three four",
            "asymptotic 10%",
        ),
    ],
)
def test_a_guarantee_fits_six_words(guarantee, brief, least):
    assert brief_guarantee(guarantee) == brief
    assert len(brief.split()) <= 6
    assert least_guarantee(guarantee) == least


def test_stages_come_in_the_order_of_a_life_and_the_worst_line_first(verdicts):
    found = groups(reversed(verdicts))
    stages = [group.stage for group in found]
    assert stages == sorted(stages, key=["data", "feasibility", "debugging", "gate", "serving", "monitor"].index)
    slices = next(group for group in found if group.check == "no-slice-worse")
    assert [line.first.status for line in lines(slices, fold=False)] == ["fail", "pass", "pass", "pass"]
    assert [len(line.verdicts) for line in lines(slices)] == [1, 3]


def test_the_headline_counts_only_what_blocks(verdicts):
    assert headline(verdicts) == "Blocked: 2 failed, 1 error, 1 inconclusive of 30 blocking verdicts"
    assert headline([v for v in verdicts if v.blocking and v.passed]) == "Clear: all 26 blocking verdicts passed"
    assert headline([v for v in verdicts if v.check == "still-right"]) == "Nothing blocks: 1 failed"
    assert headline([]) == "Nothing was checked"


def test_at_most_three_next_actions_blocking_first(verdicts, context):
    found = next_actions(verdicts, ReportContext())
    assert [action.title for action in found] == [
        "look at the rows where wind_gust is null",
        "look inside the slice",
        "label 9 more days of test",
    ]
