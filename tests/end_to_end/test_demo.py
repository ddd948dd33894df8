"""The main job: the short demo, from a wheel in a clean environment, and what its project says afterwards."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.xdist_group("demo")


def run(command: list[str | Path], cwd: Path, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert expect is None or done.returncode == expect, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="session")
def assay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script of a wheel that was installed into a clean environment."""
    place = tmp_path_factory.mktemp("clean")
    uv = shutil.which("uv")
    if uv:
        run([uv, "build", "--quiet", "--wheel", "--out-dir", place, ROOT], place)
        wheel = next(place.glob("*.whl"))
        run([uv, "venv", "--quiet", "--python", sys.executable, place / "venv"], place)
        python = place / "venv" / "bin" / "python"
        install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
    else:
        run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place, ROOT], place)
        wheel = next(place.glob("*.whl"))
        run([sys.executable, "-m", "venv", place / "venv"], place)
        install = [place / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet"]
    run([*install, f"{wheel}[demo]"], place)
    return place / "venv" / "bin" / "assay"


@pytest.fixture(scope="session")
def demo(assay: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder of the project that the short demo leaves, and what the demo printed."""
    place = tmp_path_factory.mktemp("demo")
    done = run([assay, "demo", "--fast"], place)
    return place / "assay-demo", done.stdout


def test_the_story_is_told(demo: tuple[Path, str]) -> None:
    folder, told = demo
    for line in (
        "$ python prepare.py --fast",
        "$ assay feasibility",
        "$ python train.py --balanced",
        "$ assay models promote flights",
        "$ assay serve flights@champion",
        "$ assay monitor",
        "$ assay slices --save found --slices 3",
        "$ assay adapt flights",
        "$ assay ledger verify",
    ):
        assert line in told, line
    assert "chain verified" in told
    closing = told[told.index("All verdicts") :]
    for code in ("VAL105 fit[distance]", "FEA101", "GAT101 better", "GAT102", "SRV101", "MON101 harm", "ADP101"):
        assert code in closing, code
    assert str(folder / "assay-report.html") in told
    assert (folder / "assay-report.html").stat().st_size > 100_000


@pytest.mark.parametrize("page", ["feasibility", "fit", "monitor", "adapt", "serve"])
def test_pages_that_go_on_from_the_demo_do(demo: tuple[Path, str], assay: Path, tmp_path: Path, page: str) -> None:
    """What their first line says; a server is started and asked elsewhere."""
    folder = tmp_path / "assay-demo"
    shutil.copytree(demo[0], folder)
    text = (ROOT / "docs" / "how-to" / f"{page}.md").read_text(encoding="utf-8")
    assert "the folder that `assay demo` leaves" in text
    asked = [
        line.partition("  #")[0]
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
    ]
    asked = [line for line in asked if not line.startswith(("assay serve", "curl"))]
    assert asked
    for line in asked:
        done = run([assay, *shlex.split(line)[1:]], folder, expect=None)
        assert done.returncode in (0, 1, 4), f"{line}: {done.stderr}"


def test_quiet_weeks_are_quiet_and_the_rise_is_found(demo: tuple[Path, str]) -> None:
    _, told = demo
    weeks = re.findall(r"week of (\d\d \w{3}) .*data (\w+)(?: +harm (\w+))?", told)
    assert len(weeks) == 20
    assert {data for _, data, _ in weeks} == {"pass"}
    looks = [(week, harm) for week, _, harm in weeks if harm]
    first = next(index for index, (_, harm) in enumerate(looks) if harm == "fail")
    assert looks[first][0].endswith("Jun")
    swapped = next(index for index, (_, harm) in enumerate(looks) if index > first and harm == "pass")
    assert all(harm == "pass" for _, harm in looks[:first] + looks[swapped:])


def verdicts(assay: Path, folder: Path) -> list[dict[str, Any]]:
    content = json.loads(run([assay, "report", "--json"], folder).stdout)
    found: list[dict[str, Any]] = content["verdicts"]
    return found


def test_the_end_of_the_story(assay: Path, demo: tuple[Path, str]) -> None:
    folder, _ = demo
    by_check = {verdict["check"]: verdict for verdict in verdicts(assay, folder)}
    assert by_check["flights-adapt"]["status"] == "pass"
    assert by_check["better"]["status"] == "pass"
    assert by_check["harm"]["status"] == "pass"
    assert by_check["better"]["evidence"]["unit"] == "date"
    assert by_check["flights-adapt"]["reason"].startswith("flights/3 replaces flights/1")
    listed = run([assay, "models", "list"], folder).stdout
    assert re.search(r"flights/3 .*champion", listed)
    assert not re.search(r"flights/2 .*champion", listed)
    assert "chain verified" in run([assay, "ledger", "verify"], folder).stdout


def test_a_slice_is_found_and_the_gate_speaks_of_it(assay: Path, demo: tuple[Path, str]) -> None:
    folder, told = demo
    assert "1. CONFIRMED hour from 8" in told
    assert 'found = "hour >= 8"' in (folder / "assay.toml").read_text()
    [judged] = [each for each in verdicts(assay, folder) if "found" in each["subject"]]
    assert (judged["check"], judged["status"]) == ("no-slice-worse", "pass")


def test_a_broken_batch_and_a_worse_candidate_were_refused(assay: Path, demo: tuple[Path, str]) -> None:
    folder, _ = demo
    broken = "live=data/broken/2013-05-20.parquet"
    failed = json.loads(run([assay, "check", "fit", "--json", "--with", broken], folder, expect=1).stdout)
    names = {(v["code"], v["subject"]) for v in failed["verdicts"] if v["status"] == "fail"}
    assert {("VAL102", "humid"), ("VAL105", "distance")} <= names
    promotions = run([assay, "ledger", "show", "--json", "--limit", "1000"], folder).stdout.splitlines()
    moved = [entry["detail"]["to"] for line in promotions if (entry := json.loads(line))["kind"] == "promotion"]
    assert moved == [1, 3]


def test_every_flight_was_answered_once(demo: tuple[Path, str]) -> None:
    folder, told = demo
    from assay.store.events import maturity

    count = maturity(folder / ".assay" / "log", "flights")
    sent = sum(int(number.replace(",", "")) for number in re.findall(r"week of \d\d \w{3} +([\d,]+) flights", told))
    assert count.predictions == sent
    assert count.repeated == 0
    assert count.unlabelled == 0


@pytest.fixture(scope="session")
def without_unit(assay: Path, demo: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same project before its first gate, but for the declared unit."""
    folder = tmp_path_factory.mktemp("without") / "flights"
    shutil.copytree(demo[0], folder, ignore=shutil.ignore_patterns(".assay", "live", "labels"))
    text = (folder / "assay.toml").read_text()
    undeclared = re.sub(r"^unit = .*\n", "", text, flags=re.M)
    assert undeclared != text
    (folder / "assay.toml").write_text(undeclared)
    run([assay.parent / "python", "train.py"], folder)
    return folder


def test_without_the_unit_the_gate_decides_nothing(assay: Path, without_unit: Path) -> None:
    done = run([assay, "gate", "--json"], without_unit, expect=4)
    found = [verdict for verdict in json.loads(done.stdout)["verdicts"] if verdict["status"] != "skipped"]
    assert found
    for verdict in found:
        assert verdict["status"] == "inconclusive", verdict["check"]
        assert any("unit =" in action["title"] for action in verdict["actions"])
    # One flight is far from one independent observation, and the verdict says how far.
    assert any("icc" in verdict["reason"] or "cluster" in verdict["reason"] for verdict in found)


def test_without_the_unit_nothing_is_certified(assay: Path, without_unit: Path) -> None:
    done = run([assay, "feasibility", "--json"], without_unit, expect=None)
    limit = next(v for v in json.loads(done.stdout)["verdicts"] if v["code"] == "FEA101")
    assert limit["status"] == "inconclusive"
    assert any("unit =" in action["title"] for action in limit["actions"])


def test_the_report_asks_nothing_of_the_network(demo: tuple[Path, str]) -> None:
    page = (demo[0] / "assay-report.html").read_text()
    assert not re.search(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']https?:", page)
