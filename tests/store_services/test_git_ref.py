"""One ledger for all clones of a repository, on real remotes."""

from __future__ import annotations

import base64
import fcntl
import gzip
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from assay.core import Claim, Evidence, Guarantee, Verdict
from assay.errors import BudgetSpent, LedgerError, StoreError
from assay.store import AliasMove, Ledger, Store, find, git_ref, record
from assay.store.git_ref import OBJECTS, REF, VERIFIED, GitLedger
from assay.store.git_repository import GitRepository
from assay.store.ledger import append
from assay.tracking import Registry

KEY = "ab12" * 16


def git(folder: Path, *words: str, stdin: bytes = b"") -> str:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {f"GIT_{role}_{part}": "tester" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    done = subprocess.run(["git", "-C", folder, *words], input=stdin, capture_output=True, check=False, env=plain | who)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository with two commits on its main branch."""
    bare, seed = tmp_path / "remote.git", tmp_path / "seed"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", bare], check=True)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", seed], check=True)
    for text in ("one", "two"):
        (seed / "file").write_text(text)
        git(seed, "add", "file")
        git(seed, "commit", "--quiet", "-m", text)
    git(seed, "push", "--quiet", str(bare), "main")
    return bare


Cloner = Callable[..., Store]


@pytest.fixture
def clone(remote: Path, tmp_path: Path) -> Iterator[Cloner]:
    """Make another clone and open its store."""
    opened: list[Store] = []

    def make(name: str, *how: str) -> Store:
        subprocess.run(["git", "clone", "--quiet", *how, f"file://{remote}", tmp_path / name], check=True)
        opened.append(Store.open(root=tmp_path / name, ledger="origin"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


def verdict(number: int = 1) -> Verdict:
    return Verdict(
        status="pass",
        guarantee=Guarantee.exact(0.01, "false pass"),
        check="better",
        code="GAT101",
        stage="gate",
        claim=Claim("n - o > 0"),
        evidence=Evidence(n=number, fingerprints={"test": KEY, "new": "f00d"}),
    )


def answer(store: Store, number: int = 1, limit: float = 9, **more: Any) -> None:
    held = Ledger(store).reserve("answers", KEY, 1, limit=limit, check="better", cache_key=f"question {number}")
    record(store, verdicts=[verdict(number)], cache_key=f"question {number}", settle=[(held, 1)], **more)


def entries(folder: Path, commit: str = REF) -> list[str]:
    return git(folder, "show", f"{commit}:entries/00000001.jsonl").splitlines()


def rewrite(remote: Path, change: Callable[[list[str]], list[str]], message: str = "") -> None:
    """Put another list of entries on the remote: on top of what is there, so that git sees no rewritten history."""
    tip = git(remote, "rev-parse", REF)
    blob = git(
        remote, "hash-object", "-w", "--stdin", stdin="".join(f"{e}\n" for e in change(entries(remote))).encode()
    )
    lines = [line for line in git(remote, "ls-tree", tip).splitlines() if not line.endswith("\tentries")]
    folder = git(remote, "mktree", stdin=f"100644 blob {blob}\t00000001.jsonl\n".encode())
    tree = git(remote, "mktree", stdin="\n".join([*lines, f"040000 tree {folder}\tentries", ""]).encode())
    message = message or git(remote, "log", "-1", "--format=%B", tip)
    git(remote, "update-ref", REF, git(remote, "commit-tree", tree, "-p", tip, "-m", message))


def test_what_one_clone_spends_is_spent_in_all(clone: Cloner, remote: Path) -> None:
    first, second = clone("first"), clone("second")
    answer(first, limit=2)
    answer(second, 2, limit=2)
    with pytest.raises(BudgetSpent, match="2 of 2 spent"):
        answer(first, 3, limit=2)
    assert Ledger(first).entries() == Ledger(second).entries()
    assert [json.loads(line)["state"] for line in entries(remote)] == ["reserve", "settle"] * 2
    for store in (first, second):
        assert GitLedger(store.root, "origin").sync(store, thorough=True) == Ledger(store).verify() == 4


def carry(store: Store, *contents: bytes) -> list[str]:
    """Write an entry that lists artifacts."""
    names = [store.artifacts.put(content) for content in contents]
    store.write(lambda connection: append(connection, "testset", KEY, 0, detail={"artifacts": names}))
    return names


def test_artifacts_go_with_their_entry_and_come_when_they_are_needed(clone: Cloner, remote: Path) -> None:
    name, large = carry(clone("first"), b"predictions", os.urandom(3_000_000))
    for fresh in (clone("fresh"), clone("shallow", "--depth=1")):
        fresh.sync()
        assert not fresh.artifacts.has(name)
        assert fresh.content(name) == b"predictions"
        assert fresh.artifacts.has(name)
        assert not fresh.artifacts.has(large)
        size = sum(path.stat().st_size for path in (fresh.root / ".git").rglob("*") if path.is_file())
        assert size < 1_000_000
    # What another clone has listed already is listed again.
    carry(fresh, b"predictions", b"more")
    assert len(git(remote, "for-each-ref", OBJECTS).splitlines()) == 3
    with pytest.raises(LedgerError, match=f"{OBJECTS}{'0' * 64} is missing"):
        fresh.content("0" * 64)


def test_no_entry_without_its_artifacts(clone: Cloner, remote: Path) -> None:
    hook = remote / "hooks" / "update"
    hook.write_text(f'#!/bin/sh\ncase "$1" in {OBJECTS}*) exit 1;; esac\n')
    hook.chmod(0o755)
    store = clone("first")
    with pytest.raises(StoreError, match=r"the ledger cannot be written: .*hook declined"):
        carry(store, b"predictions")
    assert Ledger(store).entries() == []
    assert git(remote, "for-each-ref", "refs/assay") == ""


def test_clones_that_race_with_the_same_artifact_all_win(clone: Cloner) -> None:
    stores = [clone(f"clone{number}") for number in range(4)]
    # In threads: the object store has some of its own, which a forked process would wait for in vain.
    with ThreadPoolExecutor(4) as racers:
        list(racers.map(lambda numbered: carry(numbered[1], b"the same", b"own %d" % numbered[0]), enumerate(stores)))
    stores[0].sync()
    assert Ledger(stores[0]).verify() == 4


def test_commits_can_be_read_by_people(clone: Cloner, remote: Path) -> None:
    answer(clone("first"))
    log = git(remote, "log", "--format=%an: %s", REF).splitlines()
    assert [line.partition(": ")[2] for line in log] == [
        f"2 settle 1 answers of {KEY[:12]} for better",
        f"1 reserve 1 answers of {KEY[:12]} for better",
    ]
    # A commit adds its entries and verdicts, and changes no line that was there.
    added, removed = git(remote, "diff", "--shortstat", f"{REF}~1", REF), " deletion"
    assert "2 files changed, 2 insertions(+)" in added
    assert removed not in added
    entry = json.loads(entries(remote)[1])
    body = json.loads(git(remote, "show", f"{REF}:verdicts/{entry['detail']['recording']}.json"))
    assert body["verdicts"][0]["verdict"]["reason"] == verdict().reason
    assert body["cache_key"] == "question 1"


def test_commits_are_by_whoever_git_knows_and_else_by_assay(
    clone: Cloner, remote: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", str(tmp_path / "none"))
    store = clone("first")
    answer(store)
    assert git(remote, "log", "-1", "--format=%an <%ae>", REF) == "assay <assay@localhost>"
    git(store.root, "config", "user.name", "Ada")
    git(store.root, "config", "user.email", "ada@example.org")
    answer(store, 2)
    assert git(remote, "log", "-1", "--format=%an <%ae>", REF) == "Ada <ada@example.org>"


def test_a_fresh_clone_replays_the_verdict(clone: Cloner) -> None:
    answer(clone("first"))
    fresh = clone("fresh")
    assert find(fresh, "question 1") == []
    fresh.sync()
    assert find(fresh, "question 1") == [verdict()]
    assert find(fresh, "question 1")[0].id == verdict().id
    assert Ledger(fresh).spent("answers", KEY) == 1


def test_shallow_detached_and_linked(clone: Cloner, tmp_path: Path) -> None:
    answer(clone("first"))
    shallow = clone("shallow", "--depth=1")
    answer(shallow, 2)
    assert git(shallow.root, "rev-list", "--count", "HEAD") == "1"
    git(shallow.root, "checkout", "--quiet", "--detach")
    answer(shallow, 3)
    git(shallow.root, "worktree", "add", "--quiet", str(tmp_path / "linked"))
    with Store.open(root=tmp_path / "linked", ledger="origin") as linked:
        answer(linked, 4)
        assert Ledger(linked).verify() == 8
    assert git(shallow.root, "status", "--porcelain") == ""


def test_a_clone_works_inside_of_a_hook(clone: Cloner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = clone("first")
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    answer(store)
    assert Ledger(store).verify() == 2
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("clones", [2, 8])
def test_of_clones_that_race_for_the_last_answer_one_wins(clone: Cloner, clones: int) -> None:
    stores = [clone(f"clone{number}") for number in range(clones)]
    stores[0].write(lambda connection: append(connection, "answers", KEY, 4, check="before"))
    assert race(stores, lambda store, number: answer(store, number, limit=5)) == {"won": 1, "BudgetSpent": clones - 1}
    fresh = clone("fresh")
    fresh.sync()
    assert Ledger(fresh).spent("answers", KEY) == 5
    assert Ledger(fresh).verify() == 3


def test_clones_that_race_for_different_things_all_win(clone: Cloner) -> None:
    stores = [clone(f"clone{number}") for number in range(4)]
    assert race(stores, lambda store, number: answer(store, number)) == {"won": 4}
    stores[0].sync()
    assert Ledger(stores[0]).verify() == 8
    assert all(find(stores[0], f"question {number}") for number in range(4))


def test_a_decision_that_is_not_made_again_is_caught(
    clone: Cloner, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant forces its push, so that nobody hears of having been too late."""

    def force(self: GitRepository, name: str, objects: dict[str, str]) -> None:
        time.sleep(0.5)
        with (remote / "one-at-a-time").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            specs = [f"{commit}:{ref}" for ref, commit in objects.items()]
            self._run("push", "--quiet", "--force", name, *specs, network=True)

    monkeypatch.setattr(GitRepository, "push", force)
    stores = [clone(f"clone{number}") for number in range(4)]
    results = race(stores, lambda store, _: Ledger(store).reserve("answers", KEY, 1, limit=1, check="racer"))
    assert results["won"] > 1


def race(stores: list[Store], ask: Callable[[Store, int], object]) -> Counter[str]:
    """Let each store's owner ask in a process of its own, all at once."""
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(len(stores)), context.SimpleQueue()

    def run(root: Path, number: int) -> None:
        with Store.open(root=root, ledger="origin") as store:
            start.wait()
            try:
                ask(store, number)
                results.put("won")
            except Exception as problem:
                results.put(type(problem).__name__ if isinstance(problem, BudgetSpent) else repr(problem))

    for store in stores:
        store.close()
    racers = [context.Process(target=run, args=(store.root, number)) for number, store in enumerate(stores)]
    for racer in racers:
        racer.start()
    found = Counter(results.get() for _ in racers)
    for racer in racers:
        racer.join()
    return found


def edit(position: int, old: str, new: str) -> Callable[[list[str]], list[str]]:
    def change(lines: list[str]) -> list[str]:
        assert old in lines[position]
        return [line.replace(old, new) if place == position else line for place, line in enumerate(lines)]

    return change


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (edit(1, '"amount":1.0', '"amount":0.0'), "entry 2 is not as it was written: it was changed"),
        (edit(1, '"amount":1.0', '"amount":1.00'), "entry 2 is not as it was written"),
        (edit(1, '"amount":1.0', '"amount":1.0,"note":1'), "entry 2 is not as it was written"),
        (edit(2, "{", "["), "entry 3 is not as it was written"),
        (lambda lines: lines[:1] + lines[2:], "entry 2 is missing: it was deleted"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "entry 2 is missing"),
        (lambda lines: [*lines[:2], lines[1], *lines[2:]], "entry 3 is missing"),
    ],
)
@pytest.mark.parametrize("fresh", [False, True])
def test_a_change_on_the_remote_is_named(
    clone: Cloner, remote: Path, change: Callable[[list[str]], list[str]], named: str, fresh: bool
) -> None:
    store = clone("first")
    answer(store)
    answer(store, 2)
    rewrite(remote, change)
    witness = clone("second") if fresh else store
    with pytest.raises(LedgerError, match=named):
        Ledger(witness).reserve("answers", KEY, 1, limit=9, check="better")
    assert len(Ledger(witness).entries()) == (0 if fresh else 4)


def test_a_tail_that_was_cut_off_is_named(clone: Cloner, remote: Path) -> None:
    store = clone("first")
    answer(store)
    git(remote, "update-ref", REF, git(remote, "rev-parse", f"{REF}~1"))
    with pytest.raises(LedgerError, match=r"origin refs/assay/ledger: entry 2 is missing: this clone knows 2 entries"):
        answer(store, 2)


def test_a_history_made_anew_is_named_by_a_clone_that_saw_the_old_one(clone: Cloner, remote: Path) -> None:
    store = clone("first")
    answer(store)
    git(remote, "update-ref", "-d", REF)
    cheat = clone("cheat")
    answer(cheat, 7)
    answer(cheat, 8)
    assert Ledger(cheat).verify() == 4
    with pytest.raises(LedgerError, match="entry 1 is not the one that this clone knows: it was rewritten"):
        answer(store, 2)
    # What the message says to do: put back what this clone saw.
    git(store.root, "push", "--quiet", "--force", "origin", f"{VERIFIED}:{REF}")
    answer(store, 2)


def test_a_forced_push_with_the_same_entries_is_named(clone: Cloner, remote: Path) -> None:
    store = clone("first")
    answer(store)
    tip = git(remote, "rev-parse", REF)
    git(remote, "update-ref", REF, git(remote, "commit-tree", f"{tip}^{{tree}}", "-m", "squashed"))
    with pytest.raises(LedgerError, match="its history was rewritten: commit"):
        answer(store, 2)


def test_a_deleted_ledger_is_named(clone: Cloner, remote: Path) -> None:
    store = clone("first")
    answer(store)
    git(remote, "update-ref", "-d", REF)
    with pytest.raises(LedgerError, match=r"it was deleted: put it back .*git push --force origin"):
        answer(store, 2)


def test_a_verdict_that_was_changed_on_the_remote_is_named(clone: Cloner, remote: Path) -> None:
    store = clone("first")
    answer(store)
    tip = git(remote, "rev-parse", REF)
    path = f"verdicts/{Ledger(store).entries()[1].detail['recording']}.json"
    body = git(remote, "show", f"{tip}:{path}").replace('"status":"pass"', '"status":"fail"')
    blob = git(remote, "hash-object", "-w", "--stdin", stdin=body.encode())
    folder = git(remote, "mktree", stdin=f"100644 blob {blob}\t{path.partition('/')[2]}\n".encode())
    kept = git(remote, "ls-tree", tip, "entries")
    tree = git(remote, "mktree", stdin=f"{kept}\n040000 tree {folder}\tverdicts\n".encode())
    git(remote, "update-ref", REF, git(remote, "commit-tree", tree, "-p", tip, "-m", "x"))
    with pytest.raises(LedgerError, match=rf"{path} is not as it was written"):
        clone("second").sync()


def test_a_false_head_line_fools_nobody(clone: Cloner, remote: Path) -> None:
    """The message of a commit is believed only of commits that this clone checked or wrote."""
    store = clone("first")
    answer(store)
    rewrite(remote, edit(1, '"amount":1.0', '"amount":0.0'))
    assert "Head: 2 " in git(remote, "log", "-1", "--format=%B", REF)
    with pytest.raises(LedgerError, match="entry 2 is not as it was written"):
        store.sync()


def test_a_store_with_a_ledger_of_its_own_publishes_it_once(clone: Cloner, remote: Path, tmp_path: Path) -> None:
    first, second = clone("first"), clone("second")
    for store in (first, second):
        with Store.open(root=store.root) as alone:
            answer(alone)
    answer(first, 2)
    assert len(entries(remote)) == 4
    fresh = clone("fresh")
    fresh.sync()
    assert find(fresh, "question 1") == [verdict()]
    with pytest.raises(LedgerError, match="this store kept a ledger of its own before: move the store away"):
        answer(second, 2)


def test_entries_outside_of_write_are_refused(clone: Cloner) -> None:
    store = clone("first")
    with pytest.raises(StoreError, match=r"add to it with Store\.write"), store.transaction() as connection:
        append(connection, "labels", KEY, 1)
    assert Ledger(store).entries() == []


def test_a_remote_that_is_not_there_refuses_before_anything_is_held(clone: Cloner, remote: Path) -> None:
    store = clone("first")
    answer(store)
    remote.rename(remote.with_name("away"))
    with pytest.raises(StoreError, match=r"cannot be reached: .*remote\.git.*: nothing was judged"):
        Ledger(store).reserve("answers", KEY, 1, limit=9, check="better")
    assert Ledger(store).held() == []
    remote.with_name("away").rename(remote)
    answer(store, 2)


def test_no_checkout_no_remote_no_git(tmp_path: Path, clone: Cloner, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain").mkdir()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    here = Store.open(root=tmp_path / "plain", ledger="origin")
    with here as store, pytest.raises(StoreError, match=f"{tmp_path}/plain: git .*: not a git repository"):
        store.sync()
    with pytest.raises(StoreError, match="no git remote"):
        Store.open(root=tmp_path / "plain", ledger="--upload-pack=touch")
    store = clone("first")
    unknown = Store.open(root=store.root, ledger="upstream")
    with unknown as other, pytest.raises(StoreError, match="the ledger cannot be reached: 'upstream' does not appear"):
        other.sync()
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(StoreError, match="needs the program git"):
        store.sync()


def test_a_token_is_not_printed(tmp_path: Path, clone: Cloner) -> None:
    root = clone("first").root
    closed = "http://bot:s3cret@127.0.0.1:9/team.git"
    with Store.open(root=root, ledger=closed) as store, pytest.raises(StoreError) as told:
        store.sync()
    assert "s3cret" not in str(told.value)
    assert "http://127.0.0.1:9/team.git" in str(told.value)


@pytest.fixture
def daemon(remote: Path) -> Iterator[str]:
    """URL of a server that lets everybody read the remote and nobody write to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["git", "daemon", f"--base-path={remote.parent}", "--export-all", "--reuseaddr", "--listen=127.0.0.1"]
    server = subprocess.Popen([*words, f"--port={port}"], stderr=subprocess.DEVNULL, start_new_session=True)
    url = f"git://127.0.0.1:{port}/{remote.name}"
    for _ in range(100):
        if subprocess.run(["git", "ls-remote", url], capture_output=True, check=False).returncode == 0:
            break
        time.sleep(0.05)
    yield url
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(timeout=10)


def test_a_fork_may_read_and_not_spend(clone: Cloner, daemon: str) -> None:
    answer(clone("first"))
    root = clone("fork").root
    with Store.open(root=root, ledger=daemon) as store:
        with pytest.raises(StoreError, match=r"the ledger cannot be written: .*: nothing was judged; run where"):
            Ledger(store).reserve("answers", KEY, 1, limit=9, check="better")
        assert Ledger(store).held() == []
        assert find(store, "question 1") == [verdict()]


def test_a_server_that_refuses_the_push(clone: Cloner, remote: Path) -> None:
    store = clone("first")
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'refs/assay is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(StoreError, match=r"cannot be written: \[remote rejected\] \(pre-receive hook declined\)"):
        answer(store)
    assert Ledger(store).entries() == []


class Package:
    content, format, signature = b"a model", "test", {"inputs": {}}


def die_after_push(monkeypatch: pytest.MonkeyPatch, what: Callable[[], None], pushes: int) -> None:
    """Run in a process of its own, which is killed when a number of pushes went through."""
    pid = os.fork()
    if pid == 0:
        try:
            push, left = GitRepository.push, pushes

            def last(self: GitRepository, *words: str) -> None:
                nonlocal left
                push(self, *words)
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)

            monkeypatch.setattr(GitRepository, "push", last)
            what()
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status)


def test_killed_between_push_and_commit(clone: Cloner, monkeypatch: pytest.MonkeyPatch) -> None:
    store = clone("first")
    Registry(store).register("flights", Package())
    store.close()
    move = AliasMove("flights", "champion", 1, 0)

    def promote() -> None:
        with Store.open(root=store.root, ledger="origin") as mine:
            answer(mine, alias=move)

    die_after_push(monkeypatch, promote, 1)
    assert Ledger(store).entries() == []
    store.sync()
    assert [entry.state for entry in Ledger(store).entries()] == ["reserve"]
    assert find(store, "question 1") == []

    die_after_push(monkeypatch, promote, 2)
    # The question is asked again: what the killed process held comes back to it.
    assert [entry.state for entry in Ledger(store).entries()] == ["reserve", "release", "reserve"]
    assert Registry(store).alias("flights", "champion") is None
    store.sync()
    # All that the push said is on record: the spend, its verdict, and the alias that the verdict moved.
    entries_now = Ledger(store).entries()
    assert [(entry.kind, entry.state) for entry in entries_now[1:]] == [
        ("answers", "release"),
        ("answers", "reserve"),
        ("answers", "settle"),
        ("promotion", "settle"),
    ]
    assert find(store, "question 1") == [verdict()]
    assert entries_now[-1].verdict_id == verdict().id
    state = Registry(store).alias("flights", "champion")
    assert state is not None
    assert (state.version, state.revision) == (1, 1)
    assert Ledger(store).verify() == 5


def test_a_push_whose_answer_is_lost_counts_once(clone: Cloner, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push = GitRepository.push

    def lost(self: GitRepository, *words: str) -> None:
        push(self, *words)
        raise git_ref.GitFailed("the connection was reset")

    monkeypatch.setattr(GitRepository, "push", lost)
    store = clone("first")
    answer(store)
    assert len(entries(remote)) == Ledger(store).verify() == 2


def test_a_promotion_moves_the_alias_where_the_content_is_registered(clone: Cloner) -> None:
    first, second, third = clone("first"), clone("second"), clone("third")

    class Other(Package):
        content = b"another model"

    Registry(first).register("flights", Package())
    # The same content is version 2 there.
    Registry(second).register("flights", Other())
    Registry(second).register("flights", Package())
    Registry(third).register("flights", Other())
    answer(first, alias=AliasMove("flights", "champion", 1, 0))
    for store in (second, third):
        store.sync()
    state = Registry(second).alias("flights", "champion")
    assert state is not None
    assert state.version == 2
    assert Registry(third).alias("flights", "champion") is None
    answer(second, 2, alias=AliasMove("flights", "champion", 1, state.revision))
    assert Registry(second).previous("flights", "champion") == 2
    first.sync()
    assert Registry(first).previous("flights", "champion") is None


def test_two_projects_of_one_repository_share_the_ledger(clone: Cloner) -> None:
    one = clone("first")
    (one.root / "other").mkdir()
    with Store.open(root=one.root / "other", ledger="origin") as other:
        answer(one)
        answer(other, 2)
        answer(one, 3)
        assert Ledger(other).verify() == 4
        answer(other, 4)
        assert Ledger(other).verify() == 8


def test_many_entries_are_in_several_files(clone: Cloner, remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_ref, "PER_FILE", 3)
    store = clone("first")
    for number in range(4):
        answer(store, number)
    names = git(remote, "ls-tree", "--name-only", f"{REF}:entries").splitlines()
    assert names == ["00000001.jsonl", "00000004.jsonl", "00000007.jsonl"]
    fresh = clone("fresh")
    fresh.sync()
    assert Ledger(fresh).verify() == 8


class _GitOverHttp(BaseHTTPRequestHandler):
    """Git's smart protocol, for those who bring the token."""

    root: Path
    token = "Basic " + base64.b64encode(b"x-access-token:s3cret").decode()

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        self._serve(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)

    def _serve(self, body: bytes) -> None:
        if self.headers.get("Authorization") != self.token:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        told = {
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_USER": "bot",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, check=True, env=os.environ | told
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().splitlines()]
        status = next((value for name, value in lines if name == "Status"), "200").split()[0]
        self.send_response(int(status))
        for name, value in lines:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_over_http_the_token_of_the_checkout_is_used(clone: Cloner, remote: Path) -> None:
    """As a checkout in continuous integration leaves it: the token is a setting of the clone."""
    git(remote, "config", "http.receivepack", "true")
    _GitOverHttp.root = remote.parent
    server = ThreadingHTTPServer(("127.0.0.1", 0), _GitOverHttp)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        store = clone("first", "--depth=1")
        git(store.root, "remote", "set-url", "origin", f"{url}/{remote.name}")
        with pytest.raises(StoreError, match=r"cannot be reached: could not read Username .*: nothing was judged"):
            answer(store)
        git(store.root, "config", f"http.{url}/.extraheader", f"AUTHORIZATION: {_GitOverHttp.token}")
        answer(store)
        assert len(entries(remote)) == Ledger(store).verify() == 2
    finally:
        server.shutdown()
        server.server_close()
