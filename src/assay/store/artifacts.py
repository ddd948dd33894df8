"""Files kept by the hash of their content."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from blake3 import blake3
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore

from assay.errors import StoreError

if TYPE_CHECKING:
    from typing import BinaryIO

    from obstore import PutMode
    from obstore.store import ObjectStore

# Larger files are streamed to the store in parts, not held in memory.
WHOLE_BYTES = 64 * 2**20


class Artifacts:
    """An object store whose names are BLAKE3-256 hashes.

    An object appears whole or not at all, is never changed, and is hashed again each time it is read.

    Parameters
    ----------
    place : Path or obstore.store.ObjectStore
        Local folder, or any store of obstore: S3, Google Cloud Storage, Azure. Objects are at ``objects/ab/cdef...``.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     artifacts = Artifacts(Path(folder))
    ...     digest = artifacts.put(b"gold")
    ...     digest[:12], artifacts.get(digest)
    ('d2330d087f3f', b'gold')
    """

    def __init__(self, place: Path | ObjectStore) -> None:
        self._folder = Path(place).absolute() if isinstance(place, str | Path) else None
        self._given = None if isinstance(place, str | Path) else place

    def put(self, content: bytes | Path | BinaryIO) -> str:
        """Keep a file and return its digest; one that is there already is left as it is.

        Parameters
        ----------
        content : bytes, Path or binary file
            A path is read in parts when it is large.

        Returns
        -------
        str
            BLAKE3-256 of the content, 64 hex digits.

        Raises
        ------
        StoreError
            If the file cannot be read, or the store cannot be written.
        """
        try:
            if isinstance(content, Path) and content.stat().st_size > WHOLE_BYTES:
                return self._put_large(content)
            data = _bytes(content)
        except OSError as problem:
            raise StoreError(f"{problem.filename}: {problem.strerror or problem}: nothing was kept") from problem
        digest = blake3(data).hexdigest()
        if self._size(digest) == len(data):
            return digest
        # What has the right name and another size is the leftover of a power cut: it is written again.
        mode: PutMode = "create" if self._size(digest) is None else "overwrite"
        try:
            obstore.put(self._store(), _key(digest), data, mode=mode, use_multipart=False)
        except AlreadyExistsError:
            return digest
        except (BaseError, OSError) as problem:
            raise self._unwritable(problem) from problem
        self._flush(digest)
        return digest

    def get(self, digest: str) -> bytes:
        """Read an object and check it against its digest.

        Raises
        ------
        StoreError
            If it is not there, or its content has changed.
        """
        _require_digest(digest)
        try:
            data = bytes(obstore.get(self._store(), _key(digest)).bytes())
        except (NotFoundError, FileNotFoundError) as problem:
            raise StoreError(f"{self._name(digest)}: this artifact is missing: restore it from a backup") from problem
        except (BaseError, OSError) as problem:
            raise StoreError(f"{self._name(digest)}: {_first_line(problem)}") from problem
        found = blake3(data).hexdigest()
        if found != digest:
            raise StoreError(
                f"{self._name(digest)}: this artifact is corrupt: its content has the digest {found[:12]}...: "
                "restore it from a backup, or delete it and make it again"
            )
        return data

    def has(self, digest: str) -> bool:
        """Whether the object is there; its content is not read."""
        _require_digest(digest)
        return self._size(digest) is not None

    def path(self, digest: str) -> Path:
        """Path of an object in a local folder, for programs that read files; what is there is not checked.

        Raises
        ------
        StoreError
            If the store is not a local folder, or has no such object.
        """
        if self._folder is None:
            raise StoreError(f"artifact {digest[:12]} is not in a local folder: read it with get()")
        if not self.has(digest):
            raise StoreError(f"{self._name(digest)}: this artifact is missing: restore it from a backup")
        return self._folder / _key(digest)

    def _put_large(self, path: Path) -> str:
        digest = blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()
        if self._size(digest) == path.stat().st_size:
            return digest
        try:
            obstore.put(self._store(), _key(digest), path)
        except (BaseError, OSError) as problem:
            raise self._unwritable(problem) from problem
        self._flush(digest)
        return digest

    def _store(self) -> ObjectStore:
        if self._given is None:
            # The folder is made by the first object, so that a store that keeps none leaves none behind.
            assert self._folder is not None
            self._given = LocalStore(self._folder, mkdir=True)
        return self._given

    def _size(self, digest: str) -> int | None:
        if self._folder is not None:
            try:
                return (self._folder / _key(digest)).stat().st_size
            except OSError:
                return None
        try:
            return int(obstore.head(self._store(), _key(digest))["size"])
        except (NotFoundError, FileNotFoundError):
            return None

    def _flush(self, digest: str) -> None:
        # A record of this object may be committed next: the object must survive whatever the record survives.
        if self._folder is None:
            return
        target = self._folder / _key(digest)
        for path in (target, target.parent):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _name(self, digest: str) -> str:
        return str(self._folder / _key(digest)) if self._folder else _key(digest)

    def _unwritable(self, problem: Exception) -> StoreError:
        where = self._folder or self._given
        return StoreError(f"{where}: cannot keep an artifact: {_first_line(problem)}: make it writable")


def _key(digest: str) -> str:
    return f"objects/{digest[:2]}/{digest[2:]}"


def _bytes(content: bytes | Path | BinaryIO) -> bytes:
    if isinstance(content, Path):
        return content.read_bytes()
    return content if isinstance(content, bytes) else content.read()


def _require_digest(digest: str) -> None:
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise StoreError(f"{digest!r} is not the digest of an artifact: it has 64 hex digits")


def _first_line(problem: Exception) -> str:
    return str(problem).strip().partition("\n")[0]
