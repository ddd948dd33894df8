"""What GitLab shows of a gate: a note on the merge request, Code Quality findings, metrics."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from assay.core.fingerprint import digest
from assay.core.plain import plain
from assay.core.waiver import waiver_of
from assay.report.code_host import Api, keep_comment
from assay.report.words import quiet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from assay.core.verdict import Verdict
    from assay.report.context import ReportContext


def code_quality(
    verdicts: Sequence[Verdict], context: ReportContext, file: str, lines: Mapping[str, int | None]
) -> bytes:
    """Write what did not pass as a Code Quality report, each at the line that declares its check.

    What stops a merge is a ``blocker``, a failure that does not is ``major``, what is waived ``minor``, the rest
    ``info``. The fingerprint depends on project, check and subject alone, so that GitLab sees what was mended.

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
    bytes
        JSON.
    """
    found = []
    for verdict in verdicts:
        if quiet(verdict):
            continue
        waiver = waiver_of(verdict, context.waivers)
        waived = f" ({waiver})" if waiver is not None else ""
        found.append(
            {
                "description": plain(f"{verdict.name}: {verdict.status}: {verdict.reason}{waived}"),
                "check_name": verdict.code,
                "fingerprint": digest([context.project, verdict.check, verdict.code, verdict.subject])[:32],
                "severity": _severity(verdict, waived=waiver is not None),
                "location": {"path": file, "lines": {"begin": lines.get(verdict.check) or 1}},
            }
        )
    return json.dumps(found, indent=1, ensure_ascii=False).encode() + b"\n"


def _severity(verdict: Verdict, *, waived: bool) -> str:
    if waived:
        return "minor"
    if verdict.blocking or verdict.status == "error":
        return "blocker"
    return "major" if verdict.failed else "info"


def metrics(verdicts: Sequence[Verdict], context: ReportContext) -> str:
    """Write statuses, numbers and budgets as OpenMetrics text; a number that is withheld is not in it."""
    families: dict[str, list[tuple[dict[str, str], float]]] = {}
    for verdict in verdicts:
        labels = {"check": verdict.check} | ({"subject": verdict.subject} if verdict.subject else {})
        labels |= {"code": verdict.code}
        families.setdefault("assay_passed", []).append((labels, float(verdict.passed)))
        for name in ("estimate", "lower", "upper", "limit"):
            value = getattr(verdict.evidence, name)
            if value is not None:
                families.setdefault(f"assay_{name}", []).append((labels, value))
    for line in context.budget:
        families.setdefault("assay_budget_left", []).append(({"budget": line.name}, line.limit - line.spent))
    out = []
    for name, samples in families.items():
        out.append(f"# TYPE {name} gauge")
        for labels, value in samples:
            told = ",".join(f'{key}="{_label(text)}"' for key, text in labels.items())
            out.append(f"{name}{{{told}}} {value:.6g}")
    return "\n".join([*out, "# EOF", ""])


def _label(text: str) -> str:
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')


def note(body: str, environ: Mapping[str, str]) -> str | None:
    """Make or edit the note on the merge request that the job runs for.

    Reads ``GITLAB_TOKEN`` (a project access token with the scope ``api``: the job's own token may not write notes),
    ``CI_API_V4_URL``, ``CI_PROJECT_ID`` and ``CI_MERGE_REQUEST_IID``. Only a note of the token's own user is edited.

    Returns
    -------
    str or None
        What was done; ``None`` without a token or a merge request.

    Raises
    ------
    HostError
        If GitLab refuses or cannot be reached.
    """
    names = ("GITLAB_TOKEN", "CI_API_V4_URL", "CI_PROJECT_ID", "CI_MERGE_REQUEST_IID")
    token, url, project, number = (environ.get(name, "") for name in names)
    if not (token and url and project and re.fullmatch(r"\d+", number)):
        return None
    api = Api(url, {"PRIVATE-TOKEN": token})
    path = f"/projects/{quote(project, safe='')}/merge_requests/{number}/notes"
    own: list[object] = []

    def mine(said: dict[str, object]) -> bool:
        if not own:
            own.append(api.call("GET", "/user").get("id"))
        author = said.get("author")
        return isinstance(author, dict) and author.get("id") == own[0]

    done = keep_comment(api, body, path=path, edit=lambda identity: ("PUT", f"{path}/{identity}"), mine=mine)
    return f"note on merge request {number}: {done}"


def link(environ: Mapping[str, str], folder: str) -> str:
    """Address where the files of the job can be looked at; empty outside of a job."""
    job = environ.get("CI_JOB_URL")
    return f"{job}/artifacts/browse/{quote(folder)}/" if job else ""
