"""Labels that only the judge can read: a test set encrypted to the judge's key."""

from __future__ import annotations

import os
import secrets
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from assay.core.project import Disclosure
from assay.errors import DataError, MissingExtra, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEY, KEY_FILE = "ASSAY_JUDGE_KEY", "ASSAY_JUDGE_KEY_FILE"
MAGIC = b"age-encryption.org/v1\n"
# Bytes of a sealed note: a verdict of the gate with all its numbers has two to six thousand.
NOTE_BYTES = 16_384
_METADATA = b"assay.sealed"
_SECRET = "AGE-SECRET-KEY-"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of a sealed set fixed when it was sealed; a project file can ask for less, never for more.

    Attributes
    ----------
    label : str or None
        Column of the label; no other column can be declared as the label.
    hidden : tuple of str
        Columns that no model sees: the label, and those that give it away.
    disclose : str
        The most that a developer is shown: see ``[budget] disclose``.
    recipients : tuple of str
        Public keys that it is sealed to.
    salt : str
        Random; nobody without the key can guess a hash that has it in.
    """

    label: str | None
    hidden: tuple[str, ...]
    disclose: Disclosure
    recipients: tuple[str, ...]
    salt: str
    version: int = 1


def make_key(path: Path) -> str:
    """Write a new private key to a file that only its owner can read, and return its public key.

    The file is what ``age-keygen`` writes, and ``age`` reads it.

    Raises
    ------
    UsageError
        If the file exists, or lies in a git checkout, from where it would sooner or later be committed.
    """
    _outside_of_git(path, "a private key")
    identity = _age().x25519.Identity.generate()
    public = str(identity.to_public())
    created = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise UsageError(f"{path}: cannot be written: {problem.strerror}; name a new file") from problem
    with os.fdopen(handle, "w") as file:
        file.write(f"# created: {created}\n# public key: {public}\n{identity}\n")
    return public


def judge_key(environment: Mapping[str, str] = os.environ) -> list[Any]:
    """Read the judge's private keys from ``ASSAY_JUDGE_KEY``, or from the file that ``ASSAY_JUDGE_KEY_FILE`` names.

    From then on no other process of the same user can read this one's memory or environment (Linux), and it leaves no
    core dump.

    Returns
    -------
    list
        Age identities; empty when neither variable is set.

    Raises
    ------
    UsageError
        If what is there is no private key, or its file can be read by others or lies in a git checkout.
    """
    text, place = environment.get(KEY, ""), KEY
    if not text.strip():
        if not environment.get(KEY_FILE):
            return []
        path = Path(environment[KEY_FILE])
        place = str(path)
        _outside_of_git(path, "the judge's key")
        try:
            if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise UsageError(f"{path}: other users can read the judge's key: chmod 600 {path}")
            text = path.read_text()
        except OSError as problem:
            raise UsageError(f"{path}: the judge's key cannot be read: {problem.strerror}") from problem
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    age = _age()
    try:
        found = [age.x25519.Identity.from_str(line) for line in lines]
    except age.IdentityError:
        found = []
    if not found:
        # The message says nothing of the text itself: what was pasted in its place may be another secret.
        raise UsageError(f"{place}: no private key: it is one line that begins with {_SECRET}, as `keygen` writes it")
    _close_memory()
    return found


def seal(
    table: pa.Table,
    recipients: Sequence[str],
    *,
    label: str | None = None,
    hidden: Sequence[str] = (),
    disclose: Disclosure = "verdict",
) -> bytes:
    """Encrypt a table so that only the judge can read it.

    The table is written as Arrow without compression, since a compressed size depends on the values, and padded to a
    length with few significant bits (at most 12% more). It is then an age file: a random file key, wrapped by X25519 for
    each recipient, and ChaCha20-Poly1305 over chunks, so that no byte can be read, changed or cut off unnoticed.

    Parameters
    ----------
    table : pyarrow.Table
    recipients : sequence of str
        Public keys, ``age1...``; any one of their private keys opens it.
    label : str, optional
        Column of the label.
    hidden : sequence of str
        Further columns that no model may see.
    disclose : {"verdict", "estimate"}
        The most that may be shown of an answer.

    Raises
    ------
    UsageError
        If a recipient is no public key.
    DataError
        If the table has no such column.

    References
    ----------
    F. Valsorda, B. Cartwright-Cox, The age file encryption specification, C2SP, 2022.
    K. Nikitin, L. Barman, W. Lueks, M. Underwood, J.-P. Hubaux, B. Ford, Reducing metadata leakage from encrypted files
    and communication with PURBs, PETS 2019, algorithm 1 (the padding).
    """
    named = [*([label] if label else []), *hidden]
    for column in named:
        if column not in table.column_names:
            raise DataError(f"the table has no column {column!r}: it has {', '.join(table.column_names[:12])}")
    terms = Terms(
        label=label,
        hidden=tuple(dict.fromkeys(named)),
        disclose=disclose,
        recipients=tuple(recipients),
        salt=secrets.token_hex(32),
    )
    sink = pa.BufferOutputStream()
    for column in terms.hidden:
        # Texts differ in length, their numbers in a list of the classes do not.
        if pa.types.is_string(table[column].type) or pa.types.is_large_string(table[column].type):
            encoded = table[column].combine_chunks().dictionary_encode()
            table = table.set_column(table.column_names.index(column), column, encoded)
    marked = table.replace_schema_metadata({_METADATA: msgspec.json.encode(terms)})
    with pa.ipc.new_stream(sink, marked.schema) as writer:
        writer.write_table(marked)
    content = sink.getvalue().to_pybytes()
    return _encrypt(_padded(content, _padme(len(content) + 8)), recipients)


def unseal(content: bytes, keys: Sequence[Any], name: str) -> tuple[pa.Table, Terms]:
    """Decrypt a sealed table in memory.

    Raises
    ------
    DataError
        If there is no key, it is not sealed to one of them, was changed, or holds no table.
    """
    if not keys:
        raise DataError(f"{name} is sealed: set {KEY}, or {KEY_FILE}, to the judge's private key")
    try:
        with pa.ipc.open_stream(_decrypt(content, keys, name)) as reader:
            table = reader.read_all()
        terms = msgspec.json.decode((table.schema.metadata or {})[_METADATA], type=Terms)
    except (pa.ArrowException, KeyError, msgspec.DecodeError, OSError) as problem:
        raise DataError(f"{name} was not sealed by `assay testset seal`: seal the table again") from problem
    for index, field in enumerate(table.schema):
        if field.name in terms.hidden and pa.types.is_dictionary(field.type):
            table = table.set_column(index, field.name, table[index].cast(field.type.value_type))
    return table.replace_schema_metadata(None), terms


def is_sealed(path: Path) -> bool:
    """Whether a file is one of :func:`seal`, or another file of age."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def seal_note(note: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt a note for the judge to a length that says nothing: one size, or the next power of two of it."""
    size = NOTE_BYTES
    while size < len(note) + 8:
        size *= 2
    return _encrypt(_padded(note, size), recipients)


def open_note(content: bytes, keys: Sequence[Any]) -> bytes:
    """Decrypt a note.

    Raises
    ------
    DataError
        If it is not sealed to one of the keys.
    """
    return bytes(_decrypt(content, keys, "the note"))


def public_keys(keys: Sequence[Any]) -> tuple[str, ...]:
    """Public keys of private ones."""
    return tuple(str(key.to_public()) for key in keys)


def _encrypt(content: bytes, recipients: Sequence[str]) -> bytes:
    age = _age()
    found = []
    for recipient in recipients:
        if recipient.startswith(_SECRET):
            raise UsageError("--to takes the public key (age1...), and this is a private one: treat it as lost")
        try:
            found.append(age.x25519.Recipient.from_str(recipient))
        except age.RecipientError as problem:
            raise UsageError(f"{recipient!r} is no public key: it begins with age1, as `keygen` prints it") from problem
    if not found:
        raise UsageError("nobody to seal to: name the judge's public key, age1...")
    return bytes(age.encrypt(content, found))


def _decrypt(content: bytes, keys: Sequence[Any], name: str) -> memoryview:
    age = _age()
    try:
        plain = memoryview(age.decrypt(content, list(keys)))
    except age.DecryptError as problem:
        raise DataError(
            f"{name} cannot be opened: it is sealed to another key, or damaged; seal it to this key"
        ) from problem
    length = int.from_bytes(plain[:8], "big")
    return plain[8 : 8 + length]


def _padded(content: bytes, size: int) -> bytes:
    return len(content).to_bytes(8, "big") + content + bytes(size - len(content) - 8)


def _padme(length: int) -> int:
    """The next length whose binary digits end in zeros, but for the first log2(log2(length)) + 1.

    Examples
    --------
    >>> _padme(1_000), _padme(1_025), _padme(1_000_000)
    (1024, 1088, 1015808)
    """
    exponent = length.bit_length() - 1
    zeros = exponent - exponent.bit_length()
    mask = (1 << zeros) - 1
    return (length + mask) & ~mask


def _outside_of_git(path: Path, what: str) -> None:
    folder = path.absolute().resolve().parent
    for place in (folder, *folder.parents):
        if (place / ".git").exists():
            raise UsageError(f"{path}: {what} has no place in a git checkout ({place}): keep it outside")


def _close_memory() -> None:
    if os.name != "posix":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        import ctypes

        pr_set_dumpable = 4
        ctypes.CDLL(None).prctl(pr_set_dumpable, 0, 0, 0, 0)


def _age() -> Any:
    try:
        import pyrage
    except ModuleNotFoundError as problem:
        raise MissingExtra("pyrage", "custody", "a sealed test set") from problem
    return pyrage
