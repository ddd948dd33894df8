"""The store on both databases: SQLite, and a PostgreSQL server that is started for these tests."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from assay.store import Store

HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
START_SECONDS = 30
_numbers = count(1)


def server_programs() -> Path | None:
    """Folder with initdb and postgres, the newest version first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).parent)
    return next((path for path in found if (path / "initdb").exists() and (path / "postgres").exists()), None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a server without a database name; it keeps nothing and listens on 127.0.0.1 only."""
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server programs (initdb, postgres) are not installed")
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    account: dict[str, object] = {}
    folder = Path(tempfile.mkdtemp(prefix="assay-postgres-"))
    if os.geteuid() == 0:
        # The server refuses to run as root.
        try:
            owner = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user 'postgres'")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        account = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(folder / "data")
    make = [programs / "initdb", "-D", data, "-U", "assay", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    subprocess.run(make, check=True, capture_output=True, cwd=folder, **account)
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "fsync": "off",
        "unix_socket_directories": "",
        "max_connections": 80,
    }
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([programs / "postgres", "-D", data, *options], stderr=log, cwd=folder, **account)
    url = f"postgresql://assay@127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(f"{url}/postgres").close()
                break
            except psycopg.OperationalError:
                if time.monotonic() > deadline or server.poll() is not None:
                    raise RuntimeError((folder / "log").read_text()) from None
                time.sleep(0.1)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=START_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated database to copy, so that each test has its own at once."""
    make_database(postgres_server, "template_store")
    Store.open(f"{postgres_server}/template_store", root=tmp_path_factory.mktemp("template")).close()
    return postgres_server


def make_database(server: str, name: str, template: str = "template0") -> str:
    import psycopg

    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return f"{server}/{name}"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest) -> str | None:
    """URL of a store of the test's own: ``None`` is SQLite in the project's folder."""
    if backend == "sqlite":
        return None
    server = request.getfixturevalue("postgres_template")
    return make_database(server, f"store_{os.getpid()}_{next(_numbers)}", "template_store")


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest) -> str | None:
    """URL of a database without tables."""
    if backend == "sqlite":
        return None
    server = request.getfixturevalue("postgres_server")
    return make_database(server, f"empty_{os.getpid()}_{next(_numbers)}")


@pytest.fixture
def store(url: str | None, tmp_path: Path) -> Iterator[Store]:
    with Store.open(url, root=tmp_path) as opened:
        yield opened


@pytest.fixture
def program(url: str | None, tmp_path: Path) -> Callable[..., str]:
    """Run one of the programs beside this file on the test's store; gives what it prints."""

    def run(name: str, *arguments: object, timeout: float = 120) -> str:
        words = [sys.executable, str(HERE / name), url or "", str(tmp_path), *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=timeout, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def tamper(url: str | None, tmp_path: Path) -> Callable[..., None]:
    """Change rows behind the store's back, with the database's own driver."""

    def run(*statements: str) -> None:
        if url is None:
            import sqlite3

            with contextlib.closing(sqlite3.connect(tmp_path / ".assay" / "store.db")) as connection, connection:
                for statement in statements:
                    connection.execute(statement)
            return
        import psycopg

        with psycopg.connect(url) as connection:
            for statement in statements:
                connection.execute(statement)

    return run
