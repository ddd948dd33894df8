"""Writes docs/explanation/measured.md: what each method promises, and what simulation finds.

``make measured`` (``python tests/guarantees/measured.py [RUNS]``) runs the same simulations as the tests in this folder,
with more runs, and takes some minutes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import test_drift as drift
import test_false_alarms_on_identical_data as identical
import test_gate as gate
import test_gate_ratios as ratios
import test_gate_sequential as one_by_one
import test_injected_faults as faults
import test_null_calibration as whole
import test_reused_test_set as reused
import test_slices as slices

from assay.gate import plan
from assay.testing.coverage import ErrorRate, error_rate

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "measured.md"
RUNS = 1000
Run = Callable[[np.random.Generator], bool]

HEAD = """# Measured error rates

A promise is only as good as its proof, and a proof is only as good as the code that is meant to carry it out. So each
method is run many times on data for which the truth is known, at the place where it errs most: exactly at the limit of its
claim. `make measured` writes this page; the tests run the same simulations with fewer runs, and catch a broken variant of
each method.

**promised** is the error probability that the verdict prints. **realised** is the share of {runs:,} runs that erred, and in brackets
an upper bound of the true rate that is wrong with a probability of 0.1%. A realised rate far below the promise is the price of a
guarantee that holds for every sample size; **power** is how often a true claim is shown, at the data of the tests.
"""


def decided() -> Iterator[tuple[str, str, float, Run, Run | None]]:
    """Claims that are decided at once, and label by label."""
    for room in (gate, ratios):
        for case, (claim, draw) in room.EDGE.items():
            holds = room.TRUE.get(case)
            yield case, _rounded(claim), room.ALPHA, _passes(claim, draw), _passes(*holds) if holds else None


def labelled() -> Iterator[tuple[str, str, float, Run, Run | None]]:
    """Claims that are decided label by label, with a look after every label."""
    for case, (claim, draw) in one_by_one.EDGE.items():
        holds = one_by_one.TRUE.get(case)
        yield case, claim, one_by_one.ALPHA, _ever(claim, draw), _ever(*holds) if holds else None
    yield "looking every 10 labels (broken)", "n - o > 0", 0.05, one_by_one.peeked, None


def answered() -> Iterator[tuple[str, str, float, Run, Run | None]]:
    """Test sets that answer 32 times to a developer who goes by the answers."""
    rows = reused.sized(1 / reused.STEPS)
    for case, (policy, passing, sees) in reused.CASES.items():
        yield case, sees, reused.DELTA, _attack(policy, rows=rows, passing=passing, sees=sees), None
    for case, sees in (("full, charged like none", "word"), ("full, charged like none", "score")):
        yield (
            f"{case} (broken)",
            sees,
            reused.DELTA,
            _attack(reused.BITS, rows=rows, sees=sees, divided=reused.STEPS),
            None,
        )


def moved() -> Iterator[tuple[str, str, float, Run, Run | None]]:
    """Distributions that have moved by the tolerance, or by far."""
    for kind in drift.KINDS:
        yield f"{kind} cells", "fails at the tolerance", drift.ALPHA, _fails(kind, drift.TOLERANCE), _fails(kind, 0.25)


def searched() -> Iterator[tuple[str, str, float, Run, Run | None]]:
    """Slices of tables in which no slice is worse than the rest, and of those where one is."""
    for name, kind in slices.NOISE.items():
        yield (
            name,
            "confirms any",
            slices.ALPHA,
            slices.confirms(kind),
            None if kind == "unlike" else slices.confirms(kind, lift=5.0),
        )
    yield "the bound on all slices", "is exceeded", slices.ALPHA, slices.exceeds_what_was_cleared, None
    for weight in (0.95, 0.99):
        told = slices.tells(weight)
        yield f"any slice that scores above 0, weight {weight} (broken)", "tells any", slices.ALPHA, told, None


def _rounded(claim: str) -> str:
    """Shorten limits that are set to the true value."""
    return re.sub(r"\d\.\d{4,}", lambda found: f"{float(found.group()):.3f}", claim)


def _passes(claim: str, draw: Any) -> Run:
    return lambda rng: gate.passes(claim, draw(rng))


def _ever(claim: str, draw: Any) -> Run:
    return lambda rng: one_by_one.judged(claim, draw(rng)).verdict().passed


def _attack(policy: Any, **terms: Any) -> Run:
    return lambda rng: reused.attack(rng, policy, **terms)


def _fails(kind: str, by: float) -> Run:
    def run(rng: np.random.Generator) -> bool:
        seen = drift.find(drift.draw(rng, kind, by), drift.TOLERANCE)
        return seen.p_value(drift.TOLERANCE) <= drift.ALPHA

    return run


SECTIONS: tuple[tuple[str, str, str, Callable[[], Iterator[tuple[str, str, float, Run, Run | None]]]], ...] = (
    (
        "A claim, decided at once",
        "`assay.gate.decide` passes a claim that does not hold, by a hair. Limits of ratios are their true values.",
        "claim",
        decided,
    ),
    (
        "A claim, decided label by label",
        'The same with `method = "sequential"`: an error is a wrong pass at *any* look, with a look after every label.',
        "claim",
        labelled,
    ),
    (
        "One test set, 32 answers, an adversary",
        (
            "Labels are coin flips. The adversary proposes 31 models of known worth and then the vote of what the answers taught, which "
            "is worth exactly the limit. The broken variants divide the error probability by 32 although the answers are seen."
        ),
        "sees",
        answered,
    ),
    (
        "Slices",
        (
            "`find_slices` on noise: 2,000 rows and 6 columns of four values in which each row is wrong with a probability of 0.1 (or as said), "
            "so that no slice is worse than the rest; power is for one slice of two conditions with five times the errors. The broken variant calls "
            "worse what SliceLine reports: each slice with a positive score. `make bench` runs PyPI's `sliceline` on such tables."
        ),
        "errs when it",
        searched,
    ),
    (
        "Drift beyond a tolerance",
        "`assay.validation.compare` calls a column moved whose distance is exactly the tolerance; power at a distance of 0.25.",
        "error",
        moved,
    ),
)

IDENTICAL = "False alarms on identical data"
TOLD_OF_IDENTICAL = (
    "Reference and current rows (their numbers head the columns) are drawn from one law, so that every alarm is false. Ours is "
    "`assay.validation.compare` with its default tolerance; the others are the defaults of popular tools, written anew from their "
    "definitions. They are limits on an estimate, or tests that take the reference for the truth, and their rate of false alarms depends on "
    "the number of rows. Shares are of a fifth as many runs as above, and for ours of a fifth of those."
    " Evidently takes the chi-square up to 1,000 reference rows and the distances beyond; each is shown at every size."
)

WHOLE = "Whole tables without a fault"
TOLD_OF_WHOLE = (
    "Tables of columns of all these kinds in turn, a third of them with missing values; 2,000 reference rows and 1,000 current ones, of one law. "
    "Shares of tables in which anything alarms. The others take the sum of what their columns do; ours has one error probability for all."
)
FAULTS = "Faults in real tables"
TOLD_OF_FAULTS = (
    "Flights that left New York in 2013 (every fourth): 150 days that chance picks are the reference, 7 others the batch, and the unit is the day. The "
    "schema is inferred; the number of rows, freshness, two relations and a drift tolerance of 0.1 for six columns are declared. Each fault is put into "
    "each batch. Precision is the share of named columns that are right."
)

PLANS = (
    ("n > 0.8 +/- 0.05", {}),
    ("n > 0.9 +/- 0.01", {}),
    ("n > 0.98 +/- 0.01", {}),
    ("n - o > 0 +/- 0.01", {}),
    ("n - o > 0 +/- 0.01", {"disagreement": 0.1}),
    ("n - o > 0.02 +/- 0.01 and d < 0.1 +/- 0.01", {}),
    ("n - o > -0.02 +/- 0.01", {"disagreement": 0.1}),
)


def labels() -> Iterator[str]:
    """Labels for 32 answers at reliability 0.9999, beside those of the paper."""
    yield "| condition | answers seen | paper, Hoeffding | paper, Bennett | exact | ratio | only changed rows labelled, a commit |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for condition, more in PLANS:
        for adaptivity in ("none", "full"):
            terms: dict[str, Any] = {"reliability": 0.9999, "steps": 32, "adaptivity": adaptivity, **more}
            ours = plan(condition, **terms)
            found = {"hoeffding": plan(condition, method="hoeffding", **terms).labels}
            if "d <" in condition or more:
                found["bennett"] = plan(condition, method="bennett", **terms).labels
            best = min(found.values())
            told = f"`{condition}`" + (f", {more['disagreement']:.0%} changed" if more else "")
            bennett = f"{found['bennett']:,}" if "bennett" in found else ""
            yield (
                f"| {told} | {adaptivity} | {found['hoeffding']:,} | {bennett} | {ours.labels:,} | {ours.labels / best:.2f} "
                f"| {ours.labels_per_commit:,} |"
            )


def table(rows: Iterator[tuple[str, str, float, Run, Run | None]], second: str, runs: int) -> Iterator[str]:
    """Run every row of a section."""
    yield f"| what | {second} | promised | realised | power |"
    yield "|---|---|--:|--:|--:|"
    for name, detail, promised, edge, holds in rows:
        wrong = error_rate(edge, runs=runs, seed=2026)
        power = "" if holds is None else f"{error_rate(holds, runs=max(runs // 5, 1), seed=2027).rate:.0%}"
        shown = f"`{detail}`" if second == "claim" else detail
        yield f"| {name} | {shown} | {promised:.0%} | {_rate(wrong)} | {power} |"


def _rate(found: ErrorRate) -> str:
    return f"{found.rate:.1%} (at most {found.upper:.1%})"


def page(runs: int = RUNS) -> str:
    """Give the whole page."""
    parts = [HEAD.format(runs=runs)]
    for title, text, second, rows in SECTIONS:
        print(title, file=sys.stderr)
        parts += [f"## {title}\n", f"{text}\n", *table(rows(), second, runs), ""]
    print(IDENTICAL, file=sys.stderr)
    parts += [f"## {IDENTICAL}\n", f"{TOLD_OF_IDENTICAL}\n", *identical.rows(max(runs // 5, 1)), ""]
    for title, text, rows in (
        (WHOLE, TOLD_OF_WHOLE, whole.rows(max(runs // 10, 3))),
        (FAULTS, TOLD_OF_FAULTS, faults.rows(max(runs // 50, 2))),
    ):
        print(title, file=sys.stderr)
        parts += [f"## {title}\n", f"{text}\n", *rows, ""]
    parts += [
        "## Labels\n",
        "For 32 answers at reliability 0.9999, by `assay.gate.plan`; the ratio is to the cheaper of the paper's two bounds.\n",
    ]
    parts += [*labels(), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS), encoding="utf-8")
