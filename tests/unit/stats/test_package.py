from __future__ import annotations

import doctest
import importlib
import subprocess
import sys

import pytest

import assay.stats
import assay.testing

MODULES = [f"assay.stats.{name}" for name in assay.stats.__all__]
MODULES += [f"assay.testing.{name}" for name in assay.testing.__all__]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_submodules_come_when_they_are_asked_for() -> None:
    script = (
        "import sys, assay.stats, assay.testing;"
        "assert 'numpy' not in sys.modules;"
        "assert assay.stats.binomial.upper(0, 10, 0.05) < 1;"
        "assert 'scipy.stats' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, env={"PYTHONPATH": ":".join(sys.path)})
    assert done.returncode == 0


def test_unknown_names_are_attribute_errors() -> None:
    for package in (assay.stats, assay.testing):
        with pytest.raises(AttributeError, match="nothing_like_it"):
            _ = package.nothing_like_it
        assert dir(package) == package.__all__
