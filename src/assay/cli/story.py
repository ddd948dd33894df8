"""What ``assay demo`` tells: one model from raw table to retrained, each step with its verdict."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import textwrap
import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from assay.checks.project import load
from assay.cli import options
from assay.cli.main import cli
from assay.errors import AssayError
from assay.guide.status import status
from assay.report.context import Answer, BudgetLine, StoryStep
from assay.store import records
from assay.tracking.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from assay.core.verdict import Verdict

FIRST_WEEK = date(2013, 4, 1)
LAST_WEEK = date(2013, 12, 23)
LAST_WEEK_FAST = date(2013, 8, 12)
BROKEN_WEEK = date(2013, 5, 20)
START_TIMEOUT_SECONDS = 120.0
MOST_COLUMNS = 100


class Story:
    """Runs the demo in a folder that holds a copy of the example.

    Parameters
    ----------
    folder : Path
        Absolute.
    fast : bool
        A quarter of the flights, up to the autumn.
    """

    def __init__(self, folder: Path, *, fast: bool) -> None:
        self.folder = folder
        self.fast = fast
        self.console = Console(highlight=False, soft_wrap=True)
        self.steps: list[StoryStep] = []
        self.bar = self._progress()
        self.started = time.perf_counter()
        self.seen: set[str] = set()
        self.told: dict[str, Verdict] = {}
        # Whether what follows needs no blank line before it.
        self.fresh = True

    def tell(self) -> None:
        """Run every step, then show where things stand."""
        self.console.print(f"[bold]assay demo[/] in {self.folder}")
        with contextlib.chdir(self.folder):
            self.beginning()
            with self.serving() as url:
                self.year(url)
            self.end()

    def beginning(self) -> None:
        """From raw table to the first champion, and a candidate that is refused."""
        self.chapter(
            "The data",
            "336,776 flights of 2013. Which will arrive 15 minutes late, or not at all? Only what is known before "
            "departure may be used; each column is named or it does not get in. Winter is split by day: odd days train, "
            "even days test.",
        )
        self.program("prepare.py", *(["--fast"] if self.fast else []))
        self.chapter("Is my data fit?", "The test table against the training table and the reviewed schema.")
        self.verb("check", "fit", "--with", "live=data/test.parquet")
        self.chapter("Is it worth starting?", "What can be certified about the best possible error, from 45 days?")
        self.verb("feasibility")
        self.chapter("A first model", "A logistic regression, trained by the project's own train.py.")
        self.program("train.py")
        self.chapter(
            "May I ship it?",
            "Flights of one day share their weather, so the claims are tested on days, not on flights: 45 of them.",
        )
        self.verb("models", "promote", "flights")
        self.chapter(
            "A worse candidate",
            "Somebody counts late flights as often as the others, to catch more of them. The gate compares.",
        )
        self.program("train.py", "--balanced")
        self.verb("models", "promote", "flights")

    @contextlib.contextmanager
    def serving(self) -> Iterator[str]:
        """Serve the champion in a process of its own while the year passes."""
        self.chapter("Serving", "The champion answers over HTTP. The server will follow the alias when it moves.")
        command = ["assay", "serve", "flights@champion", "--port", "0"]
        self._note(f"{' '.join(command)} &")
        log = (self.folder / "serve.log").open("w")
        server = subprocess.Popen([sys.executable, "-m", *command], stderr=log, stdout=log)
        try:
            url = self._wait_for(server)
            self.say(f"ready at {url}")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=START_TIMEOUT_SECONDS)
            log.close()

    def year(self, url: str) -> None:
        """Stream week after week; labels come one day late; act on what the monitor says."""
        self.chapter(
            "The year passes",
            "Flights are forecast over HTTP as they come. At the end of each week its table is checked, its labels "
            "arrive, and the monitor looks: at the Brier loss, at the evidence of harm and at how much of it alarms.",
        )
        for line in (
            f"python send.py data/live/WEEK.parquet --url {url}",
            "assay check fit --with live=data/live/WEEK.parquet",
            "assay labels import data/labels/WEEK.parquet --time known_on",
            "assay monitor",
        ):
            self._note(line)
            self.fresh = True
        self.console.print("")
        last = LAST_WEEK_FAST if self.fast else LAST_WEEK
        weeks = [FIRST_WEEK + timedelta(weeks=k) for k in range((last - FIRST_WEEK).days // 7 + 1)]
        adapting, adapted, passing = False, False, len(self.steps)
        with self.bar as bar:
            task = bar.add_task("weeks", total=len(weeks))
            for week in weeks:
                if week == BROKEN_WEEK:
                    self.broken_week(week)
                # The short story looks every second week: what is seen is the same, a little later.
                look = not self.fast or weeks.index(week) % 2 == 0
                if len(self.steps) > passing:
                    # What the weeks to come give belongs to them, not to the step that came between.
                    self.chapter("The year goes on", "")
                    passing = len(self.steps)
                harm = self.week(week, url, look=look)
                if harm is not None and harm.failed and not adapting and not adapted:
                    self.alarm(harm)
                    self.slices()
                    adapting = True
                    self.adapt()
                elif adapting and look:
                    adapted = self.adapt(quiet=True)
                    adapting = not adapted
                    if adapted:
                        self.swapped(url)
                bar.advance(task)
                # A command that printed by itself has stopped the bar.
                bar.start()

    def week(self, week: date, url: str, *, look: bool) -> Verdict | None:
        """One week; one line. Returns the monitor's verdict, if it looked."""
        name = f"{week.isoformat()}.parquet"
        sent = self._send(f"data/live/{name}", url)
        _, fit = self.quietly("check", "fit", "--with", f"live=data/live/{name}")
        self._logged(url)
        self.quietly("labels", "import", f"data/labels/{name}", "--time", "known_on")
        _, harm = self.quietly("monitor") if look else (0, [])
        self._week_line(week, sent, _data_words(fit), harm[0] if harm else None)
        return harm[0] if harm else None

    def _week_line(self, week: date, sent: int, data: str, harm: Verdict | None) -> None:
        words = [f"week of {week:%d %b}", f"{sent:>5,} flights", f"data {data}"]
        if harm is not None:
            words += [f"harm {harm.status}", f"Brier {_week_mean(harm)}"]
            level, threshold = (harm.evidence.statistic.get(name) for name in ("log_statistic", "log_threshold"))
            if level is not None and threshold is not None and not harm.failed:
                words.append(f"evidence {float(level):4.1f} of {float(threshold):.1f}")
        self.console.print(f"   {'  '.join(words)}", markup=False)

    def broken_week(self, week: date) -> None:
        """A batch that was damaged in transit is caught, held back and sent again."""
        self.chapter(
            "A broken batch",
            "This week's table arrives damaged: distances in kilometers, and a sensor silent for three days.",
        )
        self.verb("check", "fit", "--with", f"live=data/broken/{week.isoformat()}.parquet")
        self.console.print("")
        self.say("The batch is held back, the sender repairs it, and the week goes on.\n")

    def alarm(self, verdict: Verdict) -> None:
        """Show the monitor's alarm in full."""
        self.chapter("Alarm", "The monitor has seen enough: it says since when, and where.")
        self.verb("monitor")
        self._own([verdict])
        self.steps[-1] = msgspec.structs.replace(
            self.steps[-1], text=f"{verdict.reason[:1].upper()}{verdict.reason[1:]}."
        )

    def slices(self) -> None:
        """Find where the champion fails, and declare the first slice: the gate of the retrained model speaks of it."""
        self.chapter(
            "Where does it fail?",
            "Twelve weeks of labels that no gate decides on are searched for the worst slices. What is found becomes a "
            "declared slice, and the retrained model has to be no worse in it.",
        )
        self.verb("slices", "--save", "found", "--slices", "3")
        self.console.print("")

    def adapt(self, *, quiet: bool = False) -> bool:
        """Retrain, or judge what was retrained; says whether the champion was replaced."""
        if not quiet:
            self.chapter("Retrain", "A candidate is trained on all that came so far; what comes next will judge it.")
            self.verb("adapt", "flights")
            self.console.print("")
            return False
        _, verdicts = self.quietly("adapt", "flights")
        summary = next(verdict for verdict in verdicts if verdict.stage == "adapt")
        if len(verdicts) == 1:
            self.say(summary.reason)
            return False
        title = "The candidate takes over" if summary.passed else "The candidate is judged"
        self.chapter(title, f"{summary.reason.partition(': ')[0]}.")
        self._note("assay adapt flights")
        self._own(verdicts)
        self._show(verdicts)
        self.console.print("")
        return summary.passed

    def swapped(self, url: str) -> None:
        """Ask the server which version answers now."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        version = ""
        champion = Registry(load(self.folder).store).get("flights@champion").version
        while time.monotonic() < deadline and version != str(champion):
            with urlopen(f"{url}/v2/models/flights") as answer:
                version = json.load(answer)["versions"][-1]
            time.sleep(0.1)
        self.say(f"The server answers with flights/{version}; no request was lost.\n")

    def end(self) -> None:
        """Where every question stands, the ledger, all verdicts, the report."""
        self.chapter("Where things stand", "")
        self.verb("status")
        self.verb("ledger", "verify")
        project = load(self.folder)
        found = status(project)
        self.console.print("\n[bold]All verdicts, the newest of each check[/]")
        self._show(list(found.verdicts))
        page = self.folder / "assay-report.html"
        frame = options.context(
            project,
            found.verdicts,
            title="flights: the life of one model",
            answers=tuple(Answer(a.question, a.answer, a.verdict) for a in found.answers),
            budget=tuple(BudgetLine(b.name, b.spent, b.limit, b.unit) for b in found.budgets),
            next_actions=found.actions,
            story=tuple(self.steps),
            ledger=found.ledger,
            exit_code=0,
        )
        from assay.report.html import to_html

        page.write_text(to_html(list(found.verdicts), frame, tuple(self.told.values())), encoding="utf-8")
        self.console.print(f"\nreport   {page}", markup=False)
        self.console.print(f"project  {self.folder}", markup=False)
        self.console.print("         cd there: every command above can be repeated by hand")
        self.console.print(f"took     {time.perf_counter() - self.started:.0f} s")

    def chapter(self, title: str, text: str) -> None:
        """Announce a step."""
        number = len(self.steps) + 1
        self.steps.append(StoryStep(title, text=text))
        self.console.print(f"\n[bold]{number}. {title}[/]")
        if text:
            self.say(text)
        self.fresh = True

    def say(self, text: str) -> None:
        """Write a sentence or two, indented and wrapped."""
        width = min(self.console.width, MOST_COLUMNS)
        told = textwrap.fill(text, width, initial_indent="   ", subsequent_indent="   ")
        self.console.print(told + "\n" * text.endswith("\n"), markup=False)

    def program(self, script: str, *arguments: str) -> None:
        """Show and run a script of the project."""
        words = ["python", script, *arguments]
        self._note(" ".join(words))
        done = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssayError(f"{' '.join(words)} failed: {done.stderr.strip().splitlines()[-1:]}")
        self.console.print(textwrap.indent(done.stdout.rstrip(), "   "), markup=False)

    def verb(self, *arguments: str) -> int:
        """Show and run an assay command; what it prints is shown."""
        self.bar.stop()
        self._note(f"assay {' '.join(arguments)}")
        code = self._invoke(arguments)
        self._collect()
        return code

    def quietly(self, *arguments: str) -> tuple[int, list[Verdict]]:
        """Run an assay command without showing what it prints; return its exit code and new verdicts."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = self._invoke(arguments)
        return code, self._collect()

    def _invoke(self, arguments: tuple[str, ...]) -> int:
        return int(cli.main(list(arguments), prog_name="assay", standalone_mode=False) or 0)

    def _collect(self) -> list[Verdict]:
        """Verdicts that were stored since the last call; the newest step of the story owns them."""
        fresh = [entry.verdict for entry in records.since(load(self.folder).store, self.seen)]
        self.seen.update(verdict.id for verdict in fresh)
        self._own(fresh)
        return fresh

    def _own(self, verdicts: list[Verdict]) -> None:
        """Give verdicts to the newest step of the story, and take them from the one that had them."""
        ids = {verdict.id: verdict for verdict in verdicts}
        self.told |= ids
        self.steps = [
            msgspec.structs.replace(step, verdict_ids=tuple(each for each in step.verdict_ids if each not in ids))
            for step in self.steps
        ]
        step = self.steps[-1]
        self.steps[-1] = msgspec.structs.replace(step, verdict_ids=(*step.verdict_ids, *ids))

    def _note(self, command: str) -> None:
        """Show a command and keep it in the story."""
        if not self.fresh:
            self.console.print("")
        self.fresh = False
        self.console.print(f"[cyan]$ {command}[/]")
        step = self.steps[-1]
        joined = f"{step.command}\n{command}" if step.command else command
        self.steps[-1] = msgspec.structs.replace(step, command=joined)

    def _show(self, verdicts: list[Verdict]) -> None:
        self.bar.stop()
        project = load(self.folder)
        options.emit(verdicts, options.context(project, verdicts), "concise", None)

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal or bool(os.environ.get("CI")),
        )

    def _send(self, path: str, url: str) -> int:
        sys.path.insert(0, str(self.folder))
        try:
            import send  # type: ignore[import-not-found]
        finally:
            sys.path.remove(str(self.folder))
        count: int = send.send(path, url)
        return count

    def _logged(self, url: str) -> None:
        """Wait for the log: it is written behind the server's back, so that it never holds up a prediction."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            with urlopen(f"{url}/v2/health/ready") as answer:
                if not json.load(answer)["log"]["queued"]:
                    return
            time.sleep(0.02)

    def _wait_for(self, server: subprocess.Popen[Any]) -> str:
        """Read the address from the server's log."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            text = (self.folder / "serve.log").read_text()
            found = re.search(r"http://[\d.]+:\d+", text)
            if found:
                return found.group()
            if server.poll() is not None:
                raise AssayError(f"the server stopped: {text.strip().splitlines()[-1:]}")
            time.sleep(0.05)
        raise AssayError(
            f"the server still starts after {START_TIMEOUT_SECONDS:.0f} s: the machine is busy, so try again when it is not"
        )


def _data_words(fit: list[Verdict]) -> str:
    """What the week's data check said, the worst first; an open verdict is no pass."""
    failed = [verdict.name for verdict in fit if verdict.failed]
    if failed:
        return f"FAIL {', '.join(failed)}"
    undecided = sum(not verdict.passed for verdict in fit)
    return f"pass, {undecided} open" if undecided else "pass"


def _week_mean(verdict: Verdict) -> str:
    losses = [float(value) for value in verdict.evidence.series.get("loss", [])[-7:] if value is not None]
    return f"{sum(losses) / len(losses):.3f}" if losses else ""
