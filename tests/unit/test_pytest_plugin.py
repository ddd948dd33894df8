"""The fixture and the marker ``assay_gate``, in pytest runs of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ARRAYS = """
    import numpy as np
    import pytest

    labels = np.tile([0, 1], 300)
    right = lambda share: np.where(np.arange(600) % 100 < share * 100, labels, 1 - labels)

    def test_better(assay_gate):
        verdict = assay_gate("n - o > 0", labels=labels, new=right(0.95), old=right(0.70), reliability=0.99)
        assert verdict.passed and verdict.blocking and verdict.guarantee.error < 0.011

    def test_worse(assay_gate):
        assay_gate("n > 0.9", labels=labels, new=right(0.70))
        raise AssertionError("never reached")

    def test_open(assay_gate):
        assay_gate("n > 0.9", labels=labels, new=right(0.91))
        raise AssertionError("never reached")

    def test_open_and_allowed_to_be(assay_gate):
        assay_gate("n > 0.9", labels=labels, new=right(0.91), inconclusive="skip")
"""
PROJECT = """\
[project]
name = "loans"
[datasets.test]
role = "test"
source = "test.csv"
label = "late"
[models.new]
predictions = "new.csv"
[[checks]]
id = "good-enough"
claim = "n > 0.8"
new = "new"
blocking = true
[[checks]]
id = "ambitious"
claim = "n > 0.9"
new = "new"
blocking = true
"""
MARKED = """
    import pytest

    @pytest.mark.assay_gate("good-enough")
    def test_good_enough():
        pass

    @pytest.mark.assay_gate(project="assay.toml")
    def test_all():
        raise RuntimeError("the gate comes first")

    @pytest.mark.assay_gate("ambitious", inconclusive="skip")
    def test_ambitious():
        raise RuntimeError("the gate comes first")

    @pytest.mark.assay_gate("stage:data")
    def test_nothing():
        pass

    @pytest.mark.assay_gate("ambitoius")
    def test_misspelled():
        pass
"""


def declare(folder: Path) -> None:
    labels = [0, 1] * 300
    said = [label if row % 100 < 91 else 1 - label for row, label in enumerate(labels)]
    (folder / "test.csv").write_text("late\n" + "".join(f"{label}\n" for label in labels))
    (folder / "new.csv").write_text("prediction\n" + "".join(f"{each}\n" for each in said))
    (folder / "assay.toml").write_text(PROJECT)


def test_the_fixture_passes_fails_and_skips_with_the_verdict_shown(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(ARRAYS)
    result = pytester.runpytest_subprocess("-rs")
    result.assert_outcomes(passed=1, failed=2, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*test_worse*",
            '*assay_gate("n > 0.9", labels=labels, new=right(0.70))',
            "E*n > 0.9: fail: n is 0.700*",
            "*- assay -*",
            "*GAT101*FAIL*0.700*need > 0.9*exact 5%",
            "*test_open*",
            "E*n > 0.9: inconclusive: *0.9 is not excluded*",
            "*GAT101*INCONCLUSIVE*",
            "SKIPPED*inconclusive*",
        ]
    )
    assert "never reached" not in "".join(line for line in result.outlines if line.startswith("E"))


@pytest.mark.parametrize("way", ["option", "ini"])
def test_what_is_inconclusive_can_be_skipped_but_never_passes(pytester: pytest.Pytester, way: str) -> None:
    pytester.makepyfile(ARRAYS)
    if way == "ini":
        pytester.makeini("[pytest]\nassay_inconclusive = skip\n")
    result = pytester.runpytest_subprocess(*(["--assay-inconclusive=skip"] if way == "option" else []))
    result.assert_outcomes(passed=1, failed=1, skipped=2)


def test_the_marker_runs_checks_of_the_project_before_the_test(pytester: pytest.Pytester) -> None:
    declare(pytester.path)
    pytester.makepyfile(MARKED)
    result = pytester.runpytest_subprocess("-rs", "--strict-markers")
    result.assert_outcomes(passed=1, failed=3, skipped=1)
    text = result.stdout.str()
    assert "Blocked: 1 inconclusive of 2 blocking verdicts" in text
    assert "GAT101 ambitious" in text
    assert "selects no check" in text
    assert "no check 'ambitoius'; did you mean 'ambitious'?" in text
    assert "the gate comes first" not in text


def test_a_wrong_setting_is_refused(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nassay_inconclusive = pass\n")
    result = pytester.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*assay_inconclusive = pass: write fail or skip*"])


def test_a_run_without_a_gate_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_light.py").write_text(
        "import sys\n\ndef test_light(request):\n"
        "    assert request.config.pluginmanager.has_plugin('assay')\n"
        "    assert not {'numpy', 'scipy', 'pandas', 'sqlalchemy', 'rich', 'click', 'ibis'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
