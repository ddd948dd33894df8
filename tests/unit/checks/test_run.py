"""One run of checks: what is asked, paid for and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from assay.checks import registry
from assay.checks.job import Job, Spend
from assay.checks.outcome import Verdicts, exit_code
from assay.checks.project import Project, load
from assay.checks.run import REFUTING, judge
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.guarantee import Assumption, Guarantee
from assay.core.verdict import Verdict
from assay.errors import BudgetSpent, DataError, ExitCode
from assay.store import records
from assay.store.ledger import Ledger

TOML = """
[project]
name = "x"

[datasets.test]
role = "test"
source = "a.csv"
label = "y"

[[checks]]
id = "floor"
claim = "n > 0.5"
blocking = true
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "assay.toml").write_text(TOML)
    return load(tmp_path)


def verdict(status: Any = "pass", **more: Any) -> Verdict:
    fields = {"guarantee": Guarantee.exact(0.05, "false pass"), "code": "GAT101", "stage": "gate"}
    return Verdict(
        **({"status": status, "check": "floor", "claim": Claim("n > 0.5"), "blocking": True} | fields | more)
    )


def ask(
    project: Project, content: str, answer: Any, *spends: Spend, new: str = "", **changed: Any
) -> tuple[list[Verdict], bool]:
    check = msgspec.structs.replace(project.file.checks[0], **changed)
    return judge(project, check, Job({"rows": content, "new": new}, answer, spends))


ALPHA = Spend("alpha", "rows:floor", 0.05, 0.05)
ANSWER = Spend("answers", "rows", 1, 1, once="new")


def raised(code: str) -> tuple[registry.Rule, ...]:
    """The rules with another version of one's method."""
    return tuple(
        msgspec.structs.replace(rule, method_version=rule.method_version + 1) if rule.code == code else rule
        for rule in registry.RULES
    )


def test_an_upgrade_asks_again_only_where_the_method_changed(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = ask(project, "a", lambda: [verdict()], ALPHA)
    count = Ledger(project.store).verify()
    monkeypatch.setattr("assay.__version__", "99.0")
    monkeypatch.setattr(registry, "RULES", raised("MON101"))
    assert ask(project, "a", lambda: [verdict("fail")], ALPHA) == (first, True)
    assert Ledger(project.store).verify() == count
    monkeypatch.setattr(registry, "RULES", raised("GAT101"))
    # The error probability of these data is spent, so that the other method gives no second answer for free.
    with pytest.raises(BudgetSpent):
        ask(project, "a", lambda: [verdict()], ALPHA)
    (again,), stored = ask(project, "a", lambda: [verdict()])
    assert not stored
    assert again.evidence.method_version == first[0].evidence.method_version + 1
    assert again.id != first[0].id


def test_methods_that_changed_have_another_version() -> None:
    """Raise a version where a verdict can change, and here; what is stored is then judged anew."""
    changed = {rule.code: rule.method_version for rule in registry.RULES if rule.method_version > 1}
    assert changed == {"FEA101": 2, "FEA102": 2, "GAT101": 2, "GAT102": 2, "MON101": 2}


def test_an_answer_is_kept_with_what_it_cost(project: Project) -> None:
    version = registry.get("GAT101").method_version
    kept = msgspec.structs.replace(verdict(), evidence=Evidence(n=0, method_version=version))
    assert ask(project, "a", lambda: [verdict()], ALPHA, ANSWER) == ([kept], False)
    ledger = Ledger(project.store)
    assert (ledger.spent("alpha", "rows:floor"), ledger.spent("answers", "rows")) == (0.05, 1)
    count = ledger.verify()
    assert ask(project, "a", lambda: pytest.fail("asked twice"), ALPHA, ANSWER) == ([kept], True)
    assert ledger.verify() == count


def test_one_answer_pays_for_all_claims_about_a_candidate(project: Project) -> None:
    ask(project, "a", lambda: [verdict()], ANSWER)
    assert ask(project, "b", lambda: [verdict("fail")], ANSWER)[0][0].failed
    with pytest.raises(BudgetSpent):
        ask(project, "c", lambda: [verdict()], Spend("answers", "rows", 1, 1, once="newer"))


def test_questions_apart_have_the_limit_to_themselves(project: Project) -> None:
    apart = Spend("alpha", "rows:floor", 0.05, 0.05, apart=True)
    for content in "abc":
        assert ask(project, content, lambda: [verdict()], apart)[0][0].passed
    assert sum(Ledger(project.store).totals("alpha").values()) == pytest.approx(0.15)


def test_a_run_that_is_stopped_by_hand_gives_back_what_it_held(project: Project) -> None:
    def stopped() -> list[Verdict]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(project, "a", stopped, ALPHA, ANSWER)
    assert Ledger(project.store).held() == []
    assert ask(project, "a", lambda: [verdict()], ALPHA, ANSWER)[0][0].passed


def test_a_refused_budget_gives_back_the_others(project: Project) -> None:
    ask(project, "a", lambda: [verdict()], ALPHA)
    with pytest.raises(BudgetSpent):
        ask(project, "b", lambda: [verdict()], ANSWER, ALPHA)
    ledger = Ledger(project.store)
    assert ledger.held() == []
    assert ledger.spent("answers", "rows") == 0


def test_a_refused_input_gives_back_what_was_held(project: Project) -> None:
    def refuse() -> list[Verdict]:
        raise DataError("no rows")

    with pytest.raises(DataError):
        ask(project, "a", refuse, ALPHA)
    ledger = Ledger(project.store)
    assert ledger.held() == []
    assert ledger.totals("alpha") in ({}, {"rows:floor": 0})
    # Answers are paid for after the inputs were looked at: what is refused then may hang on the labels.
    with pytest.raises(DataError):
        ask(project, "a", refuse, ALPHA, ANSWER)
    assert [held.kind for held in ledger.held()] == ["alpha", "answers"]


def test_a_broken_check_stays_spent_and_is_no_verdict_to_keep(project: Project) -> None:
    def break_down() -> list[Verdict]:
        raise ZeroDivisionError("midway")

    (broken,), cached = ask(project, "a", break_down, ANSWER)
    assert (broken.status, cached) == ("error", False)
    assert exit_code([broken]) == ExitCode.INTERNAL
    assert Ledger(project.store).held() != []
    assert records.latest(project.store) == []


@pytest.mark.parametrize(
    ("guarantee", "spent"),
    [
        (Guarantee.none("no unit is declared"), REFUTING),
        (
            Guarantee.exact(0.05, "false pass", [Assumption("rows are independent", "checked", "refuted: by day")]),
            REFUTING,
        ),
        (Guarantee.exact(0.05, "false pass", [Assumption("rows are independent", "checked", "none found")]), 0.05),
    ],
)
def test_only_what_could_err_costs_error_probability(project: Project, guarantee: Guarantee, spent: float) -> None:
    ask(project, "a", lambda: [verdict("inconclusive", guarantee=guarantee)], ALPHA, ANSWER)
    ledger = Ledger(project.store)
    assert ledger.spent("alpha", "rows:floor") == spent
    assert ledger.spent("answers", "rows") == 1


def test_asking_again_with_a_unit_prints_what_the_first_asking_may_have_erred(project: Project) -> None:
    refuted = Guarantee.exact(0.05, "false pass", [Assumption("rows are independent", "checked", "refuted: by day")])
    ask(project, "a", lambda: [verdict("inconclusive", guarantee=refuted)], ALPHA, ANSWER)
    assert Ledger(project.store).entries(kind="alpha")[-1].detail["refunded"] == pytest.approx(0.05 - REFUTING)
    (second,), _ = ask(project, "by day", lambda: [verdict()], ALPHA, ANSWER)
    assert second.passed
    assert second.guarantee.error == pytest.approx(0.05 + REFUTING)
    assert "0.01" in second.guarantee.scope
    # What was asked twice is answered: nothing is left for a third asking.
    assert Ledger(project.store).spent("alpha", "rows:floor") == pytest.approx(0.05 + REFUTING)
    with pytest.raises(BudgetSpent):
        ask(project, "by customer", lambda: [verdict()], ALPHA, ANSWER)


@pytest.mark.parametrize("changed", [{"claim": "n > 0.4"}, {"mode": "fn-free"}, {"slices": "all"}])
def test_what_came_back_is_for_the_claim_that_was_asked(project: Project, changed: dict[str, Any]) -> None:
    none = Guarantee.none("rows of one day depend on each other")
    ask(project, "a", lambda: [verdict("inconclusive", guarantee=none, blocking=False)], ALPHA, new="m")
    count = Ledger(project.store).verify()
    with pytest.raises(BudgetSpent, match="another claim was asked of this model"):
        ask(project, "by day", lambda: pytest.fail("asked"), ALPHA, new="m", **changed)
    assert Ledger(project.store).verify() == count
    (same,), _ = ask(project, "by day", lambda: [verdict()], ALPHA, new="m")
    assert same.guarantee.error == pytest.approx(0.05 + REFUTING)


def test_what_came_back_of_one_model_is_no_burden_to_the_next(project: Project) -> None:
    half = Spend("alpha", "rows:floor", 0.025, 0.05)
    none = Guarantee.none("rows of one day depend on each other")
    for unit in ("", "by day"):
        for model in ("first", "second"):
            found = verdict() if unit else verdict("inconclusive", guarantee=none, blocking=False)
            (said,), _ = ask(project, f"{model} {unit}", lambda found=found: [found], half, new=model)
            assert said.passed is bool(unit)
    with pytest.raises(BudgetSpent):
        ask(project, "third", lambda: [verdict()], half, new="third")


def test_a_small_error_is_at_most_doubled_by_asking_again(project: Project) -> None:
    small = Spend("alpha", "rows:floor", 0.002, 0.002)
    none = Guarantee.none("rows of one day depend on each other")
    ask(project, "a", lambda: [verdict("inconclusive", guarantee=none, blocking=False)], small)
    (second,), _ = ask(project, "b", lambda: [verdict(guarantee=Guarantee.exact(0.002, "false pass"))], small)
    assert second.guarantee.error == pytest.approx(0.004)


def test_the_level_that_refuting_costs_is_that_of_every_search_for_clustering() -> None:
    from assay.feasibility import preparation
    from assay.gate import screening

    assert screening.ALPHA == preparation.CLUSTERED == REFUTING


def test_a_name_gives_the_worst_of_its_verdicts() -> None:
    found = [verdict("pass", code="VAL101"), verdict("fail", code="VAL102"), verdict("pass", code="VAL103")]
    for order in (found, found[::-1]):
        assert Verdicts(order)["floor"].failed
        assert len(Verdicts(order)) == 1


@pytest.mark.parametrize(
    ("statuses", "blocking", "code"),
    [
        ([], True, ExitCode.NOTHING_SELECTED),
        (["pass", "pass"], True, ExitCode.OK),
        (["pass", "inconclusive"], True, ExitCode.INCONCLUSIVE),
        (["inconclusive", "fail"], True, ExitCode.FAILED),
        (["fail", "skipped"], False, ExitCode.OK),
        (["fail", "error"], False, ExitCode.INTERNAL),
        (["skipped"], True, ExitCode.INCONCLUSIVE),
    ],
)
def test_exit_code(statuses: list[str], blocking: bool, code: ExitCode) -> None:
    assert exit_code([verdict(status, blocking=blocking) for status in statuses]) == code


def test_a_project_lets_go_of_its_store_and_opens_it_again(project: Project) -> None:
    with project:
        ask(project, "a", lambda: [verdict()], ALPHA)
        opened = project.store
    assert "store" not in project.__dict__
    project.close()
    assert project.store is not opened
    assert Ledger(project.store).verify() == 2
