"""Bring a store up to date, or leave it untouched."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from assay.errors import StoreError
from assay.store.database import WRITER_LOCK
from assay.store.schema import REVISION, VERSION_TABLE, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

FOLDER = Path(__file__).parent / "migrations"


def scripts() -> ScriptDirectory:
    """Give the migrations of this version of assay."""
    return ScriptDirectory(str(FOLDER), version_locations=[str(FOLDER)])


def migrate(engine: Engine, where: str) -> None:
    """Run the migrations that a database lacks, all in one transaction.

    Processes that arrive together wait for the first; the others find the work done.

    Parameters
    ----------
    engine : Engine
    where : str
        Name of the database in messages.

    Raises
    ------
    StoreError
        If the database belongs to a newer assay or to another program.
    """
    sqlite = engine.dialect.name == "sqlite"
    if sqlite:
        _write_ahead(engine, where)
    with engine.connect().execution_options(assay_begin="IMMEDIATE") as connection, connection.begin():
        if not sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITER_LOCK})
        _require_ours(connection, where)
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        current = context.get_current_revision()
        if current == REVISION:
            return
        directory = scripts()
        with Operations.context(context):
            for revision in reversed(list(directory.iterate_revisions(REVISION, current or "base"))):
                revision.module.upgrade()
            context.stamp(directory, REVISION)


def _write_ahead(engine: Engine, where: str) -> None:
    with engine.connect() as connection:
        _require_ours(connection, where)
    # SQLite does not wait on this switch as it does on a lock, so several processes that start at once try again.
    for attempt in range(200):
        driver = engine.raw_connection()
        try:
            cursor = driver.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            if cursor.fetchone() == ("wal",):
                return
        except sqlite3.OperationalError as problem:
            if "locked" not in str(problem) or attempt == 199:
                raise StoreError(f"{where}: {problem}: make the file and its folder writable") from problem
        finally:
            driver.close()
        time.sleep(0.05)
    raise StoreError(f"{where}: the file system does not support SQLite's WAL mode: keep the store on a local disk")


def _require_ours(connection: Connection, where: str) -> None:
    tables = inspect(connection)
    if tables.has_table(VERSION_TABLE):
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
        if found is not None and found not in {script.revision for script in scripts().walk_revisions()}:
            raise StoreError(
                f"{where}: this store is of version {found}, this assay knows up to {REVISION}: upgrade assay"
            )
        return
    taken = sorted(set(tables.get_table_names()) & set(metadata.tables))
    if taken:
        raise StoreError(
            f"{where}: another program's database: it has a table {taken[0]!r} but no {VERSION_TABLE}: "
            "give the store a database of its own"
        )
