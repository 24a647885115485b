"""What is wrong with a configuration: all of it at once, each with file, line, key and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.core.errors import ConfigError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        line: In the file, from 1; None where the whole file or an environment variable is meant.
        key: The key's path, such as `cameras.gym.fps`; empty for the whole file.
        text: What was found and what is allowed.
        place: Where it stands, if not in the file.
        breaks: Nothing else can be said before this is mended.
    """

    line: int | None
    key: str
    text: str
    place: str | None = None
    breaks: bool = False

    def said_of(self, file: str) -> str:
        """As `FILE:LINE: key: text`."""
        place = self.place or (file if self.line is None else f"{file}:{self.line}")
        return f"{place}: {self.key}: {self.text}" if self.key else f"{place}: {self.text}"


class ConfigProblems(ConfigError):
    """A configuration that cannot be carried out, with all that is wrong with it."""

    def __init__(self, file: str, problems: Sequence[Problem], *, hint: str | None = None) -> None:
        super().__init__("\n".join(problem.said_of(file) for problem in problems), hint=hint)
        self.problems = tuple(problems)


def show_path(path: KeyPath) -> str:
    """`cameras.gym.fps`, `rules[2].kind`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean X?`, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
