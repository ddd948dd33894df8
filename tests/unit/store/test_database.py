"""Opening a store, and what is said when it cannot be opened."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from assay.errors import MissingExtra, StoreError
from assay.store import Ledger, Store, database


@contextmanager
def without_rights() -> Iterator[None]:
    """Root may write anywhere, so that the test is nobody for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody can enter and nobody can write to."""
    parents = [path for path in tmp_path.parents if path.owner() == tmp_path.owner() and path != Path("/")]
    modes = {path: path.stat().st_mode for path in [tmp_path, *parents]}
    for path in modes:
        if os.access(path, os.W_OK) and path.stat().st_uid == os.geteuid():
            path.chmod(modes[path] | 0o055)
    tmp_path.chmod(0o555)
    yield tmp_path
    for path, mode in modes.items():
        if path.stat().st_uid == os.geteuid():
            path.chmod(mode)


def test_the_default_store_is_in_the_folder_of_the_project(tmp_path: Path) -> None:
    with Store.open(root=tmp_path) as store:
        assert store.root == tmp_path
        assert store.url == f"sqlite:///{tmp_path}/.assay/store.db"
        with store.read() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 30_000
    assert (tmp_path / ".assay" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize(("opener", "level"), [("transaction", 2), ("append", 1)])
def test_only_appended_rows_may_be_lost_in_a_power_cut(tmp_path: Path, opener: str, level: int) -> None:
    with Store.open(root=tmp_path) as store, getattr(store, opener)() as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar() == level


def test_a_relative_address_starts_at_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    Store.open("sqlite:///deep/down.db", root=tmp_path).close()
    assert (tmp_path / "deep" / "down.db").is_file()


def test_a_reader_sees_one_state(tmp_path: Path) -> None:
    with Store.open(root=tmp_path) as store, store.read() as reader:
        count = text("SELECT count(*) FROM ledger")
        assert reader.execute(count).scalar() == 0
        with store.transaction() as writer:
            Ledger(store).append(writer, "labels", "ab", 1)
        assert reader.execute(count).scalar() == 0


def test_a_second_writer_waits_its_time_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MILLISECONDS", 20)
    with (
        Store.open(root=tmp_path) as store,
        store.transaction(),
        pytest.raises(StoreError, match="database is locked: another process has held it"),
        store.transaction(),
    ):
        pass


@pytest.mark.parametrize(
    "content",
    [b"this is no database, but it is long enough to be taken for one" * 20, b"SQLite format 3\0" + b"\xff" * 2000],
)
def test_a_corrupt_file_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / ".assay"
    folder.mkdir()
    (folder / "store.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"store\.db: .*: restore a backup, or move it away") as caught:
        Store.open(root=tmp_path)
    assert "\n" not in str(caught.value)
    assert (folder / "store.db").read_bytes() == content


def test_pages_that_are_damaged_later_are_an_error_of_one_line(tmp_path: Path) -> None:
    with Store.open(root=tmp_path) as store, store.transaction() as connection:
        for number in range(200):
            Ledger(store).append(connection, "labels", f"key{number}", 1)
    path = tmp_path / ".assay" / "store.db"
    whole = bytearray(path.read_bytes())
    half = len(whole) // 2
    whole[half:] = b"\xff" * (len(whole) - half)
    path.write_bytes(whole)
    with pytest.raises(StoreError, match=r"store\.db: .*malformed"), Store.open(root=tmp_path) as store:
        Ledger(store).verify()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / ".assay").mkdir()
    (tmp_path / ".assay" / "store.db").touch()
    with Store.open(root=tmp_path) as store:
        assert Ledger(store).verify() == 0


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / ".assay" / "store.db").mkdir(parents=True)
    with pytest.raises(StoreError, match="unable to open database file: make the file and its folder readable"):
        Store.open(root=tmp_path)


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".assay").write_text("")
    with pytest.raises(StoreError, match="make the folder writable"):
        Store.open(root=tmp_path)


def test_a_folder_that_cannot_be_written(open_folder: Path) -> None:
    with without_rights(), pytest.raises(StoreError, match=r"Permission denied: .* make the folder writable"):
        Store.open(root=open_folder)
    assert list(open_folder.iterdir()) == []


def test_a_store_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store.open(root=tmp_path).close()
    path = tmp_path / ".assay" / "store.db"
    address = f"sqlite:///file:{path}?mode=ro&uri=true"
    monkeypatch.setattr(database, "_address", lambda url, root: database.make_url(address))
    monkeypatch.setattr(database, "_prepare_file", lambda path, create: None)
    with (
        Store.open(root=tmp_path) as store,
        pytest.raises(StoreError, match="readonly database: make the file and its folder readable and writable"),
    ):
        Ledger(store).reserve("answers", "ab", 1, limit=1, check="a")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "cannot be read: write sqlite:///path or postgresql://host/name"),
        ("mysql://host/name", "a store on mysql is not supported"),
        ("sqlite://", "in memory would forget"),
        ("sqlite:///:memory:", "in memory would forget"),
        ("postgresql+nothing://host/name", "cannot be used"),
    ],
)
def test_addresses_that_cannot_be(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        Store.open(url, root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_driver_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match=r"a store on PostgreSQL needs pg8000: pip install 'psycopg\[binary\]"):
        Store.open("postgresql+pg8000://host/name", root=tmp_path)


def test_a_server_that_does_not_answer_hides_the_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    with pytest.raises(StoreError, match="refused") as caught:
        Store.open("postgresql://me:secret@127.0.0.1:1/name", root=tmp_path)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_database_is_plain_sqlite(tmp_path: Path) -> None:
    with Store.open(root=tmp_path) as store, store.transaction() as connection:
        Ledger(store).append(connection, "labels", "ab", 1)
    found = sqlite3.connect(tmp_path / ".assay" / "store.db").execute("SELECT seq, kind, amount, state FROM ledger")
    assert found.fetchall() == [(1, "labels", 1.0, "settle")]
