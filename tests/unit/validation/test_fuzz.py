"""Tables of a schema, and functions that are run on them."""

from __future__ import annotations

import doctest
import importlib
import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings

from assay.errors import DataError, MissingExtra, UsageError
from assay.validation import Schema, fuzz, strategies, validate
from assay.validation.choices import Seeded
from assay.validation.covering import pairwise
from assay.validation.fuzzing import boundary_tables
from assay.validation.generation import Generator

if TYPE_CHECKING:
    import pandas as pd

FLIGHTS = Schema.from_toml("""
[columns.distance]
type = "number"
range = { min = 0, max = 5000 }
nulls = "never"
[columns.minutes]
type = "integer"
range = { min = 0, max = 900 }
nulls = "never"
[columns.carrier]
type = "string"
categories = { values = ["AA", "UA", "DL"] }
nulls = { at_most = 0.01 }
""")
RELATED = Schema.from_toml(r"""
environments = ["train", "serve"]
[columns.id]
type = "integer"
unique = true
nulls = "never"
[columns.low]
type = "number"
range = { min = 0, max = 10 }
nulls = "never"
[columns.high]
type = "number"
range = { min = -5, max = 10 }
nulls = { at_most = 0.1 }
[columns.sum]
type = "number"
range = { min = 2, max = 12 }
[columns.zip]
type = "string"
pattern = { regex = '[A-Z]{2}\d{3,5}(-x)?' }
nulls = "never"
[columns.city]
type = "string"
length = { min = 1, max = 5 }
[columns.start]
type = "timestamp"
range = { min = "2024-01-01" }
[columns.end]
type = "timestamp"
range = { max = "2025-01-01T12:00:00" }
[columns.late]
type = "boolean"
in_environment = ["train"]
[[relations]]
sql = "low <= high"
[[relations]]
sql = '"end" > start'
[[relations]]
sum = ["low", "high"]
equals = "sum"
within = 1e-6
[[relations]]
determines = [["zip"], ["city"]]
[[relations]]
sql = "id % 7 <> 3"
""")


@given(strategies(RELATED, environment="serve", frame="pandas"))
@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None, database=None)
def test_tables_obey_types_limits_and_relations(table: pd.DataFrame) -> None:
    assert "late" not in table
    assert table["id"].is_unique
    assert table["low"].between(0, 10).all()
    assert (table["high"].isna() | (table["low"] <= table["high"])).all()
    both = table["start"].notna() & table["end"].notna()
    assert (table["start"][both] < table["end"][both]).all()
    total = table["low"] + table["high"]
    assert ((total - table["sum"]).abs().fillna(0) <= 1e-6).all()
    assert table["sum"].dropna().between(2, 12).all()
    assert table["zip"].str.fullmatch(r"[A-Z]{2}\d{3,5}(-x)?").all()
    assert (table.groupby("zip")["city"].nunique(dropna=False) <= 1).all()
    assert table["city"].dropna().str.len().between(1, 5).all()
    # SQL gives a remainder the sign of the dividend.
    assert not ((table["id"] >= 0) & (table["id"] % 7 == 3)).any()


@given(strategies(FLIGHTS))
@settings(max_examples=15, suppress_health_check=list(HealthCheck), deadline=None, database=None)
def test_no_rule_that_no_row_may_break_is_broken(table: Any) -> None:
    if table.num_rows:
        never = [v for v in validate(table, FLIGHTS) if v.evidence.limit == 0]
        assert never
        assert not any(verdict.evidence.estimate for verdict in never)


@given(strategies(FLIGHTS, illegal=True))
@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None, database=None)
def test_illegal_by_one_breaks_one_rule_of_one_row(table: Any) -> None:
    """An infinite value would break the range too, and is not made."""
    broken = [v for v in validate(table, FLIGHTS) if v.evidence.limit == 0 and v.evidence.estimate]
    assert len(broken) == 1
    assert broken[0].evidence.statistic["broken"] == 1


def test_every_named_value_comes() -> None:
    generator = Generator(FLIGHTS)
    seen: dict[str, set[str]] = {name: set() for name in generator.domains}
    for trial in range(200):
        for name, values in generator.table(Seeded(0, trial)).items():
            seen[name] |= {repr(value) for value in values}
    for name, domain in generator.domains.items():
        assert {repr(point.value) for point in domain.points} <= seen[name]


@pytest.mark.parametrize("levels", [[1, 1], [2], [3, 2, 4], [10] * 6, [1, 7, 1, 3]])
def test_every_pair_is_covered(levels: list[int]) -> None:
    rows = pairwise(levels)
    for i in range(len(levels)):
        for j in range(i):
            assert {(row[j], row[i]) for row in rows} == {(a, b) for a in range(levels[j]) for b in range(levels[i])}
    assert len(rows) < 3 * max(levels) ** 2


def test_boundary_tables_cover_all_pairs_where_no_relation_forbids() -> None:
    cases = boundary_tables(Generator(FLIGHTS))
    assert cases.pairs[0] == cases.pairs[1] > 50
    assert "carrier: null" in cases.names
    titles = [title for title, _ in cases.tables]
    assert titles[0] == "no rows"
    assert "carrier is null throughout" in titles


def test_tables_cost_little() -> None:
    """A list of 5 values, 200 tables: the popular strategies of chained filters take seconds for it."""
    lists = Schema.from_toml("""
    [columns.items]
    type = "other"
    values = { min = 5, max = 5 }
    nulls = "never"
    [columns."items.[]"]
    type = "number"
    range = { min = 0, max = 1 }
    nulls = "never"
    """)
    generator = Generator(lists, rows=5)
    started = time.process_time()
    for trial in range(200):
        for value in generator.table(Seeded(0, trial))["items"]:
            assert len(value) == 5
            assert all(0 <= item <= 1 for item in value)
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[columns.x]\ntype = "other"', 'describe its elements in [columns."x.[]"]'),
        ('[columns.x]\ntype = "integer"\nrange = { min = 3, max = 1 }', "min is above max"),
        ('[columns.x]\ntype = "date"\nrange = { min = "soon" }', "no ISO date"),
        ("[columns.x]\ntype = \"string\"\npattern = { regex = '(?=a)b' }", "pattern with assert"),
        ("[columns.x]\ntype = \"string\"\npattern = { regex = '(' }", "cannot be read"),
        (
            "[columns.x]\ntype = \"string\"\npattern = { regex = 'a+' }\nlength = { max = 3 }",
            "say the length in the pattern",
        ),
        ("name = 'empty'", "describes no column"),
    ],
)
def test_what_cannot_be_built_is_refused_by_its_key(text: str, said: str) -> None:
    with pytest.raises(DataError) as refused:
        Generator(Schema.from_toml(text))
    assert said in str(refused.value)


def test_what_is_not_obeyed_is_said() -> None:
    assert any("id % 7 <> 3: cannot be built in" in note for note in Generator(RELATED).notes)
    parts = Schema.from_toml('[columns.x]\ntype = "integer"\ndistinct = { min = 3 }\n[rows]\nmin = 1000')
    notes = " ".join(Generator(parts).notes)
    assert "1,000" in notes
    assert "distinct" in notes


def good(flights: pd.DataFrame) -> pd.Series:
    return flights["distance"] / (flights["minutes"] + 1)


def divides(flights: pd.DataFrame) -> pd.Series:
    return flights["distance"] / flights["minutes"]


def centers(flights: pd.DataFrame) -> pd.Series:
    return flights["distance"] - flights["distance"].fillna(0).mean()


def lowers(flights: pd.DataFrame) -> pd.Series:
    return flights["carrier"].map(lambda carrier: carrier.lower())


def drops(flights: pd.DataFrame) -> pd.Series:
    return good(flights)[flights["distance"] < 4000]


def leaks_order(flights: pd.DataFrame) -> pd.Series:
    return flights["minutes"].shift(fill_value=0)


def types_vary(flights: pd.DataFrame) -> pd.Series:
    return flights["minutes"] if (flights["minutes"] < 500).all() else flights["minutes"].astype(float)


def counts_twins(flights: pd.DataFrame) -> pd.Series:
    return flights.groupby("distance")["distance"].transform("size")


def cut(flights: pd.DataFrame) -> pd.DataFrame:
    return flights.assign(distance=flights["distance"] / 2)


def clipped(flights: pd.DataFrame) -> pd.Series:
    return good(flights).clip(upper=1000)


def naps(flights: pd.DataFrame) -> pd.Series:
    time.sleep(0.02 * bool((flights["minutes"] == 900).any()))
    return good(flights)


def statuses(function: Any, oracles: list[str] | None = None, **more: Any) -> dict[str, str]:
    return {v.subject: v.status for v in fuzz(function, FLIGHTS, oracles=oracles, trials=60, corpus=None, **more)}


def test_a_sound_function_passes_all() -> None:
    found = fuzz(good, FLIGHTS, trials=300, corpus=None, serve=good)
    assert {verdict.status for verdict in found} == {"pass"}
    for verdict in found:
        assert verdict.evidence.upper == pytest.approx(1 - 0.05 ** (1 / 300))
        assert verdict.evidence.upper < 0.01
        assert verdict.guarantee.kind == "exact"
        assert verdict.guarantee.error == 0.05


@pytest.mark.parametrize(
    ("function", "oracle", "more"),
    [
        (lowers, "no_exception", {}),
        (divides, "finite", {}),
        (drops, "shape", {}),
        (types_vary, "shape", {}),
        (leaks_order, "permutation", {}),
        (centers, "single_row", {}),
        (good, "serve", {"serve": clipped}),
        (cut, "idempotence", {}),
        (counts_twins, "duplicate", {}),
        (lambda flights: good(flights), "pickle", {}),
        (naps, "latency", {}),
    ],
)
def test_each_oracle_finds_its_fault_and_only_there(function: Any, oracle: str, more: dict[str, Any]) -> None:
    """The share of seeded faults that are found is one."""
    name = f"{oracle}:0.015" if oracle == "latency" else oracle
    assert statuses(function, [name], **more) == {oracle: "fail"}
    if oracle not in ("serve", "idempotence", "latency"):
        assert statuses(good, [name]) == {oracle: "pass"}


def test_a_counterexample_is_small_says_why_and_is_tried_first(tmp_path: Path) -> None:
    verdict = fuzz(lowers, FLIGHTS, oracles=["no_exception"], corpus=tmp_path, trials=20)[0]
    assert "carrier=None" in verdict.reason
    assert "permitted by [columns.carrier] nulls: null" in verdict.reason
    assert verdict.actions[0].title.startswith("harden ")
    assert verdict.actions[0].title.endswith('tighten the schema if they never do: [columns.carrier] nulls = "never"')
    assert verdict.guarantee.error == 0
    (file,) = tmp_path.rglob("*.json")
    content = json.loads(file.read_text())
    assert len(content["rows"]) == 1
    again = fuzz(lowers, FLIGHTS, oracles=["no_exception"], corpus=tmp_path, trials=20)[0]
    assert again.evidence.statistic["found_by"] == f"replay of {file.name}"
    never = Schema.from_toml(FLIGHTS.to_toml().replace("nulls = { at_most = 0.01 }", 'nulls = "never"'))
    tightened = fuzz(lowers, never, oracles=["no_exception"], corpus=tmp_path, trials=20)[0]
    assert tightened.passed
    assert tightened.evidence.statistic["no_longer_legal"] == 1


def test_a_single_row_or_none_is_blamed_on_the_number_of_rows() -> None:
    def needs_rows(flights: pd.DataFrame) -> pd.Series:
        return flights["distance"] - flights["distance"].iloc[0]

    verdict = fuzz(needs_rows, FLIGHTS, oracles=["no_exception"], corpus=None, trials=5)[0]
    assert "a table without rows" in verdict.reason
    assert "[rows] min = 1" in verdict.actions[0].title


def test_every_kind_of_value_comes_back_from_its_file(tmp_path: Path) -> None:
    schema = Schema.from_toml("\n".join(
        f'[columns.{kind}]\ntype = "{kind}"' for kind in ("boolean", "date", "integer", "number", "string", "time", "timestamp")
    ))  # fmt: skip
    from assay.validation import counterexamples

    generator = Generator(schema)
    types = {name: domain.column.type for name, domain in generator.domains.items()}
    for title, data in boundary_tables(generator).tables:
        found = counterexamples.Counterexample("finite", "x", data)
        counterexamples.save(tmp_path, title, found, types)
        ((_, oracle, back),) = counterexamples.load(tmp_path, title)
        assert oracle == "finite"
        assert repr(back) == repr(data)


def test_a_broken_file_of_the_corpus_is_named(tmp_path: Path) -> None:
    (tmp_path / "m.f").mkdir()
    (tmp_path / "m.f" / "x.json").write_text("{")
    with pytest.raises(DataError, match=r"x\.json: no counter-example"):
        fuzz(good, FLIGHTS, corpus=tmp_path, name="m:f", trials=1)


def test_an_oracle_that_has_nothing_to_compare_is_skipped() -> None:
    def fits(flights: pd.DataFrame) -> object:
        return type("Model", (), {})

    found = statuses(fits, ["permutation", "no_exception"])
    assert found == {"permutation": "skipped", "no_exception": "pass"}


def test_same_seed_same_verdicts() -> None:
    one, two = (fuzz(centers, FLIGHTS, trials=30, corpus=None, seed=3) for _ in range(2))
    assert [verdict.id for verdict in one] == [verdict.id for verdict in two]


@pytest.mark.parametrize(
    ("oracles", "said"),
    [
        (["fnite"], "did you mean"),
        (["latency"], "latency:0.1"),
        (["serve"], "serving"),
        (["finite:1"], "has no bound"),
        ([], "no oracle"),
    ],
)
def test_bad_oracles_are_refused(oracles: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fuzz(good, FLIGHTS, oracles=oracles, corpus=None)


def test_without_hypothesis_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    for call in (lambda: strategies(FLIGHTS), lambda: fuzz(good, FLIGHTS)):
        with pytest.raises(MissingExtra, match="pip install 'hypothesis>="):
            call()


@pytest.mark.parametrize("module", ["covering", "fuzzing", "table_strategies"])
def test_examples_run(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"assay.validation.{module}")).failed == 0


def test_widest_numbers_do_not_overflow() -> None:
    wide = Schema.from_toml('[columns.x]\ntype = "number"\nrange = { min = -1.7e308, max = 1.7e308 }\nnulls = "never"')
    generator = Generator(wide)
    for trial in range(50):
        assert all(math.isfinite(value) for value in generator.table(Seeded(1, trial))["x"])
