"""Models, versions, and aliases that move by compare-and-swap."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from assay.errors import Conflict, ModelError, StoreError
from assay.store import Ledger, Store
from assay.tracking import Registry


class Package:
    format, signature = "test", {"inputs": {"hour": "int"}}

    def __init__(self, content: bytes = b"a model") -> None:
        self.content = content


def move(store: Store, version: int | None, expected: int, alias: str = "champion") -> int:
    with store.transaction() as connection:
        return Registry(store).set_alias(connection, "flights", alias, version, expected, "by hand")


def test_versions_count_up_and_keep_their_content(store: Store) -> None:
    registry = Registry(store)
    made = [registry.register("flights", Package(content)) for content in (b"one", b"two", b"two")]
    assert [one.version for one in made] == [1, 2, 3]
    assert registry.versions("flights") == made
    assert store.artifacts.get(made[0].digest) == b"one"
    assert made[1].digest == made[2].digest
    assert made[0].signature == {"inputs": {"hour": "int"}}
    assert registry.names() == ["flights"]
    assert registry.versions("trains") == []


def test_references(store: Store) -> None:
    registry = Registry(store)
    with pytest.raises(ModelError, match="no model is registered yet"):
        registry.get("flights")
    for content in (b"one", b"two", b"three"):
        registry.register("flights", Package(content))
    move(store, 2, 0)
    assert registry.get("flights").version == 3
    assert registry.get("flights/1").version == 1
    assert registry.get("flights@champion").version == 2
    assert str(registry.get("flights@champion")) == "flights/2"
    with pytest.raises(ModelError, match="no model 'flights/9': flights has versions 1 to 3 and @champion"):
        registry.get("flights/9")
    with pytest.raises(ModelError, match="no model 'flights@challenger'"):
        registry.get("flights@challenger")
    with pytest.raises(ModelError, match="no model 'trains@champion': there is flights"):
        registry.get("trains@champion")
    with pytest.raises(ModelError, match="write name, name/3 or name@champion"):
        registry.get("flights/newest")


def test_an_alias_moves_only_from_the_expected_revision(store: Store) -> None:
    registry = Registry(store)
    for content in (b"one", b"two"):
        registry.register("flights", Package(content))
    assert move(store, 1, 0) == 1
    with pytest.raises(Conflict, match="at revision 1, not 0"):
        move(store, 2, 0)
    assert move(store, 2, 1) == 2
    with pytest.raises(Conflict, match="at revision 2, not 1"):
        move(store, 1, 1)
    state = registry.alias("flights", "champion")
    assert (state.version, state.revision) == (2, 2)
    assert registry.aliases("flights") == {"champion": 2}
    assert len(Ledger(store).entries(kind="promotion")) == 2


def test_a_removed_alias_never_repeats_a_revision(store: Store) -> None:
    registry = Registry(store)
    registry.register("flights", Package())
    move(store, 1, 0)
    assert move(store, None, 1) == 2
    assert registry.alias("flights", "champion") is None
    assert registry.aliases("flights") == {}
    with pytest.raises(ModelError, match="and no alias"):
        registry.get("flights@champion")
    assert move(store, 1, 0) == 3


def test_rollbacks_go_further_back(store: Store) -> None:
    registry = Registry(store)
    assert registry.previous("flights", "champion") is None
    for content in (b"one", b"two", b"three"):
        registry.register("flights", Package(content))
    for revision, version in enumerate((1, 2, 3)):
        move(store, version, revision)
    move(store, 1, 0, "challenger")
    assert registry.previous("flights", "champion") == 2
    from assay.store import AliasMove, record

    record(store, verdicts=[], alias=AliasMove("flights", "champion", 2, 3, {"rollback": "3"}))
    assert registry.previous("flights", "champion") == 1
    record(store, verdicts=[], alias=AliasMove("flights", "champion", 1, 4, {"rollback": "2"}))
    assert registry.previous("flights", "champion") is None


@pytest.mark.parametrize("alias", ["", "latest", "Latest", "v1", "V12", "a b", "a/b", "é", "x" * 256])
def test_names_that_an_alias_cannot_have(store: Store, alias: str) -> None:
    Registry(store).register("flights", Package())
    with pytest.raises(ModelError, match="alias"):
        move(store, 1, 0, alias)
    assert Ledger(store).entries() == []


@pytest.mark.parametrize("alias", ["champion", "v", "v1-b", "2", "x" * 255])
def test_names_that_an_alias_can_have(store: Store, alias: str) -> None:
    Registry(store).register("flights", Package())
    assert move(store, 1, 0, alias) == 1


def test_an_alias_points_at_what_there_is(store: Store) -> None:
    with pytest.raises(ModelError, match="no such version"):
        move(store, 1, 0)
    Registry(store).register("flights", Package())
    with pytest.raises(ModelError, match="no such version"):
        move(store, 2, 0)
    with pytest.raises(ModelError, match="no such version"):
        move(store, None, 0)


@pytest.mark.parametrize("name", ["", "a/b", "a@b", "a\nb", "x" * 251])
def test_names_that_a_model_cannot_have(store: Store, name: str) -> None:
    with pytest.raises(ModelError, match="model name"):
        Registry(store).register(name, Package())


def test_broken_references_are_refused_by_the_database(store: Store) -> None:
    with pytest.raises(Conflict), store.transaction() as connection:
        connection.execute(text("INSERT INTO params (run_id, key, value) VALUES ('none', 'a', '1')"))
    with pytest.raises(StoreError, match="nothing_here"), store.read() as connection:
        connection.execute(text("SELECT * FROM nothing_here"))


def test_an_alias_that_a_person_moves_keeps_the_reason(store: Store) -> None:
    registry = Registry(store)
    registry.register("flights", Package())
    with store.transaction() as connection, pytest.raises(ModelError, match="reason"):
        registry.set_alias(connection, "flights", "champion", 1, 0, " ")
    assert registry.alias("flights", "champion") is None
    move(store, 1, 0)
    (entry,) = Ledger(store).entries(kind="promotion")
    assert entry.detail["reason"] == "by hand"
