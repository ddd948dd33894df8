"""Verdicts on record, with what they cost and what they moved."""

from __future__ import annotations

import msgspec
import pytest

from assay.core import Claim, Evidence, Guarantee, Verdict
from assay.errors import Conflict, LedgerError, StoreError
from assay.store import AliasMove, Ledger, Store, find, get, history, latest, record, since
from assay.tracking import Registry, edges_of, trace

KEY = "ab12" * 16


class Package:
    content, format, signature = b"a model", "test", {"inputs": {"hour": "int"}}


def verdict(
    check: str = "better", subject: str = "", status: str = "pass", n: int = 10, stage: str = "gate"
) -> Verdict:
    return Verdict(
        status=status,
        guarantee=Guarantee.exact(0.01, "false pass"),
        check=check,
        code="GAT101",
        stage=stage,
        claim=Claim("n - o > 0"),
        evidence=Evidence(n=n, fingerprints={"test": KEY}),
        subject=subject,
    )


def test_recorded_is_found_as_it_was(store: Store) -> None:
    given = [verdict(subject="a"), verdict(subject="b", status="fail")]
    ids = record(store, verdicts=given, cache_key="k1")
    assert ids == [one.id for one in given]
    assert find(store, "k1") == given
    assert find(store, "k2") == []
    assert get(store, ids[0]) == get(store, ids[0][:6].upper()) == given[0]


def test_a_verdict_leads_back_to_the_data_that_its_evidence_names(store: Store) -> None:
    read = Evidence(n=10, fingerprints={"test": KEY, "new": "cd" * 32, "old": "ef" * 32})
    (name,) = record(store, verdicts=[msgspec.structs.replace(verdict(), evidence=read)])
    assert edges_of(store, "verdict", name) == [("dataset", KEY, "verdict", name, "read")]


def test_a_prefix_must_mean_one_verdict(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoreError, match="four or more hex digits"):
        get(store, "abc")
    with pytest.raises(StoreError, match="four or more hex digits"):
        get(store, "%%%%")
    with pytest.raises(StoreError, match="no verdict 'abcd'"):
        get(store, "abcd")
    monkeypatch.setattr(Verdict, "id", property(lambda self: f"abcd{self.evidence.n:08}"))
    record(store, verdicts=[verdict(n=1), verdict(n=2)])
    with pytest.raises(StoreError, match="any of abcd00000001, abcd00000002"):
        get(store, "abcd")
    assert get(store, "abcd00000002").evidence.n == 2


def test_latest_is_the_newest_of_each_check_and_subject(store: Store) -> None:
    record(store, verdicts=[verdict(subject="a", n=1), verdict(subject="b", n=2)])
    record(store, verdicts=[verdict("fit", stage="data", n=3)], run_id="r1", model="flights/1")
    record(store, verdicts=[verdict(subject="a", n=4)])
    assert [stored.verdict.evidence.n for stored in latest(store)] == [4, 3, 2]
    assert [stored.verdict.evidence.n for stored in latest(store, stage="data")] == [3]
    assert [stored.verdict.evidence.n for stored in latest(store, check="better")] == [4, 2]
    assert [stored.verdict.evidence.n for stored in history(store, check="better", subject="a")] == [4, 1]
    assert len(history(store, limit=2)) == 2
    stored = latest(store, stage="data")[0]
    assert (stored.run_id, stored.model, stored.fingerprints) == ("r1", "flights/1", {"test": KEY})
    seen = {latest(store)[0].verdict.id}
    assert [one.verdict.evidence.n for one in since(store, seen)] == [1, 2, 3]


def test_all_or_nothing(store: Store) -> None:
    registry = Registry(store)
    registry.register("flights", Package())
    ledger = Ledger(store)
    held = ledger.reserve("answers", KEY, 1, limit=1, check="better")
    with pytest.raises(Conflict, match="flights@champion is at revision 0, not 7"):
        record(
            store,
            verdicts=[verdict()],
            cache_key="k",
            settle=[(held, 1)],
            alias=AliasMove("flights", "champion", 1, 7),
            datasets={"test": KEY},
        )
    assert find(store, "k") == []
    assert ledger.spent("answers", KEY) == 0
    assert len(ledger.entries()) == 1
    assert registry.alias("flights", "champion") is None
    assert edges_of(store, "dataset", KEY) == []


def test_verdict_spend_alias_and_lineage_at_once(store: Store) -> None:
    registry, ledger = Registry(store), Ledger(store)
    version = registry.register("flights", Package())
    held = ledger.reserve("answers", KEY, 1, limit=1, check="better")
    (name,) = record(
        store,
        verdicts=[verdict()],
        settle=[(held, 1)],
        alias=AliasMove("flights", "champion", 1, 0, {"override": "the old one is down"}),
        model=version.reference,
        datasets={"test": KEY},
        edges=[("report", "weekly", "verdict", verdict().id, "cites")],
    )
    assert registry.alias("flights", "champion").version == 1
    settle, promotion = ledger.entries()[1:]
    assert (settle.verdict_id, promotion.verdict_id) == (name, name)
    assert (promotion.kind, promotion.key) == ("promotion", version.digest)
    assert promotion.detail == {
        "recording": settle.detail["recording"],
        "body": settle.detail["body"],
        "name": "flights",
        "alias": "champion",
        "from": None,
        "to": 1,
        "revision": 1,
        "override": "the old one is down",
    }
    behind = {(edge.source_kind, edge.source_id, edge.relation) for edge in trace(store, "alias", "flights@champion")}
    assert behind == {
        ("model_version", "flights/1", "promoted"),
        ("verdict", name, "allowed"),
        ("dataset", KEY, "read"),
        ("model_version", "flights/1", "judged"),
        ("artifact", version.digest, "holds"),
        ("report", "weekly", "cites"),
    }


def test_an_alias_needs_a_verdict_or_a_reason(store: Store) -> None:
    Registry(store).register("flights", Package())
    with pytest.raises(ValueError, match="with the verdict that allows it, or with a reason"):
        record(store, verdicts=[], alias=AliasMove("flights", "champion", 1, 0))
    record(store, verdicts=[], alias=AliasMove("flights", "champion", 1, 0, {"first": "by hand"}))
    assert Ledger(store).entries()[0].detail["first"] == "by hand"


def test_the_same_answer_is_paid_for_once(store: Store) -> None:
    ledger = Ledger(store)
    for _ in range(2):
        held = ledger.reserve("answers", KEY, 1, limit=2, check="better")
        record(store, verdicts=[verdict()], cache_key="k", settle=[(held, 1)])
    assert ledger.spent("answers", KEY) == 1
    assert ledger.held() == []
    assert find(store, "k") == [verdict()]
    assert len(history(store)) == 2
    held = ledger.reserve("answers", KEY, 1, limit=2, check="better")
    record(store, verdicts=[verdict(n=11)], cache_key="k", settle=[(held, 1)])
    assert ledger.spent("answers", KEY) == 2
    assert find(store, "k") == [verdict(n=11)]


def test_a_released_reservation_lets_nothing_through(store: Store) -> None:
    held = Ledger(store).reserve("answers", KEY, 1, limit=1, check="better")
    Ledger(store).release(held, "given up")
    with pytest.raises(LedgerError, match="closed by entry 2"):
        record(store, verdicts=[verdict()], settle=[(held, 1)])
    assert history(store) == []


def test_a_settlement_for_several_verdicts_names_them_all(store: Store) -> None:
    held = Ledger(store).reserve("answers", KEY, 1, limit=1, check="better")
    ids = record(store, verdicts=[verdict(subject="a"), verdict(subject="b")], settle=[(held, 1)])
    assert Ledger(store).entries()[1].detail["verdicts"] == ids
