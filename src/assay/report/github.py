"""What GitHub shows of a gate: a comment on the pull request, annotations, the summary of the job."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from assay.core.plain import plain
from assay.core.waiver import waiver_of
from assay.report.code_host import Api, keep_comment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.core.verdict import Verdict
    from assay.report.context import ReportContext

MOST_ANNOTATIONS = 10
"""Of each level: GitHub shows no more of one step."""
LONGEST_SUMMARY = 1_000_000
_TRUSTED = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})


def annotate(
    verdicts: Sequence[Verdict], context: ReportContext, file: str, lines: Mapping[str, int | None]
) -> list[str]:
    """Write workflow commands that mark the lines where checks are declared.

    What blocks or broke is an error; what is waived, and what failed without blocking, is a warning.

    Parameters
    ----------
    verdicts : sequence of Verdict
    context : ReportContext
    file : str
        Path of the project file from the root of the repository.
    lines : mapping of str to int or None
        Line of each check.

    Returns
    -------
    list of str
        At most ten errors and ten warnings, errors first.
    """
    found: dict[str, list[str]] = {"error": [], "warning": []}
    for verdict in verdicts:
        waiver = waiver_of(verdict, context.waivers)
        stops = verdict.status == "error" or (verdict.blocking and not verdict.passed and waiver is None)
        if not stops and waiver is None and not verdict.failed:
            continue
        level = "error" if stops else "warning"
        line = lines.get(verdict.check)
        place = f"file={_property(file)}," + (f"line={line}," if line else "")
        said = f"{verdict.reason or verdict.status}{f' ({waiver})' if waiver is not None else ''}"
        found[level].append(f"::{level} {place}title={_property(f'{verdict.name}: {verdict.status}')}::{_data(said)}")
    return [line for listed in found.values() for line in listed[:MOST_ANNOTATIONS]]


def _data(text: str) -> str:
    return plain(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def add_summary(body: str, environ: Mapping[str, str]) -> None:
    """Add the report to the summary of the job, where there is one.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    place = environ.get("GITHUB_STEP_SUMMARY")
    if place and len(body.encode()) <= LONGEST_SUMMARY:
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(f"{body}\n")


def comment(body: str, environ: Mapping[str, str]) -> str | None:
    """Make or edit the comment on the pull request that the job runs for.

    Reads ``GITHUB_TOKEN``, ``GITHUB_REPOSITORY``, ``GITHUB_API_URL``, and the number of the pull request from
    ``GITHUB_EVENT_PATH`` or ``GITHUB_REF``. A comment that somebody without rights in the repository wrote is not
    taken for the gate's, whatever marker it has.

    Returns
    -------
    str or None
        What was done; ``None`` without a token, a repository or a pull request.

    Raises
    ------
    HostError
        If GitHub refuses or cannot be reached.
    """
    token, repository = environ.get("GITHUB_TOKEN"), environ.get("GITHUB_REPOSITORY", "")
    number = _pull_request(environ)
    if not token or number is None or not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        return None
    headers = {
        "Accept": "application/vnd.github+json",
        "Authorization": f"Bearer {token}",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    api = Api(environ.get("GITHUB_API_URL") or "https://api.github.com", headers)
    done = keep_comment(
        api,
        body,
        path=f"/repos/{repository}/issues/{number}/comments",
        edit=lambda identity: ("PATCH", f"/repos/{repository}/issues/comments/{identity}"),
        mine=lambda said: (said.get("user") or {}).get("type") == "Bot" or said.get("author_association") in _TRUSTED,
    )
    return f"comment on pull request {number}: {done}"


def link(environ: Mapping[str, str]) -> str:
    """Address of the run, which lists its artifacts; empty outside of a run."""
    server, repository, run = (environ.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""


def _pull_request(environ: Mapping[str, str]) -> int | None:
    event = environ.get("GITHUB_EVENT_PATH")
    if event:
        try:
            told = json.loads(Path(event).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            told = {}
        issue = told.get("issue") or {}
        number = (told.get("pull_request") or (issue if "pull_request" in issue else {})).get("number")
        if isinstance(number, int):
            return number
    found = re.match(r"refs/pull/(\d+)/", environ.get("GITHUB_REF", ""))
    return int(found[1]) if found else None
