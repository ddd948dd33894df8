from __future__ import annotations

import subprocess
import sys

import assay.report


def test_the_package_loads_no_renderer_until_one_is_asked_for():
    heavy = "{'altair', 'rich', 'vl_convert', 'numpy'}"
    script = f"import sys, assay.report; sys.exit(len({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], env={"PYTHONPATH": ":".join(sys.path)}, check=False)
    assert done.returncode == 0


def test_all_names_resolve():
    for name in assay.report.__all__:
        assert getattr(assay.report, name).__name__ == name
