"""Leave to go on although a check does not pass: by whom, why, until when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from assay.core.verdict import Verdict


class Waiver(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[[waivers]]``: a blocking check that may stay open for a while.

    ``check`` names the check, ``owner`` who answers for it, ``reason`` why, ``expires`` the last day (UTC) on which it
    holds. A waiver changes no verdict: a check that failed is shown as failed, and as waived. It covers ``fail``,
    ``inconclusive`` and ``skipped``; a check that broke is mended, not waived.
    """

    check: str
    owner: str
    reason: str
    expires: date

    def expired(self, today: date | None = None) -> bool:
        """Whether its last day is over."""
        return (today or datetime.now(UTC).date()) > self.expires

    def __str__(self) -> str:
        return f"waived by {self.owner} until {self.expires}: {self.reason}"


def waiver_of(verdict: Verdict, waivers: Iterable[Waiver]) -> Waiver | None:
    """Return the waiver that lets things go on although this verdict blocks; ``None`` where nothing is waived.

    Examples
    --------
    >>> from assay.core import Claim, Guarantee, Verdict
    >>> late = Verdict(status="inconclusive", guarantee=Guarantee.exact(0.05, "false pass"), check="better",
    ...                code="GAT101", stage="gate", claim=Claim("n - o > 0"), blocking=True)
    >>> waivers = [Waiver("better", "ann", "labels come on Monday", date(2027, 1, 31))]
    >>> print(waiver_of(late, waivers))
    waived by ann until 2027-01-31: labels come on Monday
    >>> waiver_of(msgspec.structs.replace(late, status="pass"), waivers) is None
    True
    """
    if not verdict.blocking or verdict.status in ("pass", "error"):
        return None
    return next((waiver for waiver in waivers if waiver.check == verdict.check), None)
