"""Runs the installed `posebus` as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("posebus")


@dataclass(frozen=True)
class Posebus:
    """The program with a home folder of its own."""

    home: Path

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSEBUS_")}
        return {**kept, "POSEBUS_HOME": str(self.home), "NO_COLOR": "1"}

    def run(self, *words: str, timeout_s: float = 110) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [PROGRAM, *words], env=self.environment(), capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, *words], env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


def lines(text: str, *, without: Sequence[str] = ("INFO:", "W0000", "WARNING: All log")) -> list[str]:
    """Lines of standard error that are posebus's own."""
    return [line for line in text.splitlines() if line and not line.startswith(tuple(without))]
