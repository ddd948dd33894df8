"""Budgets hold, and the chain shows what was done to it."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable

import pytest

from assay.errors import BudgetSpent, LedgerError
from assay.store import Ledger, Store, chain, holder
from assay.store import ledger as ledger_module

KEY = "ab12" * 16


def spend(store: Store, amount: float, limit: float = 1.0, kind: str = "alpha", **how: object) -> None:
    ledger = Ledger(store)
    held = ledger.reserve(kind, KEY, amount, limit=limit, check="better", **how)
    with store.transaction() as connection:
        ledger.settle(connection, held, amount, verdict_id="0123456789ab")


def test_a_limit_is_reached_and_not_passed(store: Store) -> None:
    for _ in range(10):
        spend(store, 0.01, limit=0.1)
    ledger = Ledger(store)
    assert ledger.spent("alpha", KEY) == pytest.approx(0.1)
    with pytest.raises(BudgetSpent, match=r"better: error probability of ab12.*0.1 of 0.1 spent, 0.01 asked for"):
        ledger.reserve("alpha", KEY, 0.01, limit=0.1, check="better")
    assert ledger.verify() == 20


def test_what_is_held_counts_and_comes_back(store: Store) -> None:
    ledger = Ledger(store)
    held = ledger.reserve("answers", KEY, 3, limit=4, check="a")
    assert ledger.balance("answers", KEY).held == 3
    assert ledger.spent("answers", KEY) == 0
    with pytest.raises(BudgetSpent, match=r"3 held by checks that are running.*ask again when they are done"):
        ledger.reserve("answers", KEY, 2, limit=4, check="b")
    with store.transaction() as connection:
        ledger.settle(connection, held, 1, verdict_id=None)
    assert ledger.spent("answers", KEY) == 1
    again = ledger.reserve("answers", KEY, 3, limit=4, check="b")
    ledger.release(again, "the input was refused")
    assert ledger.totals("answers") == {KEY: 1}
    assert [entry.state for entry in ledger.entries()] == ["reserve", "settle", "reserve", "release"]
    assert ledger.entries()[3].detail == {"reason": "the input was refused"}


def test_keys_and_kinds_have_budgets_of_their_own(store: Store) -> None:
    ledger = Ledger(store)
    ledger.reserve("answers", KEY, 1, limit=1, check="a")
    ledger.reserve("answers", "cd" * 32, 1, limit=1, check="a")
    ledger.reserve("alpha", KEY, 1, limit=1, check="a")
    assert len(ledger.held()) == 3
    assert [entry.kind for entry in ledger.entries(key=KEY)] == ["answers", "alpha"]
    assert [entry.key for entry in ledger.entries(kind="answers", offset=1)] == ["cd" * 32]


def test_a_dead_reservation_is_spent_until_released(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(store)
    left = ledger.reserve("answers", KEY, 1, limit=1, check="a", lease_seconds=60)
    monkeypatch.setattr(ledger_module, "now", lambda: left.expires)
    assert ledger.balance("answers", KEY).spent == 1
    with pytest.raises(BudgetSpent):
        ledger.reserve("answers", KEY, 1, limit=1, check="a")
    ledger.release(left.id, "the machine was switched off before it read the data")
    assert ledger.reserve("answers", KEY, 1, limit=1, check="a").amount == 1


def test_the_same_question_takes_over_what_its_dead_process_held(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(store)
    left = ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q1")
    with pytest.raises(BudgetSpent):
        ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q1")
    monkeypatch.setattr(ledger_module, "now", lambda: left.expires)
    with pytest.raises(BudgetSpent):
        ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q2")
    assert ledger.entries()[-1].state == "reserve"
    mine = ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q1")
    with pytest.raises(LedgerError, match="closed by entry 2"), store.transaction() as connection:
        ledger.settle(connection, left, 1, verdict_id=None)
    with store.transaction() as connection:
        ledger.settle(connection, mine, 1, verdict_id=None)
    assert ledger.spent("answers", KEY) == 1


def test_a_refused_takeover_leaves_the_dead_reservation(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(store)
    left = ledger.reserve("answers", KEY, 1, limit=2, check="a", cache_key="q")
    monkeypatch.setattr(ledger_module, "now", lambda: left.expires)
    with pytest.raises(BudgetSpent):
        ledger.reserve("answers", KEY, 3, limit=2, check="a", cache_key="q")
    assert len(ledger.entries()) == 1
    assert ledger.spent("answers", KEY) == 1


def test_what_a_living_process_holds_is_its_own_and_what_a_killed_one_held_comes_back_at_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(store)
    other = subprocess.Popen(["sleep", "60"])
    monkeypatch.setattr(ledger_module, "me", lambda: holder.name(other.pid))
    held = ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q", lease_seconds=1)
    monkeypatch.undo()
    # Long after its lease, it is still at work.
    monkeypatch.setattr(ledger_module, "now", lambda: held.expires + 10**6)
    assert (ledger.balance("answers", KEY).spent, ledger.balance("answers", KEY).held) == (0, 1)
    with pytest.raises(BudgetSpent, match="held by checks that are running"):
        ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q")
    monkeypatch.setattr(ledger_module, "now", lambda: held.expires - 1)
    other.kill()
    other.wait()
    assert ledger.spent("answers", KEY) == 1
    with pytest.raises(BudgetSpent):
        ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="another question")
    assert ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q").amount == 1


def test_a_process_that_cannot_be_seen_is_believed_until_its_lease_is_over(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert holder.lives(holder.me()) is True
    assert holder.lives("another boot:pid:[4026]:1:77") is None
    monkeypatch.setattr(ledger_module, "me", lambda: "another boot:pid:[4026]:1:77")
    ledger = Ledger(store)
    held = ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q")
    with pytest.raises(BudgetSpent):
        ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q")
    monkeypatch.setattr(ledger_module, "now", lambda: held.expires)
    assert ledger.reserve("answers", KEY, 1, limit=1, check="a", cache_key="q").amount == 1


def test_a_reservation_is_closed_once(store: Store) -> None:
    ledger = Ledger(store)
    held = ledger.reserve("answers", KEY, 1, limit=1, check="a")
    with store.transaction() as connection:
        ledger.settle(connection, held, 1, verdict_id=None)
    with pytest.raises(LedgerError, match=r"closed by entry 2 \(settle\)"):
        ledger.release(held, "too late")
    with pytest.raises(LedgerError, match="no reservation feed"):
        ledger.release("feed", "never made")
    assert ledger.spent("answers", KEY) == 1


def test_no_more_is_settled_than_was_reserved(store: Store) -> None:
    ledger = Ledger(store)
    held = ledger.reserve("answers", KEY, 1, limit=9, check="a")
    with pytest.raises(LedgerError, match="settles 2 answers"), store.transaction() as connection:
        ledger.settle(connection, held, 2, verdict_id=None)
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf])
def test_amounts_that_cannot_be(store: Store, amount: float) -> None:
    with pytest.raises(LedgerError, match="cannot be"):
        Ledger(store).reserve("answers", KEY, amount, limit=1, check="a")
    with pytest.raises(LedgerError, match="cannot be"), store.transaction() as connection:
        Ledger(store).append(connection, "labels", KEY, amount)
    assert Ledger(store).entries() == []


def test_arguments_that_cannot_be(store: Store) -> None:
    ledger = Ledger(store)
    with pytest.raises(LedgerError, match="no kind 'answer': one of alpha, answers"):
        ledger.reserve("answer", KEY, 1, limit=1, check="a")  # type: ignore[arg-type]
    with pytest.raises(LedgerError, match="needs the fingerprint"):
        ledger.reserve("answers", "", 1, limit=1, check="a")
    for limit, lease in ((math.nan, 1), (-1, 1), (1, 0)):
        with pytest.raises(LedgerError, match="a limit is at least 0"):
            ledger.reserve("answers", KEY, 1, limit=limit, check="a", lease_seconds=lease)


def test_the_detail_of_a_reservation_is_on_its_settlement(store: Store) -> None:
    spend(store, 1, limit=8, kind="answers", detail={"once": "better on q"})
    reserve, settle = Ledger(store).entries()
    assert settle.detail == {"once": "better on q", "limit": 8}
    assert reserve.detail == settle.detail | {"holder": holder.me()}
    assert settle.verdict_id == "0123456789ab"


def test_an_exception_takes_back_what_the_transaction_added(store: Store) -> None:
    ledger = Ledger(store)
    with pytest.raises(ZeroDivisionError), store.transaction() as connection:
        ledger.append(connection, "labels", KEY, ledger.append(connection, "labels", KEY, 5) / 0)
    assert ledger.verify() == 0
    assert ledger.head() == (0, "")


FIELDS = {
    "created": "created + 1",
    "kind": "'labels'",
    "key": "'ffff'",
    "amount": "amount / 2",
    "state": "'release'",
    "reservation": "'other'",
    "expires": "5",
    "check_id": "'worse'",
    "verdict_id": "'ffffffffffff'",
    "detail": "'{}'",
    "previous": "hash",
    "hash": "previous",
}


@pytest.fixture
def six(store: Store) -> Ledger:
    """A ledger of six entries."""
    for number in range(3):
        spend(store, 1 + number, limit=9, kind="answers", detail={"number": number})
    ledger = Ledger(store)
    assert ledger.verify() == 6
    return ledger


@pytest.mark.parametrize("field", FIELDS)
def test_a_changed_field_is_found(six: Ledger, tamper: Callable[..., None], field: str) -> None:
    tamper(f"UPDATE ledger SET {field} = {FIELDS[field]} WHERE seq = 4")
    with pytest.raises(LedgerError, match=r"entry 4 is not as it was written: it was changed"):
        six.verify()


def test_the_first_of_several_changes_is_named(six: Ledger, tamper: Callable[..., None]) -> None:
    tamper("UPDATE ledger SET amount = 0 WHERE seq IN (5, 2, 6)")
    with pytest.raises(LedgerError, match="entry 2 "):
        six.verify()


def test_a_changed_entry_with_a_hash_to_match_is_found(six: Ledger, tamper: Callable[..., None]) -> None:
    entry = six.entries()[2]
    forged = {**{name: getattr(entry, name) for name in entry.__struct_fields__}, "amount": 0.5}
    del forged["hash"]
    forged["detail"] = chain.canonical_json(entry.detail).decode()
    tamper(f"UPDATE ledger SET amount = 0.5, hash = '{chain.digest(forged)}' WHERE seq = 3")
    with pytest.raises(LedgerError, match="entry 3 is not the one that entry 4 followed"):
        six.verify()


@pytest.mark.parametrize(("seq", "words"), [(1, "entry 1 is missing"), (3, "entry 3 is missing")])
def test_a_deleted_entry_is_found(six: Ledger, tamper: Callable[..., None], seq: int, words: str) -> None:
    tamper(f"DELETE FROM ledger WHERE seq = {seq}")
    with pytest.raises(LedgerError, match=words):
        six.verify()


def test_a_tail_cut_off_is_found(six: Ledger, tamper: Callable[..., None], store: Store) -> None:
    tamper("DELETE FROM ledger WHERE seq > 4")
    with pytest.raises(LedgerError, match="entry 5 is missing: the newest 2 were deleted"):
        six.verify()
    spend(store, 1, limit=99)
    with pytest.raises(LedgerError, match="entry 5 is missing"):
        six.verify()


def test_a_deleted_entry_whose_gap_was_closed_is_found(six: Ledger, tamper: Callable[..., None]) -> None:
    tamper("DELETE FROM ledger WHERE seq = 3", *(f"UPDATE ledger SET seq = {n - 1} WHERE seq = {n}" for n in (4, 5, 6)))
    with pytest.raises(LedgerError, match="entry 3 is not as it was written: it was written as entry 4, and moved"):
        six.verify()


def test_reordered_entries_are_found(six: Ledger, tamper: Callable[..., None]) -> None:
    tamper(*(f"UPDATE ledger SET seq = {new} WHERE seq = {old}" for old, new in ((2, -1), (4, 2), (-1, 4))))
    with pytest.raises(LedgerError, match="entry 2 is not as it was written: it was written as entry 4, and moved"):
        six.verify()


def test_an_added_entry_is_found(six: Ledger, tamper: Callable[..., None]) -> None:
    columns = "created, kind, key, amount, state, expires, check_id, verdict_id, detail"
    tamper(
        f"INSERT INTO ledger (seq, reservation, previous, hash, {columns}) "
        f"SELECT 7, NULL, hash, hash, {columns} FROM ledger WHERE seq = 6"
    )
    with pytest.raises(LedgerError, match="entry 7 "):
        six.verify()


def test_a_forged_newest_entry_is_found(six: Ledger, tamper: Callable[..., None]) -> None:
    entry = six.entries()[5]
    forged = {**{name: getattr(entry, name) for name in entry.__struct_fields__}, "amount": 0.5}
    del forged["hash"]
    forged["detail"] = chain.canonical_json(entry.detail).decode()
    tamper(f"UPDATE ledger SET amount = 0.5, hash = '{chain.digest(forged)}' WHERE seq = 6")
    with pytest.raises(LedgerError, match="entry 6 is not the one that was written"):
        six.verify()


def test_a_lost_head_is_found(six: Ledger, tamper: Callable[..., None], store: Store) -> None:
    tamper("DELETE FROM ledger_head")
    with pytest.raises(LedgerError, match="newest entry is gone"):
        six.verify()
    with pytest.raises(LedgerError, match="newest entry is gone"):
        spend(store, 0.1)


def test_a_detail_that_is_not_json_is_named(six: Ledger, tamper: Callable[..., None]) -> None:
    tamper("UPDATE ledger SET detail = 'nonsense' WHERE seq = 2")
    with pytest.raises(LedgerError, match="entry 2 "):
        six.entries()


def test_a_chain_whose_hash_left_out_the_amount_would_be_caught_here(
    store: Store, tamper: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = chain.digest
    monkeypatch.setattr(chain, "digest", lambda row: whole({name: row[name] for name in row if name != "amount"}))
    spend(store, 1, limit=9, kind="answers")
    tamper("UPDATE ledger SET amount = 0 WHERE seq = 2")
    assert Ledger(store).verify() == 2


def test_a_chain_without_a_head_would_be_caught_here(
    six: Ledger, tamper: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    tamper("DELETE FROM ledger WHERE seq > 4")
    last = six.entries()[-1]
    monkeypatch.setattr(chain, "head", lambda connection, lock=False: (last.seq, last.hash))
    assert six.verify() == 4
