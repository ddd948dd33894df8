"""What the README and the tutorial show is what happens."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from documents import ROOT, agrees, blocks, commands, follow, plain
from generated import FOLLOWED

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)
def test_commands_print_what_the_page_shows(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cancer"
    folder.mkdir()
    answers = follow(page, folder)
    assert len(answers) > 5
    for answer in answers:
        if answer.command.shown is None:
            assert answer.code == 0, f"{answer.command.line}: {answer.printed}"
        else:
            told = f"$ {answer.command.line}\n{answer.printed}"
            assert agrees(answer.command.shown, answer.printed), told


def test_every_how_to_runs_in_an_empty_folder_or_says_what_comes_first() -> None:
    alone = {"plan.md", "interop.md", "fuzz.md", "slices.md", "importance.md", "labels.md"}  # Tests below run these.
    for page in sorted((ROOT / "docs" / "how-to").glob("*.md")):
        if page in FOLLOWED or page.name in alone:
            continue
        first = page.read_text(encoding="utf-8").split("\n\n")[1]
        assert re.fullmatch(r"\*.*\*", first, re.DOTALL), page.name
        assert "`assay demo`" in first or re.search(r"\]\((gate|custody)\.md\)", first), page.name


def test_python_of_the_readme_gives_what_it_shows() -> None:
    found = [block.text for block in blocks(ROOT / "README.md") if block.language == "python" and ">>>" in block.text]
    assert found
    for text in found:
        test = doctest.DocTestParser().get_doctest(text, {}, "README.md", "README.md", 0)
        assert test.examples
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_only_what_other_tests_run_is_left_out() -> None:
    skipped = [
        command.line for page in FOLLOWED for block in blocks(page) if block.skipped for command in commands(block)
    ]
    assert all(line.startswith(("make ", "python -m venv", "pip install ", "assay models score ")) for line in skipped)


@pytest.mark.parametrize(
    ("shown", "printed", "agreed"),
    [
        ("1 passed | 2.0 s | exit 0\n", "1 passed | 17 s | exit 0\n", True),
        ("1 passed | 2.0 s | exit 0\n", "1 passed | 17 s | exit 1\n", False),
        ("[0123456789ab] at /home/you/x.html\n", "[ba9876543210] at /var/y/x.html\n", True),
        ("first\n...\nlast\n", "first\nsecond\nthird\nlast\n", True),
        ("first\n...\nlast\n", "first\nlast\n", True),
        ("first\n...\nlast\n", "first\nsecond\n", False),
        ("first\n...\n", "first\nsecond\n", True),
        ("first\n", "first\nsecond\n", False),
    ],
)
def test_outputs_are_compared(shown: str, printed: str, agreed: bool) -> None:
    assert agrees(shown, printed) is agreed
    assert plain(plain(shown)) == plain(shown)


def test_the_plan_of_the_how_to_is_what_is_printed(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "plan.md"
    asked = next(block for block in blocks(page) if block.language == "sh")
    shown = next(block for block in blocks(page) if block.language == "text")
    done = subprocess.run(
        [sys.executable, "-m", "assay", *shlex.split(asked.text)[1:]],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == shown.text


def test_the_import_of_the_how_to_is_what_is_printed(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "interop.md"
    source, asked, shown = (
        next(block.text for block in blocks(page) if block.language == language) for language in ("json", "sh", "text")
    )
    (tmp_path / "orders.json").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "assay", *shlex.split(asked)[1:]],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
    )  # fmt: skip
    assert sorted(done.stdout.splitlines()) == sorted(shown.splitlines())
    for format_ in ("frictionless", "tfdv", "json-schema"):
        subprocess.run(
            [sys.executable, "-m", "assay", "schema", "export", "--format", format_],
            check=True, capture_output=True, cwd=tmp_path,
        )  # fmt: skip


def test_the_data_unit_tests_of_the_how_to_run(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "fuzz.md"
    asked = [answer for answer in follow(page, tmp_path) if answer.command.line.startswith("assay")]
    assert [answer.code for answer in asked] == [1, 0]
    for answer in asked:
        assert answer.command.shown is None or agrees(answer.command.shown, answer.printed), answer.printed
    assert list(tmp_path.glob("tests/assay-fuzz/*/finite-*.json"))


def test_the_slices_of_the_how_to_are_found(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "slices.md"
    made, *asked = [
        answer for answer in follow(page, tmp_path) if answer.command.line.startswith(("python", "assay slices"))
    ]
    assert [answer.code for answer in (made, *asked)] == [0] * (1 + len(asked))
    assert len(asked) == 4
    assert asked[0].command.shown
    assert agrees(asked[0].command.shown, asked[0].printed), asked[0].printed
    assert (tmp_path / "slices.svg").is_file()


def test_the_labels_of_the_how_to_are_audited(tmp_path: Path) -> None:
    answers = follow(ROOT / "docs" / "how-to" / "labels.md", tmp_path)
    assert [answer.code for answer in answers] == [0] * 5
    for answer in answers:
        assert agrees(answer.command.shown or "", answer.printed), answer.printed


def test_the_values_of_the_how_to_are_found(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "importance.md"
    answers = follow(page, tmp_path)
    assert [answer.code for answer in answers] == [0] * 5
    for answer in answers:
        assert agrees(answer.command.shown or "", answer.printed), answer.printed
    assert (tmp_path / "suppliers.svg").is_file()
    assert len((tmp_path / "values.csv").read_text().splitlines()) == 2001
