"""Content addresses of plain values."""

from __future__ import annotations

from typing import Any

import msgspec
from blake3 import blake3


def canonical_json(value: Any) -> bytes:
    """Encode a value so that equal values give equal bytes: sorted keys, no spaces."""
    return msgspec.json.encode(value, order="sorted")


def digest(value: Any) -> str:
    """BLAKE3-256 of the canonical JSON of a value, in hex.

    Examples
    --------
    >>> digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    True
    """
    return bytes_digest(canonical_json(value))


def bytes_digest(data: bytes) -> str:
    """BLAKE3-256 of bytes, in hex."""
    return blake3(data).hexdigest()
