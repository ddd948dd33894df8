"""The verdict of a sequential gate at one look."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from assay.core import Action, Assumption, Claim, Evidence, Guarantee, Verdict
from assay.core.guarantee import independence
from assay.gate.judge import kleene_and
from assay.gate.screening import independent_units

if TYPE_CHECKING:
    from assay.core.check import Severity
    from assay.core.evidence import Scalar
    from assay.core.verdict import Status
    from assay.gate.condition import Condition, Mode
    from assay.gate.inputs import Inputs
    from assay.gate.screening import Clusters
    from assay.gate.track import Track

SOURCE = "Ville 1939; Waudby-Smith and Ramdas, JRSS B 86(1), 2024"
_METHODS = {
    "difference": "bets on rows in a fixed order, exact conditional test at the cap",
    "rate": "bets on rows in a fixed order, exact binomial test at the cap",
    "mean": "bets on rows in a fixed order",
}


def verdict_of(
    condition: Condition,
    tracks: list[Track],
    inputs: Inputs,
    *,
    alpha: float,
    per_test: float,
    steps: int,
    adaptivity: str,
    mode: Mode,
    screened: tuple[tuple[str, float], ...],
    clusters: Clusters | None,
    labelled: int,
    looked: int,
    final: bool,
    check: str,
    blocking: bool,
    severity: Severity,
    start: float,
) -> Verdict:
    """Put together what the clauses say, with the labels that are still needed."""
    status = _status(tracks, mode, clusters, final)
    main = _deciding(tracks, status)
    expected, most = _needed(tracks)
    bounds = main.bounds()
    statistic: dict[str, Scalar] = {
        "clause": str(main.clause),
        "value": main.value,
        "labels": labelled,
        "labels_expected": expected,
        "labels_at_most": most,
        "rows_looked_at": looked,
        "alpha_per_test": per_test,
        "steps": steps,
        "adaptivity": adaptivity,
        "mode": mode,
        "log_e_true": _finite(main.log_true),
        "log_e_false": _finite(main.log_false),
        "cap": main.cap,
        "ended_by": main.final,
    }
    if main.kind in ("difference", "rate") and main.cap is not None:
        words = ("wins", "losses") if main.kind == "difference" else ("hits", "misses")
        statistic |= {words[0]: main.won, words[1]: main.lost}
    if clusters is not None:
        statistic |= {"clustered_by": clusters.column, "icc": clusters.icc, "design_effect": clusters.design_effect}
    series: dict[str, list[Scalar]] = {
        "clause": [str(t.clause) for t in tracks],
        "value": [t.value for t in tracks],
        "estimate": [t.estimate for t in tracks],
        "limit": [t.clause.threshold for t in tracks],
        "labels": [t.labels for t in tracks],
        "cap": [t.cap for t in tracks],
        "rows": [t.rows for t in tracks],
    }
    method = _METHODS[main.kind] if inputs.unit is None else "bets on units in a fixed order"
    return Verdict(
        status=status,
        guarantee=_guarantee(status, inputs, alpha, steps, adaptivity, mode, screened, clusters, tracks),
        check=check,
        code="GAT102" if condition.slices else "GAT101",
        stage="gate",
        claim=Claim(str(condition)),
        evidence=Evidence(
            n=main.rows,
            unit=None if inputs.unit is None else inputs.unit_name,
            measure=main.clause.measure,
            estimate=main.estimate,
            lower=None if bounds is None else bounds[0],
            upper=None if bounds is None else bounds[1],
            limit=main.clause.threshold,
            # The bounds of both sides and the decisions of both sides, by a union bound.
            level=None if bounds is None else max(0.0, 1 - 2 * (main.level_true + main.level_false)),
            statistic=statistic,
            series=series,
            method=f"sequential: {method}",
            seconds=time.perf_counter() - start,
        ),
        actions=_actions(status, tracks, inputs, clusters, expected, most),
        reason=_reason(status, main, clusters, mode, expected, most),
        severity=severity,
        blocking=blocking,
    )


def _status(tracks: list[Track], mode: Mode, clusters: Clusters | None, final: bool) -> Status:
    if clusters is not None:
        return "inconclusive"
    value = kleene_and(track.value for track in tracks)
    if value != "unknown":
        return "pass" if value == "true" else "fail"
    blind = any(track.value == "unknown" and track.final in ("idle", "no rows") for track in tracks)
    return "pass" if final and mode == "fn-free" and not blind else "inconclusive"


def _deciding(tracks: list[Track], status: Status) -> Track:
    if status == "fail":
        return next(track for track in tracks if track.value == "false")
    return max(tracks, key=lambda track: (track.value == "unknown", track.labels))


def _needed(tracks: list[Track]) -> tuple[int | None, int]:
    """Sum the labels that open clauses still need; one row may serve several, so that it can be fewer."""
    if any(track.value == "false" for track in tracks):
        return 0, 0
    found = [track.further() for track in tracks if track.open]
    guesses = [expected for expected, _ in found if expected is not None]
    return (sum(guesses) if len(guesses) == len(found) else None), sum(most for _, most in found)


def labels_needed(tracks: list[Track]) -> str:
    """Say how many labels are still needed: "expected 340, at most 1,894"."""
    return _labels(*_needed(tracks))


def labels_expected(tracks: list[Track]) -> int | None:
    """How many labels are still needed if the truth is the estimate; ``None`` where that is not known."""
    return _needed(tracks)[0]


def _guarantee(
    status: Status,
    inputs: Inputs,
    alpha: float,
    steps: int,
    adaptivity: str,
    mode: Mode,
    screened: tuple[tuple[str, float], ...],
    clusters: Clusters | None,
    tracks: list[Track],
) -> Guarantee:
    wrong = "false fail" if status == "fail" or mode == "fn-free" else "false pass"
    scope = f"{wrong} at any look" if steps == 1 else f"any {wrong} at any look at {steps} answers"
    listed = []
    if clusters is not None:
        listed.append(clusters.refuted)
    elif inputs.unit is not None:
        listed.append(independence(screened, "", independent_units(inputs.unit_name)))
    elif status != "inconclusive":
        listed.append(independence(screened))
    else:
        listed.append(Assumption("rows are independent", "unverifiable", "clustering is looked for at the decision"))
    if inputs.unit is not None:
        if inputs.max_unit_size is not None:
            listed.append(Assumption(f"no {inputs.unit_name} has more rows than {inputs.max_unit_size:,}", "declared"))
        elif any(track.labels or track.open for track in tracks):
            listed.append(
                Assumption(
                    f"no {inputs.unit_name} has more rows, or can move further, than the largest here",
                    "unverifiable",
                    "declare max_unit_size to speak of all",
                )
            )
    listed += [
        Assumption("the order of labelling was fixed before the models were seen", "declared"),
        Assumption("labels are correct", "unverifiable"),
        Assumption("the models were not trained or chosen on the labels of these rows", "unverifiable"),
    ]
    if steps > 1 and adaptivity == "none":
        listed.append(
            Assumption(
                f"at most {steps} answers are given, each on rows that none before it looked at, "
                "or to developers who see none of them",
                "declared",
            )
        )
    elif steps > 1:
        listed.append(
            Assumption(f"at most {steps} answers are given, and developers see of each whether it passed", "declared")
        )
    return Guarantee.anytime(alpha, scope, listed, SOURCE)


def _actions(
    status: Status,
    tracks: list[Track],
    inputs: Inputs,
    clusters: Clusters | None,
    expected: int | None,
    most: int,
) -> tuple[Action, ...]:
    if clusters is not None and clusters.copies:
        return (Action(f"drop the {clusters.copies:,} copies, or declare what they are copies of as the unit"),)
    if clusters is not None:
        return (
            Action(
                clusters.remedy,
                effect=f"{'they' if inputs.unit is not None else 'the rows'} then count as what they are: about one in "
                f"{clusters.design_effect:.3g} is news",
            ),
        )
    if status != "inconclusive":
        return ()
    if any(track.open for track in tracks):
        price = most if expected is None else expected
        what = "disagreements" if all(t.kind == "difference" for t in tracks if t.open) else "rows"
        wrong = any(t.open and t.beyond for t in tracks)
        effect = "would rather refute it: the estimate is on the wrong side of the limit" if wrong else ""
        return (Action(f"label the next {what}, in the order that was fixed beforehand", labels=price, effect=effect),)
    if any(track.final == "idle" for track in tracks):
        return (Action("gate a model that differs: no label matters between two that always agree"),)
    return (Action("add rows to the pool, or state another limit or tolerance"),)


def _reason(status: Status, main: Track, clusters: Clusters | None, mode: Mode, expected: int | None, most: int) -> str:
    clause = main.clause
    if clusters is not None and clusters.copies:
        return f"rows are not independent: {clusters.copies:,} of the pool are copies of others"
    if clusters is not None:
        which = "those on which a label matters" if clusters.predicted else "they"
        of = "rows" if clusters.of == "rows" else f"units of {clusters.of}"
        return (
            f"{of} are not independent: {which} cluster by {clusters.column} "
            f"(intraclass correlation {clusters.icc:.2g}, design effect {clusters.design_effect:.3g})"
        )
    if main.final == "no rows":
        return f"no rows for {clause.measure}"
    if main.final == "idle":
        return f"the models never disagree on these {main.rows:,} rows, so {clause.measure} is 0 here"
    sign = "+" if " - " in clause.measure else ""
    said = (
        f"{clause.measure} is {main.estimate:{sign}.3f}" if main.estimate is not None else f"{clause.measure} is open"
    )
    after = f"after {main.labels:,} labels"
    side, other = ("above", "at most") if clause.upward else ("below", "at least")
    limit = f"{clause.threshold:g}"
    if status == "pass" and main.value == "true":
        return f"{said} {after}: shown to be {side} {limit}"
    if status == "pass":
        return f"{said} {after}: not refuted, which is what fn-free asks"
    if status == "fail":
        if clause.tolerance and mode == "fp-free":
            return f"{said} {after}: not {side} {limit} by twice the tolerance"
        return f"{said} {after}: shown to be {other} {limit}"
    if main.open:
        begun = f"{said} {after}" if main.labels else "no label yet"
        return f"{begun}; labels still needed: {_labels(expected, most)}"
    if main.final == "cap":
        return f"{said} {after}, as many as were planned: neither shown nor refuted"
    return f"{said} {after}: the pool has no further rows, and {limit} is not excluded"


def _labels(expected: int | None, most: int) -> str:
    return f"at most {most:,}" if expected is None or expected >= most else f"expected {expected:,}, at most {most:,}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
