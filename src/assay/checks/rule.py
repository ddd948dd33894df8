"""What is told of a kind of verdict."""

from __future__ import annotations

import msgspec

from assay.core.check import Stage


class Rule(msgspec.Struct, frozen=True):
    """A kind of verdict. ``code`` is never used for anything else.

    A change that can change a verdict raises ``method_version``: the evidence carries it, and stored verdicts of an
    older one are asked, and paid for, again. Upgrading assay costs nothing else.
    """

    code: str
    title: str
    stage: Stage
    what: str
    why: str
    misleads: str
    guarantee: str
    source: str
    method_version: int = 1
