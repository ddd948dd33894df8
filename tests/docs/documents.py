"""Reading documents: their fenced blocks, and whether what a block shows is what a command prints.

In a console block a line that begins with ``$ `` is a command, and what follows is its output; a line ``...`` stands for
any lines. A block with a ``title`` is a file. ``<!-- not run: reason -->`` above a block says that another test runs it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(
    r"^(?P<skip><!-- not run: .+ -->\n)?```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
# What differs from run to run.
_VARIES = (
    (re.compile(r"\b[0-9a-f]{12}\b"), "IDENTITY"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"\b\d+(\.\d+)? (ms|s)\b"), "DURATION"),
    (re.compile(r"(/[\w.+-]+)+/(?=[\w.-]+)"), "FOLDER/"),
    (re.compile(r"^assay \d+\.\d+\.\S+", re.MULTILINE), "assay VERSION"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    language: str
    title: str
    text: str
    skipped: bool


@dataclass(frozen=True)
class Command:
    """A command line and the output that the document shows, ``None`` when it shows none."""

    line: str
    shown: str | None


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    command: Command
    printed: str
    code: int


def blocks(document: Path) -> Iterator[Block]:
    for match in _BLOCK.finditer(document.read_text(encoding="utf-8")):
        yield Block(match["language"], match["title"] or "", match["text"], bool(match["skip"]))


def commands(block: Block) -> list[Command]:
    if block.language == "sh":
        return [Command(line.partition("  #")[0].rstrip(), None) for line in block.text.splitlines() if line.strip()]
    found: list[Command] = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(Command(line[2:], ""))
        else:
            last = found.pop()
            found.append(Command(last.line, f"{last.shown}{line}\n"))
    return found


def shell_lines(document: Path) -> list[str]:
    """Every command that a document shows."""
    return [command.line for b in blocks(document) if b.language in ("sh", "console") for command in commands(b)]


def follow(document: Path, folder: Path) -> list[Answer]:
    """Do what a document says, in order, in a folder; return what each command printed."""
    tools = folder / ".tools"
    tools.mkdir()
    for name, arguments in (("python", ""), ("assay", " -m assay")):
        script = tools / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}"{arguments} "$@"\n')
        script.chmod(0o755)
    lines = [
        f'export PATH="{tools}:$PATH" PYTHONPATH="{ROOT / "src"}" COLUMNS=80 OMP_NUM_THREADS=1',
        "unset CI GITHUB_ACTIONS ASSAY_STORE ASSAY_LEDGER PYTHONDONTWRITEBYTECODE",
    ]
    # What a page keeps outside of its folder.
    home = tools / "home"
    home.mkdir()
    lines += [f'export HOME="{home}"', f'cd "{folder}"']
    asked: list[Command] = []
    for block in blocks(document):
        if block.skipped:
            continue
        if block.title:
            lines += [f"cat > '{block.title}' <<'END_OF_FILE'", block.text + "END_OF_FILE"]
        elif block.language in ("sh", "console"):
            for command in commands(block):
                # No subshell: a folder that was entered, and the exit code, are there for the next command.
                file = tools / str(len(asked))
                lines += [
                    f"{{ {command.line}\n}} > '{file}.out' 2>&1",
                    f"code=$?; echo $code > '{file}.code'; (exit $code)",
                ]
                asked.append(command)
    subprocess.run(["bash", "-c", "\n".join(lines)], check=False, timeout=300, stdin=subprocess.DEVNULL)
    return [
        Answer(command, (tools / f"{number}.out").read_text(), int((tools / f"{number}.code").read_text()))
        for number, command in enumerate(asked)
    ]


def plain(text: str) -> str:
    """Text without what differs from run to run."""
    for pattern, word in _VARIES:
        text = pattern.sub(word, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def agrees(shown: str, printed: str) -> bool:
    """Whether a shortened output is what was printed."""
    parts = re.split(r"^\.\.\.$\n?", plain(shown), flags=re.MULTILINE)
    pattern = "(?:.*\n)*?".join(re.escape(part) for part in parts)
    if plain(shown).endswith("..."):
        pattern += "(?:.*\n?)*"
    return re.fullmatch(pattern, plain(printed)) is not None
