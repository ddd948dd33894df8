"""Ends of a walk in a corridor, against all paths and against simulation."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from assay.stats import stopping


def by_paths(upper: list[float], lower: list[float], last: int, every: int, labels: int, p: float) -> list[float]:
    rejected = mean = 0.0
    for path in product((0, 1), repeat=labels):
        chance = float(np.prod([p if won else 1 - p for won in path]))
        for look in range(len(upper)):
            done = min((look + 1) * every, labels)
            wins = sum(path[:done])
            if done == labels:
                rejected += chance * (wins >= last)
                mean += chance * done
            elif wins >= upper[look] or wins <= lower[look]:
                rejected += chance * (wins >= upper[look])
                mean += chance * done
                break
    return [rejected, mean]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize(("every", "labels"), [(1, 7), (2, 7), (3, 9)])
def test_ends_are_those_of_all_paths(p: float, every: int, labels: int) -> None:
    looks = -(-labels // every)
    upper = [2.0 + look for look in range(looks)]
    lower = [look - 1.0 for look in range(looks)]
    ends = stopping.stopped(upper, lower, 4, every, labels, 0.4)
    assert [ends.rejected(p), ends.mean(p)] == pytest.approx(by_paths(upper, lower, 4, every, labels, p))
    assert ends.chances(p).sum() == pytest.approx(1)


def test_quantiles_come_from_the_law_of_the_labels() -> None:
    ends = stopping.stopped([1.0] * 10, [-1.0] * 10, 1, 1, 10)
    assert [ends.quantile(0.5, share) for share in (0.5, 0.75, 0.9, 1.0)] == [1, 2, 4, 10]


def test_long_stretches_keep_small_chances() -> None:
    # From 0 to 1,000 labels in steps of 100, without a corridor: a binomial tail.
    ends = stopping.stopped([np.inf] * 10, [-np.inf] * 10, 620, 100, 1000, 0.5)
    from assay.stats import binomial

    assert ends.rejected(0.5) == pytest.approx(binomial.p_value_greater(620, 1000, 0.5), rel=1e-9)
    assert ends.rejected(0.6) == pytest.approx(binomial.p_value_greater(620, 1000, 0.6), rel=1e-9)


def test_bounds_are_one_a_look() -> None:
    with pytest.raises(ValueError, match="one bound for each of 3 looks"):
        stopping.stopped([1.0], [0.0], 1, 2, 5)
