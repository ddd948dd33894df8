"""What ``assay gate --report`` hands to the place that runs it: files, a comment, annotations."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli import options
from assay.errors import AssayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from assay.checks.outcome import CheckRun
    from assay.checks.project import Project
    from assay.report.context import ReportContext

FOLDER = "assay-report"
REPORTS = ("github", "gitlab", "markdown", "junit")
HOSTS = ("github", "gitlab")
_MACHINE_FORMATS = ("json", "junit", "markdown", "html", "github")


def require_folder(project: Project) -> Path:
    """Make the folder of the reports before anything is asked, as answers cost.

    Raises
    ------
    UsageError
        If it cannot be made or written.
    """
    folder = project.root / FOLDER
    try:
        (folder / "intervals").mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"{folder}: cannot be made: {problem.strerror}; --report writes its files there") from problem
    if not os.access(folder, os.W_OK):
        raise UsageError(f"{folder}: is read-only; --report writes its files there")
    outputs = os.environ.get("GITHUB_OUTPUT")
    if outputs:
        # For the step that keeps it: the project file may be anywhere.
        with Path(outputs).open("a", encoding="utf-8") as file:
            file.write(f"report={folder}\n")
    return folder


def frame_of(project: Project, run: CheckRun, report: str | None) -> ReportContext:
    """Frame a run, with the budgets that it used up and, in a report, those of all test sets that it asked."""
    from assay.report.context import BudgetLine

    lines: list[BudgetLine] = []
    if any(verdict.stage == "gate" for verdict in run.results):
        from assay.guide.status import budgets

        lines = [
            BudgetLine(each.name, each.spent, each.limit, each.unit, each.here)
            for each in budgets(project, {verdict.id for verdict in run.results})
            if (report and each.here)
            or (each.here and each.spent >= each.limit)
            or (report and run.unpaid and each.spent >= each.limit)
        ]
    # How long it took could say something about labels that are withheld.
    seconds = None if project.file.budget.disclose in ("verdict", "three-valued") else run.seconds
    # The store of a job on a code host is gone when somebody reads of its verdicts.
    return options.context(
        project,
        run.results,
        seconds=seconds,
        exit_code=int(run.exit_code),
        budget=tuple(lines),
        recorded=report not in HOSTS,
    )


def publish(
    host: str, project: Project, run: CheckRun, frame: ReportContext, format_: str, comment: Path | None = None
) -> None:
    """Write the files of a report, the comment to one more file if asked, and post it where the host can be reached.

    What goes wrong on the way is said on stderr; the verdicts stand, and so does the exit code.
    """
    from assay.report import github, gitlab
    from assay.report.markdown import to_markdown

    environ = os.environ
    root = Path(environ.get("GITHUB_WORKSPACE" if host == "github" else "CI_PROJECT_DIR") or Path.cwd())
    file, lines = _relative(project.path, root), _lines(project)
    folder = project.root / FOLDER
    link = github.link(environ) if host == "github" else gitlab.link(environ, _relative(folder, root))
    body = to_markdown(run.results, frame, link)
    try:
        for picture in (folder / "intervals").glob("*.svg"):
            # What an earlier run drew, this one may have to withhold.
            picture.unlink()
        if host == "gitlab":
            from assay.report.junit import to_junit

            _put(folder / "junit.xml", to_junit(run.results, frame))
            _put(folder / "code-quality.json", gitlab.code_quality(run.results, frame, file, lines))
            _put(folder / "metrics.txt", gitlab.metrics(run.results, frame).encode())
        else:
            github.add_summary(body, environ)
            for line in github.annotate(run.results, frame, file, lines):
                # Among the lines of a log; where stdout is for a machine, beside it.
                click.echo(line, err=format_ in _MACHINE_FORMATS)
        _put(folder / "comment.md", body.encode())
        if comment is not None:
            options.write(comment, body)
        _pages(folder, run, frame)
    except OSError as problem:
        click.echo(f"report: {problem.filename}: cannot be written: {problem.strerror}", err=True)
    _post(host, folder, body)


def publish_refusal(host: str, project: Project, problem: Exception) -> None:
    """Say that nothing was judged: what is said of an earlier commit would be taken for an answer about this one."""
    from assay.report.markdown import refusal

    told = str(problem) if isinstance(problem, AssayError) else f"internal error: {type(problem).__name__}"
    body = refusal(project.name, told)
    folder = project.root / FOLDER
    try:
        _put(folder / "comment.md", body.encode())
    except OSError as fault:
        click.echo(f"report: {fault.filename}: cannot be written: {fault.strerror}", err=True)
    _post(host, folder, body)


def _post(host: str, folder: Path, body: str) -> None:
    from assay.report import github, gitlab
    from assay.report.code_host import HostError

    environ = os.environ
    try:
        done = (github.comment if host == "github" else gitlab.note)(body, environ)
    except HostError as problem:
        click.echo(f"report: not posted: {problem}{_way_out(host, str(problem))}", err=True)
    else:
        click.echo(f"report: {done or f'in {folder}: no token, or no request to merge, to post it to'}", err=True)


def _pages(folder: Path, run: CheckRun, frame: ReportContext) -> None:
    from assay.report.charts import interval_chart, to_svg
    from assay.report.html import to_html
    from assay.report.words import groups

    _put(folder / "report.html", to_html(run.results, frame).encode())
    for group in groups(run.results):
        spec = interval_chart(group.verdicts)
        if spec is not None:
            name = "".join(char if char.isalnum() or char in "-_" else "_" for char in group.check)
            _put(folder / "intervals" / f"{name}.svg", to_svg(spec).encode())


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _relative(path: Path, root: Path) -> str:
    path, root = path.resolve(), root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _lines(project: Project) -> Mapping[str, int | None]:
    """Line of the project file that declares each check."""
    from assay.core.project import line_of

    return {check.name: line_of(project.path, ("checks", place)) for place, check in enumerate(project.file.checks)}


def _way_out(host: str, problem: str) -> str:
    if " 403 " not in problem and " 401 " not in problem:
        return ""
    if host == "github":
        return "; give the job `permissions: pull-requests: write` (a pull request from a fork has no such right)"
    return "; GITLAB_TOKEN needs the scope `api` and the role Reporter"
