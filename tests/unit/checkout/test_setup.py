from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("bash", "cat", "cksum", "dirname", "head", "rm", "awk", "mkdir", "cp")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Just what setup.sh reads, in a path with a space, and a folder `bin` that is all of PATH."""
    folder = tmp_path / "a clone"
    (folder / "infra/dev").mkdir(parents=True)
    for name in ("requirements.lock", "pyproject.toml", "infra/dev/setup.sh"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / "bin" / tool).symlink_to(found)
    return folder


def put(checkout: Path, name: str, script: str) -> None:
    path = checkout / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def setup(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    everything = {"PATH": str(checkout / "bin"), "HOME": str(checkout / "home"), **environment}
    return subprocess.run(
        [checkout / "infra/dev/setup.sh"], env=everything, capture_output=True, text=True, check=False
    )


def test_without_a_fitting_python_one_line_says_what_to_do(checkout: Path) -> None:
    put(checkout, "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    put(checkout, "python3", "exit 1")

    done = setup(checkout)

    assert done.returncode == 1
    assert done.stderr.startswith("setup: needs Python 3.11 or 3.12 and finds none: install it")
    assert done.stderr.count("\n") == 1


def test_a_wrong_python_that_was_named_is_refused(checkout: Path) -> None:
    put(checkout, "python3", "exit 1")

    assert (
        "POSEBUS_PYTHON is python3, which is no Python 3.11 or 3.12" in setup(checkout, POSEBUS_PYTHON="python3").stderr
    )


def test_without_venv_an_ordinary_user_is_told_the_package(checkout: Path) -> None:
    put(checkout, "python3", 'case "$2" in venv) exit 1;; *print*) echo 3.11;; esac')
    put(checkout, "id", "echo 1000")

    done = setup(checkout)

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "setup: getting uv",
        "setup: python3 cannot make virtual environments: install python3.11-venv "
        "(sudo apt-get install python3.11-venv), or uv",
    ]


def test_without_venv_root_gets_the_package(checkout: Path) -> None:
    put(checkout, "python3", 'case "$2" in venv) exit 1;; *print*) echo 3.11;; esac')
    put(checkout, "id", "echo 0")
    put(checkout, "apt-get", 'echo "$@" >> asked; exit 0')

    done = setup(checkout)

    assert (checkout / "asked").read_text() == "-qq update\n-qq install -y python3.11-venv\n"
    assert "with python3.11-venv either" in done.stderr


UV = """
echo "$@" >> calls
case "$1" in venv) mkdir -p .venv/bin; cp bin/python3.11 .venv/bin/python; cp bin/python3.11 .venv/bin/posebus;; esac
"""


def calls(checkout: Path) -> list[str]:
    """What uv was asked for since the last look."""
    path = checkout / "calls"
    done = path.read_text().splitlines() if path.exists() else []
    path.unlink(missing_ok=True)
    return [line for line in done if line != "pip sync --help"]


def test_only_what_changed_is_done_again(checkout: Path) -> None:
    put(checkout, "python3.11", 'case "$2" in *print*) echo 3.11;; esac')
    put(checkout, "uv", UV)
    install = [
        "pip sync --quiet --compile-bytecode --python .venv requirements.lock",
        "pip install --quiet --python .venv --no-deps --no-build-isolation --editable .",
    ]

    assert setup(checkout).returncode == 0
    assert calls(checkout) == ["venv --quiet --no-project --python python3.11 .venv", *install]

    again = setup(checkout)
    assert (again.returncode, again.stdout, again.stderr, calls(checkout)) == (0, "", "", [])

    (checkout / "pyproject.toml").write_text("changed")
    assert setup(checkout).returncode == 0
    assert calls(checkout) == install

    moved = checkout.rename(checkout.parent / "elsewhere")
    assert setup(moved).returncode == 0
    assert calls(moved)[1:] == install
