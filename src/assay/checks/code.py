"""Declared data unit tests: code of the project on the tables that its schema permits."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from assay.checks.job import Job, Spend
from assay.core.fingerprint import digest
from assay.core.strict_toml import read
from assay.errors import ModelError, ProjectError, UsageError
from assay.validation import Schema, fuzz
from assay.validation.fuzzing import CORPUS
from assay.validation.oracles import chosen

if TYPE_CHECKING:
    from collections.abc import Callable

    from assay.checks.inputs import Inputs
    from assay.core.project import CheckTable
    from assay.core.verdict import Verdict


def load_function(name: str, folder: Path) -> Callable[[Any], Any]:
    """Import ``module:function`` from a folder.

    Raises
    ------
    UsageError
        If it is not written as module:function.
    ModelError
        If it cannot be imported, or is no function.
    """
    module_name, colon, function_name = name.partition(":")
    if not (module_name and colon and function_name):
        raise UsageError(f"{name!r}: write it as module:function, for example features:prepare")
    sys.path.insert(0, str(folder))
    try:
        found: Any = import_module(module_name)
    except Exception as problem:
        said = f"{type(problem).__name__}: {str(problem).strip().partition(chr(10))[0]}"
        raise ModelError(f"{name}: cannot be imported from {folder}: {said}; ASSAY_DEBUG=1 shows where") from problem
    finally:
        sys.path.remove(str(folder))
    for part in function_name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise ModelError(f"{name}: {module_name} has no function {function_name!r}")
    function: Callable[[Any], Any] = found
    return function


def prepare(check: CheckTable, inputs: Inputs, alpha: float) -> Job:
    """Load the function and the schema; alpha is shared over the oracles."""
    project = inputs.project
    if not check.function:
        raise ProjectError('it needs the code that it runs: function = "features:prepare"')
    path = project.root / project.file.project.schema
    if not path.exists():
        raise ProjectError(
            f"it builds tables to a schema, and {path.name} is not there: write it with `assay schema infer`"
        )
    text = read(path)
    schema = Schema.from_toml(text, str(path))
    function = load_function(check.function, project.root)
    serve = load_function(check.serve, project.root) if check.serve else None
    oracles = [one.name for one in chosen(None, serve is not None)]
    wanted = [name for name, code in zip(oracles, codes(oracles), strict=True) if code.startswith(check.use.upper())]
    if not wanted:
        raise ProjectError(f'{check.use!r} is no usual oracle; write use = "VAL6"')
    share = alpha / len(wanted)
    depends = {"schema": text, "code": _code_in(project.root), "environment": check.environment}
    spends = (Spend("alpha", f"{digest(depends)}:{check.name}", alpha, alpha, apart=True),)

    def evaluate() -> list[Verdict]:
        verdicts = fuzz(
            function,
            schema,
            oracles=wanted,
            alpha=share,
            serve=serve,
            corpus=project.root / CORPUS,
            environment=check.environment or None,
            name=check.function,
            check=check.name,
            severity=check.severity,
            blocking=check.blocking,
        )
        return [_of(verdict, depends["code"]) for verdict in verdicts]

    return Job(depends, evaluate, spends)


def _of(verdict: Verdict, code: str) -> Verdict:
    read_from = {**verdict.evidence.fingerprints, "code": code}
    evidence = msgspec.structs.replace(verdict.evidence, fingerprints=read_from)
    return msgspec.structs.replace(verdict, evidence=evidence)


def codes(oracles: list[str]) -> list[str]:
    """Give the code of each oracle's verdicts."""
    return [one.code for one in chosen(oracles, True)]


def _code_in(root: Path) -> str:
    """Digest what was imported from the project's folder: a function is what it calls, too."""
    files = {}
    for module in list(sys.modules.values()):
        place = getattr(module, "__file__", None)
        if place and Path(place).suffix == ".py":
            path = Path(place).resolve()
            inside = path.is_relative_to(root.resolve()) and "site-packages" not in path.parts
            if inside:
                files[str(path.relative_to(root.resolve()))] = path.read_text(encoding="utf-8", errors="replace")
    return digest(sorted(files.items()))
