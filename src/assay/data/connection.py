"""DuckDB in this process: one connection a thread."""

from __future__ import annotations

import itertools
import threading
import weakref
from collections import deque
from typing import TYPE_CHECKING, Any

import ibis

if TYPE_CHECKING:
    import pyarrow as pa

_LOCAL = threading.local()


class Session:
    """A DuckDB database in memory and the tables that were put into it.

    A DuckDB connection runs one query at a time, and a second query drops the first one's pending result. Ibis
    expressions carry their connection with them, so a lock around assay's own queries would not cover a caller's
    ``.execute()``. One connection a thread needs no lock: two threads that each open their own tables share nothing.
    A table that is handed to another thread must not be used by both at the same time.

    Tables are dropped when the last expression that reads them is gone. The garbage collector may run in any thread,
    so it only leaves a note; the owner drops the table when it next opens one.
    """

    def __init__(self) -> None:
        self.backend: Any = ibis.duckdb.connect()
        # Instants print and compare in UTC whatever the machine's zone, so fingerprints do not depend on it.
        self.run("SET TimeZone = 'UTC'")
        self.run("SET enable_progress_bar = false")
        # The statistics in a Parquet file leave NaN out. DuckDB 2.0 trusts them and folds isnan() to false, so that
        # a column that is a third NaN has none.
        self.run("SET disabled_optimizers = 'statistics_propagation'")
        self._names = itertools.count()
        self._gone: deque[str] = deque()

    def run(self, query: str, parameters: list[Any] | None = None) -> list[Any]:
        """Execute SQL and return its few rows; a result that is not read to its end would block the connection."""
        rows: list[Any] = self.backend.con.execute(query, parameters).fetchall()
        return rows

    def name(self) -> str:
        """Return a fresh table name, and drop what is no longer used."""
        while self._gone:
            old = self._gone.popleft()
            self.backend.con.unregister(old)
            kinds = self.run("SELECT table_type FROM information_schema.tables WHERE table_name = ?", [old])
            for (kind,) in kinds:
                self.run(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} "{old}"')
        return f"assay_{next(self._names)}"

    def register(self, data: pa.Table) -> ibis.Table:
        """Show an Arrow table to DuckDB without copying it."""
        name = self.name()
        self.backend.con.register(name, data)
        return self.expression(name)

    def keep(self, table: ibis.Table) -> ibis.Table:
        """Run a query of this session once and hold its rows; Ibis' own cache() fails to drop it (12.0)."""
        name = self.name()
        self.run(f"CREATE TEMP TABLE {quote(name)} AS {self.backend.compile(table)}")
        return self.expression(name)

    def expression(self, name: str, reads: ibis.Table | None = None) -> ibis.Table:
        """Give the Ibis table of a name; it lives as long as some expression reads it, and so does what it `reads`."""
        table = self.backend.table(name)
        weakref.finalize(table.op(), self._forget, name, reads)
        return table

    def _forget(self, name: str, reads: ibis.Table | None) -> None:
        self._gone.append(name)


def session() -> Session:
    """Return the calling thread's session, made at its first use."""
    found: Session | None = getattr(_LOCAL, "session", None)
    if found is None:
        found = _LOCAL.session = Session()
    return found


def quote(name: str) -> str:
    """Write a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"
