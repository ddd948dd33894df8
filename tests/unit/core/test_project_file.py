from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from assay.core import project
from assay.core.project import ProjectFile, find, parse, project_schema, read, stage_of
from assay.errors import ProjectError

GOOD = """\
[project]
name = "flights"

[budget]
alpha = 0.05

[datasets.train]
role = "train"
source = "data/train.parquet"
label = "late"
unit = "date"

[datasets.archive]
role = "pool"
source = { url = "postgresql://me@db/flights", query = "SELECT * FROM flights" }

[models.flights]
train = "train:train"
predict = "late"
adapt = { window = 40 }

[slices]
newark = "origin = 'EWR'"

[[checks]]
id = "better"
claim = "n - o > 0"
slices = "all"
blocking = true

[[checks]]
use = "VAL1"
datasets = ["train"]
"""
PATH = Path("assay.toml")
SEEN = 'queries = 9\nadaptivity = "full"'


def test_a_good_file() -> None:
    file = parse(GOOD, PATH)
    assert file.datasets["train"].unit == "date"
    assert file.models["flights"].adapt.window == 40
    assert [stage_of(check) for check in file.checks] == ["gate", "data"]
    assert [check.name for check in file.checks] == ["better", "VAL1"]


def test_pyproject_works_the_same() -> None:
    shifted = re.sub(r"^(\[+)", r"\1tool.assay.", GOOD, flags=re.M)
    assert parse(shifted, Path("pyproject.toml")) == parse(GOOD, PATH)
    with pytest.raises(ProjectError, match=r"pyproject\.toml:11: unknown key 'unt' .* did you mean 'unit'"):
        parse(shifted.replace("unit =", "unt ="), Path("pyproject.toml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label =", "lable =", r"assay\.toml:10: unknown key 'lable' in \[datasets\.train\]; did you mean 'label'\?"),
        ("blocking =", "blokcing =", r"assay\.toml:29: unknown key 'blokcing' in \[\[checks\]\]; did you mean 'block"),
        ("window = 40", "windw = 40", r"unknown key 'windw' in \[models\.flights\.adapt\]; did you mean 'window'"),
        ("window = 40", "looks = [21, 7]", r"looks is \[21, 7\]; give rising numbers"),
        ("[slices]", "[slice]", r"assay\.toml:22: unknown key 'slice' in the file; did you mean 'slices'"),
        ("alpha = 0.05", 'alpha = "x"', r"assay\.toml:5: \[budget\] alpha: expected 'float', got 'str'"),
        ("alpha = 0.05", "alpha = 5", r"assay\.toml:5: alpha is 5"),
        (
            'role = "train"',
            'role = "trian"',
            r"assay\.toml:8: \[datasets\.train\] role: 'trian' is not one of 'train', 'dev'",
        ),
        ("[slices]", '[datasets."a.b"]\nsource = 3\n[slices]', r"assay\.toml:2\d: \[datasets\.a\.b\] source: expected"),
        (
            'predict = "late"',
            'predict = "lat"',
            r"predict is 'lat', which no dataset .*did you mean 'late'",
        ),
        ('"train:train"', '"train.py"', r"assay\.toml:18: train is 'train\.py'; write it as 'module:callable'"),
        ('claim = "n - o > 0"', "", r"assay\.toml:25: a check needs either 'claim' or 'use'"),
        ('id = "better"\n', "", r"assay\.toml:25: a check with a claim needs an 'id'"),
        ('use = "VAL1"', 'use = "XYZ1"', r"assay\.toml:3[12]: no rule has the code 'XYZ1'"),
        ('use = "VAL1"', 'use = "VAL1"\nid = "better"', r"assay\.toml:33: a second check has the id 'better'"),
        ('["train"]', '["trian"]', r"assay\.toml:33: check 'VAL1' names 'trian'.*did you mean 'train'"),
        ("blocking = true", "blocking = true\nreliability = 0.9", r"assay\.toml:5: .* error probability of 0\.1"),
        ('unit = "date"', 'unit = "date"\nqueries = 0', r"assay\.toml:12: queries is 0"),
        (
            'unit = "date"',
            f'unit = "date"\n{SEEN}',
            r"assay\.toml:14: .* disclose = 'verdict'",
        ),
        ('unit = "date"', 'unit = "date"\npolicy = "prefix"', r"assay\.toml:12: policy 'prefix' .*: set queries"),
        (
            'unit = "date"',
            'unit = "date"\nqueries = 9\nadaptivity = "none"\npolicy = "k-pass"\npasses = 2',
            r"assay\.toml:14: .* set adaptivity = 'full'",
        ),
        ('unit = "date"', f'unit = "date"\n{SEEN}\npolicy = "k-pass"', r"assay\.toml:14: .*: set passes"),
        ('unit = "date"', f'unit = "date"\n{SEEN}\npasses = 2', r"assay\.toml:14: passes .* policy = 'k-pass'"),
        (
            'unit = "date"',
            f'unit = "date"\n{SEEN}\npolicy = "k-pass"\npasses = 0',
            r"assay\.toml:15: passes is 0; .* first pass",
        ),
        ('unit = "date"', f'unit = "date"\n{SEEN}\nbaseline = 0.9', r"assay\.toml:14: .* 'self-limiting'"),
        (
            'unit = "date"',
            f'unit = "date"\n{SEEN}\npolicy = "self-limiting"\nbaseline = 1.0',
            r"assay\.toml:15: baseline is 1\.0; give an accuracy",
        ),
        ('unit = "date"', f'unit = "date"\n{SEEN}\npolicy = "k-fold"', r"'k-fold'"),
        ("[project]", "[project", r"assay\.toml: not valid TOML: .*line 1"),
    ],
)
def test_each_fault_names_its_line_and_the_way_out(old: str, new: str, message: str) -> None:
    assert old in GOOD
    text = GOOD.replace("alpha = 0.05", 'alpha = 0.05\ndisclose = "full"') if "disclose" in message else GOOD
    with pytest.raises(ProjectError, match=message) as refusal:
        parse(text.replace(old, new, 1), PATH)
    assert "\n" not in str(refusal.value)


def test_read_names_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"assay\.toml: cannot be read"):
        read(tmp_path / "assay.toml")
    (tmp_path / "assay.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProjectError, match="cannot be read"):
        read(tmp_path / "assay.toml")


def test_find_goes_up_to_the_checkout_and_no_further(tmp_path: Path) -> None:
    (tmp_path / "assay.toml").write_text(GOOD)
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find(inner) == tmp_path / "assay.toml"
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.assay.project]\nname = 'x'\n")
    assert find(inner) == tmp_path / "a" / "pyproject.toml"
    (inner / ".git").mkdir()
    assert find(inner) is None


def test_the_shipped_schema_is_the_types(tmp_path: Path) -> None:
    shipped = json.loads((Path(project.__file__).parent / "assay.schema.json").read_text())
    assert shipped == json.loads(json.dumps(project_schema()))
    jsonschema.validate(tomllib.loads(GOOD), shipped)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(GOOD.replace("label =", "lable =")), shipped)


def test_every_default_is_valid() -> None:
    assert isinstance(parse("[project]\nname = 'x'\n", PATH), ProjectFile)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("[datasets.test]\n", "assay.toml", "assay.toml:1: [datasets.test] has no 'role'; add role = \"test\""),
        ("", "assay.toml", "assay.toml: the file has no 'project'; add a table [project] with name = \"flights\""),
        ("", "pyproject.toml", "add a table [tool.assay.project] with"),
        ("[project]\n", "assay.toml", "assay.toml:1: [project] has no 'name'; add name = \"flights\" to [project]"),
    ],
)
def test_what_must_be_there_is_told_with_an_example(text: str, name: str, said: str) -> None:
    whole = text if "datasets" not in text else f"{text}[project]\nname = 'x'\n"
    with pytest.raises(ProjectError) as caught:
        parse(whole, Path(name))
    assert said in str(caught.value)
