"""Clones without a common store: the ledger on their git remote counts for all of them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from loan_project import DATA, GATE, PROJECT, Assay, declare

REF = "refs/assay/ledger"
SHARED = PROJECT.replace('name = "loans"\n', 'name = "loans"\nledger = "origin"\n')


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def remote(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's bare remote; two clones of it, ``one`` and ``two``, are beside it."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    declare(project, GATE + DATA, SHARED)
    bare = project / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", bare], check=True)
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "assay.toml", *(f"{name}.csv" for name in ("train", "test", "old", "new")))
    git(project, "commit", "--quiet", "-m", "loans")
    git(project, "push", "--quiet", str(bare), "main")
    for name in ("one", "two"):
        subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{bare}", project / name], check=True)
    return bare


def ids(assay: Assay, clone: Path) -> list[str]:
    return [verdict["id"] for verdict in json.loads(assay("check", "--project", str(clone), "--json").out)["verdicts"]]


def objects_of(remote: Path) -> list[str]:
    return git(remote, "for-each-ref", "--format=%(refname)", "refs/assay/objects/").splitlines()


@pytest.mark.parametrize("clone", ["one", "two"])
@pytest.mark.parametrize("change", ["is missing", "is not as it was written"])
def test_an_object_that_is_gone_or_changed_is_named(
    assay: Assay, project: Path, remote: Path, clone: str, change: str
) -> None:
    """By the clone that made it, and by one that never had it."""
    ids(assay, project / "one")
    assert assay("ledger", "verify", "--project", str(project / clone)).code == 0
    [ref, *_] = objects_of(remote)
    if change == "is missing":
        git(remote, "update-ref", "-d", ref)
    else:
        (project / "forged").write_text("forged")
        git(remote, "update-ref", ref, git(remote, "hash-object", "-w", str(project / "forged")))
    told = assay("ledger", "verify", "--project", str(project / clone))
    assert (told.code, told.out) == (3, "")
    assert f"{ref} {change}: put it back from a clone that has it" in told.err


def test_an_object_of_a_store_alone_is_looked_at_too(assay: Assay, project: Path) -> None:
    assert assay("gate").code == 0
    assert " as it was written" in assay("ledger", "verify").out
    entries = [json.loads(line)["detail"] for line in assay("ledger", "show", "--json").out.splitlines()]
    [named, *_] = [detail["opening"] for detail in entries if "opening" in detail]
    held = project / ".assay" / "objects" / named[:2] / named[2:]
    held.chmod(0o644)
    held.write_bytes(b"forged")
    told = assay("ledger", "verify")
    assert (told.code, told.out) == (3, "")
    assert "names what is not as it was written" in told.err
    held.unlink()
    assert "missing" in assay("ledger", "verify").err


@pytest.mark.parametrize("command", [["gate"], ["ledger", "show"], ["ledger", "verify"], ["status"]])
def test_a_ledger_that_is_named_and_empty_is_refused(
    assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.setenv("ASSAY_LEDGER", "")
    told = assay(*command)
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "ASSAY_LEDGER is empty" in told.err
    assert not (project / ".assay").exists()


def test_a_fresh_clone_gives_the_same_verdicts_and_spends_nothing(assay: Assay, project: Path, remote: Path) -> None:
    first = ids(assay, project / "one")
    tip = git(remote, "rev-parse", REF)
    assert len(first) > 4
    assert ids(assay, project / "two") == first
    assert git(remote, "rev-parse", REF) == tip
    shown = [assay("ledger", "show", "--json", "--project", str(project / name)).out for name in ("one", "two")]
    assert shown[0] == shown[1]
    count = len(shown[0].splitlines())
    told = assay("ledger", "verify", "--project", str(project / "two"))
    # The predictions that passed, and the opening: clone ``two`` knows them by the remote alone.
    objects = f"; {len(objects_of(remote))} objects as they were written"
    assert told.out == f"{count} entries, chain verified, the same on origin {REF}{objects}\n"
    # One push holds what a check may spend, another settles it with the verdicts.
    assert git(remote, "rev-list", "--count", REF) == "4"


def test_another_claim_is_refused_in_another_clone_too(assay: Assay, project: Path, remote: Path) -> None:
    ids(assay, project / "one")
    (project / "two" / "assay.toml").write_text(SHARED + GATE.replace("n > 0.8", "n > 0.7"))
    said = assay("check", "--project", str(project / "two"))
    assert said.code == 4
    assert "fresh data" in said.err


def test_nothing_is_judged_where_the_ledger_cannot_be_reached(assay: Assay, project: Path, remote: Path) -> None:
    ids(assay, project / "one")
    remote.rename(project / "away.git")
    for name in ("one", "two"):
        said = assay("check", "--project", str(project / name))
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith(f"error: origin {REF}: the ledger cannot be reached: ")
        assert said.err.endswith("nothing was judged; see to the network, the remote and its permission\n")
    status = assay("status", "--project", str(project / "one"), "--json")
    assert status.code == 0
    assert "last known state: origin" in json.loads(status.out)["ledger"]


def test_nothing_is_judged_where_the_ledger_cannot_be_written(assay: Assay, project: Path, remote: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    said = assay("check", "--project", str(project / "one"))
    assert (said.code, said.out) == (2, "")
    assert "the ledger cannot be written" in said.err
    assert assay("ledger", "show", "--json", "--project", str(project / "one")).out == ""


def test_a_rewritten_ledger_stops_every_check(assay: Assay, project: Path, remote: Path) -> None:
    ids(assay, project / "one")
    git(remote, "update-ref", REF, git(remote, "rev-parse", f"{REF}~1"))
    for verb in ("check", "ledger verify"):
        said = assay(*verb.split(), "--project", str(project / "one"))
        assert said.code == 3
        assert "is missing: this clone knows" in said.err
    assert "is missing" in json.loads(assay("status", "--project", str(project / "one"), "--json").out)["ledger"]


def test_the_environment_names_another_remote(
    assay: Assay, project: Path, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = project / "other.git"
    subprocess.run(["git", "init", "--quiet", "--bare", other], check=True)
    monkeypatch.setenv("ASSAY_LEDGER", f"file://{other}")
    assert ids(assay, project / "one")
    assert git(other, "rev-list", "--count", REF) == "4"
    assert not git(remote, "for-each-ref", REF)
    assert os.environ["ASSAY_LEDGER"] in assay("ledger", "verify", "--project", str(project / "one")).out


@pytest.mark.parametrize("name", ["--upload-pack=x", "two words"])
def test_a_ledger_that_is_no_remote_is_refused(assay: Assay, project: Path, name: str) -> None:
    declare(project, GATE, SHARED.replace('"origin"', f'"{name}"'))
    said = assay("check")
    assert said.code == 2
    assert "name a git remote" in said.err


def test_what_one_clone_put_by_another_takes_over(assay: Assay, project: Path, remote: Path) -> None:
    one, two = (str(project / name) for name in ("one", "two"))
    assert assay("ledger", "reserve", "good-enough", "--project", one).code == 0
    assert assay("check", "good-enough", "--project", two).code == 0
    shown = [json.loads(line) for line in assay("ledger", "show", "--json", "--project", one).out.splitlines()]
    states = [entry["state"] for entry in shown if entry["kind"] in ("answers", "alpha")]
    assert states == ["reserve"] * 2 + ["release", "reserve"] * 2 + ["settle"] * 2
