from __future__ import annotations

import io
import re

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from assay.core import Claim, Evidence, Guarantee, Verdict
from assay.report import ReportContext, print_verdicts, render

ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_line_fits_the_width(verdicts, context, width, ascii_only):
    text = render(verdicts, context, width=width, ascii=ascii_only, verbosity="full")
    wide = [line for line in text.splitlines() if cell_len(line) > width and "$ " not in line]
    assert wide == []
    assert text.isascii() == ascii_only


def test_at_120_columns_one_line_holds_status_estimate_interval_limit_and_guarantee(verdicts, context):
    row = next(line for line in render(verdicts, context, width=120).splitlines() if " better " in line)
    assert re.fullmatch(r" gate +GAT101 better +INCONCLUSIVE  -0\.012  \[-0\.024, \+0\.001\]  need < 0 +exact 1%", row)


def test_at_80_columns_the_numbers_stand_on_one_line_below_the_name(verdicts, context):
    rows = render(verdicts, context, width=80).splitlines()
    place = rows.index(" GAT101 better")
    assert rows[place + 1].split() == ["INCONCLUSIVE", "-0.012", "[-0.024,", "+0.001]", "need", "<", "0", "exact", "1%"]


def test_names_get_the_room_of_a_guarantee_that_all_share(verdicts):
    gate = [verdict for verdict in verdicts if verdict.stage == "gate"]
    longer = [msgspec.structs.replace(verdict, check=f"{verdict.check}-than"[:18]) for verdict in gate]
    rows = render(longer, width=80).splitlines()
    assert rows[2:4] == [
        "gate  exact 1%",
        " GAT101 better-than         INCONCLUSIVE  -0.012  [-0.024, +0.001]  need < 0",
    ]
    assert " GAT102 good-enough-than    pass           0.141  [0.120, 0.163]    need < 0.17" in rows
    other = msgspec.structs.replace(longer[0], guarantee=Guarantee.exact(0.05, "false pass"))
    rows = render([other, *longer[1:]], width=80).splitlines()
    assert rows[2] == "gate"
    assert sum(row.endswith(("exact 1%", "exact 5%")) for row in rows) == 4


def test_short_green_rows_stay_on_one_line_at_80_columns():
    verdict = Verdict(
        status="pass",
        check="good-enough",
        code="GAT102",
        stage="gate",
        claim=Claim("n < 0.17"),
        blocking=True,
        guarantee=Guarantee.exact(0.01, "false pass"),
        evidence=Evidence(estimate=0.141, lower=0.12, upper=0.163, limit=0.17),
    )
    text = render([verdict], ReportContext(seconds=0.2, exit_code=0), width=80)
    assert " GAT102 good-enough  pass  0.141  [0.120, 0.163]  need < 0.17  exact 1%\n" in text
    assert "why" not in text
    assert text.endswith("Clear: the one blocking verdict passed\n\n1 passed | 0.20 s | exit 0\n")


def test_a_reason_without_numbers_that_is_told_among_the_details_is_told_in_full_once():
    verdict = Verdict(
        status="inconclusive",
        check="good",
        code="GAT101",
        stage="gate",
        claim=Claim("n < 0.17"),
        blocking=True,
        guarantee=Guarantee.exact(0.05, "false pass"),
        evidence=Evidence(),
        reason="not shown to hold; whether it is refuted or undecided is withheld; numbers are withheld as well",
    )
    text = render([verdict], width=80)
    assert " GAT101 good  INCONCLUSIVE  not shown to hold; whether it is refuted or...\n" in text
    assert "why       not shown to hold" in text
    assert text.count("numbers are withheld") == text.count("undecided is") == 1


def test_the_last_line_can_be_grepped(verdicts, context):
    last = "3 failed, 1 error, 2 inconclusive, 27 passed, 1 skipped"
    assert render(verdicts, context, ascii=False).splitlines()[-1] == f"{last} · 3.4 s · exit 1"
    assert render(verdicts, context).splitlines()[-1] == f"{last} | 3.4 s | exit 1"


def test_many_passes_of_one_check_share_a_line_unless_asked_in_full(verdicts, context):
    concise = render(verdicts, context, width=120)
    assert "22 other columns pass" in concise
    assert "3 other slices pass" in concise
    assert "column_07" not in concise
    assert "nulls[column_07]" in render(verdicts, context, width=120, verbosity="full")


def test_details_stand_only_under_what_did_not_pass(verdicts, context):
    text = render(verdicts, context, width=100)
    assert "-- better -- GAT101 -- inconclusive, blocks --" in text
    assert "-- still-right -- MON101 -- fail, does not block, pages --" in text
    assert "-- good-enough" not in text
    assert "label 9 more days of test (8,100 labels, about 22 h): decides with probability 0.8" in text
    assert "   assumes   days are independent (declared)\n             labels are correct (unverifiable)\n" in text
    better = next(verdict for verdict in verdicts if verdict.check == "better")
    assert f"assay explain {better.id}" in text


def test_color_changes_nothing_but_color(verdicts, context):
    plain = render(verdicts, context, width=120, ascii=False)
    colored = render(verdicts, context, width=120, ascii=False, color=True)
    assert ANSI.search(colored)
    assert not ANSI.search(plain)
    assert ANSI.sub("", colored) == plain


def test_a_name_can_neither_color_nor_forge_a_line(context):
    evil = Verdict(
        status="pass",
        check="x\x1b[2K\r\n99 passed",
        code="VAL101",
        stage="data",
        claim=Claim("[bold]c[/bold]"),
        guarantee=Guarantee.none("a test"),
        subject="\N{RIGHT-TO-LEFT OVERRIDE}cba",
        reason="[red]markup[/red]",
    )
    text = render([evil], context, ascii=False, width=120, verbosity="full")
    assert "\x1b" not in text
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in text
    assert "x\\x1b[2K 99 passed[\\u202ecba]" in text
    assert "[red]markup[/red]" in text


def test_a_file_gets_ascii_and_no_color(verdicts, context):
    stream = io.StringIO()
    print_verdicts(verdicts, context, console=Console(file=stream, width=100))
    assert stream.getvalue() == render(verdicts, context, width=100)


def test_a_terminal_gets_unicode_and_color_unless_it_asks_for_none(verdicts, context):
    class Terminal(io.StringIO):
        encoding = "utf-8"

    shown, bare = Terminal(), Terminal()
    settings = {"force_terminal": True, "color_system": "standard", "width": 100}
    print_verdicts(verdicts, context, console=Console(file=shown, no_color=False, **settings))
    print_verdicts(verdicts, context, console=Console(file=bare, no_color=True, **settings))
    assert ANSI.search(shown.getvalue())
    assert "·" in bare.getvalue()
    assert not ANSI.search(bare.getvalue())


def test_no_verdicts_is_said_in_words():
    assert render([]).splitlines()[-3:] == ["Nothing was checked", "", "no verdicts"]


def test_numbers_and_evidence_are_for_the_full_format(verdicts, context):
    concise, full = render(verdicts, context), render(verdicts, context, verbosity="full")
    for part in (
        "log_wealth = 3.91",
        "30 independent units of date",
        "days are independent (declared): the unit is date",
    ):
        assert part not in concise
        assert part in " ".join(full.split())


def test_what_does_not_block_is_told_in_two_lines(verdicts, context):
    rows = render(verdicts, context, width=140).splitlines()
    place = next(place for place, row in enumerate(rows) if row.startswith(" worth-starting "))
    assert rows[place].startswith(" worth-starting  the certified limit 0.189 is above the target")
    assert rows[place + 1].split("  $ ") == [
        "                 try a candidate with hourly weather (about 0.5 h)",
        "assay feasibility --candidates boosting,weather",
    ]
    assert rows[place + 2] == ""


def test_what_all_verdicts_of_a_stage_assume_is_told_once(verdicts, context):
    text = " ".join(render(verdicts, context).split())
    assert text.count("the reference rows are drawn like the batch's") == 1
    assert "by every data verdict: the reference rows are drawn like the batch's (unverifiable)" in text
    assert text.count("no clustering within a day is left") == 1
    assert "by every gate verdict: days are independent (declared); labels are correct (unverifiable); no clust" in text
    alone = " ".join(render([v for v in verdicts if v.check == "better"], context).split())
    assert "by every" not in alone
    assert "days are independent (declared) labels are correct (unverifiable) no clustering within a day is" in alone


def test_the_claim_is_told_where_the_table_does_not_show_it(verdicts):
    better = next(verdict for verdict in verdicts if verdict.check == "better")
    broken = next(verdict for verdict in verdicts if verdict.check == "weather-join")
    assert "claim" not in render([better])
    assert "   claim     the weather join loses no flight\n" in render([broken])


def test_a_command_shares_the_line_of_its_action_where_it_fits(verdicts):
    column = next(verdict for verdict in verdicts if verdict.failed and verdict.check == "nulls")
    joined = "   next      look at the rows where wind_gust is null  $ assay profile live --column wind_gust\n"
    assert joined in render([column], width=100)
    assert "wind_gust is null\n             $ assay profile live --column wind_gust\n" in render([column], width=80)


def test_a_check_that_fails_everywhere_tells_three_in_detail():
    failing = [
        Verdict(
            status="fail",
            check="nulls",
            code="VAL104",
            stage="data",
            subject=f"c{place}",
            claim=Claim("no nulls"),
            guarantee=Guarantee.exact(0.05, "false alarm"),
            blocking=True,
        )
        for place in range(20)
    ]
    concise, full = render(failing), render(failing, verbosity="full")
    assert concise.count("assay explain") == 3
    assert "17 more of nulls did not pass; the full format tells each." in concise
    assert full.count("assay explain") == 20
