"""A waiver lets a gate through until a day, in the open; it makes no verdict a pass."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from loan_project import GATE, Assay, declare

HOPELESS = GATE.replace("good-enough", "hopeless").replace("0.8", "0.99")


def day(offset: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=offset)).isoformat()


def waiver(check: str = "hopeless", expires: str | None = None) -> str:
    return f"""
[[waivers]]
check = "{check}"
owner = "ann"
reason = "labels come on Monday"
expires = {expires or day(0)}
"""


def waived_entries(assay: Assay) -> list[dict[str, object]]:
    entries = [json.loads(line) for line in assay("ledger", "show", "--json").out.splitlines() if line]
    return [entry for entry in entries if entry["kind"] == "waiver"]


def test_a_waived_check_stays_failed_and_blocks_no_more(assay: Assay, project: Path) -> None:
    declare(project, GATE + HOPELESS)
    assert assay("gate").code == 1
    declare(project, GATE + HOPELESS + waiver())
    said = assay("gate")
    assert said.code == 0
    assert "GAT101 hopeless     fail, waived" in said.out
    assert f"waiver    waived by ann until {day(0)}: labels come on Monday" in said.out
    assert "Let through by a waiver: 1 failed of 2 blocking verdicts" in said.out
    assert said.last.startswith("1 failed, 1 passed")

    found = json.loads(assay("gate", "--json").out)
    assert [verdict["status"] for verdict in found["verdicts"]] == ["pass", "fail"]
    assert found["waivers"] == [
        {"check": "hopeless", "owner": "ann", "reason": "labels come on Monday", "expires": day(0)}
    ]
    told = f"waived by ann until {day(0)}: labels come on Monday"
    for form in ("full", "markdown", "html"):
        assert told in assay("gate", "--format", form).out, form
    case = ElementTree.fromstring(assay("gate", "--format", "junit").out.encode()).findall(".//testcase")[1]
    assert case.find("failure") is None
    skipped = case.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == f"fail, {told}"


def test_the_ledger_keeps_what_was_let_through_once(assay: Assay, project: Path) -> None:
    declare(project, GATE + HOPELESS + waiver())
    assert assay("gate").code == assay("gate").code == 0
    [entry] = waived_entries(assay)
    assert entry["check_id"] == "hopeless"
    assert entry["detail"] == {
        "check": "hopeless", "owner": "ann", "reason": "labels come on Monday", "expires": day(0), "status": "fail",
    }  # fmt: skip
    assert assay("explain", str(entry["verdict_id"])).code == 0
    declare(project, GATE + HOPELESS + waiver(expires=day(3)))
    assert assay("gate").code == 0
    assert len(waived_entries(assay)) == 2
    assert assay("ledger", "verify").code == 0


def test_nothing_is_entered_when_nothing_was_let_through(assay: Assay, project: Path) -> None:
    declare(project, GATE + waiver("good-enough"))
    assert assay("gate").code == 0
    assert waived_entries(assay) == []
    # Claims that come after an answer would cost another.
    shutil.rmtree(project / ".assay")
    also = HOPELESS.replace("hopeless", "hopeless-too")
    declare(project, GATE + HOPELESS + also + waiver())
    said = assay("gate")
    assert said.code == 1
    assert "Blocked: 1 failed of 3 blocking verdicts, 1 failed waived" in said.out
    assert waived_entries(assay) == []


def test_an_expired_waiver_is_an_error_that_names_its_line(assay: Assay, project: Path) -> None:
    declare(project, GATE + HOPELESS + waiver(expires=day(-1)))
    lines = (project / "assay.toml").read_text().splitlines()
    said = assay("gate")
    assert said.code == 2
    assert f"assay.toml:{lines.index(f'expires = {day(-1)}') + 1}: the waiver of 'hopeless' (ann: " in said.err
    assert f"expired on {day(-1)}: take it out, or have its owner give it another date" in said.err
    assert not (project / ".assay").exists()
    assert assay("check", "good-enough").code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (waiver("hopelss"), "a waiver names the check 'hopelss', which is not declared; did you mean 'hopeless'?"),
        (waiver().replace('"ann"', '" "'), "the waiver of 'hopeless' has no owner; say it in a few words"),
        (waiver().replace('owner = "ann"\n', ""), "[[waivers]] has no 'owner'; add owner = \"ann\" to [[waivers]]"),
        (waiver(expires='"soon"'), "invalid RFC3339"),
        (waiver() + waiver(), "a second waiver of 'hopeless'; keep one"),
        (waiver() + 'until = "never"\n', "unknown key 'until' in [[waivers]]"),
    ],
)
def test_a_waiver_that_is_not_in_order_is_refused(assay: Assay, project: Path, text: str, said: str) -> None:
    declare(project, GATE + HOPELESS + text)
    done = assay("gate")
    assert done.code == 2
    assert said in done.err
    assert "assay.toml:" in done.err


def test_a_check_that_broke_is_not_waived(assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("for the test")

    monkeypatch.setattr("assay.checks.gate.decide", broken)
    declare(project, GATE + waiver("good-enough"))
    said = assay("gate")
    assert said.code == 3
    assert "waived" not in said.out


def test_a_waived_check_lets_a_model_be_promoted(assay: Assay, trained: Path) -> None:
    text = (trained / "assay.toml").read_text()
    (trained / "assay.toml").write_text(text.replace("n > 0.75", "n > 0.99"))
    assert assay("models", "promote", "loan").code == 1
    (trained / "assay.toml").write_text(text.replace("n > 0.75", "n > 0.99") + waiver("floor"))
    said = assay("models", "promote", "loan")
    assert said.code == 0, said.err
    assert "fail, waived" in said.out
    assert [entry["check_id"] for entry in waived_entries(assay)] == ["floor"]
