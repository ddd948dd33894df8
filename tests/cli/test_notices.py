"""The owner is told of verdicts, by a real mail server and a real webhook; nothing that fails there loses a verdict."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pyrage
import pytest
from aiosmtpd.controller import Controller
from loan_project import GATE, PROJECT, Assay, declare

from assay.checks.project import load
from assay.server.notify import deliver

WITHHELD = PROJECT.replace('name = "loans"\n', 'name = "loans"\n\n[budget]\ndisclose = "verdict"\n')


class Mailbox:
    """What a mail server was handed."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], str, str]] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)  # type: ignore[attr-defined]
        self.mails.append((envelope.rcpt_tos, mail["Subject"], mail.get_content()))  # type: ignore[attr-defined]
        return "250 OK"


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    box = Mailbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setenv("ASSAY_SMTP", f"smtp://127.0.0.1:{port}")
    yield box
    controller.stop()


class Hook:
    """A webhook that answers with the codes it is told to, then with 200."""

    def __init__(self) -> None:
        self.received: list[dict[str, object]] = []
        self.codes: list[int] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = hook.codes.pop(0) if hook.codes else 200
                if code == 200:
                    hook.received.append(json.loads(body))
                self.send_response(code)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/secret-path"


@pytest.fixture
def hook() -> Iterator[Hook]:
    receiver = Hook()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def owned(*addresses: str) -> str:
    return WITHHELD + f"[owner]\nnotify = {json.dumps(addresses)}\n"


def test_the_owner_gets_the_numbers_that_the_developer_does_not(
    assay: Assay, project: Path, mailbox: Mailbox, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_JUDGE_KEY", str(pyrage.x25519.Identity.generate()))
    declare(project, GATE, owned("mailto:owner@example.org", hook.address))
    said = assay("gate", "--format", "full")
    assert said.code == 0, said.err
    assert "0.93" not in said.out + said.err
    [(recipients, subject, text)] = mailbox.mails
    assert recipients == ["owner@example.org"]
    assert subject == "[assay] loans: good-enough passed"
    assert "n: 0.925, between 0.9" in text
    [message] = hook.received
    assert message["passed"] is True
    assert message["verdicts"][0]["evidence"]["estimate"] == 0.925  # type: ignore[index]
    # The same question is no news.
    assert assay("gate").code == 0
    assert (len(mailbox.mails), len(hook.received)) == (1, 1)


def test_without_the_key_the_owner_gets_what_is_disclosed(assay: Assay, project: Path, hook: Hook) -> None:
    declare(project, GATE, owned(hook.address))
    assert assay("gate").code == 0
    assert "estimate" not in hook.received[0]["verdicts"][0]["evidence"]  # type: ignore[index]


def test_a_note_to_the_owner_has_one_length(assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the right key it holds the numbers, without it nothing can be read, and its size says nothing."""
    key = pyrage.x25519.Identity.generate()
    monkeypatch.setenv("ASSAY_JUDGE_KEY", str(key))
    sizes = set()
    for number, claim in enumerate(["n > 0.8", "n > 0.99", "n > 0.8 and recall(new) > 0.5 and precision(new) > 0.1"]):
        declare(project, GATE.replace("n > 0.8", claim), WITHHELD)
        assay("gate")
        with sqlite3.connect(project / ".assay" / "store.db") as connection:
            [(note,)] = connection.execute("SELECT note FROM owner_notes").fetchall()
        connection.close()
        assert b"0.925" not in note
        plain = pyrage.decrypt(note, [key])
        assert b"0.925" in plain
        sizes.add(len(plain))
        (project / ".assay").rename(project / f"elsewhere{number}")
    assert len(sizes) == 1


def test_a_hook_that_fails_loses_no_verdict_and_is_tried_again(
    assay: Assay, project: Path, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    hook.codes = [500]
    declare(project, GATE, owned(hook.address))
    assert assay("gate").code == 0
    assert "HTTPError 500" in caplog.text
    assert "secret-path" not in caplog.text
    assert not hook.received
    opened = load(project)
    assert deliver(opened) == 0, "the second attempt waits a second"
    with sqlite3.connect(project / ".assay" / "store.db") as connection:
        connection.execute("UPDATE notices SET due = 1 WHERE due IS NOT NULL")
        assert "secret-path" not in str(connection.execute("SELECT * FROM notices").fetchall())
    connection.close()
    assert deliver(opened) == 1
    assert hook.received[0]["check"] == "good-enough"
    assert deliver(opened) == 0
    opened.store.close()


def test_a_hook_that_never_answers_is_given_up(assay: Assay, project: Path, hook: Hook) -> None:
    hook.codes = [503] * 50
    declare(project, GATE, owned(hook.address))
    assert assay("gate").code == 0
    opened = load(project)
    for _ in range(20):
        with sqlite3.connect(project / ".assay" / "store.db") as connection:
            connection.execute("UPDATE notices SET due = 1 WHERE due IS NOT NULL")
        connection.close()
        deliver(opened)
    opened.store.close()
    assert len(hook.codes) == 50 - 12


def test_a_used_up_set_alarms_once(assay: Assay, project: Path, hook: Hook) -> None:
    declare(project, GATE, owned(hook.address))
    assert assay("gate").code == 0
    for name in ("old", "train"):
        other = (project / "old.csv").read_text().splitlines()
        (project / "new.csv").write_text(
            "\n".join([other[0], *(reversed(other[1:]) if name == "train" else other[1:])])
        )
        assert assay("gate").code == 4
    assert [message["kind"] for message in hook.received] == ["verdict", "alarm"]
    assert "answers of" in str(hook.received[1]["reason"])


def test_addresses_are_checked(assay: Assay, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    declare(project, GATE, owned("owner@example.org"))
    said = assay("gate")
    assert (said.code, "mailto:" in said.err) == (2, True)
    declare(project, GATE)
    monkeypatch.setenv("ASSAY_NOTIFY", "ftp://x")
    said = assay("gate")
    assert (said.code, "mailto:" in said.err) == (2, True)
    assert not (project / ".assay").exists()
