"""Flag labels of a declared dataset, hand out a random sample of the flags, and certify which share of them is right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from assay.checks.inputs import Inputs
from assay.checks.job import Job, Spend
from assay.checks.run import judge
from assay.core.fingerprint import digest
from assay.core.project import CheckTable
from assay.debugging import label_errors, out_of_sample_probabilities
from assay.errors import BudgetSpent, DataError, ProjectError
from assay.feasibility.encoding import Encoder, table
from assay.feasibility.portfolio import usual
from assay.stats.sampling import seed
from assay.store.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from assay.checks.dataset import Dataset
    from assay.checks.project import Project
    from assay.core.verdict import Verdict
    from assay.debugging import LabelErrors
    from assay.debugging.confident_learning import FilterBy, RankBy

NAME = "labels audit"
WORDS = {"yes": True, "true": True, "1": True, "y": True, "no": False, "false": False, "0": False, "n": False}
# Less error probability than this decides nothing.
LEAST = 1e-6


@dataclass(frozen=True)
class Flagged:
    """Flags on the labels of a dataset.

    Attributes
    ----------
    rows : Dataset
    found : LabelErrors
    model : str
        Whose predictions they rest on.
    seed : int
        Of the sample.
    how : str
        Filter and ranking.
    """

    rows: Dataset
    found: LabelErrors
    model: str
    seed: int
    how: str

    def sheet(self, places: np.ndarray) -> pd.DataFrame:
        """Give flagged rows as a table: place, label, suggestion, how sure the label is, and the row's columns."""
        frame = self.rows.frame
        held = frame.iloc[places].drop(columns=[self.rows.declared.label])
        held = held.drop(columns=[name for name in held if name in ("row", "given", "suggested", "sure", "wrong")])
        for name, values in (
            ("sure", self.found.scores[places].round(4)),
            ("suggested", self.found.suggested[places]),
            ("given", self.found.given[places]),
            ("row", places),
        ):
            held.insert(0, name, values)
        return held


def flag(
    project: Project,
    *,
    dataset: str = "",
    filter_by: FilterBy = "prune_by_noise_rate",
    rank_by: RankBy = "self_confidence",
    overrides: dict[str, str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Flagged:
    """Flag labels by models that did not see the rows, nor others of their units.

    Of the classifiers that a feasibility study tries, the one with the least log loss out of sample is taken.

    Parameters
    ----------
    project : Project
    dataset : str
        By default the one with the role ``train``. A test set is refused: flags tell of its labels.
    filter_by, rank_by : str
        Of :func:`assay.debugging.label_errors`.
    overrides : dict
        Files that stand in for declared datasets.
    progress : callable

    Raises
    ------
    ProjectError, DataError
        If there is no such dataset, or its labels are no classes.
    """
    if project.file.project.task == "regression":
        raise ProjectError(f"{project.path}: [project] task is 'regression': labels that are numbers cannot be flagged")
    name = dataset or project.dataset_of_role("train")
    if name is None:
        raise ProjectError(
            f"{project.path}: no dataset has the role 'train'; declare one, or name a dataset with --dataset"
        )
    if project.dataset(name).role == "test":
        raise DataError(
            f"dataset {name!r} is a test set, and flags tell of its labels: audit rows with the role 'train' or 'dev'"
        )
    rows = Inputs(project, overrides or {}).dataset(name)
    names, codes = np.unique(rows.labels, return_inverse=True)
    held = table(rows.features)
    X = Encoder().fit(held).transform(held)
    start = seed(NAME, rows.fingerprint) % 2**32
    best: tuple[float, str, Any] | None = None
    for title, model in usual(X.size * names.size, start).items():
        if not hasattr(model, "predict_proba") or title == "most common class":
            continue
        progress(f"{title} on 5 folds")
        # Threads bring little here, and cost very much more on a busy machine.
        with threadpool_limits(1):
            p = out_of_sample_probabilities(X, codes, model=model, unit=rows.unit, seed=start)
        loss = float(-np.log(np.clip(p[np.arange(codes.size), codes], 1e-6, None)).mean())
        if best is None or loss < best[0]:
            best = loss, title, p
    if best is None:
        raise DataError(f"dataset {name!r}: no classifier could be tried")
    found = label_errors(rows.labels, best[2], classes=names, filter_by=filter_by, rank_by=rank_by)
    return Flagged(rows, found, best[1], start, f"{filter_by}, {rank_by}")


def answered(source: Path) -> dict[int, bool]:
    """Read what a person found: columns ``row`` and ``wrong``, the latter yes or no.

    Raises
    ------
    DataError
        If a column is not there, or a row has no answer, another one, or two.
    """
    import pandas as pd

    try:
        sheet = pd.read_csv(source, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as problem:
        raise DataError(f"{source}: cannot be read as CSV: {problem}") from problem
    for column in ("row", "wrong"):
        if column not in sheet:
            raise DataError(f"{source}: there is no column {column!r}; hand out a sheet with --sheet and fill it in")
    found: dict[int, bool] = {}
    for row, said in zip(sheet["row"], sheet["wrong"], strict=True):
        if not row.strip().isdigit():
            raise DataError(f"{source}: {row!r} is no row number")
        if said.strip().lower() not in WORDS:
            what = f"says {said!r}" if said.strip() else "is empty"
            raise DataError(f"{source}: wrong {what} for row {row}: write yes or no in each row")
        if int(row) in found:
            raise DataError(f"{source}: row {row} is there twice")
        found[int(row)] = WORDS[said.strip().lower()]
    return found


def audit(project: Project, flagged: Flagged, wrong: dict[int, bool], precision: float) -> list[Verdict]:
    """Certify which share of the flags is right; the same answers again give what they gave.

    Each further sample of the same rows has half of the error probability that those before it have left, so that all together
    err with probability of at most ``[budget] alpha``.

    Raises
    ------
    DataError
        If the answers are not those of the sample.
    BudgetSpent
        If earlier audits of the same rows left no error probability.
    """
    rows, limit = flagged.rows, project.file.budget.alpha
    check = CheckTable(id=NAME, use="DBG201")
    flagged.found.audit(wrong, precision=precision, seed=flagged.seed)  # refuses answers before anything is held
    key = f"{rows.fingerprint}:labels"
    spent = Ledger(project.store).spent("alpha", key) if project.has_store else 0.0
    alpha = (limit - spent) / 2
    asked = digest([sorted(wrong.items()), precision, flagged.how])

    def evaluate() -> list[Verdict]:
        verdict = flagged.found.audit(wrong, precision=precision, alpha=alpha, seed=flagged.seed, check=NAME)
        evidence = msgspec.structs.replace(verdict.evidence, fingerprints={rows.key: rows.fingerprint})
        return [msgspec.structs.replace(verdict, subject=rows.name, evidence=evidence, blocking=True)]

    def spends(_: Any) -> tuple[Spend, ...]:
        if alpha < LEAST:
            raise BudgetSpent(
                f"dataset {rows.name!r}: earlier audits of these labels left no error probability of {limit:g}: flag fresh rows"
            )
        return (Spend("alpha", key, alpha, limit, once=asked, about=rows.name),)

    return judge(project, check, Job({f"dataset:{rows.name}": rows.fingerprint, "asked": asked}, evaluate, spends))[0]
