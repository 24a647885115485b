"""What the program said and how it ended, and what may never be on a terminal."""

from __future__ import annotations

import re
from dataclasses import dataclass

SECRET = "hunter2-xyzzy"
"""The password in every address of the tests."""

SECRET_DSN = f"postgresql://ann:{SECRET}@127.0.0.1:1/gym"
"""Nobody listens there."""


@dataclass(frozen=True)
class Ended:
    """A program that has ended.

    Attributes:
        code: Its exit code.
        out: All of standard output.
        err: All of standard error.
    """

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        assert SECRET not in self.out + self.err, "a password was shown"
        assert "Traceback" not in self.out + self.err, self.err

    def done(self) -> Ended:
        """It did what was asked for."""
        assert self.code == 0, self.err
        assert "error:" not in self.err
        return self

    def refused(self, code: int, error: str, hint: str) -> None:
        """It ended with this code, one line that says why, and a hint; both are patterns."""
        assert self.code == code, f"{self.code}: {self.err}"
        lines = [line for line in self.err.splitlines() if not line.startswith("note: ")]
        assert len(lines) == 2, self.err
        assert lines[0].startswith("error: "), self.err
        assert re.search(error, lines[0]), self.err
        assert lines[1].startswith("hint:  "), self.err
        assert re.search(hint, lines[1]), self.err

    def misused(self, error: str) -> None:
        """The words of the command line were wrong: what they are, where help is, what is wrong."""
        assert self.code == 2, f"{self.code}: {self.err}"
        lines = [line for line in self.err.splitlines() if line]
        assert lines[0].startswith("Usage: posebus"), self.err
        assert re.fullmatch("Try 'posebus.* -h' for help.", lines[1]), self.err
        assert lines[2].startswith("Error: "), self.err
        assert re.search(error, lines[2]), self.err
        assert len(lines) == 3, self.err

    def noted(self, note: str) -> None:
        """One of its notes matches the pattern."""
        notes = [line for line in self.err.splitlines() if line.startswith("note:  ")]
        assert any(re.search(note, line) for line in notes), self.err
