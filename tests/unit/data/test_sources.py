from __future__ import annotations

import gzip
import sqlite3
import threading

import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from assay import data
from assay.errors import DataError

ROWS = {"id": [1, 2, 3], "name": ["a", "b", None], "x": [0.5, None, 2.0]}


@pytest.fixture
def arrow():
    return pa.table(ROWS)


def rows(table):
    return data.to_arrow(table).to_pylist()


def test_every_kind_of_source_gives_the_same_rows(arrow, tmp_path):
    parquet.write_table(arrow, tmp_path / "t.parquet")
    feather.write_feather(arrow, tmp_path / "t.feather")
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as sink, pa.ipc.new_stream(sink, arrow.schema) as writer:
        writer.write_table(arrow)
    arrow.to_pandas().to_csv(tmp_path / "t.csv", index=False)
    with gzip.open(tmp_path / "t.csv.gz", "wb") as file:
        file.write((tmp_path / "t.csv").read_bytes())
    (tmp_path / "t.tsv").write_text((tmp_path / "t.csv").read_text().replace(",", "\t"))
    folder = tmp_path / "folder"
    folder.mkdir()
    parquet.write_table(arrow.slice(0, 1), folder / "1.parquet")
    parquet.write_table(arrow.slice(1), folder / "2.parquet")
    (folder / "_SUCCESS").write_text("")
    sources = [
        *(tmp_path / name for name in ("t.parquet", "t.feather", "t.arrow", "t.csv", "t.csv.gz", "t.tsv", "folder")),
        str(tmp_path / "t.parq*"),
        arrow,
        arrow.to_pandas(),
        pl.from_arrow(arrow),
        pl.from_arrow(arrow).lazy(),
        {"path": str(tmp_path / "t.csv")},
        ibis.memtable(arrow),
    ]
    for source in sources:
        assert rows(data.table(source)) == arrow.to_pylist(), source


def test_relative_paths_start_at_the_root(arrow, tmp_path):
    (tmp_path / "data").mkdir()
    parquet.write_table(arrow, tmp_path / "data" / "t.parquet")
    assert data.row_count(data.table("data/t.parquet", root=tmp_path)) == 3
    assert data.row_count(data.table("data/*.parquet", root=tmp_path)) == 3


def test_an_ibis_table_is_returned_as_it_is(arrow):
    table = ibis.memtable(arrow)
    assert data.table(table) is table


def test_a_query_with_a_url(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as base:
        base.execute("CREATE TABLE orders (id INTEGER, price REAL, city TEXT)")
        base.executemany("INSERT INTO orders VALUES (?, ?, ?)", [(1, 2.5, "Bern"), (2, None, "Zug")])
    base.close()
    url = f"sqlite:///{tmp_path}/shop.db"
    expected = [{"id": 1, "price": 2.5, "city": "Bern"}, {"id": 2, "price": None, "city": "Zug"}]
    assert rows(data.table("SELECT * FROM orders ORDER BY id", url=url)) == expected
    assert rows(data.table({"url": url, "query": "SELECT * FROM orders ORDER BY id"})) == expected
    relative = {"url": "sqlite:///shop.db", "query": "SELECT id FROM orders WHERE id > 5"}
    assert data.row_count(data.table(relative, root=tmp_path)) == 0
    with pytest.raises(DataError, match="no such column: pric"):
        data.table("SELECT pric FROM orders", url=url)
    with pytest.raises(DataError, match="no file"):
        data.table("SELECT 1 AS a", url="sqlite:///missing.db", root=tmp_path)
    assert not (tmp_path / "missing.db").exists()


def test_a_password_is_not_shown():
    with pytest.raises(DataError) as caught:
        data.table("SELECT 1 AS a", url="postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_types_of_csv(tmp_path):
    (tmp_path / "t.csv").write_text(
        "zip,count,share,day,at,flag,country\n"
        "00123,1,0.5,2013-01-01,2013-01-01 05:00:00,true,NA\n"
        "04567,NA,n,2013-01-02,NA,false,CH\n".replace(",n,", ",NaN,")
    )
    table = data.table(tmp_path / "t.csv")
    assert data.schema(table) == {
        "zip": "string",
        "count": "int64",
        "share": "float64",
        "day": "date",
        "at": "timestamp(6)",
        "flag": "boolean",
        "country": "string",
    }
    first, second = rows(table)
    assert (first["zip"], second["count"], second["at"]) == ("00123", None, None)
    # Namibia is not a missing value.
    assert first["country"] == "NA"


def test_mixed_types_in_csv(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("id,x\n1,1.5\n2,two\n3,3\n")
    with pytest.raises(
        DataError, match=r"t.csv: column 'x' mixes numbers with text: 'two' in row 2 \(1 of 3 values\)"
    ) as caught:
        data.table(path)
    assert "\n" not in str(caught.value)
    table = data.table({"path": path, "text": ["x"]})
    assert [row["x"] for row in rows(table)] == ["1.5", "two", "3"]


# What a column says, and the type that it gets; a text stays what the file says.
KINDS = {
    "yes,no": "string",
    "y,n": "string",
    "Y,N,NA": "string",
    "t,f": "string",
    "T,F": "string",
    "on,off": "string",
    "true,false": "boolean",
    "True,False,NA": "boolean",
    "TRUE,yes": "string",
    "007,010": "string",
    "007,NA": "string",
    "1e5,2e7": "string",
    "1e5,100000": "string",
    "1e5,2e7,NA": "string",
    "1.5,1e5": "float64",
    "1.5,1e5,NA": "float64",
    "1e-05,1e+05": "float64",
    "1.0E5,2.0E6": "float64",
    "0x1F,12": "string",
    "0x1F,12,NA": "string",
    "0b11,0b10": "string",
    "12345678901234567890,1": "string",
    "12345678901234567890,NA": "string",
    "1234567890123456789,1": "int64",
    "1234567890123456789,NA": "int64",
    "13343.0,2.0": "float64",
    "12:30,13:45": "string",
    "2013-01-01,2013-02-01": "date",
    "C536379,85123A": "string",
}


@pytest.mark.parametrize("values", KINDS)
def test_a_text_stays_what_the_file_says(values, tmp_path):
    path, words = tmp_path / "t.csv", values.split(",")
    path.write_text("\n".join(["a,b", *(f"{word},1" for word in words)]))
    table = data.table(path)
    assert data.schema(table)["a"] == KINDS[values]
    found = [row["a"] for row in rows(table)]
    if KINDS[values] == "string":
        assert found == words
    else:
        assert [value is None for value in found] == [word == "NA" for word in words]
        assert len(set(found)) == len(words)


def test_names_among_numbers_are_text_and_slips_are_not(tmp_path):
    """Tickets of the Titanic are names; a few words in a column of numbers are slips."""
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["ticket", *map(str, range(1000, 1080)), *(f"A/5 {i}" for i in range(21))]))
    assert data.schema(data.table(path)) == {"ticket": "string"}
    path.write_text("\n".join(["ticket", *map(str, range(1000, 1080)), *(f"A/5 {i}" for i in range(20))]))
    with pytest.raises(DataError, match="mixes numbers with text"):
        data.table(path)
    path.write_text("\n".join(["price", *map(str, range(1000, 1080)), *(f'"1,{i}"' for i in range(100, 140))]))
    with pytest.raises(DataError, match="mixes numbers with text: '1,100'"):
        data.table(path)


BROKEN = {
    "ragged.csv": ("a,b\n1,2\n3\n4,5,6\n", "line 3: 1 fields where the header has 2"),
    "short.csv": ("a,b\n1,2\n3\n4,5\n", "line 3: 1 fields where the header has 2"),
    "long.csv": ("a,b\n1,2\n4,5,6\n", "line 3: 3 fields where the header has 2"),
    "empty.csv": ("", "is empty"),
    "twice.csv": ("a,A\n1,2\n", "appears twice"),
    "unnamed.csv": ("a,,b\n1,2,3\n", "column 2 has no name"),
    "quote.csv": ('a,b\n1,"x\n2,y\n', "quote"),
    "not.parquet": ("hello", "not a Parquet file"),
    "not.arrow": ("hello", "not an Arrow file"),
    "t.xlsx": ("hello", "cannot tell the format"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_files(name, tmp_path):
    content, said = BROKEN[name]
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError) as caught:
        data.table(tmp_path / name)
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_latin1(tmp_path):
    (tmp_path / "t.csv").write_bytes("name\ncafé\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        data.table(tmp_path / "t.csv")


def test_missing_file_proposes_the_nearest(arrow, tmp_path):
    parquet.write_table(arrow, tmp_path / "train.parquet")
    with pytest.raises(DataError, match=r"no file .*trian.parquet; did you mean 'train.parquet'\?"):
        data.table(tmp_path / "trian.parquet")
    with pytest.raises(DataError, match="no file matches"):
        data.table(str(tmp_path / "*.csv"))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match="holds no Parquet, CSV or Arrow file"):
        data.table(tmp_path / "nothing")


def test_files_of_different_layouts(arrow, tmp_path):
    parquet.write_table(arrow, tmp_path / "1.parquet")
    parquet.write_table(arrow.drop_columns(["x"]), tmp_path / "2.parquet")
    with pytest.raises(DataError, match="differ in the columns x"):
        data.table(tmp_path)


def test_frames_that_cannot_be_tables():
    with pytest.raises(DataError, match=r"column 'x' mixes types \(int, str\)"):
        data.table(pd.DataFrame({"x": [1, "a"]}))
    with pytest.raises(DataError, match="appears twice"):
        data.table(pd.DataFrame([[1, 2]], columns=["x", "x"]))
    with pytest.raises(DataError, match="has no columns"):
        data.table(pd.DataFrame())
    with pytest.raises(DataError, match=r"cannot read a table from builtins\.int"):
        data.table(3)
    with pytest.raises(DataError, match="unknown key 'pth'; did you mean 'path'"):
        data.table({"pth": "x.csv"})


def test_rows_and_columns_are_required(arrow):
    table = data.table(arrow)
    assert data.require_rows(table, "t") == 3
    with pytest.raises(DataError, match=r"test\.csv has no rows"):
        data.require_rows(data.table(arrow.slice(0, 0)), "test.csv")
    data.columns_present(table, ["id", "x"])
    with pytest.raises(DataError, match="train has no column 'nam'; did you mean 'name'"):
        data.columns_present(table, ["nam"], "train")


def test_threads_do_not_disturb_each_other(arrow):
    big = pa.table({"i": range(50_000)})
    wrong = []

    def work():
        for _ in range(10):
            table = data.table(big)
            if data.row_count(table.filter(table.i % 2 == 0)) != 25_000 or data.fingerprint(data.table(arrow)) == "":
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_tables_are_forgotten_when_nothing_reads_them(arrow):
    from assay.data.connection import session

    def count():
        return len(session().run("SELECT 1 FROM information_schema.tables WHERE table_name LIKE 'assay_%'"))

    before = count()  # what other tests of this process still hold
    kept = data.table(arrow).filter(ibis._.id > 1)
    for _ in range(20):
        data.table(arrow)
    data.table(arrow)
    assert count() < before + 10
    assert data.row_count(kept) == 2


def test_a_table_of_an_engine_without_nan_is_read_into_memory(tmp_path):
    import sqlite3

    import ibis

    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, paid REAL)")
        connection.executemany("INSERT INTO orders VALUES (?, ?)", [(1, 2.5), (2, None)])
    opened = data.table(ibis.sqlite.connect(tmp_path / "shop.db").table("orders"))
    assert opened.paid.isnan().sum().to_pyarrow().as_py() == 0
    assert rows(opened.order_by("id")) == [{"id": 1, "paid": 2.5}, {"id": 2, "paid": None}]
