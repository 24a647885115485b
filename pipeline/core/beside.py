"""Reading and writing on a thread beside the one that works: an iterator's next item, a call's last one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def ahead(source: Iterator[T]) -> Iterator[T]:
    """The items of `source`, while the next one is being made. Raises what `source` raises."""
    ended = object()
    with ThreadPoolExecutor(1, "ahead") as thread:
        coming: Future[T | object] = thread.submit(next, source, ended)
        while (item := coming.result()) is not ended:
            coming = thread.submit(next, source, ended)
            yield item  # type: ignore[misc]


@contextmanager
def behind(call: Callable[[T], None]) -> Iterator[Callable[[T], None]]:
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

        yield later
        if last is not None:
            last.result()
