"""Mail and webhooks to the owner of the test sets."""

from __future__ import annotations

import logging
import os
import smtplib
import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import msgspec

from assay import __version__
from assay.checks.run import owner_addresses
from assay.core.verdict import Verdict
from assay.errors import AssayError, DataError, UsageError
from assay.gate import custody
from assay.store import notices, records

if TYPE_CHECKING:
    from assay.checks.project import Project
    from assay.store.notices import Notice

logger = logging.getLogger(__name__)

SMTP, SENDER = "ASSAY_SMTP", "ASSAY_MAIL_FROM"
SECONDS = 10.0


def deliver(project: Project) -> int:
    """Deliver the notices that are due and return how many arrived.

    A notice that cannot be delivered stays in the store, is tried again after 1 s, 4 s, 16 s and so on up to an hour,
    and given up after 12 attempts; each failure is logged. Verdicts are on record before, whatever happens here.
    """
    arrived = 0
    while (notice := notices.claim(project.store)) is not None:
        error = _attempt(project, notice)
        notices.close(project.store, notice, error)
        if error:
            logger.warning("the owner was not told of a %s (attempt %d): %s", notice.kind, notice.attempts, error)
        else:
            arrived += 1
    return arrived


def numbers(project: Project, verdict: Verdict) -> Verdict | None:
    """The verdict with its numbers, where they were sealed to this judge's key; else ``None``."""
    note = records.note(project.store, verdict.id)
    if note is None:
        return None
    try:
        return Verdict.from_json(custody.open_note(note, custody.judge_key()))
    except (DataError, UsageError):
        return None


def _attempt(project: Project, notice: Notice) -> str:
    """Send a notice; give an empty text, or why it could not be."""
    addresses = {notices.name_of(address): address for address in owner_addresses(project)}
    address = addresses.get(notice.target)
    if address is None:
        return "its address is no longer declared"
    try:
        message = _message(project, notice)
        if address.startswith("mailto:"):
            _mail(address.removeprefix("mailto:"), message)
        else:
            _post(address, message)
    except AssayError as problem:
        return str(problem)
    except Exception as problem:
        # Whatever it is, the verdict stands and the next notice is tried. Of a webhook's address only the host is told: the path is often its password.
        where = urlsplit(address).hostname or address.partition("@")[2]
        code = f" {problem.code}" if isinstance(problem, HTTPError) else ""
        return f"{where}: {type(problem).__name__}{code}"
    return ""


def _message(project: Project, notice: Notice) -> dict[str, Any]:
    message: dict[str, Any] = {"kind": notice.kind, "project": project.name, "assay": __version__}
    if notice.kind == "alarm":
        return message | notice.body
    shown = [records.get(project.store, identity) for identity in notice.body["verdicts"]]
    full = [verdict if found is None else found for verdict in shown for found in [numbers(project, verdict)]]
    return message | {
        "check": shown[0].check,
        "passed": all(verdict.passed for verdict in shown),
        "ids": [verdict.id for verdict in shown],
        "verdicts": [msgspec.to_builtins(verdict) for verdict in full],
    }


def _post(address: str, message: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": f"assay/{__version__}"}
    with urlopen(Request(address, msgspec.json.encode(message), headers), timeout=SECONDS) as answer:
        answer.read(1024)


def _mail(recipient: str, message: dict[str, Any]) -> None:
    given = os.environ.get(SMTP, "smtp://localhost")
    place = urlsplit(given)
    if place.scheme not in ("smtp", "smtps") or not place.hostname:
        raise UsageError(f"{SMTP} is no address of a mail server: write smtp://user:password@host:587, or smtps://")
    mail = EmailMessage()
    mail["From"] = os.environ.get(SENDER, f"assay@{place.hostname}")
    mail["To"] = recipient
    mail["Subject"], text = _in_words(message)
    mail.set_content(text)
    context = ssl.create_default_context()
    client: smtplib.SMTP
    if place.scheme == "smtps":
        client = smtplib.SMTP_SSL(place.hostname, place.port or 465, timeout=SECONDS, context=context)
    else:
        client = smtplib.SMTP(place.hostname, place.port or 25, timeout=SECONDS)
    with client:
        if place.scheme == "smtp":
            client.ehlo()
            if client.has_extn("starttls"):
                client.starttls(context=context)
            elif place.username and place.hostname not in ("localhost", "127.0.0.1", "::1"):
                raise UsageError(
                    f"{place.hostname} offers no encryption, and the password would be readable on the way"
                )
        if place.username:
            client.login(unquote(place.username), unquote(place.password or ""))
        client.send_message(mail)


def _in_words(message: dict[str, Any]) -> tuple[str, str]:
    """Subject and text of a mail."""
    project = message["project"]
    if message["kind"] == "alarm":
        subject = f"[assay] {project}: a new test set is needed for {message['check']}"
        return subject, f"{message['reason']}\n"
    lines = []
    for verdict in msgspec.convert(message["verdicts"], list[Verdict]):
        evidence = verdict.evidence
        lines += [f"{verdict.status.upper()}  {verdict.name}: {verdict.claim}", f"  {verdict.reason}"]
        if evidence.estimate is not None:
            interval = "" if evidence.lower is None else f", between {evidence.lower:.4g} and {evidence.upper:.4g}"
            lines.append(f"  {evidence.measure}: {evidence.estimate:.4g}{interval}, on {evidence.n:,} rows")
        lines.append("")
    word = "passed" if message["passed"] else "did not pass"
    lines.append(f"verdict {', '.join(message['ids'])}")
    return f"[assay] {project}: {message['check']} {word}", "\n".join(lines) + "\n"
