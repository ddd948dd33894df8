"""Ask the served model about a table of flights, a day at a time, over the Open Inference Protocol.

The server says which columns it takes; each flight's id goes along, so that its label can find the prediction later.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "flights"


def main() -> None:
    """Send one table."""
    parser = argparse.ArgumentParser(description="Forecast a table of flights with the served model.")
    parser.add_argument("table", help="a Parquet file such as data/live/2013-04-01.parquet")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="where assay serve listens")
    options = parser.parse_args()
    print(f"{send(options.table, options.url):,} flights forecast")


def send(path: str | Path, url: str) -> int:
    """Send a table's flights, one request for each day; return how many were answered."""
    flights = pd.read_parquet(path)
    with urlopen(f"{url}/v2/models/{MODEL}") as answer:
        wanted = {tensor["name"]: tensor["datatype"] for tensor in json.load(answer)["inputs"]}
    return sum(infer(day, wanted, url) for _, day in flights.groupby("date"))


def infer(day: pd.DataFrame, wanted: dict[str, str], url: str) -> int:
    """Send one request and count its answers."""
    inputs = [
        {"name": name, "datatype": datatype, "shape": [len(day)], "data": values(day[name])}
        for name, datatype in wanted.items()
    ]
    body = {"inputs": inputs, "parameters": {"ids": day["flight_id"].tolist()}}
    request = Request(f"{url}/v2/models/{MODEL}/infer", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        return int(json.load(answer)["outputs"][0]["shape"][0])


def values(column: pd.Series) -> list[Any]:
    """Give a column as JSON values; a missing number is null."""
    return column.astype(object).where(column.notna(), None).tolist()


if __name__ == "__main__":
    main()
