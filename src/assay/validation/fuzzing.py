"""A function of tables against every legal table that can be thought of: its data unit test."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.fingerprint import digest
from assay.errors import MissingExtra
from assay.validation import counterexamples
from assay.validation.choices import Seeded
from assay.validation.column import NEVER
from assay.validation.counterexamples import Counterexample
from assay.validation.covering import pairwise
from assay.validation.generation import Generator
from assay.validation.oracles import Subject, chosen
from assay.validation.schema import toml_key
from assay.validation.table_strategies import Drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from assay.core.check import Severity
    from assay.validation.column import Column
    from assay.validation.generation import Data
    from assay.validation.oracles import Oracle
    from assay.validation.schema import Schema

SEARCHES = 100
"""Tables that hypothesis tries, which count for nothing unless they fail."""
CORPUS = "tests/assay-fuzz"
BOUNDARY = -1
"""Number of the generator that mends boundary tables, beside those of the trials."""


def bound(trials: int, alpha: float) -> float:
    """Largest failure probability that as many clean independent trials leave possible: 1 - alpha^(1/N).

    Examples
    --------
    >>> round(bound(300, 0.05), 5)
    0.00994
    """
    return -math.expm1(math.log(alpha) / trials)


def fuzz(
    function: Callable[[Any], Any],
    schema: Schema,
    *,
    oracles: Sequence[str] | None = None,
    trials: int = 300,
    alpha: float = 0.05,
    seed: int = 0,
    serve: Callable[[Any], Any] | None = None,
    corpus: str | Path | None = CORPUS,
    environment: str | None = None,
    rows: int = 20,
    name: str = "",
    check: str = "fuzz",
    severity: Severity = "error",
    blocking: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Verdict]:
    r"""Hold a function to oracles on tables that a schema permits: one verdict for each oracle.

    In this order, until an oracle is refuted: counter-examples of earlier runs; boundary tables (without rows, one row
    of each named value, every pair of named values of two columns, a column of one value); ``trials`` independent
    random tables; a search by hypothesis. What refutes is made smaller, written to `corpus`, and told with the line of
    the schema that permits it.

    Guarantee. ``fail`` (exact, error 0): the table is there, and the function was seen to fail on it. ``pass`` (exact):
    P(wrong bound) <= alpha for each oracle, where the bound says that a table of the stated distribution refutes the
    oracle with probability at most b = 1 - alpha^(1/N). Proof: let p be that probability. The N tables are drawn
    independently, by a generator that knows nothing of the function, and N is fixed before. If p > b, all N are clean
    with probability (1 - p)^N < (1 - b)^N = alpha; that other tables are tried too can only turn a pass into a fail.
    (Clopper-Pearson's upper bound at zero events.) Boundary tables and the search choose their tables, so that they
    carry no bound and do not count in N. Of tables that come in production the bound says nothing.

    Parameters
    ----------
    function : callable
        Takes a pandas frame. Oracles about rows apply where it returns one value, or row, for each row.
    schema : Schema
    oracles : sequence of str, optional
        Of ``no_exception``, ``finite``, ``shape``, ``permutation``, ``single_row``, ``serve``, ``duplicate``, ``pickle``,
        which are the usual ones, and ``idempotence`` and ``latency:SECONDS``.
    trials : int
        N, at least 1.
    alpha : float in (0, 1)
    seed : int
    serve : callable, optional
        What answers in production, for the oracle ``serve``.
    corpus : path or None
        Folder of counter-examples; ``None`` keeps none.
    environment : str, optional
        Only columns that are expected there.
    rows : int
        Most rows of a table.
    name : str, optional
        Name of the function, in messages and in the corpus; by default ``module:name``.
    check : str
        Id of the check.
    severity, blocking
        As in :class:`assay.core.Verdict`.
    progress : callable
        Called with the number of tables done and of all.

    Returns
    -------
    list of Verdict
        In the order of the oracles. ``skipped``: no table gave the oracle anything to compare.

    Raises
    ------
    MissingExtra
        If hypothesis is not installed.
    UsageError, DataError
        If an oracle is unknown, or no table can be built to the schema.

    Notes
    -----
    Misleads when the schema is wider or narrower than the data: it is fuzzed, not the world. A function that draws
    random numbers, or remembers, makes the trials dependent; its counter-examples may not fail again.

    Examples
    --------
    >>> from assay.validation.schema import Schema
    >>> schema = Schema.from_toml('[columns.area]\ntype = "number"\nnulls = "never"\nrange = { min = 0, max = 9 }')
    >>> def price(houses):
    ...     return 1 / houses["area"]
    >>> verdict = fuzz(price, schema, oracles=["finite"], corpus=None)[0]
    >>> print(verdict.code, verdict.status)
    VAL602 fail

    References
    ----------
    E. Breck, N. Polyzotis, S. Roy, S. E. Whang, M. Zinkevich, "Data validation for machine learning", MLSys 2019.
    C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26, 1934.
    """
    try:
        import hypothesis  # noqa: F401
    except ImportError as problem:
        raise MissingExtra("hypothesis", "fuzz", "fuzzing") from problem
    if trials < 1:
        raise ValueError(f"trials is {trials}: give at least 1")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}: give a probability between 0 and 1")
    started = time.perf_counter()
    asked = chosen(oracles, serve is not None)
    generator = Generator(schema, environment, rows)
    plain = generator.mend(generator.plain(2), Seeded(seed, BOUNDARY))
    subject = Subject(function, serve, asked, generator.to_arrow(plain))
    title = (
        name or f"{getattr(function, '__module__', '')}:{getattr(function, '__qualname__', type(function).__name__)}"
    )
    run = _Run(generator, subject, asked, Path(corpus) if corpus is not None else None, title, seed, trials, progress)
    run.replay()
    run.boundary()
    run.trials()
    run.search()
    progress(run.done, run.done)
    seconds = time.perf_counter() - started
    return [
        run.verdict(oracle, alpha, check, severity, blocking, digest(schema.to_toml()), seconds) for oracle in asked
    ]


class _Run:
    """The tables of one run, and what they refuted."""

    def __init__(
        self,
        generator: Generator,
        subject: Subject,
        oracles: list[Oracle],
        corpus: Path | None,
        name: str,
        seed: int,
        trials: int,
        progress: Callable[[int, int], None],
    ) -> None:
        self.generator, self.subject, self.oracles = generator, subject, oracles
        self.corpus, self.name, self.seed, self.count, self._progress = corpus, name, seed, trials, progress
        self.open = {oracle.name for oracle in oracles}
        self.found: dict[str, Counterexample] = {}
        self.files: dict[str, Path] = {}
        self.applied = dict.fromkeys(self.open, 0)
        self.listed: list[str] = []
        self.pairs = (0, 0)
        self.replayed = self.outdated = self.done = 0
        self.cases = boundary_tables(generator, seed)
        self._total = len(self.cases.tables) + trials + SEARCHES

    def replay(self) -> None:
        """Try what failed before, if the schema still permits it."""
        if self.corpus is None:
            return
        for path, oracle, data in list(counterexamples.load(self.corpus, self.name)):
            if oracle not in self.open:
                continue
            if not self.generator.legal(data):
                self.outdated += 1
                continue
            self.replayed += 1
            if self._try(data, {oracle}, f"replay of {path.name}", again=False):
                self.files[oracle] = path

    def boundary(self) -> None:
        """Try every boundary table."""
        self.listed, self.pairs = self.cases.names, self.cases.pairs
        for title, data in self.cases.tables:
            if not self.open:
                return
            self._try(data, self.open, title)

    def trials(self) -> None:
        """Try the independent tables."""
        for number in range(self.count):
            if not self.open:
                return
            self._try(self.generator.table(Seeded(self.seed, number)), self.open, f"trial {number}", counts=True)

    def search(self) -> None:
        """Let hypothesis look for what is left."""
        from hypothesis import HealthCheck, Phase, find, settings
        from hypothesis import strategies as build
        from hypothesis.errors import NoSuchExample

        @build.composite
        def tables(draw: Any) -> Data:
            return self.generator.table(Drawn(draw), least=self.generator.fewest)

        how = settings(
            max_examples=SEARCHES,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )
        for _ in range(len(self.oracles)):
            if not self.open:
                return
            wanted = set(self.open)

            def fails(data: Data, wanted: set[str] = wanted) -> bool:
                self._step()
                return bool(self.subject.judge(self.generator.to_arrow(data), wanted)[0])

            try:
                data = find(tables(), fails, settings=how, random=random.Random(self.seed))
            except NoSuchExample:
                return
            if not self._try(data, wanted, "search by hypothesis"):
                # It failed once, and does not any more: a function that is not the same at each call.
                return

    def _step(self) -> None:
        self.done += 1
        self._progress(min(self.done, self._total), self._total)

    def _try(self, data: Data, wanted: set[str], title: str, *, counts: bool = False, again: bool = True) -> bool:
        self._step()
        failures, applied = self.subject.judge(self.generator.to_arrow(data), set(wanted))
        for oracle in applied:
            self.applied[oracle] += counts
        for failure in failures:
            self.open.discard(failure.oracle)
            self._keep(failure.oracle, failure.reason, data, title, again)
        return bool(failures)

    def _keep(self, oracle: str, reason: str, data: Data, title: str, again: bool) -> None:
        reasons = {}

        def fails(other: Data) -> bool:
            for failure in self.subject.judge(self.generator.to_arrow(other), {oracle})[0]:
                reasons[repr(other)] = failure.reason
                return True
            return False

        small, needed = counterexamples.shrink(self.generator, data, fails)
        found = Counterexample(oracle, reasons.get(repr(small), reason), small, needed, title)
        self.found[oracle] = found
        if again and self.corpus is not None:
            types = {name: domain.column.type for name, domain in self.generator.domains.items()}
            self.files[oracle] = counterexamples.save(self.corpus, self.name, found, types)

    def verdict(
        self, oracle: Oracle, alpha: float, check: str, severity: Severity, blocking: bool, schema: str, seconds: float
    ) -> Verdict:
        """Say what is known of an oracle."""
        limit = bound(self.count, alpha)
        found = self.found.get(oracle.name)
        statistic: dict[str, float | int | str | bool | None] = {
            "trials": self.count,
            "applied": self.applied[oracle.name],
            "boundary_tables": len(self.cases.tables),
            "pairs_covered": self.pairs[0],
            "pairs": self.pairs[1],
            "replayed": self.replayed,
            "no_longer_legal": self.outdated,
            "distribution": self.generator.distribution(),
            "not_obeyed": "; ".join(self.generator.notes),
        }
        actions: tuple[Action, ...] = ()
        if found is not None:
            status, guarantee = "fail", Guarantee.exact(0.0, "", (), "the table and the result were seen")
            blames = _blames(self.generator, found)
            kept = f"; kept in {self.files[oracle.name]}" if oracle.name in self.files else ""
            reason = f"{self.name} {found.reason}, on {counterexamples.shown(found.data)} ({found.found_by}); {blames[0]}{kept}"
            statistic |= {"found_by": found.found_by, "rows": len(next(iter(found.data.values())))}
            harden = f"harden {self.name}"
            both = f"{harden} if such rows come, or tighten the schema if they never do: {blames[1]}"
            actions = (Action(both if blames[1] else harden),)
        elif not self.applied[oracle.name]:
            status, guarantee = "skipped", Guarantee.none("no table gave it anything to compare")
            reason = f"no result of {self.name} could be held to it"
        else:
            status = "pass"
            compared = self.applied[oracle.name]
            some = "" if compared == self.count else f" ({compared:,} of the random ones gave it something to compare)"
            reason = (
                f"{self.count:,} independent random tables and {len(self.cases.tables):,} boundary tables without a failure{some}: "
                f"at most {100 * limit:.3g}% of tables of that distribution fail"
            )
            guarantee = Guarantee.exact(
                alpha,
                "wrong bound, for each oracle",
                (
                    Assumption("tables come from the stated distribution", "declared", self.generator.distribution()),
                    Assumption(
                        "the function answers each table by itself",
                        "unverifiable",
                        "no memory between calls, no chance",
                    ),
                ),
                "Clopper and Pearson (1934) at zero events: 1 - alpha^(1/N)",
            )
        return Verdict(
            status=status,  # type: ignore[arg-type]
            guarantee=guarantee,
            check=check,
            code=oracle.code,
            stage="data",
            claim=Claim(oracle.claim),
            evidence=Evidence(
                n=self.count,
                measure="share of random tables that fail",
                estimate=0.0 if status == "pass" else None,
                upper=limit if status == "pass" else None,
                level=1 - alpha if status == "pass" else None,
                statistic=statistic,
                series={"boundary": list(self.listed)},
                method="independent trials, pairwise boundary tables, search by hypothesis",
                fingerprints={"schema": schema},
                seed=self.seed,
                seconds=seconds,
            ),
            actions=actions,
            reason=reason,
            subject=oracle.name,
            severity=severity,
            blocking=blocking and status != "skipped",
        )


class Boundary:
    """Boundary tables: ``tables`` with their titles, the ``names`` of what they cover, ``pairs`` covered and in all."""

    def __init__(self, tables: list[tuple[str, Data]], names: list[str], pairs: tuple[int, int]) -> None:
        self.tables, self.names, self.pairs = tables, names, pairs


def boundary_tables(generator: Generator, seed: int = 0) -> Boundary:
    """List the boundary tables of a schema.

    A table without rows where the schema permits it; for each row of a covering array, a table of that row alone, in
    which every pair of named values of two columns meets unless the relations forbid it; all of these rows as one table;
    for each column, tables in which it has one named value throughout.
    """
    mend = Seeded(seed, BOUNDARY)
    names = list(generator.domains)
    levels = [[None, *domain.points] for domain in generator.domains.values()]
    tables: list[tuple[str, Data]] = []
    if generator.fewest == 0:
        tables.append(("no rows", {name: [] for name in names}))
    array = pairwise([len(points) for points in levels])
    met: set[tuple[int, str, int, str]] = set()
    plain = generator.plain()
    rows: list[Data] = []
    for cells in array:
        points = [levels[j][level] for j, level in enumerate(cells)]
        asked = {n: plain[n] if p is None else [p.value] for n, p in zip(names, points, strict=True)}
        row = generator.mend({name: list(values) for name, values in asked.items()}, mend)
        if not row[names[0]]:
            continue
        values = [repr(row[name][0]) for name in names]
        met |= {(i, values[i], j, values[j]) for j in range(len(names)) for i in range(j)}
        rows.append(row)
    wanted = {
        (i, repr(plain[names[i]][0] if a is None else a.value), j, repr(plain[names[j]][0] if b is None else b.value))
        for j in range(len(names))
        for i in range(j)
        for a in levels[i]
        for b in levels[j]
    }
    if generator.fewest <= 1:
        tables += [(f"boundary row {number}", row) for number, row in enumerate(rows)]
    if rows:
        together = {name: [row[name][0] for row in rows] for name in names}
        tables.append(("all boundary rows", generator.mend(together, mend)))
    for name, points in zip(names, levels, strict=True):
        for point in points[1:]:
            assert point is not None
            size = max(generator.fewest, 3)
            data = {**generator.plain(size), name: [point.value] * size}
            tables.append((f"{name} is {point.label} throughout", generator.mend(data, mend)))
    tables = [(title, data) for title, data in tables if len(data[names[0]]) >= generator.fewest]
    listed = [f"{n}: {p.label}" for n, points in zip(names, levels, strict=True) for p in points if p is not None]
    return Boundary(tables, listed, (len(wanted & met), len(wanted)))


def _blames(generator: Generator, found: Counterexample) -> tuple[str, str]:
    """Which line of the schema permits a counter-example, and the edit that would forbid it, empty where none would."""
    size = len(next(iter(found.data.values())))
    if not size:
        return "the schema permits a table without rows", "[rows] min = 1"
    if not found.needed:
        return f"any {size} row{'s' * (size > 1)} that the schema permits will do", ""
    lines, edits = [], []
    for name, value in found.needed[:3]:
        column, point = generator.domains[name].column, generator.point_of(name, value)
        family = "nulls" if value is None else point.family if point is not None else _family(column)
        label = point.label if point is not None else counterexamples.short(value)
        place = f"[columns.{toml_key(name)}]"
        never = family in NEVER
        if family == "type":
            lines.append(f"{place} type = {column.type!r}: {label}")
        elif getattr(column, family) is None:
            lines.append(f"{place}, which sets no {family}: {label}")
        else:
            lines.append(f"{place} {family}: {label}")
        edits.append(f'{place} {family} = "never"' if never else f"narrow {family} in {place}")
    return "permitted by " + ", ".join(dict.fromkeys(lines)), ", ".join(dict.fromkeys(edits))


def _family(column: Column) -> str:
    """The limit that a value without a name obeys."""
    if column.categories is not None:
        return "categories"
    named = [family for family in ("pattern", "format", "parses", "values") if getattr(column, family) is not None]
    return named[0] if named else {"string": "length", "boolean": "type", "other": "values"}.get(column.type, "range")
