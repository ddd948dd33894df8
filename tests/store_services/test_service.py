"""What servers share through the store: tokens, repeated requests and notices, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from assay.errors import UsageError
from assay.server import auth, repeats
from assay.store import Store, notices

TARGET = "https://example.org/secret"


def at_once(work: Callable[[], object], times: int = 8) -> list[object]:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(work())) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_token_is_found_until_it_is_revoked(store: Store) -> None:
    first, second = auth.add(store, "dora", "developer"), auth.add(store, "otto", "owner")
    found = [auth.find(store, token) for token in (first, second, first[:-1], "")]
    assert [(each.name, each.role) if each else None for each in found] == [
        ("dora", "developer"),
        ("otto", "owner"),
        None,
        None,
    ]
    with pytest.raises(UsageError, match="already"):
        auth.add(store, "dora", "owner")
    auth.revoke(store, "dora")
    assert auth.find(store, first) is None
    assert [token.name for token in auth.tokens(store)] == ["otto"]
    with pytest.raises(UsageError, match="no token 'dora'"):
        auth.revoke(store, "dora")


def test_of_many_that_send_a_key_at_once_one_is_answered(store: Store) -> None:
    def begin() -> str:
        try:
            return "mine" if repeats.begin(store, "dora", "key", "content") is None else "answered"
        except repeats.UnderWay:
            return "under way"

    assert sorted(map(str, at_once(begin))) == ["mine", *["under way"] * 7]
    with pytest.raises(repeats.Reused):
        repeats.begin(store, "dora", "key", "other")
    assert repeats.begin(store, "otto", "key", "other") is None
    repeats.finish(store, "dora", "key", b'{"passed":true}')
    assert repeats.begin(store, "dora", "key", "content") == b'{"passed":true}'
    repeats.forget(store, "dora", "key")
    assert repeats.begin(store, "dora", "key", "content") == b'{"passed":true}', "an answer is not forgotten"
    repeats.forget(store, "otto", "key")
    assert repeats.begin(store, "otto", "key", "content") is None


def test_a_request_whose_process_died_is_taken_over_by_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert repeats.begin(store, "dora", "key", "content") is None
    later = repeats.now() + repeats.LEASE_MILLISECONDS + 1
    monkeypatch.setattr(repeats, "now", lambda: later)

    def begin() -> bool:
        try:
            return repeats.begin(store, "dora", "key", "content") is None
        except repeats.UnderWay:
            return False

    assert sum(map(bool, at_once(begin))) == 1


def test_a_notice_is_claimed_by_one_and_comes_again_when_that_one_dies(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.transaction() as connection:
        notices.leave(connection, [TARGET], "verdict", {"verdicts": ["0123456789ab"]})
        notices.leave(connection, [TARGET], "alarm", {"reason": "x"}, once="x")
        notices.leave(connection, [TARGET], "alarm", {"reason": "x"}, once="x")
    claimed = [notice for notice in at_once(lambda: notices.claim(store)) if isinstance(notice, notices.Notice)]
    assert sorted(notice.kind for notice in claimed) == ["alarm", "verdict"]
    assert notices.claim(store) is None
    later = notices.now() + notices.LEASE_MILLISECONDS + 1
    monkeypatch.setattr(notices, "now", lambda: later)
    again = notices.claim(store)
    assert again is not None
    assert again.attempts == 2
    notices.close(store, again)
    other = notices.claim(store)
    assert other is not None
    assert other.id != again.id
    assert notices.claim(store) is None
