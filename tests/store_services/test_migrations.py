"""The migrations build what the schema declares."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, Table, inspect, text

from assay.errors import StoreError
from assay.store import Ledger, Store
from assay.store.migrate import scripts
from assay.store.schema import REVISION, VERSION_TABLE, metadata


def differences(store: Store) -> list[object]:
    options = {"compare_type": True, "version_table": VERSION_TABLE}
    with store.read() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def test_the_newest_migration_gives_the_schema(store: Store) -> None:
    assert scripts().get_current_head() == REVISION
    assert differences(store) == []


def test_a_forgotten_migration_is_found(store: Store) -> None:
    extra = Table("forgotten", metadata, Column("id", Integer, primary_key=True))
    try:
        assert len(differences(store)) == 1
    finally:
        metadata.remove(extra)


def test_opening_again_changes_nothing_and_loads_no_alembic(url: str | None, store: Store, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from assay.store import Store; "
        f"Store.open({url!r}, root=Path({str(tmp_path)!r}), create=False).close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {source!r}); {code}"], check=False)
    assert done.returncode == 0


def test_a_store_of_a_newer_version_is_left_alone(
    url: str | None, store: Store, tmp_path: Path, tamper: Callable[..., None]
) -> None:
    tamper(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"version 9999, this assay knows up to .*: upgrade assay"):
        Store.open(url, root=tmp_path)


def test_the_database_of_another_program_is_left_alone(empty_url: str | None, tmp_path: Path) -> None:
    if empty_url is None:
        import sqlite3

        empty_url = f"sqlite:///{tmp_path / 'other.db'}"
        with sqlite3.connect(tmp_path / "other.db") as connection:
            connection.execute("CREATE TABLE runs (id INTEGER)")
        connection.close()
        before = (tmp_path / "other.db").read_bytes()
    else:
        import psycopg

        with psycopg.connect(empty_url) as connection:
            connection.execute("CREATE TABLE runs (id INTEGER)")
    with pytest.raises(StoreError, match="another program's database: it has a table 'runs'"):
        Store.open(empty_url, root=tmp_path)
    if empty_url.startswith("sqlite"):
        assert (tmp_path / "other.db").read_bytes() == before


def test_a_missing_store_is_not_made_when_not_asked(empty_url: str | None, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no assay store here yet"):
        Store.open(empty_url, root=tmp_path, create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_migration_that_fails_leaves_nothing(
    empty_url: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = next(scripts().walk_revisions()).module
    from assay.store import migrate

    class Broken:
        def __init__(self, module: object) -> None:
            self.module = module

        def upgrade(self) -> None:
            self.module.upgrade()  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    class Scripts:
        def iterate_revisions(self, *_: object) -> list[object]:
            return [type("Revision", (), {"module": Broken(revision)})()]

    with monkeypatch.context() as patch:
        patch.setattr(migrate, "scripts", Scripts)
        with pytest.raises(KeyboardInterrupt):
            Store.open(empty_url, root=tmp_path)
    with Store.open(empty_url, root=tmp_path) as store:
        assert Ledger(store).verify() == 0
        with store.read() as connection:
            assert inspect(connection).has_table("ledger")
            assert connection.execute(text("SELECT count(*) FROM ledger_head")).scalar() == 1
