"""What a clone needs beside the ledger: the model that passed last, and what answers were committed to."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from loan_project import Assay, declare
from test_champion_of_files import BETTER, FLOOR, ONE
from test_release import SCRIPT
from test_reused_sets import propose
from test_shared_ledger import REF, git

from assay.checks import kept
from assay.checks.project import load
from assay.server.notify import numbers
from assay.store import history

GATED = ONE.replace('"test.csv"', '"test.csv"\nqueries = 9\nadaptivity = "none"')
OBJECTS = "refs/assay/objects/"

Cloner = Callable[[], Path]


@pytest.fixture
def commit(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Cloner]:
    """Commit files of the project to a bare remote; gives what makes a shallow clone of it, as a job of a CI does."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    monkeypatch.setenv("ASSAY_LEDGER", "origin")

    def committed(*names: str, text: str = GATED) -> Cloner:
        declare(project, FLOOR + BETTER, text)
        bare = project / "remote.git"
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", bare], check=True)
        git(project, "init", "--quiet", "--initial-branch=main")
        git(project, "add", "assay.toml", "train.csv", *names)
        git(project, "commit", "--quiet", "-m", "loans")
        git(project, "push", "--quiet", str(bare), "main")

        def clone() -> Path:
            place = project / f"clone{len(list(project.glob('clone*')))}"
            subprocess.run(["git", "clone", "--quiet", "--depth=1", f"file://{bare}", place], check=True)
            git(place, "checkout", "--quiet", "--detach")
            for name in {"test.csv"} - set(names):
                if (project / name).exists():
                    (place / name).write_bytes((project / name).read_bytes())
            return place

        return clone

    return committed


def submit(assay: Assay, clone: Path, accuracy: float, seed: int, labels: Path | None = None) -> dict[str, str]:
    """Gate predictions in a clone; says the status of each check, and its exit code as ``code``."""
    propose(labels or clone, accuracy, seed)
    if labels is not None:
        (clone / "new.csv").write_bytes((labels / "new.csv").read_bytes())
    said = assay("gate", "--project", str(clone), "--json")
    assert said.out, said.err
    return {v["check"]: v["status"] for v in json.loads(said.out)["verdicts"]} | {"code": str(said.code)}


def objects(project: Path) -> dict[str, bytes]:
    """What the remote has beside the ledger, by digest."""
    bare = project / "remote.git"
    names = git(bare, "for-each-ref", "--format=%(refname)", OBJECTS).splitlines()
    return {
        name.removeprefix(OBJECTS): subprocess.run(
            ["git", "-C", bare, "cat-file", "blob", name], check=True, capture_output=True
        ).stdout
        for name in names
    }


def test_a_fresh_clone_compares_with_what_passed_in_another(
    assay: Assay, project: Path, commit: Callable[..., Cloner]
) -> None:
    clone = commit("test.csv")
    assert submit(assay, clone(), 0.93, 1) == {"floor": "pass", "better": "skipped", "code": "0"}
    # It is above the floor, so that without the other clone's champion it would be let through.
    refused = submit(assay, clone(), 0.80, 2)
    assert refused["floor"] == "pass"
    assert refused["better"] in ("fail", "inconclusive")
    assert refused["code"] != "0"
    tip, third = git(project / "remote.git", "rev-parse", REF), clone()
    assert submit(assay, third, 0.80, 2) == refused
    assert submit(assay, third, 0.93, 1)["code"] == "0"
    assert git(project / "remote.git", "rev-parse", REF) == tip
    assert submit(assay, clone(), 0.99, 3) == {"floor": "pass", "better": "pass", "code": "0"}
    assert submit(assay, clone(), 0.93, 4)["better"] in ("fail", "inconclusive")


def test_a_fresh_clone_releases_what_others_were_answered(
    assay: Assay, project: Path, commit: Callable[..., Cloner]
) -> None:
    clone = commit("test.csv")
    for seed, accuracy in enumerate((0.7, 0.93, 0.8)):
        submit(assay, clone(), accuracy, seed)
    fresh = clone()
    said = assay("testset", "release", "test", "--project", str(fresh), "--output", "released")
    assert said.code == 0, said.err
    Path("ledger.jsonl").write_text(assay("ledger", "show", "--json", "--limit", "999", "--project", str(fresh)).out)
    done = subprocess.run([sys.executable, SCRIPT, "released", "ledger.jsonl"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("agrees") == 5
    said = assay("gate", "--project", str(clone()))
    assert said.code in (2, 4)


def test_a_file_that_is_committed_otherwise_is_not_public(
    assay: Assay, project: Path, commit: Callable[..., Cloner]
) -> None:
    clone = commit("test.csv")()
    changed = (clone / "test.csv").read_text().replace("north", "south")
    (clone / "test.csv").write_text(changed)
    submit(assay, clone, 0.93, 1)
    # The predictions are the developer's; what the answer was committed to is not for everybody.
    assert [content[:4] for content in objects(project).values()] == [b"PAR1"]


def test_without_a_key_what_is_not_public_stays_where_it_is(
    assay: Assay, project: Path, commit: Callable[..., Cloner], caplog: pytest.LogCaptureFixture
) -> None:
    clone = commit()
    first = clone()
    propose(first, 0.93, 1)
    said = assay("gate", "--project", str(first))
    assert said.code == 0
    line = (
        f"{first}/assay.toml: dataset 'test': what is kept of an answer stays here: its rows are no file of the commit"
    )
    assert caplog.text.count(line) == 1
    assert [content[:4] for content in objects(project).values()] == [b"PAR1"]
    fresh = clone()
    assert submit(assay, fresh, 0.80, 2)["better"] in ("fail", "inconclusive")
    said = assay("testset", "release", "test", "--project", str(fresh), "--output", "released")
    assert said.code == 2
    assert "what 1 of 3 verdicts were committed to is not in this clone" in said.err
    assert not Path("released").exists()
    assert assay("testset", "status", "test", "--project", str(fresh)).code == 0


@pytest.fixture
def key(assay: Assay, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    place = tmp_path_factory.mktemp("judge") / "judge.key"
    monkeypatch.setenv("ASSAY_JUDGE_KEY_FILE", str(place))
    return assay("testset", "keygen", "--output", str(place)).out.strip()


@pytest.mark.parametrize("sealed", [False, True])
def test_with_a_key_it_goes_to_the_remote_for_the_judge_alone(
    assay: Assay, project: Path, commit: Callable[..., Cloner], key: str, monkeypatch: pytest.MonkeyPatch, sealed: bool
) -> None:
    text = GATED.replace('name = "loans"\n', 'name = "loans"\n\n[budget]\ndisclose = "verdict"\n')
    names = []
    if sealed:
        text, names = text.replace('"test.csv"', '"test.sealed"'), ["test.sealed"]
        declare(project, "", text)
        assert assay("testset", "seal", "test.csv", "--to", key, "--output", "test.sealed").code == 0
    clone = commit(*names, text=text)
    first = clone()
    submit(assay, first, 0.93, 1, project)
    here = objects(project)
    plain = [content for content in here.values() if not content.startswith(b"age-encryption.org/v1\n")]
    assert [content[:4] for content in plain] == ([] if sealed else [b"PAR1"])
    # An opening, predictions, the owner's note, and what passed.
    assert len(here) >= 4
    fresh = clone()
    assert submit(assay, fresh, 0.80, 2, project)["better"] == "inconclusive"
    with load(fresh) as opened:
        told = [numbers(opened, found.verdict) for found in history(opened.store, check="floor")]
    assert [verdict.evidence.estimate > 0.7 for verdict in told if verdict is not None] == [True, True]
    third = clone()
    with monkeypatch.context() as without:
        without.delenv("ASSAY_JUDGE_KEY_FILE")
        said = assay("testset", "release", "test", "--project", str(third), "--output", "released")
        assert said.code == 2
        assert "ASSAY_JUDGE_KEY" in said.err
        assert not Path("released").exists()
    said = assay("testset", "release", "test", "--project", str(third), "--output", "released")
    assert said.code == 0, said.err
    assert len(json.loads(Path("released/answers.json").read_text())) == 3


def test_what_is_too_large_stays_and_nobody_is_judged_without_it(
    assay: Assay,
    project: Path,
    commit: Callable[..., Cloner],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    clone = commit("test.csv")
    monkeypatch.setattr(kept, "OBJECT_BYTES", 100)
    first = clone()
    propose(first, 0.93, 1)
    said = assay("gate", "--project", str(first))
    assert said.code == 0
    assert "bytes are more than the 100 that go to the git remote" in caplog.text
    assert objects(project) == {}
    fresh = clone()
    propose(fresh, 0.80, 2)
    said = assay("gate", "--project", str(fresh))
    assert said.code == 2
    assert "too large for the git remote" in said.err
    propose(first, 0.80, 2)
    assert assay("gate", "--project", str(first)).code in (1, 4)


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_predictions_that_were_touched_on_the_remote_are_not_compared_with(
    assay: Assay, project: Path, commit: Callable[..., Cloner], how: str
) -> None:
    clone = commit("test.csv")
    first, bare = clone(), project / "remote.git"
    submit(assay, first, 0.93, 1)
    [entry] = [
        found
        for line in assay("ledger", "show", "--json", "--project", str(first)).out.splitlines()
        if (found := json.loads(line))["detail"].get("event") == "passed"
    ]
    ref = OBJECTS + entry["detail"]["predictions"]
    if how == "missing":
        git(bare, "update-ref", "-d", ref)
    else:
        (project / "bad").write_text("all wrong")
        git(bare, "update-ref", ref, git(bare, "hash-object", "-w", str(project / "bad")))
    fresh = clone()
    propose(fresh, 0.80, 2)
    said = assay("gate", "--project", str(fresh))
    assert said.code == 3
    assert ref in said.err
    assert ("is missing" if how == "missing" else "is not as it was written") in said.err
    # What the message says to do, in the clone that has it.
    command = said.err.strip().partition("from a clone that has it: ")[2]
    subprocess.run(command, shell=True, check=True, cwd=first)
    assert assay("gate", "--project", str(fresh)).code in (1, 4)
