"""``import assay`` and ``assay --help`` stay light."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import assay

HEAVY = {"numpy", "scipy", "pandas", "ibis", "starlette", "sklearn", "pyarrow", "sqlalchemy", "rich", "duckdb"}


def modules_after(code: str) -> set[str]:
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import assay",
        "import assay; assay.Verdict, assay.Guarantee",
        "from assay.cli.main import cli; cli.main(['--help'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_loaded(code: str) -> None:
    loaded = {name.partition(".")[0] for name in modules_after(code)}
    assert not loaded & HEAVY


def test_every_public_name_resolves() -> None:
    assert len(assay.__all__) <= 30
    assert sorted(assay.__all__) == assay.__all__
    for name in assay.__all__:
        assert getattr(assay, name) is not None


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        assay.nothing  # noqa: B018
