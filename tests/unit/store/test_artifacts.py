"""Files by the hash of their content."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import MemoryStore

from assay.errors import StoreError
from assay.store import Artifacts, artifacts


@pytest.fixture
def kept(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "store")


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=300))
def test_what_is_put_is_got(content: bytes) -> None:
    store = Artifacts(MemoryStore())
    digest = store.put(content)
    assert digest == blake3(content).hexdigest()
    assert store.get(digest) == content
    assert store.has(digest)


def test_bytes_paths_and_files_are_one(kept: Artifacts, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"gold")
    digests = {kept.put(b"gold"), kept.put(tmp_path / "a.txt"), kept.put(io.BytesIO(b"gold"))}
    assert len(digests) == 1
    digest = digests.pop()
    assert kept.path(digest) == tmp_path / "store" / "objects" / digest[:2] / digest[2:]
    assert kept.path(digest).read_bytes() == b"gold"
    assert len([path for path in (tmp_path / "store").rglob("*") if path.is_file()]) == 1


def test_an_object_is_never_written_twice(kept: Artifacts) -> None:
    path = kept.path(kept.put(b"gold"))
    before = path.stat()
    kept.put(b"gold")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_large_files_are_streamed(kept: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(artifacts, "_bytes", lambda content: pytest.fail("held in memory"))
    content = bytes(range(256)) * 50_000
    (tmp_path / "large").write_bytes(content)
    digest = kept.put(tmp_path / "large")
    assert digest == kept.put(tmp_path / "large") == blake3(content).hexdigest()
    assert kept.get(digest) == content


def test_a_corrupt_object_is_found_and_named(kept: Artifacts) -> None:
    digest = kept.put(b"gold")
    path = kept.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"lead")
    with pytest.raises(StoreError, match=f"{path}: this artifact is corrupt"):
        kept.get(digest)


def test_the_torso_of_a_power_cut_is_written_again(kept: Artifacts) -> None:
    path = kept.path(kept.put(b"gold"))
    path.write_bytes(b"")
    assert kept.get(kept.put(b"gold")) == b"gold"


def test_a_missing_object_is_named(kept: Artifacts) -> None:
    digest = blake3(b"gold").hexdigest()
    assert not kept.has(digest)
    with pytest.raises(StoreError, match=f"{digest[2:]}: this artifact is missing"):
        kept.get(digest)
    with pytest.raises(StoreError, match="this artifact is missing"):
        kept.path(digest)


@pytest.mark.parametrize("digest", ["", "abc", "../" * 21 + "a", "AB" * 32])
def test_what_is_no_digest_is_no_path(kept: Artifacts, digest: str) -> None:
    for ask in (kept.get, kept.has, kept.path):
        with pytest.raises(StoreError, match="is not the digest of an artifact"):
            ask(digest)


def test_a_file_that_is_not_there(kept: Artifacts, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nothing\.txt: No such file or directory: nothing was kept"):
        kept.put(tmp_path / "nothing.txt")
    with pytest.raises(StoreError, match="Is a directory"):
        kept.put(tmp_path)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreError, match="cannot keep an artifact"):
        Artifacts(tmp_path / "store").put(b"gold")


def test_a_remote_store_has_no_paths() -> None:
    store = Artifacts(MemoryStore())
    digest = store.put(b"gold")
    assert store.put(b"gold") == digest
    with pytest.raises(StoreError, match="not in a local folder"):
        store.path(digest)
    with pytest.raises(StoreError, match="this artifact is missing"):
        store.get("0" * 64)
