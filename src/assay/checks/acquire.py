"""Which data to buy: small training runs on mixes of the sources, and what a law that is fitted to them advises."""

from __future__ import annotations

import inspect
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.checks.code import load_function
from assay.checks.inputs import Inputs
from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.evidence import Evidence
from assay.core.fingerprint import digest
from assay.core.verdict import Verdict
from assay.errors import DataError, ModelError, ProjectError, shown
from assay.feasibility.acquisition_design import design, mixes_of_money
from assay.feasibility.scaling import FAR, fit_scaling
from assay.stats.sampling import seed
from assay.store import records
from assay.tracking.run_record import list_runs
from assay.tracking.runs import run

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from assay.checks.dataset import Dataset
    from assay.checks.project import Project
    from assay.core.project import SourceTable
    from assay.feasibility.acquisition_design import Design
    from assay.feasibility.scaling import Mix, ScalingLaw
    from assay.tracking.run_record import RunRecord

EXPERIMENT = "acquire"
KEY_TAG = "assay.acquire.key"
LEAST = 1e-4
"""Probability that a lower one counts as in the log loss: a class that a small run never saw must not decide all."""


@dataclass(frozen=True)
class Acquisition:
    """A project's sources, opened, and the training runs that are to be made.

    Attributes
    ----------
    model, train, loss : str
    sources : dict of str to SourceTable
    frames : dict of str to Dataset
        Labeled rows of each source.
    judge : Dataset
        On whose rows the losses are measured.
    fit : callable
        The project's own: a frame with the label to a fitted estimator.
    planned : Design
    """

    project: Project
    model: str
    train: str
    loss: str
    sources: dict[str, SourceTable]
    frames: dict[str, Dataset]
    judge: Dataset
    fit: Callable[[pd.DataFrame], Any]
    planned: Design

    def keys(self) -> list[str]:
        """What identifies each planned run: the rows there are, how many of them, the code, and how the loss is measured."""
        try:
            code = inspect.getsource(inspect.getmodule(self.fit) or self.fit)
        except (OSError, TypeError):
            code = self.train
        facts = {
            "code": code,
            "train": self.train,
            "loss": self.loss,
            "judge": self.judge.fingerprint,
            "sources": {name: data.fingerprint for name, data in self.frames.items()},
        }
        return [digest({**facts, "rows": rows}) for rows in self.planned.runs]

    def done(self) -> list[RunRecord | None]:
        """The finished run for each planned one."""
        if not self.project.has_store:
            return [None] * len(self.planned.runs)
        kept = {
            record.tags.get(KEY_TAG): record
            for record in list_runs(self.project.store, EXPERIMENT)
            if record.status == "FINISHED" and "loss" in record.metrics
        }
        return [kept.get(key) for key in self.keys()]


def open_acquisition(project: Project) -> Acquisition:
    """Open the sources that a project declares, and plan the training runs.

    Raises
    ------
    ProjectError
        If there are no sources, the model has no ``train``, or there is no dataset with the role dev.
    ModelError
        If the training callable cannot be imported.
    DataError
        If a source has too few rows or lacks the label, or a training set has rows of the dataset on which losses are measured.
    """
    declared = project.file.acquire
    if not declared.sources:
        raise ProjectError(
            f"{shown(project.path)}: no source of data is declared; add [acquire.sources.NAME] with price = ..., for a dataset of "
            "that name"
        )
    name, model = project.model(declared.model)
    if model.train is None:
        with project.at("models", name):
            raise ProjectError(f'[models.{name}] needs train = "module:callable", which the runs call')
    judging = declared.dataset or project.dataset_of_role("dev")
    if judging is None:
        raise ProjectError(
            f"{shown(project.path)}: no dataset has the role 'dev'; mixes are compared on labeled rows like those that matter, "
            "which no test set is spent for: add one"
        )
    inputs = Inputs(project, {})
    judge = inputs.dataset(judging)
    frames = {each: inputs.dataset(source.dataset or each) for each, source in declared.sources.items()}
    for each, data in frames.items():
        if data.name == judging:
            raise ProjectError(
                f"{shown(project.path)}: source {each!r} is the dataset that judges; train on other rows"
            )
        if judge.declared.label is None or data.declared.label != judge.declared.label:
            raise ProjectError(
                f"{shown(project.path)}: the label of dataset {data.name!r} is {data.declared.label!r}, that of {judging!r} "
                f"{judge.declared.label!r}; declare the same for both"
            )
        _ = data.labels
    inputs.unseen(judge)
    fit = load_function(model.train, project.root)
    planned = design({each: len(data.frame) for each, data in frames.items()}, declared.largest)
    loss = declared.loss or ("squared" if project.file.project.task == "regression" else "log")
    return Acquisition(project, name, model.train, loss, dict(declared.sources), frames, judge, fit, planned)


def train_planned(
    project: Project, *, progress: Callable[[int, int, str], None] = lambda done, total, words: None
) -> tuple[int, int]:
    """Make the planned runs that are not on record yet, the smaller ones first; each is logged when it ends.

    Stopped at any time, it goes on where it was: a run counts once it has finished, for the same rows and code.

    Parameters
    ----------
    project : Project
    progress : callable
        Called with runs done, runs in all, and what is trained.

    Returns
    -------
    tuple of (int, int)
        Runs made now, and runs that were there.

    Raises
    ------
    ModelError
        If the training callable fails, or its estimator cannot be judged.
    """
    ready = open_acquisition(project)
    total, done = len(ready.planned.runs), ready.done()
    there = sum(record is not None for record in done)
    finished = there
    for rows, key, record in zip(ready.planned.runs, ready.keys(), done, strict=True):
        if record is not None:
            continue
        words = ", ".join(f"{count:,} {name}" for name, count in rows.items())
        progress(finished, total, words)
        _train(ready, rows, key, words)
        finished += 1
    progress(finished, total, "")
    return finished - there, there


def _train(ready: Acquisition, rows: dict[str, int], key: str, words: str) -> None:
    import pandas as pd

    with run(words, experiment=EXPERIMENT, project=ready.project) as record:
        record.log_params({f"rows.{name}": count for name, count in rows.items()})
        record.log_params({"train": ready.train, "loss": ready.loss, "model": ready.model})
        parts = []
        for name, count in rows.items():
            data = ready.frames[name]
            record.log_dataset(data.name, data.fingerprint, role="train", rows=count)
            parts.append(data.frame.iloc[_drawn(data, count, seed(EXPERIMENT, key, name))])
        table = pd.concat(parts, ignore_index=True)
        record.log_dataset(ready.judge.name, ready.judge.fingerprint, role="dev", rows=len(ready.judge.frame))
        started = time.monotonic()
        try:
            estimator = ready.fit(table)
        except Exception as problem:
            raise ModelError(f"{ready.train} failed on {words}: {_said(problem)}") from problem
        seconds = time.monotonic() - started
        record.log_metrics({"loss": _loss(ready, estimator), "seconds": seconds})
        record.set_tag(KEY_TAG, key)


def _drawn(data: Dataset, count: int, number: int) -> np.ndarray:
    """Rows drawn without replacement, whole units together where a unit is declared; the last unit may be cut."""
    order = np.random.default_rng(number).permutation(len(data.frame))
    unit = data.unit
    if unit is not None:
        _, codes = np.unique(unit.astype(str), return_inverse=True)
        rank = np.random.default_rng(number + 1).permutation(codes.max() + 1)
        order = order[np.argsort(rank[codes[order]], kind="stable")]
    return np.sort(order[:count])


def _loss(ready: Acquisition, estimator: Any) -> float:
    """Mean loss on the rows that judge."""
    frame, label = ready.judge.frame, ready.judge.declared.label
    features = list(getattr(estimator, "feature_names_in_", [name for name in frame if name != label]))
    truth = ready.judge.labels
    try:
        if ready.loss == "log":
            if not hasattr(estimator, "predict_proba"):
                raise ModelError(f'{ready.train} returns no probabilities: set loss = "error" in [acquire]')
            classes = [str(each) for each in estimator.classes_]
            said = np.asarray(estimator.predict_proba(frame[features]), dtype=np.float64)
            place = {name: number for number, name in enumerate(classes)}
            codes = np.array([place.get(str(value), -1) for value in truth])
            of_truth = np.where(codes >= 0, said[np.arange(len(codes)), codes], 0.0)
            return float(-np.log(np.maximum(of_truth, LEAST)).mean())
        said = np.asarray(estimator.predict(frame[features]))
    except (ModelError, KeyboardInterrupt):
        raise
    except Exception as problem:
        raise ModelError(
            f"the model of {ready.train} cannot predict {ready.judge.name!r}: {_said(problem)}"
        ) from problem
    if ready.loss == "error":
        return float(np.mean(said.astype(str) != truth.astype(str)))
    apart = said.astype(np.float64) - truth.astype(np.float64)
    return float(np.mean(np.square(apart) if ready.loss == "squared" else np.abs(apart)))


def _said(problem: Exception) -> str:
    return f"{type(problem).__name__}: {str(problem).strip().partition(chr(10))[0]}; ASSAY_DEBUG=1 shows where"


def advise(project: Project, budget: float) -> Verdict:
    """Fit the runs that are on record, and advise what to buy for a budget.

    Parameters
    ----------
    project : Project
    budget : float
        In the unit of the declared prices.

    Returns
    -------
    Verdict
        Of code FEA301: an estimate, ``inconclusive`` whatever it says, since nothing bounds its error.

    Raises
    ------
    DataError
        If the runs on record do not determine a law.
    UsageError
        If the budget buys nothing.
    """
    ready = open_acquisition(project)
    done = [record for record in ready.done() if record is not None]
    known = [
        ({name: int(record.params[f"rows.{name}"]) for name in ready.sources}, record.metrics["loss"])
        for record in done
    ]
    try:
        law = fit_scaling(known)
    except DataError as problem:
        raise DataError(
            f"{len(done)} of {len(ready.planned.runs)} planned runs are on record: {problem}; `assay acquire run` makes the rest"
        ) from problem
    prices = {name: source.price for name, source in ready.sources.items()}
    stock = {name: float(s.stock) for name, s in ready.sources.items() if s.stock is not None}
    owned = {name: len(data.frame) for name, data in ready.frames.items()}
    mix = law.best_mix(budget, prices, stock, owned)
    verdict = _verdict(ready, law, mix, budget, prices, owned)
    records.record(project.store, verdicts=[verdict])
    return verdict


def _verdict(
    ready: Acquisition, law: ScalingLaw, mix: Mix, budget: float, prices: dict[str, float], owned: dict[str, int]
) -> Verdict:
    now = law.predict(owned)
    names = list(prices)
    worth = law.marginal_value(owned, prices)
    series: dict[str, list[Any]] = {
        "source": list(names),
        "rows_there": [owned[name] for name in names],
        "rows_to_buy": [mix.buy[name] for name in names],
        "rows_lower": [mix.ranges[name][0] for name in names],
        "rows_upper": [mix.ranges[name][1] for name in names],
        "money": [mix.shares[name] for name in names],
        "fall_of_loss_by_money": [float(worth[name]) for name in names],
    }
    series.update(_over_mixes(law, ready, budget, prices, owned))
    bought = [name for name in worth if mix.buy[name]]
    words = ", ".join(f"{mix.buy[name]:,} rows of {name}" for name in bought) or "nothing"
    ratio = sum(mix.n_by_source.values()) / ready.planned.sizes[-1]
    far = f" ({ratio:,.0f} times the largest run, where its level is a guess)" if ratio > FAR else ""
    statistic: dict[str, Any] = {
        "loss_now": float(now),
        "loss_forecast": float(mix.loss),
        "loss_forecast_lower": mix.loss.lower,
        "loss_forecast_upper": mix.loss.upper,
        "floor": float(law.floor),
        "exponent": float(law.exponent),
        "cost": mix.cost,
        "support": mix.support,
        "runs": law.runs,
    }
    if law.backtest:
        statistic |= {"missed_of_loss": law.backtest[0].of_loss, "missed_of_excess": law.backtest[0].of_excess}
    return Verdict(
        status="inconclusive",
        guarantee=law.guarantee,
        check="acquire",
        code="FEA301",
        stage="feasibility",
        claim=Claim(f"{words} is the best purchase for {budget:,.6g}"),
        evidence=Evidence(
            n=len(ready.judge.frame),
            measure=f"{ready.loss} loss of {ready.model} on {ready.judge.name}",
            estimate=float(mix.loss),
            statistic=statistic,
            series=series,
            method="law of the loss by source, least squares in the log loss",
            fingerprints={data.key: data.fingerprint for data in (*ready.frames.values(), ready.judge)},
        ),
        reason=(
            f"{words} for {mix.cost:,.6g}: the loss falls from {float(now):.4g} to {float(mix.loss):.4g} by forecast{far}; "
            f"{mix.support:.0%} of refits are content with this mix; {law.missed}"
        ),
        actions=tuple(
            Action(
                f"buy {mix.buy[name]:,} rows of {name} for {mix.buy[name] * prices[name]:,.6g}",
                effect=f"a first one is worth {float(worth[name]):.3g} of the loss a unit of money; {worth[name].words}",
            )
            for name in bought[:3]
        ),
    )


def _over_mixes(
    law: ScalingLaw, ready: Acquisition, budget: float, prices: dict[str, float], owned: dict[str, int]
) -> dict[str, list[Any]]:
    """The forecast all over the simplex, for a chart; the money for more rows than the stock has is not spent."""
    if len(prices) not in (2, 3):
        return {}
    shares = mixes_of_money(len(prices))
    above = []
    for mix in shares:
        rows = dict(owned)
        for (name, price), share in zip(prices.items(), mix, strict=True):
            most = ready.sources[name].stock
            rows[name] += share * budget / price if most is None else min(most, share * budget / price)
        above.append(float(law.predict(rows)) - float(law.floor))
    least = min(above)
    found: dict[str, list[Any]] = {
        f"mix_{number + 1}": [float(share) for share in shares[:, number]] for number in range(len(prices))
    }
    return {**found, "times_least": [value / least for value in above]}
