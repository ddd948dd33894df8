"""``assay server``: a real process, asked by HTTP."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).parent))

from judge_project import ROWS, Judge, as_arrow, as_parquet, labels, predictions

GATE = "/api/v1/gate/good-enough"
TYPES = {
    "parquet": "application/vnd.apache.parquet",
    "stream": "application/vnd.apache.arrow.stream",
    "file": "application/vnd.apache.arrow.file",
}


class Court:
    """A judge, its server, and a client for each role."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.developer = judge.token("dora", "developer")
        self.owner = judge.token("otto", "owner")
        self.client = judge.start()

    def ask(self, predicted: Any, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        return self.client.post(GATE, json=predicted, headers=self.developer | (headers or {}), **more)

    def entries(self, kind: str = "answers") -> int:
        with sqlite3.connect(self.judge.folder / ".assay" / "store.db") as connection:
            query = "SELECT count(*) FROM ledger WHERE kind = ? AND state = 'settle'"
            [(count,)] = connection.execute(query, [kind]).fetchall()
        connection.close()
        return int(count)


@pytest.fixture(scope="module")
def court(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Court]:
    judge = Judge(tmp_path_factory.mktemp("judge"))
    found = Court(judge)
    yield found
    assert judge.stop() == [0]


def test_the_developer_gets_one_bit_and_the_owner_the_numbers(court: Court) -> None:
    good = predictions(0.93)
    said = court.ask({"prediction": good})
    assert said.status_code == 200, said.text
    content = said.json()
    assert (content["passed"], content["exit_code"]) == (True, 0)
    assert "numbers" not in content
    assert "estimate" not in content["verdicts"][0]["evidence"]
    accuracy = (labels() == good).mean()
    assert f"{accuracy:.3f}" not in said.text

    [identity] = content["ids"]
    shown = court.client.get(f"/api/v1/verdicts/{identity}", headers=court.developer)
    assert shown.json() == content["verdicts"][0]
    refused = court.client.get(f"/api/v1/verdicts/{identity}/numbers", headers=court.developer)
    assert refused.status_code == 403
    full = court.client.get(f"/api/v1/verdicts/{identity}/numbers", headers=court.owner).json()
    assert full["evidence"]["estimate"] == pytest.approx(accuracy)
    own = court.client.post(GATE, json={"prediction": good}, headers=court.owner).json()
    assert own["numbers"][0]["evidence"]["estimate"] == pytest.approx(accuracy)
    assert own["verdicts"] == content["verdicts"]


def test_a_bad_and_an_undecided_model_get_the_same_bytes(court: Court) -> None:
    found = [court.ask({"prediction": predictions(accuracy, seed=9)}).json() for accuracy in (0.5, 0.8)]
    assert [each["passed"] for each in found] == [False, False]
    for each in found:
        assert each["exit_code"] == 4
        each.pop("ids")
        each["verdicts"][0]["evidence"].pop("fingerprints")
    assert found[0] == found[1]


def test_every_format_is_the_same_question(court: Court) -> None:
    said = predictions(0.93, seed=3)
    ids = list(range(1000, 1000 + ROWS))
    first = court.ask(said).json()
    spent = court.entries()
    shuffled = sorted(zip(ids, said, strict=True), key=lambda pair: hash(pair))
    texts = [str(identity) for identity, _ in shuffled]
    values = [value for _, value in shuffled]
    bodies = [
        (TYPES["parquet"], as_parquet(prediction=said)),
        (TYPES["parquet"], as_parquet(prediction=values, loan=[int(text) for text in texts], other=["x"] * ROWS)),
        (TYPES["stream"], as_arrow(stream=True, prediction=said)),
        (TYPES["file"], as_arrow(stream=False, prediction=said)),
        ("application/json", json.dumps({"predictions": said}).encode()),
        ("application/json", json.dumps({"prediction": values, "loan": texts}).encode()),
        ("application/json; charset=utf-8", json.dumps([{"prediction": value} for value in said]).encode()),
    ]
    for kind, body in bodies:
        answer = court.client.post(GATE, content=body, headers=court.developer | {"Content-Type": kind})
        assert answer.status_code == 200, answer.text
        assert answer.json()["ids"] == first["ids"], kind
    assert court.entries() == spent


@pytest.mark.parametrize(
    ("kind", "body", "code", "complaint"),
    [
        ("application/json", b"{", 400, "not application/json"),
        (TYPES["parquet"], b"PAR1 nothing", 400, "not application"),
        (TYPES["stream"], b"nothing", 400, "not application"),
        ("text/csv", b"prediction\n1\n", 415, "text/csv"),
        ("application/json", b"3", 422, "send {"),
        ("application/json", b'{"guess": [1]}', 422, "no column 'prediction'"),
        ("application/json", b'{"prediction": [1, 0]}', 422, "2 predictions for the 400 rows"),
        ("application/json", b'{"prediction": [1, "x"]}', 422, "mixes types"),
        ("application/json", b'[{"prediction": 1}, {"loan": 2}]', 422, "different keys"),
        ("application/json", json.dumps([None, *[1] * 399]).encode(), 422, "row 0 has no prediction"),
        ("application/json", json.dumps(["late"] * 400).encode(), 422, "labels are numbers"),
        (
            "application/json",
            json.dumps([7, 8] * 200).encode(),
            422,
            "is ever a label; write them as the labels are writ",
        ),
        (TYPES["parquet"], as_parquet(prediction=["x" * 9000] * 400), 422, "more than 4096 bytes"),
        (TYPES["parquet"], as_parquet(prediction=[1] * 400, loan=[7] * 400), 422, "comes twice"),
        (TYPES["parquet"], as_parquet(prediction=[1] * 400, loan=list(range(400))), 422, "have no prediction"),
    ],
)
def test_a_body_that_does_not_fit_costs_nothing(
    court: Court, kind: str, body: bytes, code: int, complaint: str
) -> None:
    spent = court.entries()
    headers = court.developer | {"Content-Type": kind, "Idempotency-Key": "wrong"}
    answer = court.client.post(GATE, content=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (code, "application/json")
    assert complaint in answer.json()["error"]
    assert "0, 1" not in answer.text
    assert court.entries() == spent


def test_who_has_no_token_gets_nothing(court: Court) -> None:
    body = {"prediction": predictions(0.9)}
    for headers in ({}, {"Authorization": "Bearer assay_x"}, {"Authorization": court.developer["Authorization"][7:]}):
        for method, path in (("POST", GATE), ("GET", "/api/v1/gate"), ("GET", f"{GATE}/inputs")):
            answer = court.client.request(method, path, json=body, headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
    assert court.client.get("/api/v1/health").json()["ready"] is True
    done = court.judge.command("server", "token", "list")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["dora", "developer"], ["otto", "owner"]]
    brief = court.judge.token("eve", "developer")
    assert court.client.get("/api/v1/gate", headers=brief).status_code == 200
    assert court.judge.command("server", "token", "revoke", "eve").returncode == 0
    assert court.client.get("/api/v1/gate", headers=brief).status_code == 401
    secret = court.developer["Authorization"][7:]
    assert secret.encode() not in (court.judge.folder / ".assay" / "store.db").read_bytes()
    twice = court.judge.command("server", "token", "add", "dora")
    assert (twice.returncode, "already" in twice.stderr) == (2, True)


def test_unknown_checks_and_methods(court: Court) -> None:
    for path in ("/api/v1/gate/good", "/api/v1/gate/fit"):
        answer = court.client.post(path, json=[1], headers=court.developer)
        assert (answer.status_code, "no gate check" in answer.json()["error"]) == (404, True)
    assert court.client.get("/api/v1/nothing", headers=court.developer).status_code == 404
    assert court.client.get("/api/v1/verdicts/0000", headers=court.developer).status_code == 404
    assert court.client.get(GATE, headers=court.developer).status_code == 405
    assert court.client.get("/api/v1/gate", headers=court.developer).json()["checks"] == [
        {"check": "good-enough", "claim": "n > 0.8", "blocking": True, "disclose": "verdict"}
    ]


def test_a_check_that_buys_labels_takes_no_predictions(tmp_path: Path) -> None:
    judge = Judge(tmp_path)
    project = tmp_path / "assay.toml"
    project.write_text(project.read_text() + '[[checks]]\nid = "slow"\nclaim = "n - o > 0"\nmethod = "sequential"\n')
    court = Court(judge)
    try:
        answer = court.client.post("/api/v1/gate/slow", json=predictions(0.93), headers=court.developer)
        assert answer.status_code == 404
        assert {
            each["check"] for each in court.client.get("/api/v1/gate", headers=court.developer).json()["checks"]
        } == {"good-enough"}
    finally:
        judge.stop()


def test_the_inputs_come_without_labels(court: Court) -> None:
    answer = court.client.get(f"{GATE}/inputs", headers=court.developer)
    table = parquet.read_table(io.BytesIO(answer.content))
    assert table.column_names == ["loan", "amount"]
    assert table.num_rows == ROWS


def test_a_key_is_answered_once(court: Court) -> None:
    said = {"prediction": predictions(0.93, seed=21)}
    first = court.ask(said, {"Idempotency-Key": "build 1"})
    spent = court.entries()
    again = court.ask(said, {"Idempotency-Key": "build 1"})
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert court.entries() == spent
    other = court.ask({"prediction": predictions(0.93, seed=22)}, {"Idempotency-Key": "build 1"})
    assert (other.status_code, "another body" in other.json()["error"]) == (422, True)
    assert court.entries() == spent
    # The keys of another token are others.
    own = court.client.post(GATE, json=said, headers=court.owner | {"Idempotency-Key": "build 1"})
    assert own.status_code == 200
    assert "idempotency-replayed" not in own.headers
    assert court.ask(said, {"Idempotency-Key": "x" * 300}).status_code == 400


def test_what_is_too_large_is_refused(court: Court) -> None:
    def forever() -> Iterator[bytes]:
        for _ in range(70):
            yield b"x" * 2**20

    headers = court.developer | {"Content-Type": "application/json"}
    try:
        answer = court.client.post(GATE, content=forever(), headers=headers)
    except httpx.WriteError:
        # The server had said its answer and hung up while the client was still sending.
        return
    assert answer.status_code == 413


def test_the_description_is_openapi(court: Court) -> None:
    document = court.client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    schema = document["paths"]["/api/v1/gate/{check}"]["post"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(court.ask(predictions(0.93)).json(), schema["schema"])
    paths = {path.replace("{check}", "good-enough").replace("{id}", "0000") for path in document["paths"]}
    assert {court.client.options(path).status_code for path in paths} == {405}, "each is a route"


def test_the_last_answer_goes_to_one_of_many(tmp_path: Path) -> None:
    """Two replicas, one answer left, six different models at once: one is judged, and nobody twice."""
    judge = Judge(tmp_path, queries=1)
    court = Court(judge)
    clients = [court.client, judge.start()]
    answers: list[httpx.Response] = []

    def ask(number: int) -> None:
        body = {"prediction": predictions(0.93, seed=100 + number)}
        for _ in range(40):
            answer = clients[number % 2].post(GATE, json=body, headers=court.developer)
            if answer.status_code != 409:
                answers.append(answer)
                return
            time.sleep(0.25)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert [answer.status_code for answer in answers] == [200] * 6, [answer.text for answer in answers]
        said = [answer.json() for answer in answers]
        assert sum("alarm" not in each for each in said) == 1
        assert sum(each["passed"] for each in said) == 1
        assert court.entries() == 1
        assert judge.command("ledger", "verify").returncode == 0
    finally:
        assert judge.stop() == [0, 0]


def test_the_owner_hears_of_it_and_a_deaf_owner_stops_nothing(tmp_path: Path) -> None:
    received: list[dict[str, Any]] = []
    codes = [500]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = codes.pop() if codes else 200
            if code == 200:
                received.append(json.loads(body))
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    hook = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    judge = Judge(tmp_path, environment={"ASSAY_NOTIFY": f"http://127.0.0.1:{hook.server_port}/secret"})
    court = Court(judge)
    try:
        assert court.ask(predictions(0.93)).status_code == 200
        end = time.monotonic() + 20
        while not received and time.monotonic() < end:
            time.sleep(0.1)
        assert received[0]["verdicts"][0]["evidence"]["estimate"] > 0.9
    finally:
        assert judge.stop() == [0]
        hook.shutdown()
        hook.server_close()


def test_a_judge_that_cannot_open_its_set_says_so_and_spends_nothing(tmp_path: Path) -> None:
    judge = Judge(tmp_path)
    key = judge.environment.pop("ASSAY_JUDGE_KEY")
    done = judge.command("server", "--port", "0")
    assert (done.returncode, "ASSAY_JUDGE_KEY" in done.stderr) == (2, True)
    judge.environment["ASSAY_JUDGE_KEY"] = key
    court = Court(judge)
    try:
        (tmp_path / "test.sealed").unlink()
        answer = court.ask(predictions(0.93))
        assert (answer.status_code, "cannot open its test set" in answer.json()["error"]) == (503, True)
        assert "test.sealed" not in answer.text
        assert court.entries() == 0
    finally:
        judge.stop()
