"""What the checks of one run read: each table and model is opened once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from assay.checks.dataset import Dataset
from assay.checks.predictor import Predictions, Predictor, given, joined
from assay.checks.sealed import hidden_places, open_sealed, sealed_file
from assay.core.guarantee import Assumption
from assay.core.project import TableSource, place_of
from assay.data import columns_present, require_rows, table, to_pandas
from assay.errors import DataError, ModelError, at
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import ibis
    import pyarrow as pa

    from assay.checks.project import Project
    from assay.data.engines import Engine


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
    engine : Engine, optional
        Where datasets are opened, instead of DuckDB in this process.
    """

    def __init__(
        self,
        project: Project,
        overrides: Mapping[str, Any],
        series: Series | None = None,
        candidate: str = "candidate",
        submitted: pa.Table | None = None,
        engine: Engine | None = None,
    ) -> None:
        self.project = project
        self.engine = engine
        self.submitted = submitted
        self.candidate = candidate
        self.series = series
        for name in overrides:
            project.dataset(name)
        self._overrides = dict(overrides)
        self._datasets: dict[tuple[str, bool], Dataset] = {}
        self._predictors: dict[tuple[str, str, str], Predictor | None] = {}
        self._unseen: dict[str, str] = {}

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
            overridden = name in self._overrides
            source = self._overrides.get(name, declared.source)
            with self._at_dataset(name, "source"):
                file, terms = None if self.engine else sealed_file(source, self.project), None
                if self.engine is not None:
                    opened = _on_engine(source, self.engine, self.project)
                elif file is not None:
                    opened, terms = open_sealed(file, declared, self.project)
                    opened = opened if judge else opened.drop(*terms.hidden)
                else:
                    opened = open_table(source, self.project)
                require_rows(opened, f"dataset {name!r}{f' ({place})' if (place := place_of(source)) else ''}")
            shown = judge or file is None
            waived = overridden or declared.role in ("live", "pool")
            for key in ("unit", "timestamp", "id", *(("label",) if shown and not waived else ())):
                with self._at_dataset(name, key):
                    columns_present(opened, filter(None, [getattr(declared, key)]), f"dataset {name!r}")
            self._datasets[name, judge] = Dataset(name, declared, opened, source, terms)
        return self._datasets[name, judge]

    def unseen(self, dataset: Dataset) -> str:
        """See that no model was trained on the rows of a test set, as far as the declared data tell; say what was compared.

        Raises
        ------
        DataError
            If they are rows of a table that models are trained or chosen on.
        """
        if dataset.name not in self._unseen:
            from assay.checks.overlap import require_unseen

            self._unseen[dataset.name] = require_unseen(self, dataset)
        return self._unseen[dataset.name]

    def _at_dataset(self, name: str, key: str) -> AbstractContextManager[None]:
        if key == "source" and name in self._overrides:
            return at(f"what stands in for {name!r}")
        return self.project.at("datasets", name, key, name=f"[datasets.{name}] {key}")

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
        return given("the prediction", Predictions(said["prediction"].to_numpy()))

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
            owner = side if side in models else model
            with self.project.at("models", owner, "predictions", name=f"[models.{owner}] predictions"):
                return read_predictions(declared.predictions, declared.column, side, dataset, self.project)
        if declared is not None and declared.code is not None and dataset is not None:
            return given(side, self._confined(side, dataset, declared.seconds, code=declared.code))
        own = models.get(model)
        kept_so = own is not None and (own.predictions is not None or own.code is not None)
        if side == "champion" and dataset is not None and kept_so:
            from assay.checks.champions import last_passed

            candidate = self.candidate_of(model, dataset)
            kept = last_passed(self.project, model, dataset, candidate.identity if candidate else "")
            if kept is not None:
                found = given(f"{model}, as it passed last", Predictions(kept.predictions))
                return replace(found, identified=kept.identified)
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
        moved = registry.moved(model, side)
        since = f", {side} since {datetime.fromtimestamp(moved / 1000, UTC).date()}" if moved else ""
        identified = Assumption(f"old is {title}{since}", "checked", f"content {version.digest[:12]}, by the registry")

        def confined(dataset: Dataset) -> Predictions:
            return self._confined(title, dataset, seconds, package=content)

        return Predictor(
            title, version.digest, version=version, content=content, confined=confined, identified=identified
        )

    def _confined(self, title: str, dataset: Dataset, seconds: int, **who: Any) -> Predictions:
        """Let code predict from inputs alone, in a process that has nothing else."""
        from assay.gate.confined import predict

        hide = hidden_places(dataset.source, self.project)
        said = predict(dataset.inputs(), title, **who, root=self.project.root, hide=hide, seconds=seconds)
        columns = {name: said.table[name].to_pandas().to_numpy() for name in said.table.column_names}
        positive = columns["positive"][0] if "positive" in columns else None
        return Predictions(columns["prediction"], columns.get("score"), positive, said.assumption)


def read_predictions(source: Any, column: str, side: str, dataset: Dataset | None, project: Project) -> Predictor:
    """Open predictions and join them to the rows of a dataset.

    Raises
    ------
    DataError, ModelError
        If there is no such column, or rows have no prediction or two.
    """
    opened = open_table(source, project, text=texts_of(dataset, column))
    with project.at("models", side, "column", name=f"[models.{side}] column"):
        columns_present(opened, [column], f"predictions of model {side!r}")
    frame, place = to_pandas(opened), place_of(source)
    missing = frame[column].isna().to_numpy()
    if missing.any():
        raise ModelError(
            f"{place or 'the predictions'}: column {column!r} has no value in row {int(missing.argmax())}, counted from 0 "
            f"({int(missing.sum())} in all): give one prediction for each row"
        )
    return given(f"{side} ({place})" if place else side, Predictions(joined(frame, column, side, dataset)))


def _on_engine(source: Any, engine: Engine, project: Project) -> ibis.Table:
    """Open a dataset on an engine: a path or the name of a table, or the query of a source that has one."""
    if not isinstance(source, TableSource):
        return engine.table(str(source), project.root)
    if source.query is not None:
        return engine.query(source.query)
    if source.text:
        raise DataError("text = [...] is for files that DuckDB reads: leave out --engine, or give a table with types")
    return engine.table(str(source.path), project.root)


def open_table(source: Any, project: Project, *, text: Sequence[str] = ()) -> ibis.Table:
    """Open what ``source =`` may say: a path relative to the project file, or a table of keys."""
    if isinstance(source, TableSource):
        source = {key: value for key, value in msgspec.structs.asdict(source).items() if value}
    return table(source, root=project.root, text=text)


def texts_of(dataset: Dataset | None, answer: str) -> list[str]:
    """Columns of a table about the rows of a dataset that are text because the dataset's are: id, and answer (as the label).

    A file of few predictions may hold ``7`` and ``10`` alone where the labels are ``7``, ``10`` and ``10a``.
    """
    if dataset is None:
        return []
    kinds, declared = dataset.table.schema(), dataset.declared
    pairs = ((declared.id, declared.id), (declared.label, answer))
    return [column for own, column in pairs if own in kinds and column and kinds[own].is_string()]
