from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from click.testing import CliRunner

from assay.cli.main import cli
from assay.validation import Schema

if TYPE_CHECKING:
    import pytest

FIXTURES = Path(__file__).parents[1] / "unit" / "validation" / "interop"


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["schema", *words])
    return done.exit_code, done.stdout, done.stderr


def test_a_schema_is_imported_with_a_report_and_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, told, missed = run("import", str(FIXTURES / "table.json"))
    assert code == 0
    assert "11 columns, 2 relations, 0 metrics" in told
    assert "properties.amount.multipleOf: 0.01 (assay knows no such constraint)" in missed
    assert Schema.from_toml(Path("schema.toml").read_text()).columns["country"].categories is not None

    code, told, missed = run("export", "--format", "tfdv")
    assert code == 0
    assert 'string_domain { value: "DE" value: "FR" }' in told
    assert "columns.note.pattern" in missed
    code, told, _ = run("export", "--format", "frictionless", "--output", "out.json")
    assert code == 0
    assert '"enum"' in Path("out.json").read_text()


def test_a_reviewed_schema_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "schema.toml"
    target.write_text("version = 1\n")
    result = CliRunner().invoke(cli, ["schema", "import", str(FIXTURES / "table.json"), "--output", str(target)])
    assert result.exit_code != 0
    assert target.read_text() == "version = 1\n"
    code, _, _ = run("import", str(FIXTURES / "table.json"), "--output", str(target), "--force")
    assert code == 0
