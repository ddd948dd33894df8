from __future__ import annotations

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.stats.unit_sums import by_unit

DAYS = [datetime.date(2013, 1, 2), datetime.date(2013, 1, 1), datetime.date(2013, 1, 2)]


@pytest.mark.parametrize(
    "units",
    [
        ["b", "a", "b"],
        [7, 3, 7],
        np.array(DAYS, dtype="datetime64[D]"),
        np.array(DAYS, dtype=object),
        np.array([(1, "y"), (1, "x"), (1, "y"), None], dtype=object)[:3],
        np.array(["b", 1, "b"], dtype=object),
        np.array([True, False, True]),
    ],
)
def test_sums_are_in_the_order_of_the_labels(units: object) -> None:
    sums = by_unit([1.0, 10.0, 2.0], units)  # type: ignore[arg-type]
    assert sums.totals.tolist() == [10.0, 3.0]
    assert sums.sizes.tolist() == [1, 2]
    assert sums.labels[0] == np.asarray(units)[1]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=2)), min_size=1, max_size=30))
def test_row_order_does_not_matter(rows: list[tuple[int, str]]) -> None:
    values, units = [v for v, _ in rows], [u for _, u in rows]
    forth, back = by_unit(values, units), by_unit(values[::-1], units[::-1])
    assert forth.totals.tolist() == back.totals.tolist()
    assert forth.labels.tolist() == back.labels.tolist()
    assert forth.sizes.sum() == len(rows)


@pytest.mark.parametrize(
    ("values", "units", "message"),
    [
        ([1, 2], ["a"], "one length"),
        ([1, float("nan")], ["a", "b"], "row 1"),
        ([1, 2], [1.0, float("nan")], "row 1 has no unit"),
        ([1, 2], np.array(["a", None], dtype=object), "row 1 has no unit"),
        ([1, 2], np.array(["2013-01-01", "NaT"], dtype="datetime64[D]"), "row 1 has no unit"),
        ([1, 2], [["a"], ["b"]], "one dimension"),
    ],
)
def test_bad_rows_are_named(values: list[float], units: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        by_unit(values, units)  # type: ignore[arg-type]


def test_no_rows_give_no_units() -> None:
    assert by_unit([], np.array([], dtype="<U1")).sizes.size == 0
