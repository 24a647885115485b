"""Records of live cameras: one for each picture, a tick for each second, sessions that grow."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.ports import CameraChange, LivePicture
from pipeline.core.records import Dropped, Record, Tick
from pipeline.core.values import Captured
from pipeline.runners.live import LiveRecords
from pipeline.video.live import EventClock

BEGIN = 1_800_000_000_000_000
PIXELS = np.zeros((2, 2, 3), dtype=np.uint8)


def seen(i: int, connection: int = 1, pixels: Any = PIXELS, suspect: bool = False, at_s: float = 0.0) -> LivePicture:
    at = BEGIN + i * 100_000 + round(at_s * 1e6)
    return LivePicture(connection, i, at, None, i * 100_000, pixels, suspect)


def records(session: int = 0, last_us: int = 0) -> LiveRecords:
    return LiveRecords(0, "hall", 7, session, EventClock(last_us), last_us)


def kinds(found: list[Record[Any]]) -> list[str]:
    return [
        each.value.reason if isinstance(each.value, Dropped) else type(each.value).__name__.lower() for each in found
    ]


def test_each_picture_is_one_record_and_each_second_one_tick() -> None:
    live = records()
    found = [r for i in range(30) for r in live.take([seen(i)], BEGIN + i * 100_000)]

    assert sum(isinstance(r.value, Captured) for r in found) == 30
    assert sum(isinstance(r.value, Tick) for r in found) in (3, 4)
    stamps = [r.stamp for r in found if isinstance(r.value, Captured)]
    assert [s.seq for s in stamps] == list(range(30))
    assert {(s.session, s.camera_no, s.clock) for s in stamps} == {(1, 7, "arrival")}


def test_what_is_overwritten_late_or_damaged_is_a_drop_with_its_reason() -> None:
    live = records()
    now = BEGIN + 100_000
    live.take([seen(0)], BEGIN)

    assert kinds(live.take([seen(1, pixels=None)], now)) == ["late"]
    assert kinds(live.take([seen(2, suspect=True)], now + 100_000)) == ["damaged"]
    assert kinds(live.take([seen(3)], now + 800_000)) == ["late"]
    assert kinds(live.take([seen(4)], now + 400_000)) == ["captured"]


def test_the_last_error_is_still_told_when_it_is_live_again() -> None:
    live = records()
    live.take([seen(0), CameraChange("waiting", "gone", BEGIN + 200_000)], BEGIN + 250_000)
    live.take([CameraChange("live", "", BEGIN + 900_000), seen(10, connection=2)], BEGIN + 1_000_000)
    status = live.status(BEGIN + 1_000_000)

    assert (status.state, status.reason) == ("live", "")
    assert (status.error, status.error_us) == ("gone", BEGIN + 200_000)


def test_a_new_connection_is_a_later_session_and_event_time_goes_on() -> None:
    live = records(session=5, last_us=BEGIN + 60_000_000)
    first = live.take([seen(0)], BEGIN)[-1]
    second = live.take([seen(0, connection=4, at_s=30)], BEGIN + 30_000_000)[-1]

    assert (first.stamp.session, second.stamp.session) == (6, 9)
    assert BEGIN + 60_000_000 < first.stamp.captured_at_us < second.stamp.captured_at_us
    assert second.stamp.seq == 0
    assert live.position.session == 9


def test_ticks_go_on_without_pictures_and_carry_the_state() -> None:
    live = records()
    live.take([seen(0)], BEGIN)
    change = CameraChange("waiting", "gone", BEGIN + 200_000, 1.0)
    found = live.take([change], BEGIN + 200_000)
    for ms in range(200, 5_200, 100):
        found += live.take([], BEGIN + ms * 1000)

    assert [r.value for r in found] == [Tick("waiting")] * 5 + [Tick("waiting")] * (len(found) - 5)
    assert len(found) in (5, 6)
    events = [r.stamp.captured_at_us for r in found]
    assert events == sorted(set(events))


def test_a_status_says_how_the_camera_is() -> None:
    live = records()
    live.take([CameraChange("live", "", BEGIN)], BEGIN)
    for i in range(30):
        live.take([seen(i)], BEGIN + i * 100_000)
    status = live.status(BEGIN + 3_000_000)
    assert (status.state, status.fps, status.age_ms, status.restarts) == ("live", 10.0, 100, 0)

    live.take([CameraChange("waiting", "gone", BEGIN)], BEGIN + 3_000_000)
    live.take([seen(0, connection=3, at_s=9)], BEGIN + 9_000_000)
    status = live.status(BEGIN + 9_000_000)
    assert (status.state, status.reason, status.fps, status.restarts) == ("waiting", "gone", 0.0, 1)
