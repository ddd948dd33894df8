"""The prediction log and the label log: what was answered, and what turned out to be true.

Both are folders of Parquet files that only ever gain rows::

    ROOT/model=NAME/version=V/date=YYYY-MM-DD/part-*.parquet     id, time, model, version, prediction, score, features
    ROOT/labels/date=YYYY-MM-DD/part-*.parquet                   id, label, label_time

A file is written under a temporary name, flushed to the disk and renamed, so a reader sees whole files or none, and a
killed writer leaves at most a temporary file, which readers pass over. Many small files become few
(:mod:`assay.store.parts`). Times are UTC without a zone, in microseconds.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from assay.errors import DataError, StoreError
from assay.store import parts

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_ROOT = Path(".assay/log")
TIME = pa.timestamp("us")
PREDICTION_FIELDS = {
    "id": pa.string(),
    "time": TIME,
    "model": pa.string(),
    "version": pa.string(),
    "prediction": None,  # of the model's own type
    "score": pa.float64(),
}
RESERVED = frozenset({*PREDICTION_FIELDS, "label", "label_time"})


class Maturity(msgspec.Struct, frozen=True):
    """How much of the log can be judged yet.

    Attributes
    ----------
    predictions : int
        Distinct predictions: one a model and id.
    labelled, unlabelled : int
        Those with a label, and those still without.
    corrected : int
        Labels replaced by a later one for the same id.
    repeated : int
        Further predictions under an id already used by that model; the first answer counts.
    unmatched : int
        Labelled ids without a prediction; 0 when one model is asked about, for they may be another's.
    """

    predictions: int
    labelled: int
    unlabelled: int
    corrected: int
    repeated: int
    unmatched: int

    @property
    def share(self) -> float:
        """Share of predictions that have a label, in [0, 1]; 0 without predictions."""
        return self.labelled / self.predictions if self.predictions else 0.0


class PredictionLog:
    """Predictions of every model, by version and day.

    Parameters
    ----------
    root : path
        Folder of the log; made when first written.
    """

    def __init__(self, root: str | Path = DEFAULT_ROOT) -> None:
        self.root = Path(root)

    def append(self, table: pa.Table) -> list[Path]:
        """Write predictions and return the files written, one a model, version and day.

        Parameters
        ----------
        table : Table
            ``id``, ``time``, ``model``, ``version``, ``prediction``, optionally ``score`` (the probability of a binary
            classifier's second class, else of the predicted class), and the features under their own names.

        Raises
        ------
        DataError
            A column is missing, of the wrong type or holds nulls.
        StoreError
            A file cannot be written.
        """
        missing = [name for name in PREDICTION_FIELDS if name not in table.column_names and name != "score"]
        if missing:
            raise DataError(f"predictions lack column {missing[0]!r}: give id, time, model, version, prediction")
        for name in ("id", "time", "model", "version"):
            if table[name].null_count:
                raise DataError(f"column {name!r} of the predictions holds nulls")
        if "score" not in table.column_names:
            table = table.append_column("score", pa.nulls(len(table), pa.float64()))
        names = [*PREDICTION_FIELDS, *(name for name in table.column_names if name not in PREDICTION_FIELDS)]
        columns = [_column(name, table[name], PREDICTION_FIELDS.get(name)) for name in names]
        table = pa.table(columns, names=names)
        keys = pa.table(
            {"model": table["model"], "version": table["version"], "date": pc.cast(table["time"], pa.date32())}
        )
        written = []
        for key in keys.group_by(["model", "version", "date"]).aggregate([]).to_pylist():
            chosen = pc.and_(
                pc.and_(pc.equal(keys["model"], key["model"]), pc.equal(keys["version"], key["version"])),
                pc.equal(keys["date"], key["date"]),
            )
            folder = self.root / f"model={_quote(key['model'])}" / f"version={_quote(key['version'])}"
            written.append(parts.write(table.filter(chosen), folder / f"date={key['date']}"))
        return written


class LabelLog:
    """Labels as they arrive, by the id of the prediction that they judge.

    Parameters
    ----------
    root : path
        Folder of the log, the same as the predictions'.
    """

    def __init__(self, root: str | Path = DEFAULT_ROOT) -> None:
        self.root = Path(root)

    def append(self, ids: Sequence[str], labels: Any, time: datetime | Sequence[datetime]) -> list[Path]:
        """Write labels and return the files written, one a day of arrival.

        Parameters
        ----------
        ids : sequence of str, length n
            Ids of predictions.
        labels : sequence or array, length n
            The truth, of the predictions' type.
        time : datetime, or n of them
            When each label arrived; without a zone it is UTC.

        Raises
        ------
        DataError
            The lengths differ, or an id, label or time is null.
        StoreError
            A file cannot be written.
        """
        values = _column("label", labels, None)
        columns = {"id": _column("id", ids, pa.string()), "label": values, "label_time": _times(time, len(values))}
        lengths = [len(column) for column in columns.values()]
        if len(set(lengths)) > 1:
            raise DataError("{} ids, {} labels and {} times: give one of each a row".format(*lengths))
        table = pa.table(columns)
        for name in table.column_names:
            if table[name].null_count:
                raise DataError(f"column {name!r} of the labels holds nulls: leave out what is not known yet")
        days = pc.cast(table["label_time"], pa.date32())
        return [
            parts.write(table.filter(pc.equal(days, day)), self.root / "labels" / f"date={day}")
            for day in days.unique()
        ]


def outcomes(
    root: str | Path = DEFAULT_ROOT, model: str | None = None, since: datetime | None = None, *, features: bool = True
) -> pa.Table:
    """Predictions joined with their labels by id, in the order in which the labels arrived.

    Of several labels for one id the latest counts, at its own time, so a correction appears when it was made; of
    several predictions by one model under one id the first counts. :func:`maturity` says how often either happened.
    Predictions without a label are not in the table.

    Parameters
    ----------
    root : path
        Folder of the log.
    model : str, optional
        Only this model's predictions.
    since : datetime, optional
        Only labels that arrived at this time or later; without a zone it is UTC.
    features : bool
        Whether to read the features too, which is most of the work.

    Returns
    -------
    Table
        The columns of the prediction log, then ``label`` and ``label_time``; ordered by ``label_time``, then ``id``.
        Features that a version does not have are null in its rows.

    Raises
    ------
    StoreError
        There is no log, or a file of it is corrupt; names the file.
    """
    wanted = "p.*" if features else ", ".join(f"p.{name}" for name in PREDICTION_FIELDS)
    query = (
        f"SELECT {wanted}, l.label, l.label_time FROM first_predictions p JOIN last_labels l USING (id) "
        "WHERE $since IS NULL OR l.label_time >= $since ORDER BY l.label_time, p.id, p.model"
    )
    moment = None if since is None else _times(since, 1)[0].as_py()
    return _ask(Path(root), model, query, {"since": moment})


def answered(root: str | Path, model: str) -> bool:
    """Whether a model has answered anything; whether labels came is another question."""
    return (Path(root) / f"model={_quote(model)}").is_dir()


def maturity(root: str | Path = DEFAULT_ROOT, model: str | None = None) -> Maturity:
    """Count what is labelled, what is not yet, and what was logged or labelled more than once.

    Parameters
    ----------
    root : path
        Folder of the log.
    model : str, optional
        Only this model's predictions, and labels under ids that it answered.

    Raises
    ------
    StoreError
        There is no log, or a file of it is corrupt; names the file.
    """
    query = """
        SELECT
            (SELECT count(*) FROM first_predictions) AS predictions,
            (SELECT count(*) FROM first_predictions p SEMI JOIN last_labels l USING (id)) AS labelled,
            (SELECT count(*) FROM first_predictions p ANTI JOIN last_labels l USING (id)) AS unlabelled,
            (SELECT count(*) - count(DISTINCT id) FROM labels SEMI JOIN first_predictions p USING (id)) AS corrected,
            (SELECT count(*) FROM predictions) - (SELECT count(*) FROM first_predictions) AS repeated,
            (SELECT count(*) FROM last_labels ANTI JOIN first_predictions p USING (id)) AS unmatched
    """
    counts = _ask(Path(root), model, query, {}).to_pylist()[0]
    return Maturity(**counts if model is None else counts | {"unmatched": 0})


def _ask(root: Path, model: str | None, query: str, parameters: dict[str, Any]) -> pa.Table:
    named = "*" if model is None else f"{_quote(model)}"
    # A file that was merged into another while it was read is not there any more: then all are listed again.
    while True:
        predicted: list[str] = []
        labelled: list[str] = []
        try:
            predicted = parts.files(root, f"model={named}/version=*/date=*/part-*.parquet")
            labelled = parts.files(root, "labels/date=*/part-*.parquet")
            if not predicted:
                raise StoreError(f"no predictions{f' of {model!r}' if model else ''} in {root}: serve the model first")
            with duckdb.connect() as connection:
                _views(connection, predicted, labelled)
                return connection.sql(query, params=parameters).to_arrow_table()
        except FileNotFoundError:
            continue
        except duckdb.Error as error:
            if all(Path(file).exists() for file in (*predicted, *labelled)):
                _name_corrupt(root)
                raise StoreError(f"the log in {root} cannot be read: {str(error).splitlines()[0]}") from error


def _name_corrupt(root: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        parts.files(root, "**/part-*.parquet", deep=True)


def _views(connection: duckdb.DuckDBPyConnection, predicted: list[str], labelled: list[str]) -> None:
    connection.read_parquet(predicted, union_by_name=True, hive_partitioning=False).create_view("predictions")
    if labelled:
        # Part names sort by the time of writing, which decides between labels of one moment.
        connection.read_parquet(
            labelled, union_by_name=True, hive_partitioning=False, filename=True, file_row_number=True
        ).create_view("labels")
    else:
        connection.execute(
            "CREATE VIEW labels AS SELECT NULL::VARCHAR AS id, NULL::BIGINT AS label, "
            "NULL::TIMESTAMP AS label_time, '' AS filename, 0 AS file_row_number WHERE false"
        )
    connection.execute(
        "CREATE VIEW first_predictions AS SELECT * FROM predictions "
        "QUALIFY row_number() OVER (PARTITION BY model, id ORDER BY time, version) = 1; "
        "CREATE VIEW last_labels AS SELECT id, label, label_time FROM labels QUALIFY row_number() "
        "OVER (PARTITION BY id ORDER BY label_time DESC, filename DESC, file_row_number DESC) = 1"
    )


def _times(times: Any, n: int) -> pa.Array:
    """Times as UTC without a zone."""
    if isinstance(times, datetime):
        times = pa.repeat(pa.scalar(_utc(times)), n)
    elif isinstance(times, list):
        times = [_utc(time) if isinstance(time, datetime) else time for time in times]
    try:
        # Arrow keeps zoned times as UTC, and the cast drops the zone only.
        return pc.cast(pa.array(times, from_pandas=True), TIME, safe=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"the times cannot be read: {str(error).splitlines()[0]}: give dates and times") from error


def _utc(time: datetime) -> datetime:
    """Give a time in UTC without a zone; left to pyarrow, the zone is forgotten once pyspark.pandas was imported."""
    return time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo is not None else time


def _column(name: str, values: Any, kind: pa.DataType | None) -> pa.ChunkedArray:
    try:
        if not isinstance(values, pa.ChunkedArray):
            values = pa.chunked_array([pa.array(values, from_pandas=True)])
        if kind is None:
            kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
        return values.cast(kind, safe=False)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise DataError(f"column {name!r} must be {kind or 'of one type'}: {str(error).splitlines()[0]}") from error


def _quote(name: str) -> str:
    return quote(name, safe="")
