"""One run of checks: reserve, evaluate, commit."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from assay.checks import champions
from assay.checks import waivers as waiving
from assay.checks.budget import alpha_of
from assay.checks.inputs import Inputs, Series
from assay.checks.outcome import CheckRun
from assay.checks.registry import RULES, method_versions
from assay.checks.select import select
from assay.core.claim import Claim
from assay.core.fingerprint import digest
from assay.core.guarantee import Guarantee
from assay.core.nearest import did_you_mean
from assay.core.project import addresses, stage_of
from assay.core.verdict import Status, Verdict
from assay.errors import AssayError, BudgetSpent, ExitCode, ProjectError, UsageError
from assay.gate.custody import seal_note
from assay.store import records
from assay.store.ledger import Ledger, Reservation
from assay.store.notices import leave

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

    from assay.checks.job import Job, Spend
    from assay.checks.project import Project
    from assay.core.project import CheckTable
    from assay.data.engines import Engine

T = TypeVar("T")
# Which module turns a declared check of a stage into a job.
STAGES = {
    "data": "assay.checks.validation",
    "feasibility": "assay.checks.feasibility",
    "gate": "assay.checks.gate",
    "monitor": "assay.checks.monitoring",
}
REFUTING = 0.01
"""What stays spent of the error probability of a check whose rows turned out to depend on each other.

Such a check decides nothing, and its alpha comes back, so that the same claim can be asked again with the unit
declared. Let A be a false pass of the first asking, B of the second, and R the finding that came between. If rows are
independent, P(A) <= alpha and P(R) <= 0.01, the level of the tests for clustering; B is possible only after R, so that
P(A or B) <= alpha + 0.01. If they are not, the first asking assumed what is false, and P(B) <= alpha stands alone. The
second verdict therefore prints its error with this much more. (P(B) itself bounds the excess when it is smaller.)

P(B) <= alpha needs a claim that was fixed before the numbers of the first asking were seen. So what came back is there for
the very claim, mode, slices and models that were asked; to any other claim about the same model it counts as spent.
"""


def run_checks(
    project: Project,
    selection: str = "",
    datasets: Mapping[str, Any] | None = None,
    *,
    series: Series | None = None,
    candidate: str = "candidate",
    model: str = "",
    submitted: pa.Table | None = None,
    engine: str = "duckdb",
    progress: Callable[[str], None] = lambda _: None,
) -> CheckRun:
    """Evaluate the selected checks and commit each one's verdicts with what they cost.

    A check whose text and inputs were judged before, by another clone too where the ledger is shared, gives the stored
    verdicts and spends nothing. All inputs are
    looked at before anything is written, so that a refused run leaves no trace. A check whose budget is spent is
    inconclusive, and keeps the others from nothing. What a waiver lets through is entered in the ledger.

    Parameters
    ----------
    project : Project
    selection : str
        See :func:`assay.checks.select.select`.
    datasets : mapping of str to source
        Sources that stand in for declared ones.
    series : Series, optional
        The planned looks that these sources are part of.
    candidate : str
        The alias or version that stands for ``candidate`` in the gate.
    model : str
        Leave out checks that name another model; empty for none.
    submitted : pyarrow.Table, optional
        Predictions that stand for the new model of a gate check.
    engine : str
        What opens the datasets of data checks and counts their rows: ``"duckdb"`` in this process, ``"spark"``, or the URL of a
        database, in which sources are names of tables.
    progress : callable
        Called with the id of each check before it is evaluated.
    """
    started = time.perf_counter()
    owner_addresses(project)
    inputs = Inputs(project, datasets or {}, series, candidate, submitted, opened_engine(engine))
    results: list[Verdict] = []
    cached: set[str] = set()
    unpaid: list[str] = []
    waiting = False
    checks = select(project.file, selection)
    if inputs.engine is not None and (other := next((c for c in checks if stage_of(c) != "data"), None)):
        raise UsageError(
            f"--engine runs data checks, and {other.name!r} is of stage {stage_of(other)}: select stage:data, or data checks by name"
        )
    waivers = waiving.in_force(project, {check.name for check in checks})
    if project.shared_ledger:
        project.store.sync()
    ready = [(check, prepare(check, inputs)) for check in checks if not model or check.model in ("", model)]
    for check, job in ready:
        if not stored_verdicts(project, check, job):
            job.look()
    for check, job in ready:
        progress(check.name)
        try:
            verdicts, was_cached = judge(project, check, job)
        except BudgetSpent as problem:
            waiting |= problem.passing
            if stage_of(check) == "gate" and not problem.passing:
                alarm(project, check, str(problem))
            if all(waiver.check != check.name for waiver in waivers):
                unpaid.append(str(problem))
            verdicts, was_cached = [_unpaid(check, problem)], False
        if records.newest(project.store, check.name) != [verdict.id for verdict in verdicts]:
            # A refusal, or an answer that was given before, is the newest that was said of this check.
            records.record(project.store, verdicts=verdicts)
        results += verdicts
        if was_cached:
            cached.update(verdict.id for verdict in verdicts)
    run = CheckRun(project, results, time.perf_counter() - started, frozenset(cached), tuple(unpaid), waivers, waiting)
    if any(stage_of(check) == "gate" for check, _ in ready) and series is None:
        champions.keep(project, inputs, results)
    if run.exit_code == ExitCode.OK:
        waiving.enter(project, results, waivers)
    return run


def opened_engine(name: str) -> Engine | None:
    """Name where tables are opened; ``None`` is DuckDB in this process."""
    from assay.data.engines import Engine

    return None if name == "duckdb" else Engine(name)


def prepare(check: CheckTable, inputs: Inputs) -> Job:
    """Open what a check reads and see that it can be evaluated; nothing is written.

    What is refused, now or when the inputs are looked at, names the check and its line.
    """
    project = inputs.project
    key = "use" if check.use else "claim"

    def placed(step: Callable[[], T]) -> Callable[[], T]:
        def run() -> T:
            with project.at_check(check, key):
                return step()

        return run

    job = placed(lambda: _prepare(check, inputs))()
    return replace(job, look=placed(job.look), evaluate=placed(job.evaluate))


def _prepare(check: CheckTable, inputs: Inputs) -> Job:
    stage = stage_of(check)
    codes = [rule.code for rule in RULES]
    if check.use and not any(code.startswith(check.use.upper()) for code in codes):
        # It would select no rule, and a blocking check that gives no verdict blocks nothing.
        advice = did_you_mean(check.use.upper(), codes, "codes")
        raise ProjectError(f"no rule has the code {check.use!r}; {advice}")
    if stage not in STAGES:
        raise UsageError(f"stage {stage!r} has no declared checks; see `assay explain`")
    job: Job = import_module(STAGES[stage]).prepare(check, inputs, alpha_of(check, inputs.project.file))
    return job


def reserve(
    connection: Connection,
    project: Project,
    check: CheckTable,
    job: Job,
    *,
    lease_seconds: float = 600,
    put_by: bool = False,
) -> list[tuple[Reservation, float]]:
    """Hold all that a check may spend, inside of ``Store.write``: all of it, or nothing."""
    ledger, key = Ledger(project.store), _key(project, check, job)
    held = []
    for spend in _spends(job, connection):
        if spend.once and ledger.is_paid(connection, spend.kind, spend.key, spend.once):
            continue
        detail = {**spend.detail, "once": spend.once} | ({"about": spend.about} if spend.about else {})
        limit = spend.limit
        if spend.kind == "alpha" and not spend.apart:
            question = _question(check, job)
            detail |= question
            same, other = ledger.refunded(connection, spend.key, **question)
            if other and other + spend.amount > limit + same:
                raise BudgetSpent(
                    f"{check.name}: another claim was asked of this model on these rows, and its numbers were shown: ask "
                    "that one again with the unit declared, or judge fresh data"
                )
            limit += same - other
        reservation = ledger.reserve_in(
            connection,
            spend.kind,
            f"{spend.key}:{key[:12]}" if spend.apart else spend.key,
            spend.amount,
            limit=limit,
            check=check.name,
            detail=detail | ({"put_by": True} if put_by else {}),
            lease_seconds=lease_seconds,
            cache_key=key,
        )
        held.append((reservation, spend.amount))
    return held


def _spends(job: Job, connection: Connection) -> tuple[Spend, ...]:
    return job.spends(connection) if callable(job.spends) else job.spends


def _question(check: CheckTable, job: Job) -> dict[str, str]:
    """What is asked, and of which model: by these an asking is known again, whatever unit is declared meanwhile."""
    asked = [msgspec.to_builtins(check), job.depends.get("old", ""), job.depends.get("slices", "")]
    return {"asked": digest(asked), "of": job.depends.get("new", "")}


def _doubt(connection: Connection, ledger: Ledger, check: CheckTable, job: Job) -> float:
    """Error probability of askings before this one, of the same check on the same data, that decided nothing."""
    keys = [spend.key for spend in _spends(job, connection) if spend.kind == "alpha" and not spend.apart]
    return math.fsum(ledger.refunded(connection, key, **_question(check, job))[0] for key in keys)


def judge(project: Project, check: CheckTable, job: Job) -> tuple[list[Verdict], bool]:
    """Return a check's verdicts, and whether they were stored before."""
    stored = stored_verdicts(project, check, job)
    if stored:
        return stored, True
    store, key = project.store, _key(project, check, job)
    ledger = Ledger(store)

    def give_back(connection: Connection, why: str) -> None:
        for reservation, _ in reservations:
            ledger.release_in(connection, reservation.id, why)

    try:
        reservations, doubt = store.write(
            lambda connection: (reserve(connection, project, check, job), _doubt(connection, ledger, check, job))
        )
    except BudgetSpent:
        # Another process may have had the answer to this very question recorded meanwhile.
        stored = stored_verdicts(project, check, job)
        if not stored:
            raise
        return stored, True
    try:
        verdicts = job.evaluate()
    except (AssayError, KeyboardInterrupt) as problem:
        if job.show is not None and isinstance(problem, AssayError):
            # The inputs were looked at before, so that what is refused now can hang on the labels.
            return [_unjudged(check, "error", "the check broke", "what it said is withheld")], False
        # A person stopped it before any answer was given, or an input was refused. Where answers are paid for, inputs
        # were looked at before, so that what is refused now may hang on the labels, and stays spent.
        stopped = isinstance(problem, KeyboardInterrupt)
        if stopped or all(held.kind != "answers" for held, _ in reservations):
            why = "stopped before an answer" if stopped else "input refused"
            store.write(lambda connection: give_back(connection, why))
        raise
    except Exception as problem:
        # The evaluation broke midway; what it read may have been shown, so the reservations stay spent.
        said = f"{type(problem).__name__}: {problem}" if job.show is None else "what it said is withheld"
        return [_unjudged(check, "error", "the check broke", said)], False
    full = verdicts
    if job.show is not None:
        # Before anything else reads them: what is not stored cannot leak, nor what is spent hang on it.
        verdicts = [job.show(verdict) for verdict in full]
    versions = method_versions(stage_of(check))
    verdicts = [
        msgspec.structs.replace(
            verdict,
            evidence=msgspec.structs.replace(verdict.evidence, method_version=versions.get(verdict.code, 1)),
        )
        for verdict in verdicts
    ]
    if doubt:
        verdicts = [_asked_again(verdict, doubt) for verdict in verdicts]
    notes = {}
    if job.show is not None and job.recipients:
        pairs = zip(verdicts, full, strict=True)
        notes = {shown.id: seal_note(verdict.to_json(), job.recipients) for shown, verdict in pairs}
    refunded = not any(_could_err(verdict) for verdict in verdicts)
    if refunded:
        # Nothing could have passed falsely, so that whoever mends what was missing may ask again.
        reservations = [
            (held, min(amount, REFUTING) if held.kind == "alpha" else amount) for held, amount in reservations
        ]
    words = {"words": [verdict.status for verdict in verdicts]}
    tell = owner_addresses(project) if stage_of(check) == "gate" else ()
    records.record(
        store,
        verdicts=verdicts,
        cache_key=key,
        settle=reservations,
        detail=words,
        refunded=refunded,
        notes=notes,
        tell=tell,
    )
    return verdicts, False


def alarm(project: Project, check: CheckTable, reason: str) -> None:
    """Tell the owner, once, that a test set has no answer left for a check."""
    tell = owner_addresses(project)
    if tell:
        with project.store.transaction() as connection:
            leave(connection, tell, "alarm", {"check": check.name, "reason": reason}, once=reason)


def owner_addresses(project: Project) -> tuple[str, ...]:
    """Where the owner of the test sets is told of verdicts: ``ASSAY_NOTIFY``, else what the project file declares."""
    said = os.environ.get("ASSAY_NOTIFY")
    return project.file.owner.notify if said is None else addresses(said.split())


def _could_err(verdict: Verdict) -> bool:
    """Whether a verdict took a part of the error probability: not when its own assumptions kept it from deciding."""
    refuted = any(assumption.detail.startswith("refuted") for assumption in verdict.guarantee.assumptions)
    return verdict.passed or verdict.failed or (verdict.guarantee.kind != "none" and not refuted)


def _asked_again(verdict: Verdict, doubt: float) -> Verdict:
    """Print the error of a check together with that of having asked before: see :data:`REFUTING`."""
    guarantee = verdict.guarantee
    if not guarantee.error:
        return verdict
    scope = f"{guarantee.scope}, with {doubt:g} for the asking that found its rows to depend on each other"
    guarantee = msgspec.structs.replace(guarantee, error=min(guarantee.error + doubt, 1 - 1e-9), scope=scope)
    return msgspec.structs.replace(verdict, guarantee=guarantee)


def _key(project: Project, check: CheckTable, job: Job) -> str:
    """Digest of all that a check's verdicts depend on."""
    return digest(
        {
            "check": msgspec.to_builtins(check),
            "alpha": alpha_of(check, project.file),
            "depends": dict(job.depends),
            "methods": method_versions(stage_of(check)),
        }
    )


def stored_verdicts(project: Project, check: CheckTable, job: Job) -> list[Verdict]:
    """Verdicts of the same check on the same inputs, which cost nothing any more."""
    return records.find(project.store, _key(project, check, job)) if project.has_store else []


def _unpaid(check: CheckTable, problem: BudgetSpent) -> Verdict:
    reason = str(problem).removeprefix(f"{check.name}: ")
    verdict = _unjudged(check, "inconclusive", "nothing was tested", reason)
    return msgspec.structs.replace(verdict, actions=problem.actions)


def _unjudged(check: CheckTable, status: Status, why: str, reason: str) -> Verdict:
    return Verdict(
        status=status,
        guarantee=Guarantee.none(why),
        check=check.name,
        code=next((rule.code for rule in RULES if rule.code.startswith(check.use.upper() or "GAT1")), "GAT101"),
        stage=stage_of(check),
        claim=Claim(check.claim or check.use),
        reason=reason,
        severity=check.severity,
        blocking=check.blocking,
    )
