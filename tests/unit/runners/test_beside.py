from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pipeline.beside import ahead, behind


class Cancelled:
    """Counts how often it was called, and lets what waits go on when it was called so often."""

    def __init__(self, often: int = 1) -> None:
        self.times, self.often = 0, often
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.times += 1
        if self.times == self.often:
            self.go_on.set()


def test_the_next_item_is_made_while_one_is_worked_on() -> None:
    made, cancel = threading.Event(), Cancelled()

    def source() -> Iterator[int]:
        yield 1
        made.set()
        yield 2

    with ahead(source(), cancel) as items:
        assert next(items) == 1
        assert made.wait(10)
        assert list(items) == [2]
    assert cancel.times == 0


def test_what_the_source_raises_comes_behind_its_last_item() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    with ahead(source(), Cancelled()) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="no more"):
            next(items)


def test_who_stops_early_cancels_the_item_that_is_being_made_until_it_is() -> None:
    cancel = Cancelled(often=2)  # the first time came between two statements

    def source() -> Iterator[int]:
        yield 1
        assert cancel.go_on.wait(10)

    with ahead(source(), cancel) as items:
        next(items)

    assert cancel.times == 2


def test_a_call_returns_while_it_is_made_and_the_next_one_waits_for_it() -> None:
    go_on, done, cancel = threading.Event(), list[int](), Cancelled()

    def slow(number: int) -> None:
        assert go_on.wait(10)
        done.append(number)

    with behind(slow, cancel) as call:
        call(1)
        assert done == []
        go_on.set()
        call(2)
        assert done[0] == 1

    assert done == [1, 2]
    assert cancel.times == 0


def test_what_a_call_raised_is_raised_by_the_next_one_or_at_the_end() -> None:
    def refuse(number: int) -> None:
        raise ValueError(f"no {number}")

    def all_of(*numbers: int) -> None:
        with behind(refuse, Cancelled()) as call:
            for number in numbers:
                call(number)

    with pytest.raises(ValueError, match="no 1"):
        all_of(1, 2)
    with pytest.raises(ValueError, match="no 3"):
        all_of(3)


def test_who_fails_cancels_the_call_that_is_being_made() -> None:
    cancel = Cancelled()

    def slow(_: int) -> None:
        assert cancel.go_on.wait(10)

    def fail() -> None:
        with behind(slow, cancel) as call:
            call(1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert cancel.times == 1
