"""The picture of a profile: what the bars say, and that no text in it can become markup."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from assay.core.portrait_html import columns_html
from assay.errors import DataError
from assay.validation import Profile, profile
from assay.validation.profile_portrait import portrait


def column(name, *frames):
    [found] = [each for each in portrait(*map(profile, frames)).columns if each.name == name]
    return found


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(3)
    return rng.gamma(2.0, 10.0, 4000)


def test_bars_of_numbers_count_the_rows_that_have_a_value(values):
    frame = pd.DataFrame({"x": values})
    frame.loc[:999, "x"] = np.nan
    found = column("x", frame)
    known = values[1000:]
    assert found.missing == 0.25
    assert sum(found.bars.shares[0]) == pytest.approx(1)
    edges = np.linspace(known.min(), known.max(), len(found.bars.names) + 1)
    counted = np.histogram(known, edges)[0] / len(known)
    # A bucket is 2% wide, and what a limit cuts is divided.
    assert np.abs(np.cumsum(found.bars.shares[0]) - np.cumsum(counted)).max() < 0.01


def test_a_long_tail_is_told_and_not_drawn():
    rng = np.random.default_rng(5)
    found = column("x", pd.DataFrame({"x": rng.standard_cauchy(5000)}))
    assert sum(found.bars.shares[0]) == pytest.approx(0.98, abs=0.005)
    assert "below:" in found.bars.note
    assert "above:" in found.bars.note


def test_whole_numbers_have_bars_of_as_many_each():
    found = column("x", pd.DataFrame({"x": np.arange(5, 24)}))
    assert found.bars.names == tuple(map(str, range(5, 24)))
    assert found.bars.shares[0] == pytest.approx([1 / 19] * 19)
    wide = column("x", pd.DataFrame({"x": np.arange(1, 241)}))
    assert wide.bars.shares[0] == pytest.approx([1 / 24] * 24)
    assert wide.bars.names[0] == "1 to 10"


def test_dates_and_few_values_are_in_their_order():
    days = [dt.date(2024, 2, 28) + dt.timedelta(i) for i in range(30)]
    found = column("d", pd.DataFrame({"d": days}))
    assert found.bars.ends == ("2024-02-28", "2024-03-28")
    assert sum(found.bars.shares[0]) == pytest.approx(1)
    few = column("s", pd.DataFrame({"s": [2, 10, 10, 1]}))
    assert few.bars.names == ("1", "2", "10")
    assert few.bars.shares == ((0.25, 0.25, 0.5),)


def test_how_far_a_column_moved_is_the_total_variation_of_what_is_drawn():
    one = pd.DataFrame({"s": ["a"] * 50 + ["b"] * 50, "n": [1.0] * 80 + [np.nan] * 20})
    two = pd.DataFrame({"s": ["a"] * 20 + ["b"] * 70 + ["c"] * 10, "n": [1.0] * 100})
    assert column("s", one, two).moved == pytest.approx(0.3)
    assert column("n", one, two).moved == pytest.approx(0.2)
    same = column("s", one, one)
    assert same.moved == 0
    assert not same.differs


def test_one_column_as_whole_and_as_broken_numbers_has_not_moved():
    whole = np.random.default_rng(1).integers(5, 24, 5000)
    assert column("x", pd.DataFrame({"x": whole}), pd.DataFrame({"x": whole.astype(float)})).moved < 0.01


def test_a_column_of_one_table_is_absent_in_the_other():
    found = column("x", pd.DataFrame({"x": [1, 2], "y": 1}), pd.DataFrame({"y": [1]}))
    assert found.types == ("int64", "")
    assert found.moved is None
    html = columns_html(portrait(profile(pd.DataFrame({"x": [1, 2]})), profile(pd.DataFrame({"y": [1]}))))
    assert "int64 → absent" in html


def test_without_its_state_one_profile_is_drawn_by_its_ten_bins_and_two_are_refused(values):
    read = Profile.from_json(profile(pd.DataFrame({"x": values, "s": "a"})).to_json())
    found = portrait(read).columns
    assert len(found[0].bars.names) == 10
    assert sum(found[0].bars.shares[0]) == pytest.approx(1)
    assert found[1].bars.names == ("a",)
    with pytest.raises(DataError, match="came from JSON"):
        portrait(read, read)


@pytest.mark.parametrize(
    "values",
    [[None, None], [np.nan, np.inf], [-np.inf, np.inf], [0.0, 0.0], [1e308, -1e308], [[1], [2, 3]], [b"a", b"b"]],
)
def test_what_cannot_be_drawn_still_has_its_numbers(values):
    frame = pd.DataFrame({"x": values})
    assert "missing" in columns_html(portrait(profile(frame)))
    assert "missing" in columns_html(portrait(profile(frame), profile(frame)))


def test_texts_cannot_become_markup():
    frame = pd.DataFrame({'<b onload="x">': ['</script><img src=x onerror="alert(1)">', "\u202e'\"&"]})
    for shown in (profile(frame)._repr_html_(), columns_html(portrait(profile(frame), profile(frame)))):
        assert "<b " not in shown
        assert "<img" not in shown
        assert 'onload="' not in shown
        assert "\u202e" not in shown


def test_slices_are_parts():
    found = portrait(profile(pd.DataFrame({"g": ["a", "b", "b"], "x": [1.0, 2.0, 3.0]}), by="g"))
    assert {name: part.rows for name, part in found.parts.items()} == {"g=a": (1,), "g=b": (2,)}
