from __future__ import annotations

import re

import msgspec
import pytest

from assay.report import ReportContext, StoryStep, to_html


@pytest.fixture(scope="module")
def alarm(verdicts):
    return next(verdict for verdict in verdicts if verdict.check == "still-right")


def steps(text: str) -> list[str]:
    story = re.search(r'<ol class="story">(.*?)</ol></section>', text, re.DOTALL)[1]
    return story.split("<h3>")[1:]


def test_a_step_shows_each_command_and_counts_the_passes_of_a_check(verdicts):
    columns = tuple(verdict.id for verdict in verdicts if verdict.check == "nulls")
    failed = next(verdict for verdict in verdicts if verdict.check == "nulls" and verdict.failed)
    step = StoryStep("Look", "assay check fit\nassay status", "Two commands.", columns)
    (told,) = steps(to_html(verdicts, ReportContext(story=(step,))))
    assert [told.count(f">{line}</code>") for line in ("assay check fit", "assay status")] == [1, 1]
    assert f'<a href="#v-{failed.id}">nulls[wind_gust]</a>' in told
    assert "22 times" in told
    assert told.count("<a ") == 1


def test_a_verdict_that_was_replaced_is_shown_at_the_end_with_the_chart_of_its_alarm(verdicts, alarm):
    newer = msgspec.structs.replace(alarm, status="pass", pages=False, reason="all is calm")
    rest = [verdict for verdict in verdicts if verdict.check != "still-right"]
    context = ReportContext(story=(StoryStep("Alarm", "assay monitor", "", (alarm.id, "unknown-id")),))
    text = to_html([*rest, newer], context, [alarm, verdicts[0]])
    assert f'<a href="#v-{alarm.id}">still-right</a>' in steps(text)[0]
    earlier = text[text.index('id="earlier"') :]
    earlier = earlier[: earlier.index("</section>")]
    assert f'id="v-{alarm.id}"' in earlier
    assert earlier.count('class="chart"') == 1
    assert text.count(f'id="v-{verdicts[0].id}"') == 1
    without = to_html([*rest, newer], context)
    assert 'id="earlier"' not in without
    assert f'href="#v-{alarm.id}"' not in without


def test_what_is_quiet_is_folded_but_what_was_watched_is_drawn(verdicts, alarm):
    calm = msgspec.structs.replace(alarm, status="pass", pages=False)
    fine = next(verdict for verdict in verdicts if verdict.check == "good-enough")
    text = to_html([calm, fine])
    watched, quiet = (
        re.search(rf'<section class="check" id="c-[a-z]+-{check}">.*?</section>', text, re.DOTALL)[0]
        for check in ("still-right", "good-enough")
    )
    assert watched.index('class="chart"') < watched.index("1 passed: numbers, why, assumptions")
    assert quiet.index('class="chart"') > quiet.index("1 passed: numbers, why, assumptions")
    assert "1 passed: numbers" not in to_html([alarm])
