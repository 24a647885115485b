"""Reading and writing on a thread beside the one that works: an iterator's next item, a call's last one.

Whoever leaves a block in the middle (Ctrl-C, a failure) waits for what is going on there, which `cancel` cuts short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_AGAIN_S = 0.5


@contextmanager
def ahead(source: Iterator[T], cancel: Callable[[], object]) -> Iterator[Iterator[T]]:
    """The items of `source`, each given out while the next one is being made. They raise what `source` raises."""
    ended = object()
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming: Future[T | object] = thread.submit(next, source, ended)

        def items() -> Iterator[T]:
            nonlocal coming
            while (item := coming.result()) is not ended:
                coming = thread.submit(next, source, ended)
                yield item  # type: ignore[misc]

        try:
            yield items()
        finally:
            _end(coming, cancel)


@contextmanager
def behind(call: Callable[[T], None], cancel: Callable[[], object]) -> Iterator[Callable[[T], None]]:
    """The same call, which returns while it is being made. One is made at a time.

    What it raises, the next one raises, or the end of the block.
    """
    with ThreadPoolExecutor(1, "behind") as thread:
        last: Future[None] | None = None

        def later(argument: T) -> None:
            nonlocal last
            if last is not None:
                last.result()
            last = thread.submit(call, argument)

        try:
            yield later
            if last is not None:
                last.result()
        finally:
            if last is not None:
                _end(last, cancel)


def _end(work: Future[Any], cancel: Callable[[], object]) -> None:
    """Again and again: what is between two statements has nothing to cancel, and goes on with the next one."""
    while not work.done():
        cancel()
        wait((work,), _AGAIN_S)
