"""The git repository that a project is in, used without touching its index, its branches or its files."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from assay.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NETWORK_SECONDS = 25
"""Longest wait for a remote: shorter than a process waits for the store's write lock, which a push holds."""

# Set inside of hooks, where they would point git at another index or repository than the project's.
_OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_FETCH = (
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-prune",
    "--no-filter",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
)


class GitFailed(StoreError):
    """A git command failed; its text is what git said, in one line without credentials."""


class Seen(NamedTuple):
    """A commit and its message."""

    commit: str
    message: str


class GitRepository:
    """What the ledger needs of git, by the ``git`` executable.

    Parameters
    ----------
    root : Path
        A folder of the working tree. A detached head, a shallow clone and a linked worktree are all fine.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def remote_tip(self, remote: str, ref: str) -> str | None:
        """Ask a remote for the commit of a ref; ``None`` if it has no such ref."""
        listed = self._run("ls-remote", remote, ref, network=True).decode()
        return next((line.split("\t")[0] for line in listed.splitlines() if line.endswith(f"\t{ref}")), None)

    def remote_objects(self, remote: str, prefix: str) -> dict[str, str]:
        """Ask a remote for all refs below a prefix: the object of each."""
        listed = self._run("ls-remote", remote, f"{prefix}*", network=True).decode()
        return {ref: name for name, _, ref in (line.partition("\t") for line in listed.splitlines())}

    def seen(self, ref: str) -> Seen | None:
        """Commit and message of a ref of this repository, if there is one."""
        told = self._run("for-each-ref", "--format=%(objectname)%0a%(contents)", ref).decode(errors="replace")
        commit, _, message = told.partition("\n")
        return Seen(commit, message) if commit else None

    def fetch(self, remote: str, ref: str, into: str) -> str:
        """Fetch a ref of a remote and return its commit."""
        self._run(*_FETCH, remote, f"+{ref}:{into}", network=True)
        return self._run("rev-parse", "--verify", into).decode().strip()

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether a commit is in the history of another."""
        try:
            self._run("merge-base", "--is-ancestor", older, newer)
        except GitFailed:
            return False
        return True

    def head(self) -> list[str]:
        """The commit that is checked out; of a merge of two, then the one that was merged into the other."""
        held = self._run("cat-file", "commit", "HEAD").decode(errors="replace").partition("\n\n")[0]
        parents = [line.split()[1] for line in held.splitlines() if line.startswith("parent ")]
        return [self._run("rev-parse", "HEAD").decode().strip(), *(parents[1:] if len(parents) == 2 else [])]

    def holds(self, commit: str) -> bool | None:
        """Whether a commit is in the history of the one that is checked out; ``None`` where that cannot be told."""
        try:
            if self.is_ancestor(commit, "HEAD"):
                return True
            self._run("cat-file", "-e", commit)
            shallow = self._run("rev-parse", "--is-shallow-repository").strip() == b"true"
        except StoreError:
            return None
        return None if shallow else False

    def has_committed(self, path: Path) -> bool:
        """Whether a file is in the commit that is checked out, byte for byte."""
        try:
            held = self._run("rev-parse", "--verify", "--quiet", f"HEAD:./{path.name}")
        except GitFailed:
            return False
        return held == self._run("hash-object", "--no-filters", "--", str(path))

    def keep(self, contents: Sequence[bytes]) -> list[str]:
        """Write blobs and return their names."""
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            places = [Path(folder) / str(number) for number in range(len(contents))]
            for place, data in zip(places, contents, strict=True):
                place.write_bytes(data)
            listed = "".join(f"{place}\n" for place in places).encode()
            # Without filters, which could make other line ends.
            return self._run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=listed).decode().split()

    def fetch_blob(self, remote: str, ref: str) -> bytes | None:
        """Fetch a blob that a ref of a remote points at, and read it; ``None`` if it has no such ref."""
        blob = self.remote_tip(remote, ref)
        if blob is None:
            return None
        self._run(*_FETCH, remote, ref, network=True)
        return self.contents([blob])[0]

    def files(self, commit: str) -> dict[str, str]:
        """Object of each file of a commit, by path."""
        listed = self._run("ls-tree", "-r", "-z", "--full-tree", commit).decode(errors="replace")
        found = {}
        for line in filter(None, listed.split("\0")):
            facts, _, path = line.partition("\t")
            found[path] = facts.split()[2]
        return found

    def contents(self, objects: Sequence[str]) -> list[bytes]:
        """Read objects, in their order."""
        if not objects:
            return []
        told = self._run("cat-file", "--batch", stdin="".join(f"{name}\n" for name in objects).encode())
        found, place = [], 0
        for name in objects:
            end = told.index(b"\n", place)
            words = told[place:end].split()
            if len(words) != 3:
                raise GitFailed(f"object {name} is missing")
            size = int(words[2])
            found.append(told[end + 1 : end + 1 + size])
            place = end + 1 + size + 1
        return found

    def commit(self, parent: str | None, files: Mapping[str, bytes], message: str) -> str:
        """Write a commit that adds files to those of its parent, and return its name; no ref moves."""
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if parent is not None:
                self._run("read-tree", parent, more=index)
            names = self.keep(list(files.values()))
            lines = [f"100644 {name}\t{path}\n" for name, path in zip(names, files, strict=True)]
            self._run("update-index", "--add", "--index-info", stdin="".join(lines).encode(), more=index)
            tree = self._run("write-tree", more=index).decode().strip()
        parents = () if parent is None else ("-p", parent)
        words = ("commit-tree", "--no-gpg-sign", tree, *parents)
        return self._run(*words, stdin=message.encode(), more=self._identity()).decode().strip()

    def push(self, remote: str, objects: Mapping[str, str]) -> None:
        """Let refs of a remote move forward to objects, all or none; hooks of this clone do not run."""
        specs = [f"{name}:{ref}" for ref, name in objects.items()]
        atomic = ["--atomic"] if len(specs) > 1 else []
        self._run("push", "--quiet", "--porcelain", "--no-verify", *atomic, remote, *specs, network=True)

    def point(self, ref: str, commit: str) -> None:
        """Let a ref of this repository point at a commit."""
        self._run("update-ref", ref, commit)

    def _identity(self) -> dict[str, str]:
        """Whom the commits are by, where neither git's settings nor the environment say so."""
        said = self._run("config", "--get-regexp", r"^(user|author|committer)\.(name|email)$", fails=True).decode()
        unsaid = {}
        for role in ("author", "committer"):
            for part, default in (("name", "assay"), ("email", "assay@localhost")):
                known = any(f"{who}.{part} " in said for who in ("user", role))
                variable = f"GIT_{role}_{part}".upper()
                if not known and variable not in os.environ:
                    unsaid[variable] = default
        return unsaid

    def _run(
        self,
        *words: str,
        stdin: bytes = b"",
        network: bool = False,
        more: Mapping[str, str] | None = None,
        fails: bool = False,
    ) -> bytes:
        kept = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
        settings = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(more or {})}
        try:
            done = subprocess.run(
                ["git", "-C", str(self._root), *words],
                input=stdin,
                capture_output=True,
                check=False,
                env={**kept, **settings},
                timeout=NETWORK_SECONDS if network else None,
            )
        except FileNotFoundError as problem:
            raise StoreError("a ledger on a git ref needs the program git: install it") from problem
        except subprocess.TimeoutExpired as problem:
            raise GitFailed(f"no answer within {NETWORK_SECONDS} s") from problem
        if done.returncode and not fails:
            said = _said(done.stderr, done.stdout)
            raise GitFailed(said if network else f"{self._root}: git {words[0]}: {said}")
        return done.stdout


def without_credentials(text: str) -> str:
    """Text whose addresses name no user and no token.

    Examples
    --------
    >>> without_credentials("https://x-access-token:secret@example.org/team/flights")
    'https://example.org/team/flights'
    """
    return _CREDENTIALS.sub("", text)


def _said(stderr: bytes, stdout: bytes) -> str:
    """The line that tells most: what the remote refused, else what git called fatal, else the first."""
    told = stdout.decode(errors="replace").splitlines()
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    # Of refs that are pushed together, all but one are refused because that one is.
    refused = [line.rpartition("\t")[2].strip() for line in told if line.startswith("!")]
    refused.sort(key=lambda line: "atomic" in line)
    marked = [line for line in lines if line.startswith(("fatal:", "error:", "remote: error:", "ERROR:"))]
    best = [*refused, *marked, *lines, "git failed"][0]
    return without_credentials(best.removeprefix("fatal: ").removeprefix("error: "))
