"""Other processes that use a database: scripts run by a Python of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

_HEAD = """
import sys
from pathlib import Path
from pipeline.core.errors import PosebusError
from pipeline.database import EmbeddedServer, open_database
home = Path(sys.argv[1])
"""
_ROOT = Path(__file__).parents[3]
_PACKAGES = Path(np.__file__).parents[1]


@contextmanager
def running(script: str, home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the script; killed at the end if it still lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HEAD + script, str(home), *arguments],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.communicate()


def said(process: subprocess.Popen[str]) -> str:
    """The next line that the process prints; empty when it has ended."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    """Let the process go on from its `input()`."""
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def run_as_ordinary_user(script: str, home: Path) -> str:
    """What the script prints, run as a user who is not root."""
    command = [sys.executable, "-B", "-c", _HEAD + script, str(home)]
    if os.geteuid() != 0:
        return subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True).stdout
    nobody = pwd.getpwnam("nobody")
    version = f"python3.{sys.version_info.minor}"
    for python in (sys.executable, shutil.which(version, path="/usr/local/bin:/usr/bin")):
        try:
            if python is None or subprocess.run([python, "-c", ""], user=nobody.pw_uid, check=False).returncode != 0:
                continue
        except PermissionError:
            continue
        done = subprocess.run(
            [python, *command[1:]],
            cwd=_ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{_ROOT}:{_PACKAGES}", "HOME": "/nonexistent"},
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
    version = version.removeprefix("python")
    pytest.skip(f"python {version}: no interpreter that an ordinary user can run")
