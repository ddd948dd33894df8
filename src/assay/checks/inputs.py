"""What the checks of one run read: each table and model is opened once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pandas as pd

from assay.checks.sealed import hidden_places, open_sealed, sealed_file
from assay.data import columns_present, fingerprint, require_rows, row_hashes, table, to_arrow, to_pandas
from assay.errors import DataError, ModelError
from assay.stats.sampling import seed
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis
    import pyarrow as pa

    from assay.checks.project import Project
    from assay.core.guarantee import Assumption
    from assay.core.project import DatasetTable, SqlSource
    from assay.gate.custody import Terms
    from assay.tracking.formats import LoadedModel


@dataclass(frozen=True)
class Dataset:
    """A declared dataset, opened: its Ibis table, and its rows in memory when somebody asks for them."""

    name: str
    declared: DatasetTable
    table: ibis.Table
    source: Any = None
    terms: Terms | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Content address of the rows."""
        return fingerprint(self.table)

    @property
    def key(self) -> str:
        """Its name among the fingerprints of an evidence, where ``new``, ``old`` and ``served`` have a meaning."""
        return f"dataset:{self.name}" if self.name in ("new", "old", "served") else self.name

    @cached_property
    def inputs_fingerprint(self) -> str:
        """Content address of the rows without their labels; with them where a row has nothing else."""
        hidden = self._unshown
        if not hidden or len(hidden) == len(self.table.columns):
            return self.fingerprint
        return fingerprint(self.table.drop(*hidden))

    @property
    def _unshown(self) -> set[str]:
        """The label, and what a seal hides with it: a hash of a row with these in would let others try values."""
        return {self.declared.label or "", *(self.terms.hidden if self.terms else ())} & set(self.table.columns)

    @cached_property
    def row_bits(self) -> np.ndarray:
        """64 bits of each row without its label, shape (n,), in the order of :attr:`frame`."""
        frame, hidden = self.frame, self._unshown
        if len(hidden) < frame.shape[1]:
            frame = frame.drop(columns=list(hidden))
        return row_hashes(table(frame))

    @cached_property
    def order(self) -> np.ndarray:
        """Numbers of the rows in an order that nobody chose and that the file's order does not change; shape (n,).

        It is that of hashes of the rows with the fingerprint of the whole; rows of a unit are together.
        """
        own, group = self._places
        label = self.declared.label
        told = row_hashes(table(self.frame[[label]])) if label in self.frame else own
        order: np.ndarray = np.lexsort((told, own, group))
        return order

    @cached_property
    def rows_digest(self) -> str:
        """SHA-256 of the rows as they are released once the set is used up."""
        from assay.checks.commitment import rows_of

        return sha256(rows_of(self)).hexdigest()

    def stretch(self, number: int, count: int) -> np.ndarray:
        """Rows of one of ``count`` slices that share neither a row, nor a copy of one, nor a unit; about equally many.

        Raises
        ------
        DataError
            If there are too few to give each slice any.
        """
        order = self.order
        group = self._places[1][order]
        starts = np.flatnonzero(np.append(True, group[1:] != group[:-1]))
        cuts = np.append(starts, len(order))
        first, last = (cuts[np.searchsorted(cuts, at * len(order) / count)] for at in (number, number + 1))
        if first == last:
            raise DataError(
                f"dataset {self.name!r}: {len(order):,} rows of {len(starts):,} units or kinds are too few for {count} "
                "slices; bring more, or plan fewer queries"
            )
        taken: np.ndarray = order[first:last]
        return taken

    @cached_property
    def _places(self) -> tuple[np.ndarray, np.ndarray]:
        salt = np.uint64(seed("order of rows", self.fingerprint))
        own = _mixed(self.row_bits ^ salt)
        unit = self.declared.unit
        return own, _mixed(row_hashes(table(self.frame[[unit]])) ^ salt) if unit else own

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All rows, in the order of the source."""
        return to_pandas(self.table)

    @cached_property
    def labels(self) -> np.ndarray:
        """The label column, shape (n,).

        Raises
        ------
        DataError
            If none is declared, it is not there, or a row has none.
        """
        label = self.declared.label
        if label is None:
            raise DataError(f"dataset {self.name!r} declares no label; add label = ... to [datasets.{self.name}]")
        if label not in self.frame:
            raise DataError(f"dataset {self.name!r} is sealed: only gate checks read its label")
        missing = self.frame[label].isna().to_numpy()
        if missing.any():
            raise DataError(
                f"dataset {self.name!r}: label {label!r} is missing in row {int(missing.argmax())}"
                f" ({int(missing.sum())} in all); drop these rows, label them, or set method = 'sequential' in the check"
            )
        labels: np.ndarray = self.frame[label].to_numpy()
        return labels

    @property
    def unit(self) -> np.ndarray | None:
        """The unit of each row, when declared."""
        return self.frame[self.declared.unit].to_numpy() if self.declared.unit else None

    @property
    def timestamp(self) -> pd.Series | None:
        """The time of each row, when declared."""
        return self.frame[self.declared.timestamp] if self.declared.timestamp else None

    @property
    def features(self) -> pd.DataFrame:
        """The columns that a model may see."""
        declared = self.declared
        hidden = {declared.label, declared.id, declared.unit, declared.timestamp, *declared.ignore}
        return self.frame.drop(columns=[column for column in self.frame if column in hidden])

    def inputs(self) -> pa.Table:
        """The rows without the label and without what gives it away, for code that must not see them.

        Raises
        ------
        DataError
            If the set was sealed without saying which column is the label.
        """
        if self.terms is not None and self.terms.label is None:
            raise DataError(
                f"dataset {self.name!r} was sealed without its label's name, so that no code may see its rows: seal it "
                "again with --label"
            )
        hidden = {self.declared.label, *self.declared.ignore, *(self.terms.hidden if self.terms else ())}
        return to_arrow(self.table.drop(*(column for column in self.table.columns if column in hidden)))

    @property
    def content(self) -> np.ndarray | None:
        """A digest of each row by all columns but its id and label, equal for copies; shape (n,)."""
        import pandas as pd

        names = [name for name in self.frame if name not in {self.declared.label, self.declared.id}]
        if not names:
            return None
        held = self.frame[names]
        # Lists and the like have no hash.
        texts = {name: held[name].astype(str) for name in names if held[name].dtype == object}
        digest: np.ndarray = pd.util.hash_pandas_object(held.assign(**texts), index=False).to_numpy()
        return digest

    def repeated_columns(self) -> dict[str, np.ndarray]:
        """Columns whose values repeat like ids of customers or machines: rows that share one may not be independent."""
        declared = self.declared
        rows = len(self.frame)
        found = {}
        for column in self.frame.columns:
            if column in {declared.label, declared.unit, declared.timestamp}:
                continue
            values = self.frame[column]
            looks_like_id = str(column).lower() in {"id", "user", "customer", "date", "day", "group", "session"} or str(
                column
            ).lower().endswith(("_id", "_date", "_day", "_key"))
            if (column == declared.id or looks_like_id) and 1 < values.nunique() < rows:
                found[str(column)] = values.to_numpy()
        return found


def _mixed(bits: np.ndarray) -> np.ndarray:
    """Scatter 64 bits (the finalizer of splitmix64; Steele, Lea and Flood, OOPSLA 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    scattered: np.ndarray = bits ^ (bits >> np.uint64(31))
    return scattered


@dataclass(frozen=True)
class Predictions:
    """Predicted labels, shape (n,), or probabilities of class 1; with the probabilities of ``positive`` where known."""

    values: np.ndarray
    scores: np.ndarray | None = None
    positive: Any = None
    assumption: Assumption | None = None


@dataclass(frozen=True)
class Predictor:
    """A model that can be asked: a registered version, a table of predictions, or code that has answered already."""

    title: str
    identity: str
    version: Any = None
    content: bytes | None = None
    given: Predictions | None = None
    confined: Callable[[Dataset], Predictions] | None = None

    def predict(self, dataset: Dataset) -> Predictions:
        """Answer for every row of a dataset.

        Raises
        ------
        ModelError
            If the number of predictions is not the number of rows.
        """
        if self.given is not None:
            if len(self.given.values) != len(dataset.frame):
                raise ModelError(
                    f"{self.title}: {len(self.given.values)} predictions for the {len(dataset.frame)} rows of "
                    f"{dataset.name!r}; give one for each row, in the same order"
                )
            return self.given
        if dataset.terms is not None and self.confined is not None:
            return self.confined(dataset)
        assert self.content is not None
        return answers(load(self.content), dataset.frame)


@lru_cache(maxsize=4)
def load(content: bytes) -> LoadedModel:
    """Load a stored model; one process judges the same few again and again."""
    # Loading a model loads scikit-learn, which checks of data alone need not wait for.
    from assay.tracking.formats import load as load_model

    return load_model(content)


def answers(model: LoadedModel, frame: pd.DataFrame) -> Predictions:
    """Ask a model about the rows of a frame, which may have more columns than the model takes.

    Raises
    ------
    DataError
        If a column that the model takes is missing or of another type.
    """
    wanted = [column for column in model.signature["inputs"] if column in frame.columns]
    labels, probabilities = model.answer(frame[wanted])
    if model.classes is None or len(model.classes) != 2 or probabilities is None:
        return Predictions(labels)
    return Predictions(labels, probabilities[:, 1], model.classes[1])


@dataclass(frozen=True)
class Series:
    """A planned number of looks at data that grows: ``key`` says whose they are, ``looks`` how many."""

    key: str
    looks: int


class Inputs:
    """Opens datasets and models for one run, each once.

    Parameters
    ----------
    project : Project
        The opened project.
    overrides : mapping of str to source
        Sources that stand in for the declared ones.
    series : Series, optional
        The looks that the overriding data are part of; without it they are a set of their own.
    candidate : str
        The alias or version that stands for ``candidate``.
    submitted : pyarrow.Table, optional
        Predictions that somebody sends, for the new model of a gate check.
    """

    def __init__(
        self,
        project: Project,
        overrides: Mapping[str, Any],
        series: Series | None = None,
        candidate: str = "candidate",
        submitted: pa.Table | None = None,
    ) -> None:
        self.project = project
        self.submitted = submitted
        self.candidate = candidate
        self.series = series
        for name in overrides:
            project.dataset(name)
        self._overrides = dict(overrides)
        self._datasets: dict[tuple[str, bool], Dataset] = {}
        self._predictors: dict[tuple[str, str, str], Predictor | None] = {}

    def dataset(self, name: str, *, judge: bool = False) -> Dataset:
        """Open a dataset and see that it has rows and the columns that the project file speaks of.

        A sealed one is opened with the judge's key; only to the ``judge`` it shows its label.

        Raises
        ------
        DataError
            If it cannot be read, is empty or lacks a declared column.
        """
        if (name, judge) not in self._datasets:
            declared = self.project.dataset(name)
            source = self._overrides.get(name, declared.source)
            file, terms = sealed_file(source, self.project), None
            if file is not None:
                opened, terms = open_sealed(file, name, declared, self.project)
                opened = opened if judge else opened.drop(*terms.hidden)
            else:
                opened = open_table(source, self.project)
            require_rows(opened, name)
            overridden = name in self._overrides
            named = [c for c in (declared.unit, declared.timestamp, declared.id) if c]
            shown = judge or file is None
            waived = overridden or declared.role in ("live", "pool")
            named += [declared.label] if declared.label and shown and not waived else []
            columns_present(opened, named, f"dataset {name!r}")
            self._datasets[name, judge] = Dataset(name, declared, opened, source, terms)
        return self._datasets[name, judge]

    def submission(self, dataset: Dataset) -> Predictor:
        """The predictions that were sent: joined by the dataset's id where they have it, else one a row in its order.

        Raises
        ------
        ModelError
            If an id is missing or comes twice, or a prediction is missing.
        """
        assert self.submitted is not None
        said = self.submitted.to_pandas()
        column = dataset.declared.id
        if column is not None and column in said:
            # An id that went through JSON may have become a text.
            ids, wanted = said[column].astype(str), dataset.frame[column].astype(str)
            if ids.duplicated().any():
                raise ModelError(f"{column} {ids[ids.duplicated()].iloc[0]!r} comes twice: send one prediction a row")
            lacking = ~wanted.isin(ids)
            if lacking.any():
                raise ModelError(
                    f"{int(lacking.sum())} rows of {dataset.name!r} have no prediction, the first with {column} "
                    f"{wanted[lacking].iloc[0]!r}"
                )
            said = said.set_index(ids).loc[wanted]
        missing = said["prediction"].isna().to_numpy()
        if missing.any():
            raise ModelError(f"row {int(missing.argmax())} has no prediction ({int(missing.sum())} in all)")
        return _given("the prediction", Predictions(said["prediction"].to_numpy()))

    def predictor(self, model: str, side: str, dataset: Dataset | None = None) -> Predictor | None:
        """Find who answers for ``new`` or ``old``: a declared model with predictions or code, else an alias or a version.

        Returns
        -------
        Predictor or None
            ``None`` when the alias points nowhere yet. Code answers for the rows of ``dataset``, and once.
        """
        key = model, side, dataset.name if dataset else ""
        if key not in self._predictors:
            self._predictors[key] = self._predictor(model, side, dataset)
        return self._predictors[key]

    def candidate_of(self, model: str, dataset: Dataset) -> Predictor | None:
        """What is judged of a model with predictions: those that were sent, else those that the project declares."""
        return self.predictor(model, model, dataset) if self.submitted is None else self.submission(dataset)

    def _predictor(self, model: str, side: str, dataset: Dataset | None) -> Predictor | None:
        models = self.project.file.models
        declared = models.get(side) or (models.get(model) if side == "candidate" else None)
        if declared is not None and declared.predictions is not None:
            opened = open_table(declared.predictions, self.project)
            columns_present(opened, [declared.column], f"predictions of model {side!r}")
            return _given(side, Predictions(_joined(to_pandas(opened), declared.column, side, dataset)))
        if declared is not None and declared.code is not None and dataset is not None:
            return _given(side, self._confined(side, dataset, declared.seconds, code=declared.code))
        own = models.get(model)
        if side == "champion" and dataset is not None and own is not None and own.predictions is not None:
            from assay.checks.champions import last_passed

            candidate = self.candidate_of(model, dataset)
            kept = last_passed(self.project, model, dataset, candidate.identity if candidate else "")
            if kept is not None:
                return _given(f"{model}, as it passed last", Predictions(kept))
        if side == "candidate":
            side = self.candidate
        if not self.project.has_store:
            return None
        registry = Registry(self.project.store)
        if not registry.versions(model):
            return None
        if side.isdigit():
            version = registry.get(f"{model}/{side}")
        elif registry.alias(model, side) is not None:
            version = registry.get(f"{model}@{side}")
        elif side == "candidate":
            version = registry.get(model)
        else:
            return None
        content = self.project.store.artifacts.get(version.digest)
        title, seconds = f"{model}/{version.version}", models[model].seconds

        def confined(dataset: Dataset) -> Predictions:
            return self._confined(title, dataset, seconds, package=content)

        return Predictor(title, version.digest, version=version, content=content, confined=confined)

    def _confined(self, title: str, dataset: Dataset, seconds: int, **who: Any) -> Predictions:
        """Let code predict from inputs alone, in a process that has nothing else."""
        from assay.gate.confined import predict

        hide = hidden_places(dataset.source, self.project)
        said = predict(dataset.inputs(), title, **who, root=self.project.root, hide=hide, seconds=seconds)
        columns = {name: said.table[name].to_pandas().to_numpy() for name in said.table.column_names}
        positive = columns["positive"][0] if "positive" in columns else None
        return Predictions(columns["prediction"], columns.get("score"), positive, said.assumption)


def _joined(frame: pd.DataFrame, column: str, side: str, dataset: Dataset | None) -> np.ndarray:
    """Predictions in the order of the rows: by the id that the dataset declares, where the predictions have it too."""
    values = frame[column]
    name = dataset.declared.id if dataset is not None else None
    if dataset is None or name is None or name not in frame:
        plain: np.ndarray = values.to_numpy()
        return plain
    again = frame[name].duplicated()
    if again.any():
        raise ModelError(f"predictions of model {side!r}: two rows have the {name} {frame[name][again].iloc[0]}")
    wanted = dataset.frame[name]
    missing = ~wanted.isin(frame[name])
    if missing.any():
        raise ModelError(
            f"predictions of model {side!r}: none for the {name} {wanted[missing].iloc[0]} of {dataset.name!r} "
            f"({int(missing.sum())} missing in all)"
        )
    joined: np.ndarray = values.set_axis(frame[name]).loc[wanted].to_numpy()
    return joined


def _given(title: str, said: Predictions) -> Predictor:
    """A model that is its predictions: it is told from others by them, in their order."""
    ordered = pd.DataFrame({"row": range(len(said.values)), "prediction": said.values})
    return Predictor(title, fingerprint(table(ordered)), given=said)


def open_table(source: Any, project: Project) -> ibis.Table:
    """Open what ``source =`` may say: a path relative to the project file, or a query with its URL."""
    if isinstance(source, msgspec.Struct):
        sql: SqlSource = source  # type: ignore[assignment]
        return table(sql.query, url=sql.url)
    return table(source, root=project.root)
