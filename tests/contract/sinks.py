"""The sinks that the contract suite runs on. To add one: a context manager, a line in SINKS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from pipeline.core.ports import Sink
from pipeline.sinks.files import JsonLinesSink


@dataclass(frozen=True)
class SinkUnderTest:
    """A kind of sink.

    Attributes:
        fresh: Names a new, empty resting place.
        open: A sink that writes to a resting place.
        content: All that rests there, to be compared with what rests elsewhere.
    """

    fresh: Callable[[], str]
    open: Callable[[str], Sink]
    content: Callable[[str], Any]


@contextmanager
def json_lines(folder: Path) -> Iterator[SinkUnderTest]:
    numbers = count()

    def content(name: str) -> list[str]:
        return sorted((folder / name).read_text().splitlines())

    yield SinkUnderTest(lambda: f"{next(numbers)}.jsonl", lambda name: JsonLinesSink(folder / name), content)


SINKS: Mapping[str, Callable[[Path], AbstractContextManager[SinkUnderTest]]] = {
    "files": json_lines,
}
