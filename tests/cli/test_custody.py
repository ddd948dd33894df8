"""A sealed test set: only the judge reads its labels, and a model's code never does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyrage
import pytest
from loan_project import FLOOR, GATE, MODEL, PROJECT, Assay, declare, train

from assay.gate.custody import judge_key

SEALED = PROJECT.replace('"test.csv"', '"test.sealed"').replace(
    'name = "loans"\n', 'name = "loans"\n\n[budget]\ndisclose = "verdict"\n'
)
CODED = SEALED.replace('[models.new]\npredictions = "new.csv"', '[models.new]\ncode = "answer:answer"\nseconds = 20')
CODE = """\
import socket


def answer(frame):
    assert "late" not in frame
    return (frame["amount"] > 1200).astype(int)
"""


@pytest.fixture
def key(assay: Assay, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> str:
    """The judge's public key; the private one is in the environment."""
    place = tmp_path_factory.mktemp("judge") / "judge.key"
    public = assay("testset", "keygen", "--output", str(place)).out.strip()
    assert place.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("ASSAY_JUDGE_KEY_FILE", str(place))
    return public


@pytest.fixture
def sealed(project: Path, assay: Assay, key: str) -> Path:
    """The project with its test set sealed, and the plain one gone."""
    declare(project, GATE, SEALED)
    said = assay("testset", "seal", "test.csv", "--to", key, "--output", "test.sealed")
    assert said.out == "sealed 600 rows for 1 key: label late, disclose verdict\n", said.err
    (project / "test.csv").rename(project.parent / "test.csv")
    return project


def test_a_sealed_set_is_judged_and_never_written(sealed: Path, assay: Assay) -> None:
    said = assay("gate", "--json")
    assert said.code == 0, said.err
    [verdict] = json.loads(said.out)["verdicts"]
    assert (verdict["status"], verdict["evidence"]["n"]) == ("pass", 600)
    label_row = (sealed.parent / "test.csv").read_bytes().splitlines()[5]
    for path in sealed.rglob("*"):
        if path.is_file():
            assert label_row not in path.read_bytes()


def test_what_is_kept_of_a_sealed_set_opens_at_its_release_alone(sealed: Path, assay: Assay) -> None:
    assert assay("gate").code == 0
    kept = [path.read_bytes() for path in (sealed / ".assay" / "objects").rglob("*") if path.is_file()]
    assert kept
    assert not any(b"prediction" in content or b"opening" in content for content in kept)
    said = assay("testset", "release", "test", "--output", "released")
    assert said.code == 0, said.err
    released = pd.read_csv("released/rows.csv")
    assert sorted(released["late"]) == sorted(pd.read_csv(sealed.parent / "test.csv")["late"])
    [answer] = json.loads(Path("released/answers.json").read_text())
    assert json.loads(answer["opening"])["check"] == "good-enough"


def test_the_seal_opens_to_the_same_table_and_only_with_the_key(
    sealed: Path, assay: Assay, monkeypatch: pytest.MonkeyPatch
) -> None:
    assay("testset", "open", "test.sealed", "--output", "again.csv")
    pd.testing.assert_frame_equal(pd.read_csv("again.csv"), pd.read_csv(sealed.parent / "test.csv"))
    monkeypatch.setenv("ASSAY_JUDGE_KEY", str(pyrage.x25519.Identity.generate()))
    for command in (["testset", "open", "test.sealed", "--output", "x.csv"], ["gate"]):
        said = assay(*command)
        assert (said.code, "another key" in said.err) == (2, True), said.err
    monkeypatch.delenv("ASSAY_JUDGE_KEY")
    monkeypatch.delenv("ASSAY_JUDGE_KEY_FILE")
    said = assay("gate")
    assert said.code == 2
    assert "ASSAY_JUDGE_KEY" in said.err
    assert not (sealed / ".assay").exists()


def test_a_changed_seal_is_refused(sealed: Path, assay: Assay) -> None:
    content = bytearray((sealed / "test.sealed").read_bytes())
    content[len(content) // 2] ^= 1
    (sealed / "test.sealed").write_bytes(content)
    said = assay("gate")
    assert (said.code, "damaged" in said.err) == (2, True)


def test_the_size_of_a_seal_does_not_tell_the_labels(project: Path, assay: Assay, key: str) -> None:
    sizes = set()
    frame = pd.read_csv(project / "test.csv")
    for share in (0.1, 0.5, 0.9):
        frame.assign(late=["delayed by hours" if row < 600 * share else "no" for row in range(600)]).to_csv(
            "flat.csv", index=False
        )
        assert assay("testset", "seal", "flat.csv", "--to", key, "--label", "late").code == 0
        assay("testset", "open", "flat.sealed", "--output", "again.csv")
        assert (pd.read_csv("again.csv")["late"] == pd.read_csv("flat.csv")["late"]).all()
        # age itself adds a few random bytes to its header.
        sizes.add(len(pyrage.decrypt(Path("flat.sealed").read_bytes(), judge_key())))
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('disclose = "verdict"', 'disclose = "estimate"', "was sealed for 'verdict'"),
        ('source = "test.sealed"\nlabel = "late"', 'source = "test.sealed"\nlabel = "amount"', "sealed with 'late'"),
    ],
)
def test_a_project_file_cannot_widen_the_terms(
    sealed: Path, assay: Assay, before: str, after: str, complaint: str
) -> None:
    declare(sealed, GATE, SEALED.replace(before, after))
    said = assay("gate")
    assert said.code == 2
    assert complaint in said.err
    assert not (sealed / ".assay").exists()


def test_other_checks_see_no_label(sealed: Path, assay: Assay) -> None:
    declare(sealed, '[[checks]]\nid = "fit"\nuse = "VAL1"\ndatasets = ["test"]\nreference = "train"\n', SEALED)
    said = assay("check", "--json")
    assert said.code == 0, said.err
    assert {verdict["subject"] for verdict in json.loads(said.out)["verdicts"]} >= {"amount", "region"}
    assert all(
        verdict["evidence"]["n"] == 0 or verdict["status"] != "pass"
        for verdict in json.loads(said.out)["verdicts"]
        if verdict["subject"] == "late"
    )
    declare(sealed, '[[checks]]\nuse = "FEA1"\ndatasets = ["test"]\ntarget = 0.8\n', SEALED)
    said = assay("check")
    assert (said.code, "only gate checks" in said.err) == (2, True), said.err


def test_keys_stay_out_of_repositories(project: Path, assay: Assay, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / ".git").mkdir()
    said = assay("testset", "keygen", "--output", "judge.key")
    assert (said.code, "git checkout" in said.err) == (2, True)
    assert not (project / "judge.key").exists()
    (project / "judge.key").write_text(str(pyrage.x25519.Identity.generate()))
    monkeypatch.setenv("ASSAY_JUDGE_KEY_FILE", "judge.key")
    said = assay("testset", "open", "new.csv", "--output", "x.csv")
    assert (said.code, "git checkout" in said.err) == (2, True)
    monkeypatch.setenv("ASSAY_JUDGE_KEY", "hunter2")
    said = assay("testset", "open", "new.csv", "--output", "x.csv")
    assert said.code == 2
    assert "hunter2" not in said.err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--to", "age1nobody"], "no public key"),
        (["--to", "KEY", "--label", "lat"], "no column 'lat'"),
        (["--to", "KEY", "--output", "nowhere/x"], "no folder"),
    ],
)
def test_what_cannot_be_sealed_is_refused(
    project: Path, assay: Assay, key: str, arguments: list[str], complaint: str
) -> None:
    said = assay("testset", "seal", "test.csv", *(word.replace("KEY", key) for word in arguments))
    assert said.code == 2
    assert complaint in said.err
    assert not list(project.glob("*.sealed"))


def test_a_private_key_given_as_the_public_one_is_not_repeated(project: Path, assay: Assay, key: str) -> None:
    private = str(pyrage.x25519.Identity.generate())
    said = assay("testset", "seal", "test.csv", "--to", private)
    assert said.code == 2
    assert private not in said.out + said.err


def test_nothing_that_is_kept_lets_others_try_hidden_values(project: Path, assay: Assay, key: str) -> None:
    """The hashes of rows in the ledger are the same whatever the label and the hidden columns hold."""
    declare(project, GATE.replace("n > 0.8", "n > 0.1"), SEALED)
    kept = []
    frame = pd.read_csv("test.csv")
    for number, shift in enumerate((0, 7)):
        flipped = frame["late"].where(frame.index % 40 != shift, 1 - frame["late"])
        frame.assign(late=flipped, minutes=flipped * 30 + shift).to_csv("test.csv", index=False)
        assert assay("testset", "seal", "test.csv", "--to", key, "--hide", "minutes").code == 0
        said = assay("gate", "--json")
        assert said.code == 0, said.err
        entries = [json.loads(line) for line in assay("ledger", "show", "--json").out.splitlines()]
        kept.append((json.loads(said.out)["verdicts"], [e["detail"] for e in entries if e["kind"] == "testset"]))
        (project / ".assay").rename(project / f"elsewhere{number}")
    (first, rows), (second, other) = kept
    assert rows
    assert first[0]["id"] == second[0]["id"]
    sample = [[detail.get("sample") for detail in details] for details in (rows, other)]
    assert sample[0] == sample[1]
    assert any(sample[0])


def test_code_predicts_from_inputs_alone(sealed: Path, assay: Assay) -> None:
    (sealed / "answer.py").write_text(CODE)
    declare(sealed, GATE.replace("n > 0.8", "n > 0.7"), CODED)
    said = assay("gate", "--json")
    assert said.code == 0, said.err
    [verdict] = json.loads(said.out)["verdicts"]
    [about] = [a for a in verdict["guarantee"]["assumptions"] if "inputs alone" in a["text"]]
    assert about["status"] in ("checked", "unverifiable")
    assert "cut" in about["detail"]
    again = assay("gate", "--json")
    assert json.loads(again.out)["verdicts"][0]["id"] == verdict["id"]


def test_code_is_compared_with_the_code_that_passed_last(sealed: Path, assay: Assay) -> None:
    better = '[[checks]]\nid = "better"\nclaim = "n - o > 0"\nmodel = "new"\nnew = "new"\nblocking = true\n'
    text = CODED.replace('"test.sealed"', '"test.sealed"\nqueries = 3').partition("[models.old]")
    declare(sealed, better, text[0] + text[2].partition("\n\n")[2])

    def go(limit: int) -> str:
        (sealed / "answer.py").write_text(CODE.replace("1200", str(limit)))
        return json.loads(assay("gate", "--json").out)["verdicts"][0]["status"]

    assert go(400) == "skipped"
    assert go(1200) == "pass"
    assert go(401) == "inconclusive"


SPY = """\
import ctypes
import glob
import os
import socket
from pathlib import Path


def attempt(what):
    try:
        return what()
    except Exception as problem:
        return f"no: {type(problem).__name__}"


def reach_out():
    with socket.create_connection(("127.0.0.1", PORT), timeout=2):
        return "connected"


def neighbours():
    for place in glob.glob("/proc/[0-9]*/environ"):
        if "ASSAY_JUDGE_KEY" in Path(place).read_bytes().decode(errors="replace"):
            return "saw the judge"
    return "no judge"


def answer(frame):
    libc = ctypes.CDLL(None)
    libc.umount2(KEY.encode(), 2)
    libc.unshare(0x10020000)
    libc.umount2(KEY.encode(), 2)
    found = {
        "columns": list(frame),
        "environment": [name for name in os.environ if "ASSAY" in name],
        "key": attempt(lambda: Path(KEY).read_text()),
        "store": attempt(lambda: os.listdir(STORE)),
        "write": attempt(lambda: Path(ROOT, "left").write_text("x")),
        "network": attempt(reach_out),
        "neighbours": attempt(neighbours),
    }
    print("LOUD", found)
    os.write(2, b"LOUD")
    # The only way out is the predictions themselves: one bit of each finding in a row.
    clean = [
        "late" not in found["columns"],
        not found["environment"],
        "AGE-SECRET" not in str(found["key"]),
        not found["store"] or str(found["store"]).startswith("no"),
        str(found["write"]).startswith("no"),
        str(found["network"]).startswith("no"),
        found["neighbours"] == "no judge",
    ]
    return [int(each) for each in clean] + [0] * (len(frame) - len(clean))
"""


def test_code_that_spies_finds_nothing(sealed: Path, assay: Assay, tmp_path: Path) -> None:
    import socket

    import pyarrow as pa

    from assay.gate.confined import predict

    assay("gate")
    key = os.environ["ASSAY_JUDGE_KEY_FILE"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        head = f"PORT = {listener.getsockname()[1]}\nKEY = {key!r}\nROOT = {str(sealed)!r}\n"
        (sealed / "spy.py").write_text(head + f"STORE = {str(sealed / '.assay')!r}\n" + SPY)
        inputs = pa.table({"amount": [1.0] * 20})
        said = predict(inputs, "spy", code="spy:answer", root=sealed, hide=[Path(key), sealed / ".assay"], seconds=30)
    found = said.table["prediction"].to_pylist()[:7]
    if said.assumption.status != "checked":
        # A platform without namespaces: what the process is given is clean all the same, and the verdict says the rest.
        assert found[:2] == [1, 1]
        assert "did not cut it off" in said.assumption.detail
        pytest.skip("this platform allows no namespaces")
    assert found == [1] * 7
    assert not (sealed / "left").exists()


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("raise ValueError('SECRET')", "ended with an error"),
        ("import time; time.sleep(60)", "took more than 1 s"),
        ("return [1]", "1 predictions for 600 rows"),
        ("import os; os._exit(0)", "no answer that can be read"),
        ("return [object()] * len(frame)", "ended with an error"),
    ],
)
def test_code_that_fails_costs_nothing_and_says_nothing(sealed: Path, assay: Assay, code: str, complaint: str) -> None:
    (sealed / "answer.py").write_text(f"def answer(frame):\n    print('SECRET')\n    {code}\n")
    declare(sealed, GATE, CODED.replace("seconds = 20", "seconds = 1" if "sleep" in code else "seconds = 60"))
    said = assay("gate")
    assert said.code == 2
    assert complaint in said.err
    assert "SECRET" not in said.out + said.err
    assert not (sealed / ".assay").exists()


def test_a_stored_model_answers_a_sealed_set_apart(project: Path, assay: Assay, key: str) -> None:
    (project / "train.py").write_text("")
    declare(project, FLOOR, MODEL)
    train(project)
    plain = json.loads(assay("gate", "--json").out)["verdicts"]
    assay("testset", "seal", "test.csv", "--to", key, "--disclose", "estimate")
    declare(project, FLOOR, MODEL.replace('"test.csv"', '"test.sealed"'))
    found = json.loads(assay("gate", "--json").out)["verdicts"]
    assert [v["evidence"]["estimate"] for v in found] == [v["evidence"]["estimate"] for v in plain]
    assert any("inputs alone" in a["text"] for a in found[0]["guarantee"]["assumptions"])


def test_predictions_in_another_order_are_another_model(project: Path, assay: Assay) -> None:
    """As many ones as before, on other rows: a verdict must not be taken from the store for it."""
    assert assay("gate").code == 0
    shuffled = pd.read_csv(project / "new.csv").sample(frac=1, random_state=0)
    shuffled.to_csv(project / "new.csv", index=False)
    assert assay("gate").code == 4
    (project / ".assay").rename(project / "elsewhere")
    assert assay("gate").code == 1


def test_age_itself_reads_what_was_sealed(sealed: Path, key: str) -> None:
    identity = pyrage.x25519.Identity.from_str(Path(os.environ["ASSAY_JUDGE_KEY_FILE"]).read_text().splitlines()[-1])
    assert b"late" in pyrage.decrypt((sealed / "test.sealed").read_bytes(), [identity])


@pytest.mark.skipif(sys.platform != "linux", reason="what /proc shows")
def test_no_other_process_of_the_user_reads_the_judge(sealed: Path) -> None:
    script = "from assay.gate.custody import judge_key; judge_key(); input()"
    unprivileged = [] if os.getuid() else ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
    judge = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        place = Path(f"/proc/{judge.pid}/environ")
        read = [*unprivileged, sys.executable, "-c", f"import time; time.sleep(1); open({str(place)!r}).read(1)"]
        done = subprocess.run(read, capture_output=True, text=True, check=False)
        assert "Permission" in done.stderr
    finally:
        judge.communicate(b"\n")
