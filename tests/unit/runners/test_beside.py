from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pipeline.core.beside import ahead, behind


def numbers(asked: list[int], broken_at: int = 99) -> Iterator[int]:
    for number in range(5):
        if number == broken_at:
            raise ValueError(f"no {number}")
        asked.append(number)
        yield number


def test_the_next_item_is_made_while_one_is_worked_on() -> None:
    made = threading.Event()

    def source() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    items = ahead(source())

    assert next(items) == 1
    assert made.wait(10)
    assert list(items) == [2]


def test_what_the_source_raises_comes_behind_its_last_item() -> None:
    items = ahead(numbers([], broken_at=2))

    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(ValueError, match="no 2"):
        next(items)


def test_who_stops_early_has_one_item_more_made_than_taken() -> None:
    asked: list[int] = []
    items = ahead(numbers(asked))

    next(items)
    items.close()  # type: ignore[attr-defined]

    assert asked == [0, 1]


def test_a_call_returns_while_it_is_made_and_the_next_one_waits_for_it() -> None:
    go_on, done = threading.Event(), list[int]()

    def slow(number: int) -> None:
        assert go_on.wait(10)
        done.append(number)

    with behind(slow) as call:
        call(1)
        assert done == []
        go_on.set()
        call(2)
        assert done[0] == 1

    assert done == [1, 2]


def test_what_a_call_raised_is_raised_by_the_next_one_or_at_the_end() -> None:
    def refuse(number: int) -> None:
        raise ValueError(f"no {number}")

    def all_of(*numbers: int, then: type[Exception] | None = None) -> None:
        with behind(refuse) as call:
            for number in numbers:
                call(number)
            if then is not None:
                raise then

    with pytest.raises(ValueError, match="no 1"):
        all_of(1, 2)
    with pytest.raises(ValueError, match="no 3"):
        all_of(3)
    with pytest.raises(KeyError):
        all_of(4, then=KeyError)
