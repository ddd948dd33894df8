"""Profile a table and hold 16 rules against it, from a cold Parquet file, each tool in a process of its own.

1,000,000 rows and 10 columns (four of doubles with nulls, three of whole numbers, 50 categories, 20,000 codes, 600,000 e-mail
addresses); memory is the peak of the process, with the library in it; a size is that of the installed packages it needs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import peers
from measure import Row, environment, named, peak

ROWS, WIDE_ROWS, WIDE = 1_000_000, 100_000, 500
PROFILES = {
    "evidently": ("evidently", "evidently_profile", "DataSummaryPreset"),
    "ydata-profiling": ("ydata-profiling", "ydata_profile", "minimal=True"),
    "tensorflow-data-validation": ("tensorflow-data-validation", "tfdv_profile", "generate_statistics_from_dataframe"),
}
RULES = {
    "pandera-polars": ("pandera", "pandera_rules", "on polars, lazy"),
    "pointblank": ("pointblank", "pointblank_rules", "on polars, 16 steps"),
    "great_expectations": ("great_expectations", "great_expectations_rules", "pandas engine"),
}
AGE, SHARE, CODE, CATEGORIES = (10, 100), (0.0, 100.0), 6, 51


def compare() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        long, wide, large = (f"{folder}/{name}.parquet" for name in ("long", "wide", "large"))
        _write(long, ROWS)
        ours = _own("assay_profile", long)
        theirs = _own("pandas_profile", long)
        yield from _rows("profile", ours, named("pandas"), theirs, "describe(include='all') and nunique()")
        for peer, (_, function, note) in PROFILES.items():
            yield from _rows("profile", ours, peers.named(peer), _theirs(peer, function, long), note)
        ours = _own("assay_rules", long)
        for peer, (_, function, note) in RULES.items():
            yield from _rows("16 rules", ours, peers.named(peer), _theirs(peer, function, long), note)
        _write(large, 5 * ROWS)
        _write_wide(wide)
        for what, function, file in (
            ("16 rules, and the content address of the table", "assay_rules_and_address", long),
            ("16 rules on 5,000,000 rows", "assay_rules", large),
            ("profile of 5,000,000 rows", "assay_profile", large),
            ("profile of 500 columns, 100,000 rows", "assay_profile", wide),
        ):
            yield from _rows(what, _own(function, file), "", "no peer was run")


Figures = dict[str, float]


def _rows(what: str, ours: Figures, peer: str, theirs: Figures | str, note: str = "") -> Iterator[Row]:
    if isinstance(theirs, str):
        yield Row(what, ours["ms"], peer, None, "ms", theirs)
        yield Row(f"{what}, whole process", ours["whole"], peer, None, "ms")
        yield Row(f"{what}, memory", ours["mb"], peer, None, "MB")
        return
    for key, unit, more in (
        ("ms", "ms", what),
        ("whole", "ms", f"{what}, whole process"),
        ("mb", "MB", f"{what}, memory"),
        ("import", "ms", f"{what}, import"),
        ("size", "MB", f"{what}, installed"),
    ):
        yield Row(more, ours[key], peer, theirs[key], unit, note if key == "ms" else "")


def _own(function: str, path: str) -> Figures:
    code = f"import json, validation; print(json.dumps(validation.{function}({path!r})))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    found: Figures = json.loads(done.stdout.splitlines()[-1])
    return found


def _theirs(peer: str, function: str, path: str) -> Figures | str:
    try:
        found: Figures = peers.call(peer, "validation", function, path)
    except peers.UnavailableError as reason:
        return str(reason)
    return found


def _measured(load: Callable[[], Any], work: Callable[[Any], Any], distribution: str) -> Figures:
    """Import and then work, in this process, which has done neither before."""
    start = time.process_time()
    library = load()
    middle = time.process_time()
    work(library)
    return {
        "import": 1000 * (middle - start),
        "ms": 1000 * (time.process_time() - middle),
        "whole": 1000 * time.process_time(),
        "mb": peak(),
        "size": _installed(distribution) / 1e6,
    }


def _installed(name: str) -> float:
    """Bytes of a distribution and of all that it requires, as they are installed here."""
    import re
    from importlib.metadata import PackageNotFoundError, distribution

    name, _, extra = name.rstrip("]").partition("[")
    waiting, seen, total = [(name, frozenset({extra}))], set(), 0
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        if name not in {each for each, _ in seen}:
            total += sum(p.stat().st_size for f in found.files or () if (p := Path(str(f.locate()))).is_file())
        seen.add((name, extras))
        for line in found.requires or ():
            need, _, marker = line.partition(";")
            asked = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", marker)
            if asked is None or asked[1] in extras:
                match = re.match(r"\s*([\w.-]+)\s*(?:\[([\w\s,-]+)\])?", need)
                assert match is not None
                more = frozenset(each.strip() for each in (match[2] or "").split(",") if each.strip())
                waiting.append((re.sub(r"[-_.]+", "-", match[1]).lower(), more))
    return total


def assay_profile(path: str) -> Figures:
    def load() -> Any:
        from assay.validation import profile

        return profile

    return _measured(load, lambda profile: profile(path), "assay")


def pandas_profile(path: str) -> Figures:
    def load() -> Any:
        import pandas as pd

        return pd

    def work(pd: Any) -> None:
        frame = pd.read_parquet(path)
        frame.describe(include="all")
        frame.nunique()

    return _measured(load, work, "pandas")


def evidently_profile(path: str) -> Figures:
    def load() -> Any:
        import evidently.presets
        import pandas as pd

        return evidently, pd

    def work(library: Any) -> None:
        evidently, pd = library
        report = evidently.Report([evidently.presets.DataSummaryPreset()])
        report.run(pd.read_parquet(path), None).dict()

    return _measured(load, work, "evidently")


def ydata_profile(path: str) -> Figures:
    def load() -> Any:
        import pandas as pd
        import ydata_profiling

        return ydata_profiling, pd

    def work(library: Any) -> None:
        ydata, pd = library
        ydata.ProfileReport(pd.read_parquet(path), minimal=True, progress_bar=False).get_description()

    return _measured(load, work, "ydata-profiling")


def tfdv_profile(path: str) -> Figures:
    def load() -> Any:
        import pandas as pd
        import tensorflow_data_validation as tfdv

        return tfdv, pd

    def work(library: Any) -> None:
        tfdv, pd = library
        tfdv.generate_statistics_from_dataframe(pd.read_parquet(path))

    return _measured(load, work, "tensorflow-data-validation")


def assay_rules(path: str) -> Figures:
    """As the peers do it: without the content address of the table."""
    return _assay_rules(path, fingerprints={})


def assay_rules_and_address(path: str) -> Figures:
    return _assay_rules(path)


def _assay_rules(path: str, **options: Any) -> Figures:
    def load() -> Any:
        from assay import validation
        from assay.data.connection import session

        # The package imports each name when it is asked for, and Ibis what DuckDB needs when it connects.
        assert validation.Check is not None
        assert validation.validate is not None
        session()
        return validation

    def work(validation: Any) -> None:
        check = validation.Check()
        for column in ("id", "category", "email", "age", "count"):
            check = check.is_complete(column)
        check = check.is_contained_in("age", lower=AGE[0], upper=AGE[1])
        check = check.is_contained_in("uniform", lower=SHARE[0], upper=SHARE[1])
        check = check.is_contained_in("normal", lower=-10, upper=10)
        for column in ("amount", "lognormal", "count"):
            check = check.is_non_negative(column)
        check = check.is_contained_in("category", [f"c{i}" for i in range(CATEGORIES)])
        check = check.satisfies(f"length(zip) = {CODE}").satisfies("length(email) <= 40")
        check = check.has_pattern("email", "^user[0-9]+@example[.]org$").is_unique("id")
        verdicts = validation.validate(path, check.to_schema(), **options)
        assert len(verdicts) == 16
        assert all(verdict.passed for verdict in verdicts)

    return _measured(load, work, "assay")


def pandera_rules(path: str) -> Figures:
    def load() -> Any:
        import pandera.polars as pa
        import polars as pl

        return pa, pl

    def work(library: Any) -> None:
        pa, pl = library
        c = pa.Check
        schema = pa.DataFrameSchema(
            {
                "id": pa.Column(nullable=False, unique=True),
                "age": pa.Column(checks=c.in_range(*AGE)),
                "count": pa.Column(checks=c.ge(0)),
                "uniform": pa.Column(checks=c.in_range(*SHARE), nullable=True),
                "normal": pa.Column(checks=c.in_range(-10, 10), nullable=True),
                "amount": pa.Column(checks=c.ge(0), nullable=True),
                "lognormal": pa.Column(checks=c.ge(0), nullable=True),
                "category": pa.Column(checks=c.isin([f"c{i}" for i in range(CATEGORIES)])),
                "zip": pa.Column(checks=c.str_length(CODE, CODE), nullable=True),
                "email": pa.Column(checks=[c.str_length(0, 40), c.str_matches("^user[0-9]+@example[.]org$")]),
            }
        )
        schema.validate(pl.read_parquet(path), lazy=True)

    return _measured(load, work, "pandera[polars]")


def pointblank_rules(path: str) -> Figures:
    def load() -> Any:
        import pointblank as pb
        import polars as pl

        return pb, pl

    def work(library: Any) -> None:
        pb, pl = library
        steps = pb.Validate(pl.read_parquet(path))
        for column in ("id", "category", "email", "age", "count"):
            steps = steps.col_vals_not_null(column)
        steps = steps.col_vals_between("age", *AGE).col_vals_between("uniform", *SHARE, na_pass=True)
        steps = steps.col_vals_between("normal", -10, 10, na_pass=True)
        for column in ("amount", "lognormal", "count"):
            steps = steps.col_vals_ge(column, 0, na_pass=True)
        steps = steps.col_vals_in_set("category", [f"c{i}" for i in range(CATEGORIES)])
        steps = steps.col_vals_expr(pl.col("zip").str.len_chars() == CODE)
        steps = steps.col_vals_expr(pl.col("email").str.len_chars() <= 40)
        steps = steps.col_vals_regex("email", "^user[0-9]+@example[.]org$").rows_distinct(columns_subset="id")
        steps.interrogate(collect_extracts=False)

    return _measured(load, work, "pointblank[pl]")


def great_expectations_rules(path: str) -> Figures:
    def load() -> Any:
        import great_expectations as gx
        import pandas as pd

        return gx, pd

    def work(library: Any) -> None:
        gx, pd = library
        e = gx.expectations
        context = gx.get_context(mode="ephemeral")
        asset = context.data_sources.add_pandas("source").add_dataframe_asset("table")
        batch = asset.add_batch_definition_whole_dataframe("whole")
        rules = [e.ExpectColumnValuesToNotBeNull(column=c) for c in ("id", "category", "email", "age", "count")]
        between = e.ExpectColumnValuesToBeBetween
        rules += [between(column="age", min_value=AGE[0], max_value=AGE[1])]
        rules += [between(column="uniform", min_value=SHARE[0], max_value=SHARE[1])]
        rules += [between(column="normal", min_value=-10, max_value=10)]
        rules += [between(column=column, min_value=0) for column in ("amount", "lognormal", "count")]
        rules += [e.ExpectColumnValuesToBeInSet(column="category", value_set=[f"c{i}" for i in range(CATEGORIES)])]
        rules += [e.ExpectColumnValueLengthsToEqual(column="zip", value=CODE)]
        rules += [e.ExpectColumnValueLengthsToBeBetween(column="email", max_value=40)]
        rules += [e.ExpectColumnValuesToMatchRegex(column="email", regex="^user[0-9]+@example[.]org$")]
        rules += [e.ExpectColumnValuesToBeUnique(column="id")]
        found = batch.get_batch({"dataframe": pd.read_parquet(path)}).validate(
            gx.ExpectationSuite("rules", expectations=rules)
        )
        assert found.success

    return _measured(load, work, "great_expectations")


def _write(path: str, rows: int) -> None:
    normal = "sqrt(-2 * ln(1 - random())) * cos(6.283185307179586 * random())"
    _sql(
        f"""SELECT i AS id, {normal} AS normal, CASE WHEN random() < 0.05 THEN NULL ELSE exp({normal}) END AS lognormal,
        CASE WHEN random() < 0.02 THEN NULL ELSE 100 * random() END AS uniform,
        CASE WHEN random() < 0.1 THEN NULL ELSE round(-50 * ln(1 - random()), 2) END AS amount,
        (10 + 90 * random())::INT AS age, (-1000 * ln(1 - random()))::INT AS count,
        'c' || (50 * random() * random())::INT AS category,
        CASE WHEN random() < 0.03 THEN NULL ELSE 'z' || lpad((20000 * random())::INT::VARCHAR, 5, '0') END AS zip,
        'user' || ({rows} * 0.6 * random())::INT || '@example.org' AS email FROM range({rows}) t(i)""",
        path,
    )


def _write_wide(path: str) -> None:
    """Three columns in five are of doubles, one of whole numbers, one of texts."""
    normal = "sqrt(-2 * ln(1 - random())) * cos(6.283185307179586 * random())"
    kinds = [normal] * 3 + ["({0} * random())::INT", "'v' || ({0} * random() * random())::INT"]
    columns = [f"{kinds[i % 5].format((10, 20_000)[i % 2])} AS x{i}" for i in range(WIDE)]
    _sql(f"SELECT {', '.join(columns)} FROM range({WIDE_ROWS})", path)


def _sql(query: str, path: str) -> None:
    import duckdb

    connection = duckdb.connect()
    # One thread, so that the seed decides every value.
    connection.execute("SET threads = 1")
    connection.execute("SELECT setseed(0.5)").fetchall()
    connection.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
