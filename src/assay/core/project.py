"""The project file: ``assay.toml``, or ``[tool.assay]`` in ``pyproject.toml``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from inspect import cleandoc
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from assay.core import strict_toml
from assay.core.allowance import Cadence, parse_allowance
from assay.core.check import Severity, Stage
from assay.core.nearest import did_you_mean
from assay.core.waiver import Waiver
from assay.errors import ProjectError

if TYPE_CHECKING:
    from assay.core.strict_toml import Place

FILE_NAME = "assay.toml"
Role = Literal["train", "dev", "test", "live", "pool"]
Adaptivity = Literal["none", "first-change", "full"]
# From the least to the most.
Disclosure = Literal["verdict", "three-valued", "estimate", "full"]
ReusePolicy = Literal["fixed", "k-pass", "self-limiting", "prefix", "fresh-slice"]


class ProjectTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[project]``: what is being built.

    ``task`` says what a label is: a class, or a number, for which checks that speak of classes are refused.
    ``schema`` names the schema file that validation inferred and a person reviewed, relative to the project file.
    ``ledger`` names the git remote on which all clones share one ledger; empty when the ledger is in the store alone.
    """

    name: str
    task: Literal["classification", "regression"] = "classification"
    schema: str = "schema.toml"
    ledger: str = ""
    description: str = ""


class BudgetTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[budget]``: what all checks together may spend.

    ``alpha`` is the probability that a question is answered wrongly by its blocking checks together; ``across = "fdr"``
    makes it, for the columns of a drift check, the expected share of errors. ``false_pages`` says how many false pages
    are acceptable in a stretch of time over all monitors, ``labels`` how many labels may be bought (``assay labels
    suggest`` spends them), ``disclose`` what a developer is shown of a test set.
    """

    alpha: float = 0.05
    across: Literal["familywise", "fdr"] = "familywise"
    false_pages: str = "0.05/quarter"
    labels: int = 0
    disclose: Disclosure = "estimate"


class TableSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source that needs more than a name.

    ``{ url = "postgresql://...", query = "SELECT ..." }`` is a table in a database, ``{ path = "codes.csv", text =
    ["code"] }`` a CSV of which some columns are read as text whatever they look like.
    """

    path: str | None = None
    text: tuple[str, ...] = ()
    url: str | None = None
    query: str | None = None


class DatasetTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[datasets.NAME]``: a table and its role.

    ``positive`` is the label that recall, precision, F1 and Brier scores speak of, where labels are not 0 and 1.
    ``unit`` names the column of the independent unit, ``id`` the column by which late labels are joined, ``ignore``
    columns that are no features. ``queries`` is how often the set may answer, ``adaptivity`` what those who
    propose models see of its answers (all that is shown, where nothing is declared), ``policy`` how the error
    probability is shared over them: ``passes`` is the pass that retires the set, ``baseline`` an accuracy that the first
    champion has at least. ``max_unit_size`` bounds the rows of a unit, where that is known beforehand; gates and
    monitors read it.
    """

    role: Role
    source: str | TableSource
    label: str | None = None
    positive: str | int | bool | None = None
    unit: str | None = None
    timestamp: str | None = None
    id: str | None = None
    ignore: tuple[str, ...] = ()
    queries: int = 1
    adaptivity: Adaptivity | None = None
    policy: ReusePolicy | None = None
    passes: int | None = None
    baseline: float | None = None
    max_unit_size: int | None = None

    @property
    def sharing(self) -> ReusePolicy:
        """``policy``; where neither it nor who sees the answers is declared, the first answers cost least."""
        return self.policy or ("prefix" if self.adaptivity is None and self.queries > 1 else "fixed")


class AdaptTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[models.NAME.adapt]``: how a candidate is trained and judged after an alarm.

    The candidate is trained on the newest ``window`` labelled units (all, when 0) and judged on units that came after
    its training: ``looks`` says after how many of them, and each look has an equal share of the error probability.
    """

    looks: tuple[int, ...] = (30,)
    window: int = 0


class ModelTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[models.NAME]``: a thing that predicts.

    Either ``train``, a ``module:callable`` beside the project file that takes a pandas frame with the label and
    returns a fitted scikit-learn estimator, or ``predictions``, a table whose ``column`` holds the predictions for
    the rows of the test set in their order, or ``code``, a ``module:callable`` that takes a pandas frame of the inputs
    and returns a prediction for each row; it runs apart from the labels, for ``seconds`` at most. ``predict`` names
    the label, which is that of a dataset.
    """

    train: str | None = None
    code: str | None = None
    seconds: int = 300
    predict: str | None = None
    predictions: str | TableSource | None = None
    column: str = "prediction"
    adapt: AdaptTable = AdaptTable()


class SourceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[acquire.sources.NAME]``: where more training rows could come from.

    ``dataset`` holds the labeled rows of it that are there already; by default the one of the source's name. ``price`` is
    that of one more row, in any unit, ``stock`` how many there are to buy.
    """

    price: float
    dataset: str = ""
    stock: int | None = None


class AcquireTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[acquire]``: which data to buy for a model.

    ``assay acquire run`` trains ``model`` on small mixes of the sources, at most ``largest`` rows, and measures ``loss`` on
    ``dataset``, one with the role dev. The loss is ``log`` for a classification and ``squared`` for a regression unless
    another is named.
    """

    sources: dict[str, SourceTable] = {}
    model: str = ""
    dataset: str = ""
    loss: Literal["log", "error", "squared", "absolute"] | None = None
    largest: int | None = None


class CheckTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[checks]]``: a claim, or a family of built-in rules by code (``use = "VAL1"``)."""

    id: str = ""
    use: str = ""
    stage: Stage | None = None
    claim: str = ""
    reliability: float | None = None
    blocking: bool = False
    severity: Severity = "error"
    datasets: tuple[str, ...] = ()
    reference: str = ""
    environment: str = ""
    model: str = ""
    new: str = "candidate"
    old: str = "champion"
    mode: Literal["fp-free", "fn-free"] = "fp-free"
    method: Literal["exact", "sequential"] = "exact"
    slices: Literal["all"] | tuple[str, ...] = ()
    target: float | None = None
    secret: str = ""
    loss: Literal["error", "brier"] = "error"
    tolerance: float = 0.0
    false_alarms: str = "1/year"
    cadence: Cadence = "day"
    function: str = ""
    serve: str = ""
    tags: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The id, or the family's code when none was given."""
        return self.id or self.use


class OwnerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[owner]``: who owns the test sets.

    ``notify`` lists addresses that are told of each verdict of the gate and of a test set that is used up:
    ``mailto:owner@example.org`` or a webhook, ``https://...``.
    """

    notify: tuple[str, ...] = ()


class ProjectFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole project file."""

    project: ProjectTable
    budget: BudgetTable = BudgetTable()
    datasets: dict[str, DatasetTable] = {}
    models: dict[str, ModelTable] = {}
    slices: dict[str, str] = {}
    acquire: AcquireTable = AcquireTable()
    checks: tuple[CheckTable, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    owner: OwnerTable = OwnerTable()


# How a key that must be there is written.
_EXAMPLES = {
    "name": 'name = "flights"',
    "role": 'role = "test" (or "train", "dev", "live", "pool")',
    "source": 'source = "data/test.csv"',
    "price": "price = 0.05",
    "check": 'check = "better"',
    "owner": 'owner = "ann"',
    "reason": 'reason = "the labels come on Monday"',
    "expires": "expires = 2027-01-31",
}


def place_of(source: object) -> str | None:
    """Return the file, folder or glob that a source names; ``None`` for what is no file."""
    named = source.path if isinstance(source, TableSource) else source
    return str(named) if isinstance(named, str | Path) and "://" not in str(named) else None


STAGE_OF_FAMILY: dict[str, Stage] = {
    "VAL": "data",
    "FEA": "feasibility",
    "DBG": "debugging",
    "GAT": "gate",
    "SRV": "serving",
    "MON": "monitor",
    "ADP": "adapt",
}


def stage_of(check: CheckTable) -> Stage:
    """Return the question that a declared check answers: what it says, else what its code or claim implies."""
    return check.stage or STAGE_OF_FAMILY.get(check.use[:3].upper(), "gate")


def addresses(given: Iterable[str]) -> tuple[str, ...]:
    """Check addresses of an owner.

    Raises
    ------
    ProjectError
        If one is neither ``mailto:name@host`` nor ``http(s)://``.
    """
    found = tuple(given)
    for address in found:
        if not re.fullmatch(r"mailto:[^@\s]+@[^@\s]+|https?://\S+", address):
            raise ProjectError(f"{address!r} is no address; write mailto:owner@example.org or https://...")
    return found


def _reuse_of(name: str, dataset: DatasetTable, budget: BudgetTable) -> list[tuple[str, str]]:
    """Find what does not go together in how a test set is reused: the key at fault, and the way out."""
    found = []
    shared = dataset.policy in ("k-pass", "self-limiting", "prefix")
    if dataset.policy not in (None, "fixed") and dataset.queries == 1:
        found.append(("policy", f"policy {dataset.policy!r} of dataset {name!r} shares several answers: set queries"))
    elif shared and dataset.adaptivity in ("none", "first-change"):
        message = f"policy {dataset.policy!r} of dataset {name!r} counts answers that are seen"
        found.append(("policy", f"{message}; set adaptivity = 'full', or policy = 'fixed'"))
    if dataset.policy == "k-pass" and dataset.passes is None:
        found.append(("policy", f"policy 'k-pass' of dataset {name!r} needs the pass that retires it: set passes"))
    if dataset.passes is not None and dataset.policy != "k-pass":
        found.append(("passes", f"passes of dataset {name!r} means nothing without policy = 'k-pass'"))
    elif dataset.passes is not None and dataset.passes < 1:
        found.append(("passes", f"passes is {dataset.passes}; a set is retired at its first pass at the earliest"))
    if dataset.baseline is not None and dataset.policy != "self-limiting":
        found.append(("baseline", f"baseline of dataset {name!r} means nothing without policy = 'self-limiting'"))
    elif dataset.baseline is not None and not 0 <= dataset.baseline < 1:
        found.append(("baseline", f"baseline is {dataset.baseline}; give an accuracy of at least 0 and below 1"))
    if (
        budget.disclose == "full"
        and dataset.queries > 1
        and dataset.adaptivity != "none"
        and dataset.policy != "fresh-slice"
    ):
        message = f"dataset {name!r} answers {dataset.queries} times to those who see all of its answers"
        way_out = "set [budget] disclose = 'verdict', policy = 'fresh-slice', or queries = 1 and fresh data each time"
        found.append(("adaptivity", f"{message}, which no count bounds; {way_out}"))
    return found


def _source(source: str | TableSource | None) -> list[str]:
    """Find what does not go together in a source that is a table."""
    if not isinstance(source, TableSource):
        return []
    of_file, of_database = source.path is not None, (source.url is not None, source.query is not None)
    if (of_file and not any(of_database)) or (not of_file and all(of_database) and not source.text):
        return []
    return ['a source is { path = "codes.csv", text = ["code"] } or { url = "postgresql://...", query = "SELECT ..." }']


def find(start: Path) -> Path | None:
    """Return the nearest project file at or above a folder; the search ends at the root of the git checkout.

    Parameters
    ----------
    start : Path
        Folder to begin in.
    """
    folder = start.resolve()
    for place in (folder, *folder.parents):
        own = place / FILE_NAME
        if own.is_file():
            return own
        shared = place / "pyproject.toml"
        if shared.is_file() and "[tool.assay" in shared.read_text(encoding="utf-8", errors="replace"):
            return shared
        if (place / ".git").exists():
            return None
    return None


def read(path: Path) -> ProjectFile:
    """Read and check a project file.

    Raises
    ------
    ProjectError
        If it cannot be read, is not TOML, has an unknown key, a value of the wrong type, or a name that refers to
        nothing. The message names file, line and key.
    """
    return parse(strict_toml.read(path), path)


def parse(text: str, path: Path) -> ProjectFile:
    """Parse the text of a project file; ``path`` is for messages, and says whether to look in ``[tool.assay]``."""
    return strict_toml.decode(
        text,
        path,
        ProjectFile,
        prefix=_prefix(path),
        inconsistencies=_inconsistencies,
        examples={**_EXAMPLES, "project": f'a table [{".".join((*_prefix(path), "project"))}] with name = "flights"'},
    )


def line_of(path: Path, place: Place) -> int | None:
    """Return the 1-based line of a project file where a key, or else its table, stands; ``None`` if it has neither."""
    return strict_toml.line_of(strict_toml.read(path), (*_prefix(path), *place))


def _prefix(path: Path) -> tuple[str, ...]:
    return ("tool", "assay") if path.name == "pyproject.toml" else ()


def project_schema() -> dict[str, Any]:
    """Return the JSON Schema of the project file, for editors that complete and check TOML."""
    schema = msgspec.json.schema(ProjectFile)
    for table in schema["$defs"].values():
        # Python 3.13 takes the indentation out of docstrings, older ones do not.
        table["description"] = cleandoc(table["description"])
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "assay.toml"
    return schema


def _acquired(project: ProjectFile) -> list[tuple[Place, str]]:
    """Find what does not go together in what may be bought."""
    found: list[tuple[Place, str]] = []
    acquire = project.acquire
    references: list[tuple[tuple[str, ...], str, Collection[str]]] = [
        (("acquire", "model"), acquire.model, project.models),
        (("acquire", "dataset"), acquire.dataset, project.datasets),
    ]
    for name, source in acquire.sources.items():
        place = ("acquire", "sources", name)
        references.append(((*place, "dataset"), source.dataset or name, project.datasets))
        if not 0 < source.price < float("inf"):
            found.append(((*place, "price"), f"price of {name!r} is {source.price}; give what a row costs, above 0"))
        if source.stock is not None and source.stock < 0:
            found.append(((*place, "stock"), f"stock of {name!r} is {source.stock}; give how many rows can be bought"))
    for where, value, declared in references:
        if value and value not in declared:
            found.append((where, f"{'.'.join(where)} names {value!r}; {did_you_mean(value, declared, 'declared')}"))
    role = project.datasets[acquire.dataset].role if acquire.dataset in project.datasets else "dev"
    if role != "dev":
        message = f"dataset {acquire.dataset!r} has the role {role!r}; mixes are compared on one with the role 'dev'"
        found.append((("acquire", "dataset"), message))
    return found


def _inconsistencies(project: ProjectFile) -> list[tuple[Place, str]]:
    """Find what the types cannot express; each with its place in the file."""
    found: list[tuple[Place, str]] = []
    if not 0 < project.budget.alpha < 1:
        found.append((("budget", "alpha"), f"alpha is {project.budget.alpha}; give a probability between 0 and 1"))
    remote = project.project.ledger
    if remote.startswith("-") or any(letter.isspace() for letter in remote):
        found.append((("project", "ledger"), f"ledger is {remote!r}; name a git remote, such as 'origin', or its URL"))
    for name, dataset in project.datasets.items():
        if dataset.queries < 1:
            found.append((("datasets", name, "queries"), f"queries is {dataset.queries}; a set answers at least once"))
        for key in ("unit", "timestamp", "id"):
            if dataset.label is not None and getattr(dataset, key) == dataset.label:
                message = f"{key} of dataset {name!r} is {dataset.label!r}, which is its label"
                found.append((("datasets", name, key), f"{message}; name another column, or leave {key} out"))
        found += [(("datasets", name, key), message) for key, message in _reuse_of(name, dataset, project.budget)]
        found += [(("datasets", name, "source"), message) for message in _source(dataset.source)]
    try:
        addresses(project.owner.notify)
    except ProjectError as problem:
        found.append((("owner", "notify"), str(problem)))
    labels = sorted({dataset.label for dataset in project.datasets.values() if dataset.label})
    for name, model in project.models.items():
        if model.predict is not None and labels and model.predict not in labels:
            message = f"predict is {model.predict!r}, which no dataset has as its label"
            found.append((("models", name, "predict"), f"{message}; {did_you_mean(model.predict, labels, 'labels')}"))
        found += [(("models", name, "predictions"), message) for message in _source(model.predictions)]
        for key, value in (("train", model.train), ("code", model.code)):
            if value is not None and not re.fullmatch(r"[\w.]+:\w+", value):
                found.append((("models", name, key), f"{key} is {value!r}; write it as 'module:callable'"))
        if model.code is not None and model.predictions is not None:
            message = f"model {name!r} has code and predictions; say which of the two answers for it"
            found.append((("models", name, "code"), message))
        if model.seconds < 1:
            found.append((("models", name, "seconds"), f"seconds is {model.seconds}; give the code at least one"))
        looks = model.adapt.looks
        if not looks or looks[0] < 1 or list(looks) != sorted(set(looks)):
            message = f"looks is {list(looks)}; give rising numbers of units, for example [7, 21]"
            found.append((("models", name, "adapt", "looks"), message))
    found += _acquired(project)
    seen: set[str] = set()
    for index, check in enumerate(project.checks):
        place: Place = ("checks", index)
        if bool(check.use) == bool(check.claim):
            found.append((place, "a check needs either 'claim' or 'use' (a code such as VAL1)"))
        if check.claim and not check.id:
            found.append((place, "a check with a claim needs an 'id'"))
        if check.name in seen:
            found.append(((*place, "id"), f"a second check has the id {check.name!r}; ids are unique"))
        seen.add(check.name)
        if check.method == "sequential" and (check.slices or not check.claim):
            what = "slices" if check.slices else "a rule by code"
            message = f"method = 'sequential' labels for one claim, not for {what}; write each slice into a claim"
            found.append(((*place, "method"), message))
        if check.use and check.use[:3].upper() not in STAGE_OF_FAMILY:
            found.append(((*place, "use"), f"no rule has the code {check.use!r}; see `assay explain`"))
        for key, value in (("function", check.function), ("serve", check.serve)):
            if value and not re.fullmatch(r"[\w.]+:[\w.]+", value):
                found.append(((*place, key), f"{key} is {value!r}; write it as 'module:function'"))
        try:
            parse_allowance(check.false_alarms, "false_alarms")
        except ProjectError as problem:
            found.append(((*place, "false_alarms"), str(problem)))
        if check.reliability is not None and not 0 < check.reliability < 1:
            found.append(((*place, "reliability"), f"reliability is {check.reliability}; give a probability"))
        references: list[tuple[str, str, Iterable[str]]] = [("datasets", d, project.datasets) for d in check.datasets]
        references += [("reference", check.reference, project.datasets)] if check.reference else []
        references += [("model", check.model, project.models)] if check.model else []
        if not isinstance(check.slices, str):
            references += [("slices", s, project.slices) for s in check.slices]
        for key, value, table in references:
            if value not in table:
                advice = did_you_mean(value, table, "declared")
                found.append(((*place, key), f"check {check.name!r} names {value!r}, which is not declared; {advice}"))
    waived: set[str] = set()
    for index, waiver in enumerate(project.waivers):
        place = ("waivers", index)
        if waiver.check not in seen:
            message = f"a waiver names the check {waiver.check!r}, which is not declared"
            found.append(((*place, "check"), f"{message}; {did_you_mean(waiver.check, seen, 'declared')}"))
        if waiver.check in waived:
            found.append(((*place, "check"), f"a second waiver of {waiver.check!r}; keep one"))
        waived.add(waiver.check)
        for key in ("owner", "reason"):
            if not getattr(waiver, key).strip():
                found.append(((*place, key), f"the waiver of {waiver.check!r} has no {key}; say it in a few words"))
    spent = sum(1 - c.reliability for c in project.checks if c.blocking and c.reliability is not None)
    if spent > project.budget.alpha + 1e-12:
        message = (
            f"the blocking checks ask for an error probability of {spent:.3g} together, the budget's alpha is "
            f"{project.budget.alpha:.3g}; raise alpha or the checks' reliability"
        )
        found.append((("budget", "alpha"), message))
    return found
