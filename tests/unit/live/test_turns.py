"""Who is looked at next where cameras have more frames than the models can do."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from pipeline.core.records import Dropped, Record, Stamp, Tick
from pipeline.core.values import ALL, FEWER_LOOKS, Captured
from pipeline.runners.embedded.newest import Newest
from pipeline.runners.embedded.turns import LOST_S, Turns
from pipeline.runners.ladder import Ladder

PIXELS = np.zeros((2, 2, 3), dtype=np.uint8)
BEGIN = 1_800_000_000_000_000


class Models:
    """Do a frame in `takes_s`, one after another; cameras ask every millisecond."""

    def __init__(self, weights: Mapping[str, float], room: int = 1) -> None:
        self.now = 0.0
        self.turns = Turns(room, lambda: self.now)
        for name, weight in weights.items():
            self.turns.join(name, weight)
        self.had: list[tuple[float, str]] = []

    def run(self, seconds: float, takes_s: float, asking: Mapping[str, float]) -> Counter[str]:
        """`asking` says from when on a camera has frames."""
        under_way: list[tuple[float, str]] = []
        until = self.now + seconds
        while self.now < until:
            while under_way and under_way[0][0] <= self.now:
                self.turns.passed(under_way.pop(0)[1])
            for name in sorted(name for name, since in asking.items() if self.now >= since):
                if self.turns.ask(name):
                    self.turns.sent(name)
                    self.had.append((self.now, name))
                    under_way.append((max([self.now, *(at for at, _ in under_way)]) + takes_s, name))
            self.now += 0.001
        return Counter(name for _, name in self.had)


def test_cameras_share_in_proportion_to_their_weights() -> None:
    models = Models({"a": 1.0, "b": 2.0, "c": 1.0})

    had = models.run(20, 0.02, dict.fromkeys("abc", 0.0))

    total = sum(had.values())
    assert total == pytest.approx(1000, rel=0.06)
    assert [had[name] / total for name in "abc"] == pytest.approx([0.25, 0.5, 0.25], abs=0.02)


def test_a_camera_that_comes_later_gets_its_share_and_not_what_it_missed() -> None:
    models = Models({"a": 1.0, "b": 1.0})
    models.run(10, 0.02, {"a": 0.0})
    before = len(models.had)

    models.run(2, 0.02, {"a": 0.0, "b": 0.0})

    later = Counter(name for _, name in models.had[before:])
    assert later["b"] == pytest.approx(later["a"], abs=3)


def test_the_lightest_camera_has_a_frame_a_second() -> None:
    models = Models({"heavy": 100.0, "light": 0.01})

    models.run(10, 0.02, {"heavy": 0.0, "light": 0.0})

    times = [at for at, name in models.had if name == "light"]
    assert max(b - a for a, b in itertools.pairwise(times)) < 1.1
    assert len(times) <= 12


def test_no_more_are_under_way_than_there_is_room_for() -> None:
    turns = Turns(2)
    for name in "abc":
        turns.join(name)

    assert [turns.ask(name) for name in "abc"] == [True, True, False]
    for name in "ab":
        turns.sent(name)
    turns.passed("b")
    assert turns.ask("c")


def test_records_that_need_no_turn_are_told_from_frames_by_their_order() -> None:
    turns = Turns(1)
    turns.join("a")
    turns.sent("a")
    assert turns.ask("a")
    turns.sent("a")
    turns.sent("a")

    turns.passed("a")
    assert not turns.ask("a")
    turns.passed("a")
    assert turns.ask("a")


def test_a_frame_that_never_comes_out_holds_up_nobody_for_ever() -> None:
    models = Models({"a": 1.0, "b": 1.0})
    assert models.turns.ask("a")
    assert not models.turns.ask("b")
    models.now = LOST_S + 0.1
    assert models.turns.ask("b")


def test_a_camera_that_leaves_is_waited_for_by_nobody() -> None:
    turns = Turns(1)
    turns.join("a")
    turns.join("b")
    assert turns.ask("a")
    assert not turns.ask("b")
    turns.leave("a")
    assert turns.ask("b")
    turns.passed("a")


# -- the newest frame --------------------------------------------------------------------------------------------------


def record(seq: int, value: Any = None) -> Record[Any]:
    at = BEGIN + seq * 100_000
    return Record(Stamp(0, "hall", 7, 1, 0, seq, at, at, "arrival"), value or Captured(PIXELS))


def kinds(sent: list[Record[Any]]) -> list[tuple[int, str]]:
    return [
        (each.stamp.seq, each.value.reason if isinstance(each.value, Dropped) else type(each.value).__name__.lower())
        for each in sent
    ]


def newest(turns: Turns) -> tuple[Newest, list[Record[Any]]]:
    sent: list[Record[Any]] = []
    turns.join("hall")
    return Newest("hall", turns, sent.append, 500_000), sent


def test_what_a_newer_frame_overtakes_is_late_and_the_order_stays() -> None:
    turns = Turns(1)
    held, sent = newest(turns)
    for each in (record(0), record(1, Tick("live")), record(1), record(2, Dropped("ingest", "damaged")), record(3)):
        held.take(each)
    held.look(record(3).stamp.arrived_at_us)
    held.take(record(4, Tick("live")))

    assert kinds(sent) == [(0, "late"), (1, "tick"), (1, "late"), (2, "damaged"), (3, "captured"), (4, "tick")]
    assert not held.waits


def test_a_frame_that_waits_beyond_its_deadline_is_late() -> None:
    turns = Turns(0)
    held, sent = newest(turns)
    held.take(record(0))
    held.take(record(1, Tick("live")))
    held.look(BEGIN + 499_000)
    assert held.waits
    assert not sent

    held.look(BEGIN + 501_000)
    assert kinds(sent) == [(0, "late"), (1, "tick")]


def test_what_waits_at_the_end_is_late() -> None:
    held, sent = newest(Turns(0))
    held.take(record(0))
    held.look(BEGIN)
    held.end()

    assert kinds(sent) == [(0, "late")]


def test_what_the_ladder_leaves_out_says_so() -> None:
    turns = Turns(0)
    sent: list[Record[Any]] = []
    turns.join("hall")
    ladder = Ladder()
    held = Newest("hall", turns, sent.append, 500_000, ladder)
    for k in range(100):
        held.take(record(k))
        held.look(record(k).stamp.arrived_at_us)
        ladder.look(k / 10)
    held.end()

    assert ladder.rung.share < 1.0
    assert [seq for seq, _ in kinds(sent)] == list(range(100))
    assert {kind for _, kind in kinds(sent)} == {"late", "thinned"}


def test_what_is_sent_says_how_much_is_to_be_done_for_it() -> None:
    turns = Turns(1)
    sent: list[Record[Any]] = []
    turns.join("hall")
    ladder = Ladder()
    held = Newest("hall", turns, sent.append, 500_000, ladder)

    for k in range(50):
        for each in (record(2 * k), record(2 * k + 1)):  # the second overtakes the first: half of them are late
            held.take(each)
        held.look(record(2 * k + 1).stamp.arrived_at_us)
        turns.passed("hall")
        ladder.look(k / 5)

    eases = [each.value.ease for each in sent if isinstance(each.value, Captured)]
    assert eases[0] == ALL
    assert eases[-1] == FEWER_LOOKS
    assert eases == sorted(eases)
