"""Tables where they are: in Spark, or in a database that Ibis knows."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import DataError

if TYPE_CHECKING:
    import ibis

_NUMBERS = itertools.count()


def viewed(backend: Any, sql: str) -> ibis.Table:
    """Open a query of PostgreSQL as a view that lasts as long as the connection.

    Ibis (12.0) asks for the columns of a query by a view that it cannot drop again with sqlglot 30.18 and later.
    """
    name = f"assay_view_{next(_NUMBERS)}"
    with backend.con.cursor() as cursor, backend.con.transaction():
        cursor.execute(f'CREATE TEMPORARY VIEW "{name}" AS {sql}')
    found: ibis.Table = backend.table(name)
    return found


class Engine:
    """One connection to an engine, whose tables can be joined.

    Parameters
    ----------
    name : str
        ``"spark"``, or the URL of a database: ``postgresql://user@host/name``.

    Raises
    ------
    DataError
        If there is no such engine, its library is not installed, or it cannot be reached.
    """

    def __init__(self, name: str) -> None:
        if name != "spark" and "://" not in name:
            raise DataError(f"there is no engine {name!r}: give duckdb, spark or the URL of a database")
        self.name = name
        self.shown = name.partition("@")[2] or name
        self._spark: Any = None
        self._backend: Any = None

    def table(self, source: str, root: Path | None = None) -> ibis.Table:
        """Open a table; the engine then does all the work.

        Parameters
        ----------
        source : str
            For Spark a Parquet or CSV file or folder, or a table of its catalog; for a database the name of a table, or
            ``schema.table``.
        root : Path, optional
            Folder that relative paths start from; the working directory by default.

        Raises
        ------
        DataError
            If the engine cannot be reached or has no such table.
        """
        return self._opened(source, lambda: self._table(source, root or Path.cwd()))

    def query(self, sql: str) -> ibis.Table:
        """Open the rows of a query, in the engine's own SQL.

        Raises
        ------
        DataError
            If the engine cannot be reached, or refuses the query.
        """
        return self._opened("the query", lambda: self._query(sql))

    def _opened(self, what: str, find: Any) -> ibis.Table:
        try:
            found: ibis.Table = find()
        except DataError:
            raise
        except ImportError as problem:
            raise DataError(
                f"{self.name.partition('://')[0]} needs a library that is not installed ({problem.name}): pip install it, "
                "as in pip install pyspark 'psycopg[binary]'"
            ) from problem
        except Exception as problem:
            # Each driver has its own tree of errors; what a person needs is the first line.
            line = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
            raise DataError(f"{what} cannot be opened on {self.shown}: {line[:200]}") from problem
        return found

    def _query(self, sql: str) -> ibis.Table:
        backend = self._connected()
        found: ibis.Table = viewed(backend, sql) if backend.name == "postgres" else backend.sql(sql)
        return found

    def _table(self, source: str, root: Path) -> ibis.Table:
        backend = self._connected()
        if self._spark is None:
            schema, _, name = source.rpartition(".")
            opened: ibis.Table = backend.table(name, **({"database": schema} if schema else {}))
            return opened
        path = root / source
        if not path.exists() and "://" not in source:
            if path.suffix in (".csv", ".tsv", ".parquet"):
                raise DataError(f"there is no file {path}")
            found: ibis.Table = backend.table(source)
            return found
        place = source if "://" in source else str(path)
        kind = path.suffix if path.is_file() or "://" in source else next((p.suffix for p in path.glob("*.*")), "")
        reader = self._spark.read
        frame = reader.csv(place, header=True, inferSchema=True) if kind in (".csv", ".tsv") else reader.parquet(place)
        name = f"assay_source_{next(_NUMBERS)}"
        frame.createOrReplaceTempView(name)
        viewed: ibis.Table = backend.table(name)
        return viewed

    def _connected(self) -> Any:
        if self._backend is None:
            import ibis

            if self.name == "spark":
                from pyspark.sql import SparkSession

                self._spark = SparkSession.builder.appName("assay").config("spark.ui.enabled", "false").getOrCreate()
                self._spark.sparkContext.setLogLevel("ERROR")
                self._backend = ibis.pyspark.connect(self._spark)
            else:
                self._backend = ibis.connect(self.name)
        return self._backend
