"""Frames of live cameras on their way to a pose stage that can do only so many."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.headers import headers_of
from pipeline.core.ports import BusRecord
from pipeline.core.records import Dropped, Record, Tick
from pipeline.core.values import Captured
from pipeline.runners.live import OVERTAKEN
from pipeline.runners.worker.flow import FIRST, Flow
from tests.samples import poses, stamp

OLD_S = 0.25
BEGIN_US = 1_800_000_000_000_000
PIXELS = np.zeros((2, 2, 3), np.uint8)


class Way:
    """From ingest to pose and back: `there_s` on the way, then pose does a frame in `takes_s`, one after another."""

    def __init__(self, takes_s: float, there_s: float = 0.03) -> None:
        self.now_s = 0.0
        self.takes_s, self.there_s = takes_s, there_s
        self.flow = Flow(OLD_S, clock=lambda: self.now_s, now_us=self.now_us)
        self.ages_s: list[float] = []
        self.dropped = 0
        self._free_s = 0.0
        self._out: list[tuple[float, Record[object]]] = []

    def now_us(self) -> int:
        return BEGIN_US + round(self.now_s * 1e6)

    def captured(self, name: str = "gym") -> Record[Captured]:
        return Record(stamp(0, camera=name, at_us=self.now_us(), clock="arrival"), Captured(PIXELS))

    def run(self, seconds: float, fps: float, cameras: int = 4) -> None:
        """Each camera gives its pictures at this rate; a picture that has no room is dropped."""
        next_s = [self.now_s + n / fps / cameras for n in range(cameras)]
        until = self.now_s + seconds
        while self.now_s < until:
            while self._out and self._out[0][0] <= self.now_s:
                _, record = self._out.pop(0)
                self.flow.hear(out_of_pose(record))
            for n in range(cameras):
                if self.now_s >= next_s[n]:
                    next_s[n] += 1 / fps
                    self._go(self.flow.admit(self.captured(f"camera{n}")))
            self.now_s += 0.001

    def _go(self, record: Record[object]) -> None:
        if record.value == OVERTAKEN:
            self.dropped += 1
            return
        begins_s = max(self.now_s + self.there_s, self._free_s)
        self._free_s = begins_s + self.takes_s
        self._out.append((self._free_s + self.there_s, record))
        self.ages_s.append(self._free_s + self.there_s - self.now_s)


def out_of_pose(record: Record[object], *, lost: bool = False) -> BusRecord:
    value = Dropped("pose", "late") if lost else poses(1)
    return BusRecord("poses", 0, 0, record.stamp.camera.encode(), b"", headers_of(Record(record.stamp, value)))


def test_pose_is_kept_at_work_and_what_it_gives_is_young() -> None:
    way = Way(takes_s=0.05)

    way.run(30, fps=15)
    warm = len(way.ages_s)
    way.run(60, fps=15)

    assert len(way.ages_s) - warm == pytest.approx(60 / 0.05, rel=0.05)
    assert max(way.ages_s[warm:]) < OLD_S + 4 * 0.05
    assert np.median(way.ages_s[warm:]) < OLD_S


def test_nothing_is_held_back_where_pose_can_do_all() -> None:
    way = Way(takes_s=0.005, there_s=0.08)

    way.run(5, fps=30)
    held = way.dropped
    way.run(60, fps=30)

    assert way.dropped == held


def test_a_window_that_is_not_used_does_not_grow() -> None:
    way = Way(takes_s=0.005)

    way.run(60, fps=2, cameras=2)

    assert way.flow.window == FIRST


def test_frames_that_were_given_up_make_it_smaller_once_for_all_that_were_under_way() -> None:
    way = Way(takes_s=0.05)
    sent = [way.captured() for _ in range(int(FIRST))]
    for record in sent:
        way.now_s += 0.01
        assert way.flow.admit(record) is record

    way.now_s += 0.01
    for record in sent:
        way.flow.hear(out_of_pose(record, lost=True))

    assert way.flow.has_room
    assert way.flow.window == pytest.approx(0.7 * FIRST)


def test_frames_that_never_come_out_give_their_room_back() -> None:
    way = Way(takes_s=0.05)
    way.flow.hear(out_of_pose(way.captured("other")))
    for _ in range(int(FIRST)):
        way.flow.admit(way.captured())
    assert not way.flow.has_room
    assert way.flow.admit(way.captured()).value == OVERTAKEN

    way.now_s += 3
    assert way.flow.has_room
    assert way.flow.window == FIRST


def test_while_nothing_comes_out_of_pose_nobody_is_held_back() -> None:
    way = Way(takes_s=0.05)

    records = [way.flow.admit(way.captured()) for _ in range(100)]

    assert all(isinstance(record.value, Captured) for record in records)


def test_ticks_and_dropped_pictures_need_no_room() -> None:
    way = Way(takes_s=0.05)
    way.flow.hear(out_of_pose(way.captured("other")))
    for _ in range(int(FIRST)):
        way.flow.admit(way.captured())

    tick = Record(stamp(0, clock="arrival"), Tick("live"))

    assert way.flow.admit(tick) is tick


def test_what_comes_out_of_pose_is_listened_to_from_the_first_live_frame_on() -> None:
    begun: list[str] = []
    flow = Flow(OLD_S, listen=lambda: begun.append("listens"))
    recorded = Record(stamp(0), Tick("live"))

    assert flow.admit(recorded) is recorded
    assert begun == []
    for _ in range(3):
        flow.admit(Way(takes_s=0.05).captured())

    assert begun == ["listens"]
