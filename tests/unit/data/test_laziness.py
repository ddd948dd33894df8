from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import assay


@pytest.mark.parametrize("package", ["assay.data", "assay.validation"])
def test_a_package_loads_nothing_heavy_until_it_is_used(package):
    code = (
        f"import sys, {package} as p; "
        "print(sorted({'ibis', 'duckdb', 'pandas', 'numpy', 'pyarrow', 'sqlalchemy'} & set(sys.modules))); "
        "print(all(callable(getattr(p, n)) or isinstance(getattr(p, n), str) or n == 'slice' for n in p.__all__))"
    )
    # Warnings off: a deprecation inside Ibis is not what this is about.
    env = {**os.environ, "PYTHONPATH": str(Path(assay.__file__).parents[1])}
    command = [sys.executable, "-W", "ignore", "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert out.stdout.split("\n")[:2] == ["[]", "True"]
    assert out.stderr == ""
