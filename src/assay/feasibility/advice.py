"""A study in words: what it promises, why it came out so, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.core import Action, Assumption, Guarantee
from assay.feasibility.bayes_error import MOST_TIMES, promise
from assay.feasibility.inequalities import cover_hart_error
from assay.feasibility.representation import COLUMNS
from assay.stats import binomial

if TYPE_CHECKING:
    from assay.feasibility.findings import Findings, Outcome

# More second labels than this are no advice.
MOST_ITEMS = 1_000_000


def guarantee(found: Findings, outcome: Outcome) -> Guarantee:
    """Say what the verdict promises, and on what that rests."""
    declared = () if found.written else (Assumption("labels are wrong as often as was declared", "declared"),)
    if outcome == "UNREALISTIC":
        items = (
            (
                Assumption("items that were labelled again are drawn at random", "declared"),
                Assumption("labels of one item are independent given the item", "declared"),
            )
            if found.by_labels
            else (Assumption("rows are independent draws, and no copies of one record", "unverifiable"),)
        )
        return Guarantee.exact(
            found.alpha,
            "false fail",
            (*items, *declared),
            "Cover and Hart (1967) with Clopper-Pearson, Jensen's inequality with betting, or McDiarmid (1989)",
        )
    if found.clusters is not None:
        what = "rows" if found.ready.unit is None else f"units of {found.ready.unit}"
        return Guarantee.none(f"{what} of one {found.clusters[0]} depend on each other, and it is not the unit")
    if found.limit is None:
        return Guarantee.estimate("no target was given, so that nothing was decided")
    sure = promise(found.ready, found.alpha, found.looked)
    return Guarantee.exact(found.alpha, sure.scope, (*sure.assumptions, *declared), sure.source)


def reason(found: Findings, outcome: Outcome) -> str:
    """Say why."""
    witness, t = found.witness.title, found.limit
    if t is None:
        return "no target was given"
    if outcome == "ACHIEVED":
        return f"{witness} errs on {found.error:.4f} of held-out rows, at most {found.upper:.4f} in truth; {t:.4g} is allowed"
    if outcome == "UNREALISTIC":
        return (
            f"the Bayes error is at least {found.lower:.4f} and {t:.4g} is allowed: no model reaches it "
            f"{'on such labels' if found.by_labels else 'on these columns'}"
        )
    if found.clusters is not None:
        column, test = found.clusters
        what = "rows" if found.ready.unit is None else f"units of {found.ready.unit}"
        return f"errors cluster by {column} (design effect {test.design_effect:.1f}), so {what} are not independent"
    if found.floor > t:
        return f"labels that are wrong as declared leave any model an error of {found.floor:.4f}; {t:.4g} is allowed"
    if outcome == "LIKELY UNREALISTIC":
        name = min(found.smoothness, key=lambda each: found.break_even[each])
        rate = found.break_even[name]
        times = rate * found.smoothness[name].distance / max(found.moves[name], 1e-9)
        return (
            f"above {t:.4g} unless class probabilities move by more than L0 = {rate:.3g} for each unit of distance on "
            f"{name}, {times:.1f} times as fast as a model finds them to"
        )
    if outcome == "LIKELY ACHIEVABLE":
        assert found.forecast is not None
        return (
            f"{witness} errs on {found.error:.4f} now, and is forecast to reach {t:.4g} at about "
            f"{found.forecast.required:,} training rows ({found.probability:.0%} of replicates within "
            f"{found.forecast.farthest:,.0f})"
        )
    if found.upper is not None and found.upper <= t:
        return (
            f"always giving the most common answer is right on {found.constants.share:.4f} of rows, and no classifier is "
            "certainly better: no evidence that anything can be learned"
        )
    return f"{witness}, the best, errs on {found.error:.4f} of held-out rows: whether {t:.4g} is within reach is open"


def actions(found: Findings, outcome: Outcome) -> tuple[Action, ...]:
    """Say what to do next, at most three things, each with its predicted effect and price."""
    if found.clusters is not None and outcome != "UNREALISTIC":
        return (Action(f'declare unit = "{found.clusters[0]}"', effect="limits then rest on units, and hold"),)
    if outcome == "UNREALISTIC":
        return (Action("lower the target, or have labels written with more care", effect="the limit is one of labels"),)
    if found.limit is None or outcome == "ACHIEVED":
        return ()
    ways = [*_more_rows(found, found.limit), _better_place(found), *_about_labels(found, found.limit)]
    return tuple(ways[:3])


def _more_rows(found: Findings, limit: float) -> list[Action]:
    ready = found.ready
    if found.error < limit and ready.units is None:
        needed = binomial.units_needed(found.error, limit, found.alpha / len(found.tried), alternative="less")
        if needed is None:
            return []
        more = 2 * max(1, needed - ready.test_y.size)  # half of them are held out
        if more > MOST_TIMES * ready.rows:
            return []
        effect = "certifies it with probability 0.8 if the error is as seen"
        return [Action(f"label {more:,} more rows", labels=more, effect=effect)]
    if found.forecast is None or found.forecast.required is None:
        return []
    more = max(1, 2 * (found.forecast.required - ready.train_y.size))
    return [
        Action(
            f"label {more:,} more rows", labels=more, effect=f"forecast to bring the error to {limit:.4g}: an estimate"
        )
    ]


def _better_place(found: Findings) -> Action:
    least: dict[str, float] = {}
    for each in found.tried:
        least[each.representation] = min(least.get(each.representation, 1.0), float(each.wrong.mean()))
    if list(least) == [COLUMNS]:
        return Action("add columns that tell the classes apart", effect="no model can tell what no column does")
    if len(least) == 1:
        return Action("try an embedding made for such data", effect="an embedding can only hide what a row tells")
    best, worst = min(least, key=lambda name: least[name]), max(least.values())
    effect = f"embeddings differ by up to {worst - least[best]:.3f} here"
    return Action(f"go on from {best}, with a stronger embedding of its kind", effect=effect)


def _about_labels(found: Findings, limit: float) -> list[Action]:
    # What a classifier reaches says more than neighbors that are strangers.
    number = min(found.error, *found.neighbor_numbers.values())
    if number <= limit or not found.written:
        return []
    ways, classes = [], found.ready.classes
    seen, wanted = float(cover_hart_error(number, classes)), float(cover_hart_error(limit, classes))
    items = binomial.units_needed(seen, wanted, found.alpha, alternative="greater") if seen > wanted else None
    if items is not None and items <= MOST_ITEMS:
        effect = f"shows that the target is out of reach, with probability 0.8 if the Bayes error is {number:.4f}"
        ways.append(Action(f"have {items:,} items labelled a second time", labels=items, effect=effect))
    effect = f"the lowest estimate is {number:.4f}, and {limit:.4g} is wanted"
    return [*ways, Action("clean the labels that weigh most: assay.feasibility.NeighborLabels", effect=effect)]
