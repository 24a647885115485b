from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]

SUITE = """
import pytest

def test_passes():
    pass

def test_without_clips():
    pytest.skip("shared data: not beside the project")

@pytest.mark.parametrize("n", range(2))
def test_that_hides_something(n):
    pytest.skip("too slow")
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    for name in ("conftest.py", "allowed_skips.txt"):
        shutil.copy(TESTS / name, tmp_path)
    (tmp_path / "test_some.py").write_text(SUITE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def pytest_run(suite: Path, *arguments: str, ci: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")} | {"CI": ci}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=suite, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_a_skip_that_is_not_named_fails_the_run_of_ci(suite: Path, workers: tuple[str, ...]) -> None:
    done = pytest_run(suite, *workers, ci="true")

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "    2  too slow   <-- not in tests/allowed_skips.txt\n" in done.stdout
    assert "    1  shared data: not beside the project\n" in done.stdout


def test_named_skips_pass(suite: Path) -> None:
    done = pytest_run(suite, "-k", "clips or passes", ci="true")

    assert done.returncode == 0, done.stdout
    assert "    1  shared data: not beside the project\n" in done.stdout


def test_elsewhere_skips_are_only_told(suite: Path) -> None:
    done = pytest_run(suite, ci="")

    assert done.returncode == 0, done.stdout
    assert "    2  too slow\n" in done.stdout


def test_a_failing_test_stays_a_failure(suite: Path) -> None:
    (suite / "test_more.py").write_text("def test_wrong():\n    assert not 'wrong'\n")

    assert pytest_run(suite, ci="").returncode == pytest.ExitCode.TESTS_FAILED
