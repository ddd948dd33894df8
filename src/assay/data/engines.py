"""Tables where they are: in Spark, or in a database that Ibis knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import DataError

if TYPE_CHECKING:
    import ibis


def on_engine(source: str, engine: str) -> ibis.Table:
    """Open a table on an engine, which then does all the work.

    Parameters
    ----------
    source : str
        For ``"spark"`` a Parquet or CSV file or folder, or a table of its catalog; for a URL the name of a table, or
        ``schema.table``.
    engine : str
        ``"spark"``, or the URL of a database: ``postgresql://user@host/name``.

    Returns
    -------
    ibis.Table

    Raises
    ------
    DataError
        If the engine's library is not installed, it cannot be reached, or it has no such table.
    """
    import ibis

    if engine != "spark" and "://" not in engine:
        raise DataError(f"there is no engine {engine!r}: give duckdb, spark or the URL of a database")
    try:
        if engine == "spark":
            return _spark(ibis, source)
        schema, _, name = source.rpartition(".")
        return ibis.connect(engine).table(name, **({"database": schema} if schema else {}))
    except DataError:
        raise
    except ImportError as problem:
        raise DataError(
            f"{engine.partition('://')[0]} needs a library that is not installed ({problem.name}): pip install it, "
            "as in pip install pyspark 'psycopg[binary]'"
        ) from problem
    except Exception as problem:
        # Each driver has its own tree of errors; what a person needs is the first line.
        line = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise DataError(f"{source} cannot be opened on {engine.partition('@')[2] or engine}: {line[:200]}") from problem


def _spark(ibis: Any, source: str) -> ibis.Table:
    from pyspark.sql import SparkSession

    session = SparkSession.builder.appName("assay").config("spark.ui.enabled", "false").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    connection = ibis.pyspark.connect(session)
    path = Path(source)
    if not path.exists() and "://" not in source:
        return connection.table(source)
    kind = path.suffix if path.is_file() or "://" in source else next((p.suffix for p in path.glob("*.*")), "")
    name = "assay_source"
    reader = session.read
    frame = reader.csv(source, header=True, inferSchema=True) if kind in (".csv", ".tsv") else reader.parquet(source)
    frame.createOrReplaceTempView(name)
    return connection.table(name)
