"""Declared claims about models."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import pandas as pd

from assay.checks import testsets
from assay.checks.budget import shown
from assay.checks.commitment import commit
from assay.checks.disclosure import over, withhold
from assay.checks.job import Job, Spend
from assay.checks.kept import Kept, readers
from assay.checks.overlap import unseen
from assay.checks.question import Question, seen_of
from assay.checks.sealed import judges
from assay.core.action import Action
from assay.core.claim import Claim
from assay.core.guarantee import Assumption, Guarantee
from assay.core.nearest import did_you_mean, nearest
from assay.core.project import CheckTable, stage_of
from assay.core.verdict import Verdict
from assay.data import columns_present
from assay.data.slice import mask
from assay.debugging import no_slice_regression
from assay.errors import DataError, ModelError, ProjectError
from assay.gate import decide, decide_slices, parse
from assay.gate.condition import TEMPLATE, Condition
from assay.gate.inputs import collect
from assay.gate.screening import copied
from assay.stats.sampling import seed
from assay.store.ledger import Ledger
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from assay.checks.answers import Terms
    from assay.checks.dataset import Dataset
    from assay.checks.inputs import Inputs
    from assay.checks.predictor import Predictions, Predictor
    from assay.checks.project import Project
    from assay.gate.condition import Everywhere

# What predictions are compared by.
_PLAIN = ("labels", "new", "old", "new_scores", "old_scores", "positive", "unit", "unit_name")
# Aliases that may point nowhere yet.
ALIASES = ("champion", "challenger", "candidate")


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Open the test set and both models; the answer is paid for on the ledger of the test set's content."""
    project = inputs.project
    if not check.claim:
        raise ProjectError("a gate check needs a claim")
    everywhere = parse(check.claim).everywhere
    if everywhere is not None and (check.method == "sequential" or check.slices or check.mode == "fn-free"):
        raise ProjectError(
            f"{everywhere} speaks of every slice, once, of labelled rows: leave out slices, method and mode"
        )
    if check.method == "sequential" and inputs.series is None:
        if inputs.submitted is not None:
            raise ModelError("it is decided label by label: it judges declared models alone")
        from assay.checks import sequential

        return sequential.prepare(check, inputs, alpha)
    condition = parse(check.claim)
    model = check.new
    if check.new not in project.file.models and (inputs.submitted is None or project.file.models):
        model = project.model(check.model)[0]
    name = check.datasets[0] if check.datasets else project.dataset_of_role("test", "dev")
    if name is None:
        raise ProjectError("it needs a dataset with the role 'test'")
    dataset = inputs.dataset(name, judge=True)
    if dataset.declared.label is None:
        raise ProjectError(f"[datasets.{name}] names no label, which it needs; add label = 'COLUMN' there")
    sent = inputs.submitted is not None
    new = inputs.submission(dataset) if sent else inputs.predictor(model, check.new, dataset)
    old = inputs.predictor(model, check.old, dataset) if "old" in condition.models else None
    unready = without_models(check, project, model, new, old)
    if unready is not None:
        return unready
    assert new is not None
    slices = project.slices_of(check.slices)
    require_parts(condition, project, dataset, slices)
    answers = inputs.series.looks if inputs.series else dataset.declared.queries
    key, table = (inputs.series.key, None) if inputs.series else _family(project, dataset)
    # All claims about one candidate are one answer; against another champion it is another question.
    rivals = {
        rival.identity
        for other in project.file.checks
        if stage_of(other) == "gate" and other.new == check.new
        for rival in [inputs.predictor(model, other.old, dataset)]
        if rival
    }
    candidate = f"{new.identity}:{','.join(sorted(rivals))}"
    gone = dropped(project, key)
    if gone:
        # A gate that lost a claim is another gate: otherwise a refused claim would come back under another name.
        candidate += f":without {','.join(gone)}"
    depends = {
        f"dataset:{name}": dataset.fingerprint,
        "new": new.identity,
        "old": old.identity if old else "",
        "slices": repr(sorted(slices.items())),
        "declared": repr(msgspec.structs.astuple(dataset.declared)),
        "answers": str(answers),
    }
    once = f"{dataset.fingerprint}:{candidate}"
    disclosed = shown(project.file.budget, dataset.declared, planned=inputs.series is not None)
    terms: Terms | None = None

    @cache
    def keys() -> tuple[str, ...] | None:
        return readers(project, dataset)

    @cache
    def question() -> Question:
        return Question.of(check, inputs, dataset, (key, table), once, alpha)

    def reckoned(connection: Connection) -> tuple[Spend, ...]:
        nonlocal terms
        terms = question().terms(connection)
        promised = commit(
            Kept(project, dataset, keys()),
            dataset,
            {side: rows()[side] for side in ("new", "old") if rows()[side] is not None},
            {
                "check": check.name,
                "claim": str(condition),
                "mode": check.mode,
                "level": alpha * terms.share,
                "slice": [terms.number, answers] if terms.detail["policy"] == "fresh-slice" else None,
                "slices": slices,
            },
        )
        return (
            Spend("answers", key, 1, answers, terms.once, about=name, detail=terms.detail),
            Spend(
                "alpha", f"{key}:{check.name}", alpha * terms.share, alpha, apart=not check.blocking,
                about=name, detail={"answer": terms.once, "alpha": alpha, **promised},
            ),
        )  # fmt: skip

    # The looks of a series are planned beforehand: each has its part.
    planned = (
        Spend("answers", key, 1, answers, once=once, about=name),
        Spend("alpha", f"{key}:{check.name}", alpha / answers, alpha, apart=not check.blocking, about=name),
    )

    models = {"new": new.identity} | ({"old": old.identity} if old else {})
    seen = seen_of(dataset, disclosed) if answers > 1 and inputs.series is None else ()
    against = identified(check, project, old)

    @cache
    def said() -> list[Predictions]:
        return [model.predict(dataset) for model in (new, old) if model is not None]

    @cache
    def rows() -> dict[str, Any]:
        return _rows(check, inputs, dataset, said(), slices)

    def told() -> tuple[Assumption, ...]:
        return (*against, *seen, *(each.assumption for each in said() if each.assumption is not None))

    def evaluate() -> list[Verdict]:
        judge = decide_slices if slices else decide
        keep = dataset.order
        level = alpha * terms.share if terms else alpha / answers
        if terms is not None and terms.detail["policy"] == "fresh-slice":
            keep = dataset.stretch(terms.number, answers)
        if everywhere is not None:
            return [finish(_everywhere(check, everywhere, dataset, _drawn(rows(), keep), keep, level))]
        found: Any = judge(
            condition,
            **_drawn(rows(), keep),
            reliability=1 - alpha,
            level=level,
            mode=check.mode,
            timestamp=None if dataset.timestamp is None else dataset.timestamp.iloc[keep],
            content=None if dataset.declared.unit or dataset.content is None else dataset.content[keep],
            check=check.name,
            blocking=check.blocking,
        )
        return [finish(verdict) for verdict in (found if slices else [found])]

    def finish(verdict: Verdict) -> Verdict:
        """Add what only the project knows."""
        evidence = msgspec.structs.replace(verdict.evidence, fingerprints={dataset.key: dataset.fingerprint} | models)
        compared = unseen(verdict.guarantee, inputs.unseen(dataset))
        guarantee = over(compared, answers, "" if inputs.series else dataset.declared.adaptivity or "full", told())
        return msgspec.structs.replace(verdict, guarantee=guarantee, evidence=evidence, severity=check.severity)

    def show(verdict: Verdict) -> Verdict:
        shown = withhold(verdict, disclosed, check, dataset, error=alpha, assumptions=told(), models=models)
        return msgspec.structs.replace(shown, guarantee=unseen(shown.guarantee, inputs.unseen(dataset)))

    def look() -> None:
        inputs.unseen(dataset)
        # Who sends predictions may have never seen the labels.
        _compare(condition, rows(), hidden=dataset.terms is not None or inputs.submitted is not None)
        if inputs.series is None:
            # What the answer is committed to is made before anybody waits for the ledger.
            assert dataset.rows_digest
            keys()
        if inputs.series is None and dataset.declared.sharing == "fresh-slice":
            for number in range(answers):
                dataset.stretch(number, answers)
        if inputs.series is None:
            _two_classes(check, dataset)

    withheld = disclosed != "full"
    return Job(
        depends,
        evaluate,
        planned if inputs.series else reckoned,
        look,
        show if withheld else None,
        judges(dataset) if withheld else (),
    )


def _everywhere(
    check: CheckTable, claim: Everywhere, dataset: Dataset, rows: dict[str, Any], keep: Any, level: float
) -> Verdict:
    """Decide a claim on every slice that the columns of the table describe."""
    columns = dataset.features.iloc[keep]
    times = None if dataset.timestamp is None else dataset.timestamp.iloc[keep].rename(dataset.declared.timestamp)
    if dataset.unit is None and times is not None:
        columns, times = columns.assign(**{str(times.name): times}), None
    plain = collect(parse("n - o > 0"), **{name: rows[name] for name in _PLAIN}, slices=None)
    verdict = no_slice_regression(
        columns,
        plain.labels,
        plain.predicted["new"],
        plain.predicted["old"],
        tau=claim.tau,
        min_support=claim.min_support,
        max_level=claim.max_level,
        unit=None if rows["unit"] is None else pd.Series(rows["unit"], name=dataset.declared.unit),
        timestamp=times,
        alpha=level,
        seed=seed(check.name, dataset.fingerprint) % 2**32,
        check=check.name,
        blocking=check.blocking,
    )
    content = None if rows["unit"] is not None or dataset.content is None else dataset.content[keep]
    copies = None if content is None else copied(content, plain.n)
    if copies is None:
        return verdict
    reason = f"rows are not independent: {copies.copies:,} of {plain.n:,} are copies of others"
    return msgspec.structs.replace(
        verdict,
        status="inconclusive",
        guarantee=Guarantee.none(reason),
        reason=reason,
        actions=(Action(f"drop the {copies.copies:,} copies, or declare what they are copies of as the unit"),),
    )


def _family(project: Project, dataset: Dataset) -> tuple[str, testsets.Known | None]:
    """Return the key of the answers of a test set, and what the ledger is to know of the table."""
    if project.has_store:
        return testsets.family(Ledger(project.store), dataset)
    return dataset.fingerprint, testsets.look(dataset)


def without_models(
    check: CheckTable, project: Project, model: str, new: Predictor | None, old: Predictor | None
) -> Job | None:
    """Give the job of a check whose models are not all there, which is skipped; ``None`` if they are.

    Raises
    ------
    ProjectError
        If it names what is no model and no alias.
    """
    if new is not None and (old is not None or "old" not in parse(check.claim).models):
        return None
    declared = project.file.models.get(model)
    side = check.new if new is None else check.old
    if side not in ALIASES:
        near = nearest(side, [*project.file.models, *ALIASES])
        raise ProjectError(
            f"{side!r} is no model and no alias; {f'did you mean {near!r}? ' if near else ''}"
            f"models: {', '.join(project.file.models) or 'none'}; aliases: {', '.join(ALIASES)}"
        )
    reason = f"{model} has no {side} yet"
    actions: tuple[Action, ...] = ()
    if new is None:
        train = declared.train.partition(":")[0] if declared and declared.train else "train"
        actions = (Action(f"make a {side}", f"python {train}.py"),)
    elif side != "champion" or (project.has_store and Registry(project.store).versions(model)):
        actions = (Action(f"make a {side}", f"assay models promote {model} --to {side}"),)
    else:
        reason += ": the first that passes the rest of the gate is what the next is compared with"
    # Without a champion there is nothing to be worse than; without a candidate nothing was shown.
    blocking = check.blocking and new is None
    return Job({"missing": side}, lambda: _skipped(check, project, reason, actions, blocking))


def identified(check: CheckTable, project: Project, old: Predictor | None) -> tuple[Assumption, ...]:
    """Which model is the old one, as far as it is known."""
    if old is None:
        return ()
    if check.old in project.file.models:
        return (Assumption(f"{check.old!r} is as the project says; no pass vouches for it", "declared"),)
    return () if old.identified is None else (old.identified,)


def dropped(project: Project, key: str) -> list[str]:
    """Blocking checks that took a share of the error probability of these data, and are in the gate no more.

    To add a claim that hangs on no answer costs nothing: a gate errs only if its oldest false claim does
    (:func:`~.budget.alpha_of`). One that may hang on an answer is told by :func:`~.answers.reckon`.
    """
    if not project.has_store:
        return []
    present = {c.name for c in project.file.checks if stage_of(c) == "gate" and c.blocking}
    entries = Ledger(project.store).entries(kind="alpha")
    paid = {
        str(entry.check_id) for entry in entries
        if entry.state == "settle" and entry.amount > 0 and entry.key == f"{key}:{entry.check_id}"
    }  # fmt: skip
    return sorted(paid - present)


def _compare(condition: Condition, rows: dict[str, Any], *, hidden: bool) -> None:
    """Refuse labels and predictions that cannot be compared, before anything is paid for."""
    whole = condition
    if condition.template:
        whole = Condition(tuple(clause for name in rows["slices"] for clause in condition.on(name).clauses))
    collect(whole, **rows, hidden=hidden)


def _two_classes(check: CheckTable, dataset: Dataset) -> None:
    classes = pd.unique(pd.Series(dataset.labels))
    if len(classes) < 2:
        raise DataError(
            f"dataset {dataset.name!r}: label {dataset.declared.label!r} has one class in all "
            f"{len(dataset.labels)} rows: give check {check.name!r} rows of the others too"
        )


def _rows(
    check: CheckTable, inputs: Inputs, dataset: Dataset, said: list[Predictions], slices: dict[str, str]
) -> dict[str, Any]:
    condition = parse(check.claim)
    new, old = said[0], said[1] if len(said) > 1 else None
    predicates = slices or predicates_of(condition, inputs.project, dataset)
    return {
        "labels": dataset.labels,
        "new": new.values,
        "new_scores": new.scores,
        "old": old.values if old else None,
        "old_scores": old.scores if old else None,
        "positive": new.positive,
        "unit": dataset.unit,
        "unit_name": dataset.declared.unit or "",
        "max_unit_size": dataset.declared.max_unit_size if dataset.declared.unit else None,
        "columns": dataset.repeated_columns()
        | {name: dataset.frame[name] for name in condition.columns if name in dataset.frame},
        "slices": masks_of(predicates, dataset),
    }


def _drawn(rows: dict[str, Any], keep: Any) -> dict[str, Any]:
    """Take rows in an order; what is no column stays as it is."""

    def take(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: take(column) for name, column in value.items()}
        return value.iloc[keep] if isinstance(value, pd.Series) else value[keep]

    whole = ("positive", "unit_name", "max_unit_size")
    return {name: value if value is None or name in whole else take(value) for name, value in rows.items()}


def predicates_of(condition: Condition, project: Project, dataset: Dataset) -> dict[str, str]:
    """Give the predicate of each slice that a condition speaks of, by the name that it has there."""
    return {
        name: project.file.slices.get(name, name)
        for name in condition.slices
        # What is one word is the name of a slice, unless it is that of a column.
        if name in project.file.slices or not name.isidentifier() or name in dataset.frame
    }


def require_parts(condition: Condition, project: Project, dataset: Dataset, slices: Mapping[str, str]) -> None:
    """See that every slice of a claim is declared, or is a predicate, and that it takes means of columns that there are.

    Raises
    ------
    ProjectError, DataError
        If one is not.
    """
    for name in condition.columns:
        columns_present(dataset.table, [name], f"mean({name}): dataset {dataset.name!r}")
    if condition.template and not slices:
        raise ProjectError(f"the claim speaks of {TEMPLATE}, but the check names no slices: add slices = 'all'")
    for name in condition.slices:
        if name != TEMPLATE and name not in predicates_of(condition, project, dataset):
            advice = did_you_mean(name, project.file.slices, "declared")
            raise ProjectError(
                f"""the claim speaks of the slice {name!r}, which [slices] does not declare; {advice}; \
add it there, as {name} = "COLUMN = 'VALUE'\""""
            )


def masks_of(predicates: Mapping[str, str], dataset: Dataset) -> dict[str, Any]:
    """Evaluate predicates on the rows of a dataset."""
    return {
        name: mask(dataset.frame, predicate, name if name != predicate else "")
        for name, predicate in predicates.items()
    }


def _skipped(
    check: CheckTable, project: Project, reason: str, actions: tuple[Action, ...], blocking: bool
) -> list[Verdict]:
    """One verdict for each slice, so that the verdicts to come take their places."""
    skipped = Verdict(
        status="skipped",
        guarantee=Guarantee.none("nothing was tested"),
        check=check.name,
        code="GAT103" if parse(check.claim).everywhere else "GAT102" if check.slices else "GAT101",
        stage="gate",
        claim=Claim(check.claim),
        reason=reason,
        actions=actions,
        severity=check.severity,
        blocking=blocking,
    )
    names = project.slices_of(check.slices) or ("",)
    return [msgspec.structs.replace(skipped, subject=name) for name in names]
