"""A check that is ready to be evaluated, and what that costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from assay.core.verdict import Verdict
    from assay.store.ledger import Kind


@dataclass(frozen=True)
class Spend:
    """What an evaluation costs on the ledger: an amount of a kind on a key, within a limit.

    ``once`` names what is paid for; a second check of the same thing pays nothing. With ``apart`` every question
    has the limit to itself, and the ledger only keeps count: so it is where an error is a false alarm, or where the
    check takes part in no decision. ``about`` names the dataset, for people. ``detail`` goes into the ledger.
    """

    kind: Kind
    key: str
    amount: float
    limit: float
    once: str = ""
    apart: bool = False
    about: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """A check that is ready to be evaluated.

    ``depends`` holds all that the verdicts depend on besides the check's own text: content fingerprints by name.
    ``look`` reads the inputs and refuses those that cannot be judged; it shows nothing and writes nothing.
    ``show`` takes out of a verdict what must not be disclosed; what it takes out is neither returned nor stored, but
    sealed to the keys of ``recipients``.
    ``spends`` may be reckoned from the ledger, in the transaction that holds them; it may be asked again.
    """

    depends: Mapping[str, str]
    evaluate: Callable[[], list[Verdict]]
    spends: tuple[Spend, ...] | Callable[[Connection], tuple[Spend, ...]] = ()
    look: Callable[[], object] = lambda: None
    show: Callable[[Verdict], Verdict] | None = None
    recipients: tuple[str, ...] = ()
