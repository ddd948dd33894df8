"""One ledger for all clones of a repository, on a git ref of their remote."""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
from sqlalchemy import insert, select, update

from assay.core.fingerprint import bytes_digest
from assay.errors import Conflict, LedgerError, StoreError
from assay.store import aliases, chain, recording
from assay.store.git_repository import GitFailed, GitRepository, without_credentials
from assay.store.schema import ledger, ledger_head

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from assay.store.chain import Entry
    from assay.store.database import Store

T = TypeVar("T")

REF = "refs/assay/ledger"
"""Where the ledger is on the remote."""

VERIFIED = "refs/assay/verified"
"""The newest commit of it that this clone has checked, or written."""

FETCHED = "refs/assay/fetched"
OBJECTS = "refs/assay/objects/"
"""What entries list as their artifacts is at these refs of the remote, by its BLAKE3-256."""

OBJECT_BYTES = 8 * 2**20
"""Largest artifact that goes to the remote: two of them in the time that a push may take need 5 Mbit/s."""

PATIENCE_SECONDS = 120.0
PER_FILE = 100
"""Entries in one file, so that a commit adds little."""

_HEAD = re.compile(r"^Head: (\d+) ([0-9a-f]{64})$", re.MULTILINE)
# What git and servers say when another push was faster, and when two arrive in the same moment.
_OUTRUN = (
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to update",
    "incorrect old value",
)


class Shared(NamedTuple):
    """What a remote holds, after its chain was checked."""

    commit: str
    entries: list[Entry]
    files: dict[str, str]


class _Outrun(Exception):
    """Another process wrote to the ledger first."""


class GitLedger:
    """The ledger on ``refs/assay/ledger`` of a remote, with its chain and the verdicts that were paid for.

    **Protocol.** :meth:`write` fetches what others wrote, checks that it goes on from what is known here, takes it in,
    lets the caller decide and pushes the new entries as one commit, before the local transaction commits. The server
    moves a ref only forward and one push at a time, so that a push is a compare-and-swap: of two clones that decide
    at once one is refused, takes in what the other wrote and decides again. An entry counts once it was pushed.

    **It fails closed.** A remote that cannot be reached or written, whose history does not go on from what this clone
    has seen, or whose chain of hashes is broken ends the work with an error before anything is evaluated. A process
    that dies after its push and before its local commit has written for everybody: the next one takes it in.

    **What is not shared.** Runs, models and other artifacts stay where they are. A promotion of another clone moves the alias
    here if a version with the same content is registered here.

    **What it cannot see.** Who may push to the ref may write a whole new history with every hash made anew, and a
    clone that never saw the old one has nothing to compare with. A clone that did see it refuses.

    The ref's tree holds ``entries/00000001.jsonl``, ... with one entry a line as ``assay ledger show --json`` prints it,
    and ``verdicts/RECORDING.json`` for each recording that a settlement names by its BLAKE3-256. What an entry lists as its
    ``artifacts`` is pushed with it, all or nothing, each as a ref of its own, ``refs/assay/objects/BLAKE3``: a ledger is
    fetched by every job, and these are fetched when somebody needs one.

    Parameters
    ----------
    root : Path
        Folder of the project, in a git checkout.
    remote : str
        Name or URL of a remote.

    Raises
    ------
    StoreError
        If the remote is no name and no URL.
    """

    def __init__(self, root: Path, remote: str) -> None:
        if remote.startswith("-") or any(letter.isspace() for letter in remote):
            raise StoreError(f"ledger = {remote!r} is no git remote: give the name of one, such as origin, or its URL")
        self._git = GitRepository(root)
        self._remote = remote
        self.name = f"{without_credentials(remote)} {REF}"
        self._mend = f"from a clone that saw it whole: git push --force {without_credentials(remote)} {VERIFIED}:{REF}"

    def write(self, store: Store, work: Callable[[Connection], T]) -> T:
        """Do some work in one transaction whose entries are shared before it commits.

        Parameters
        ----------
        store : Store
        work : callable
            Gets the connection. It is called again, on what others wrote, when another clone was first.

        Raises
        ------
        StoreError
            If the remote cannot be reached or refuses the push.
        LedgerError
            If the remote does not hold what this clone knows, going on from there.
        Conflict
            If others were first for two minutes.
        """
        deadline, pause = time.monotonic() + PATIENCE_SECONDS, 0.05
        while True:
            self.sync(store)
            try:
                with store.transaction(shared=True) as connection:
                    base = self._base(connection)
                    result = work(connection)
                    self._publish(store, connection, base)
                return result
            except _Outrun:
                if time.monotonic() > deadline:
                    raise Conflict(
                        f"{self.name}: others wrote to it first for {PATIENCE_SECONDS:.0f} s: ask again"
                    ) from None
                # Whoever was refused waits a random while, so that clones do not stay in step.
                time.sleep(random.uniform(0, pause))
                pause = min(2 * pause, 2.0)

    def sync(self, store: Store, *, thorough: bool = False) -> int:
        """Take in what others wrote and return how many entries there are.

        Parameters
        ----------
        store : Store
        thorough : bool
            Whether to check the whole remote chain even if it has not moved since this clone checked it.

        Raises
        ------
        StoreError
            If the remote cannot be reached.
        LedgerError
            If its chain is broken, or does not go on from what this clone knows; nothing is taken in then.
        """
        while True:
            before = self._git.seen(VERIFIED)
            tip = self._reached(lambda: self._git.remote_tip(self._remote, REF))
            with store.read() as connection:
                here = chain.head(connection)
            if tip is None:
                if before is not None:
                    raise LedgerError(f"{self.name}: it was deleted: put it back {self._mend}")
                return here[0]
            known = before is not None and before.commit == tip
            if known and before is not None and _head_of(before.message) == here and not thorough:
                return here[0]
            if not known:
                tip = self._reached(lambda: self._git.fetch(self._remote, REF, FETCHED))
            shared = self._read(tip)
            with store.transaction(shared=True) as connection:
                if self._git.seen(VERIFIED) != before:
                    # Another process of this clone moved on meanwhile.
                    continue
                self._adopt(connection, shared)
                if before is not None and not self._git.is_ancestor(before.commit, tip):
                    raise LedgerError(
                        f"{self.name}: its history was rewritten: commit {before.commit[:12]}, which this clone saw, "
                        f"is no part of it any more: find out by whom, then put it back {self._mend}"
                    )
                self._git.point(VERIFIED, tip)
            return len(shared.entries)

    def artifact(self, digest: str) -> bytes:
        """Fetch what an entry lists as its artifact.

        Raises
        ------
        StoreError
            If the remote cannot be reached.
        LedgerError
            If it is not there, or not as it was written.
        """
        ref = f"{OBJECTS}{digest}"
        data = self._reached(lambda: self._git.fetch_blob(self._remote, ref))
        if data is None or bytes_digest(data) != digest:
            how = "is missing" if data is None else "is not as it was written"
            blob = f"$(git hash-object -w .assay/objects/{digest[:2]}/{digest[2:]})"
            remote = without_credentials(self._remote)
            raise LedgerError(
                f"{self.name}: {ref} {how}: put it back from a clone that has it: git push --force {remote} {blob}:{ref}"
            )
        return data

    def check_artifacts(self, store: Store, digests: Sequence[str]) -> None:
        """See that artifacts are on the remote as they were written; only those that are not here are fetched.

        Raises
        ------
        StoreError
            If the remote cannot be reached.
        LedgerError
            Naming the first that is missing, or not as it was written.
        """
        there = self._reached(lambda: self._git.remote_objects(self._remote, OBJECTS))
        for digest in digests:
            held = there.get(f"{OBJECTS}{digest}")
            if (
                held is None
                or not store.artifacts.has(digest)
                or self._git.keep([store.artifacts.get(digest)]) != [held]
            ):
                self.artifact(digest)

    def _read(self, commit: str) -> Shared:
        """Read the entries of a commit and check their chain."""
        files = self._git.files(commit)
        names = sorted(name for name in files if name.startswith("entries/"))
        entries: list[Entry] = []
        for name, data in zip(names, self._git.contents([files[name] for name in names]), strict=True):
            for line in data.splitlines():
                entries.append(self._entry(line, name, len(entries) + 1))
        last = entries[-1].hash if entries else ""
        chain.check(
            map(chain.content, entries), len(entries), last, where=self.name, way_out=f"put it back {self._mend}"
        )
        return Shared(commit, entries, files)

    def _entry(self, line: bytes, name: str, number: int) -> Entry:
        try:
            entry = msgspec.json.decode(line, type=chain.Entry)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise LedgerError(
                f"{self.name}: {name}: entry {number} is not as it was written: {problem}: put it back {self._mend}"
            ) from problem
        if msgspec.json.encode(entry) != line:
            raise LedgerError(f"{self.name}: {name}: entry {number} is not as it was written: put it back {self._mend}")
        return entry

    def _adopt(self, connection: Connection, shared: Shared) -> None:
        """Let the local chain go on as the shared one does, with its verdicts and promotions."""
        seq, _ = chain.head(connection, lock=True)
        mine = connection.execute(select(ledger.c.seq, ledger.c.hash).order_by(ledger.c.seq))
        for (number, seal), entry in zip(mine, shared.entries, strict=False):
            if seal != entry.hash:
                raise LedgerError(
                    f"{self.name}: entry {number} is not the one that this clone knows: it was rewritten, or this store "
                    "kept a ledger of its own before: move the store away to take the shared one, or put that back "
                    f"{self._mend}"
                )
        if seq > len(shared.entries):
            raise LedgerError(
                f"{self.name}: entry {len(shared.entries) + 1} is missing: this clone knows {seq} entries, so it was cut "
                f"off: put it back {self._mend}"
            )
        fresh = shared.entries[seq:]
        if not fresh:
            return
        connection.execute(insert(ledger), [chain.content(entry) for entry in fresh])
        connection.execute(update(ledger_head).values(seq=fresh[-1].seq, hash=fresh[-1].hash))
        self._adopt_verdicts(connection, shared, fresh)
        for entry in fresh:
            if entry.kind == "promotion":
                aliases.follow(connection, entry)

    def _adopt_verdicts(self, connection: Connection, shared: Shared, fresh: Sequence[Entry]) -> None:
        told = {path: seal for entry in fresh for _, path, seal in _bodies(entry)}
        missing = [path for path in told if path not in shared.files]
        if missing:
            raise LedgerError(f"{self.name}: {missing[0]} is missing: put it back {self._mend}")
        for path, body in zip(told, self._git.contents([shared.files[path] for path in told]), strict=True):
            if bytes_digest(body) != told[path]:
                raise LedgerError(f"{self.name}: {path} is not as it was written: put it back {self._mend}")
            recording.adopt(connection, body)

    def _base(self, connection: Connection) -> tuple[str | None, int]:
        """Return the commit that new entries go on from, and the number of entries in it."""
        seen = self._git.seen(VERIFIED)
        if seen is None:
            return None, 0
        here = chain.head(connection, lock=True)
        if _head_of(seen.message) != here:
            raise _Outrun
        return seen.commit, here[0]

    def _publish(self, store: Store, connection: Connection, base: tuple[str | None, int]) -> None:
        """Push the entries that were added since a commit; raises when another clone was first."""
        parent, length = base
        fresh = chain.entries(connection, length + 1)
        if not fresh:
            return
        first = length - length % PER_FILE + 1
        files: dict[str, bytes] = {}
        for entry in chain.entries(connection, first):
            path = f"entries/{entry.seq - (entry.seq - 1) % PER_FILE:08d}.jsonl"
            files[path] = files.get(path, b"") + msgspec.json.encode(entry) + b"\n"
        for entry in fresh:
            files |= {path: recording.body(connection, name) for name, path, _ in _bodies(entry)}
        commit = self._git.commit(parent, files, _message(fresh))
        names = list(dict.fromkeys(name for entry in fresh for name in entry.detail.get("artifacts", [])))
        blobs = self._git.keep([store.artifacts.get(name) for name in names])
        carried = {f"{OBJECTS}{name}": blob for name, blob in zip(names, blobs, strict=True)}
        try:
            self._git.push(self._remote, {REF: commit, **carried})
        except GitFailed as problem:
            self._judge(problem, parent, commit)
        self._git.point(VERIFIED, commit)

    def _judge(self, problem: GitFailed, parent: str | None, commit: str) -> None:
        """Tell a push that was refused from one that was too late, and from one whose answer was lost."""
        tip = self._reached(lambda: self._git.remote_tip(self._remote, REF))
        if tip == commit:
            return
        if tip != parent or any(words in str(problem) for words in _OUTRUN):
            raise _Outrun from problem
        raise StoreError(
            f"{self.name}: the ledger cannot be written: {problem}: nothing was judged; run where the token may push "
            "(in a merge queue, or a trusted workflow)"
        ) from problem

    def _reached(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except GitFailed as problem:
            raise StoreError(
                f"{self.name}: the ledger cannot be reached: {problem}: nothing was judged; see to the network, the "
                "remote and its permission"
            ) from problem


def _head_of(message: str) -> tuple[int, str] | None:
    """Number and hash of the newest entry, as the message of a commit says them."""
    found = _HEAD.search(message)
    return (int(found[1]), found[2]) if found else None


def _bodies(entry: Entry) -> list[tuple[str, str, str]]:
    """Name, path and digest of the recording whose verdicts an entry paid for."""
    name, seal = entry.detail.get("recording"), entry.detail.get("body")
    return [(str(name), f"verdicts/{name}.json", str(seal))] if name and seal else []


def _message(fresh: Sequence[Entry]) -> str:
    """Say in the first line what was done, then each entry in one, then where the chain stands."""
    lines = [
        f"{entry.seq} {entry.state} {entry.amount:g} {entry.kind} of {entry.key[:12]}"
        + (f" for {entry.check_id}" if entry.check_id else "")
        for entry in fresh
    ]
    first = lines[0] if len(lines) == 1 else f"{lines[0]}, and {len(lines) - 1} more"
    return "\n".join([first, "", *lines, "", f"Head: {fresh[-1].seq} {fresh[-1].hash}", ""])
