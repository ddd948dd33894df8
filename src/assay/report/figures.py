"""How a number is written: one convention for every renderer.

Proportions, losses and their differences are decimals, never percent, so that a number in a report is the number in
the claim. The estimate and both ends of its interval share one count of decimals: three below ten, more when the
interval is narrow or when rounding would put an end on its limit. A limit is written as it was declared; one that was
computed, with the decimals of the interval. Values that can be negative carry their sign. Probabilities of error alone are percent, because the guarantee speaks of them so.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from assay.core.evidence import Evidence, Scalar
    from assay.core.verdict import Verdict

MOST_DECIMALS = 6
ALARM = "alarm"
_OTHER_SIDE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_MOST_DECLARED = 6
_COMPARISON = re.compile(r"(<=|>=|<|>)\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?")


class Figures(NamedTuple):
    """The numbers of one verdict as text; each is empty when the number is missing.

    ``need`` is what a pass has to show: ``< 0.17``. A check whose guarantee is about false alarms passes unless a fault is
    shown, so that the limit may lie within the interval of a pass; for it this is what an alarm has to show:
    ``alarm > 0.02``.
    """

    estimate: str
    interval: str
    need: str

    @property
    def wanted(self) -> str:
        """``need`` as a sentence says it: with its word."""
        return self.need if not self.need or self.need.startswith(ALARM) else f"need {self.need}"

    @property
    def measured(self) -> str:
        """Estimate and interval side by side."""
        gap = " " if self.interval.startswith("[") else ", "
        joined: str = gap.join(part for part in (self.estimate, self.interval) if part)
        return joined


def decimals(evidence: Evidence) -> int:
    """Decimals that the estimate and the interval of one piece of evidence share."""
    values = [value for value in (evidence.estimate, evidence.lower, evidence.upper) if value is not None]
    if not values or all(value == int(value) and abs(value) >= 1 for value in values):
        return 0
    marks = values if evidence.limit is None else [*values, evidence.limit]
    spread = max(values) - min(values) or max(marks) - min(marks) or max(map(abs, values))
    size = max(map(abs, values))
    least = 3 if size < 10 else 0
    digits = min(MOST_DECIMALS, max(least, 1 + math.ceil(-math.log10(spread)))) if spread > 0 else least
    limit = evidence.limit
    while (
        limit is not None
        and digits < MOST_DECIMALS
        and any(value != limit and round(value, digits) == round(limit, digits) for value in values)
    ):
        digits += 1
    return digits


def signed(evidence: Evidence) -> bool:
    """Whether what is measured can be negative, so that a plus sign says something."""
    values = (evidence.estimate, evidence.lower, evidence.upper, evidence.limit)
    return " - " in evidence.measure or any(value is not None and value < 0 for value in values)


def number(value: float, digits: int, *, sign: bool = False) -> str:
    """Write a number with a fixed count of decimals and a comma between thousands.

    Examples
    --------
    >>> number(0.0261, 3, sign=True), number(48210, 0), number(3e-9, 6)
    ('+0.026', '48,210', '3.0e-09')
    """
    if value != 0 and abs(value) < 0.5 * 10**-digits and digits >= MOST_DECIMALS:
        return f"{value:+.1e}" if sign else f"{value:.1e}"
    value = round(value, digits) + 0.0  # no "-0.000"
    return f"{value:+,.{digits}f}" if sign and value != 0 else f"{value:,.{digits}f}"


def declared(value: float, *, sign: bool = False) -> str:
    """Write a limit as a person would have declared it.

    Examples
    --------
    >>> declared(0.17), declared(0.0), declared(0.02, sign=True), declared(5000.0)
    ('0.17', '0', '+0.02', '5,000')
    """
    text = f"{value:+,.10g}" if sign and value != 0 else f"{value:,.10g}"
    return "0" if value == 0 else text


def limit_text(evidence: Evidence) -> str:
    """Write the limit: as it was declared or, when it has more digits than a person would write, as the interval.

    Examples
    --------
    >>> from assay.core import Evidence
    >>> limit_text(Evidence(estimate=0.59, limit=0.2182463233)), limit_text(Evidence(estimate=0.59, limit=0.2182))
    ('0.218', '0.2182')
    """
    if evidence.limit is None:
        return ""
    exact = declared(evidence.limit, sign=signed(evidence))
    computed = sum(char.isdigit() for char in exact.lstrip("+-0.")) > _MOST_DECLARED
    return number(evidence.limit, decimals(evidence), sign=signed(evidence)) if computed else exact


def direction(verdict: Verdict) -> str:
    """Which side of the limit the claim asks for: ``<``, ``<=``, ``>``, ``>=``, or empty when nothing says so.

    The comparison in the claim that names the limit decides; else the only comparison there is; else where the
    interval of a decided verdict lies.
    """
    evidence = verdict.evidence
    limit = evidence.limit
    if limit is None:
        return ""
    found: list[tuple[str, str]] = _COMPARISON.findall(verdict.claim.text)
    named = [sign for sign, bound in found if bound and math.isclose(float(bound), limit, abs_tol=1e-12)]
    signs = set(named) or {sign for sign, _ in found}
    if len(signs) == 1:
        return signs.pop()
    if verdict.status not in ("pass", "fail"):
        return ""
    below = evidence.upper is not None and evidence.upper <= limit
    above = evidence.lower is not None and evidence.lower >= limit
    if below == above:
        return ""
    return "<" if below == verdict.passed else ">"


def figures(verdict: Verdict) -> Figures:
    """Write the estimate, the interval and the limit of a verdict.

    Examples
    --------
    >>> from assay.core import Claim, Evidence, Guarantee, Verdict
    >>> evidence = Evidence(estimate=0.1412, lower=0.12, upper=0.1634, limit=0.17)
    >>> figures(Verdict(status="pass", guarantee=Guarantee.none("an example"), check="error", code="GAT101",
    ...                 stage="gate", claim=Claim("n < 0.17"), evidence=evidence))
    Figures(estimate='0.141', interval='[0.120, 0.163]', need='< 0.17')
    """
    evidence = verdict.evidence
    digits, sign = decimals(evidence), signed(evidence)

    def write(value: float | None) -> str:
        return "" if value is None else number(value, digits, sign=sign)

    lower, upper = write(evidence.lower), write(evidence.upper)
    interval = (
        f"[{lower}, {upper}]"
        if lower and upper
        else f"at least {lower}"
        if lower
        else f"at most {upper}"
        if upper
        else ""
    )
    side = direction(verdict)
    if "false alarm" in verdict.guarantee.scope or "false page" in verdict.guarantee.scope:
        side = f"{ALARM} {_OTHER_SIDE.get(side, 'at')}"
    need = "" if evidence.limit is None else f"{side or 'vs'} {limit_text(evidence)}"
    return Figures(write(evidence.estimate), interval, need)


def scalar(value: Scalar) -> str:
    """Write a value of a table: four significant digits, commas between thousands, nothing for a missing one.

    Examples
    --------
    >>> scalar(0.123456), scalar(48210), scalar(True), scalar(None), scalar("EWR"), scalar(3.2e-9)
    ('0.1235', '48,210', 'yes', '', 'EWR', '3.2e-09')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return value
    if value == int(value) and abs(value) < 1e15 if math.isfinite(value) else False:
        return f"{int(value):,}"
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e15 else f"{value:.4g}"


def duration(seconds: float) -> str:
    """Write a wall time.

    Examples
    --------
    >>> duration(3.42), duration(0.04), duration(135)
    ('3.4 s', '0.04 s', '2 min 15 s')
    """
    if seconds >= 60:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


def percent(probability: float) -> str:
    """Write an error probability or a confidence level.

    Examples
    --------
    >>> percent(0.05), percent(0.999), percent(0.00025), percent(1 - 1e-9)
    ('5%', '99.9%', '0.025%', '>99.99%')
    """
    written = f"{probability * 100:.4g}%"
    # No bound is certain: what rounds to all is a little less.
    return ">99.99%" if written == "100%" else written
