"""Runs the installed `posebus` as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.e2e.terminal import Ended

PROGRAM = Path(sys.executable).with_name("posebus")
_NOT_OURS = ("INFO: Created TensorFlow Lite",)
"""Lines on standard error that come out of the model runtime."""


@dataclass(frozen=True)
class Posebus:
    """The program with a home folder of its own, and further variables of its environment."""

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str, timeout_s: float = 110, stdout: IO[str] | int = subprocess.PIPE) -> Ended:
        """Run it to its end."""
        done = subprocess.run(
            [PROGRAM, *words],
            env=self._environment(),
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Ended(done.returncode, done.stdout or "", _ours(done.stderr))

    @contextmanager
    def started(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Let it run while the block lasts; killed at its end if it still lives."""
        process = subprocess.Popen(
            [PROGRAM, *words], env=self._environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSEBUS_")}
        return {**kept, "POSEBUS_HOME": str(self.home), "NO_COLOR": "1", **self.variables}


def ended(process: subprocess.Popen[str], timeout_s: float = 60) -> Ended:
    """Wait for its end."""
    out, err = process.communicate(timeout=timeout_s)
    return Ended(process.returncode, out, _ours(err))


def _ours(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(_NOT_OURS))
