"""Live frames of several cameras at a worker that can do only some of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from pipeline.core.cameras import DEADLINE_MS, CameraSpec
from pipeline.core.headers import frame_arrived_us, headers_of, is_live
from pipeline.core.ports import BusRecord
from pipeline.core.records import Dropped, Record, Tick
from pipeline.runners.worker.shares import Shares
from tests.samples import poses, stamp

POLL, BEGIN_US = 8, 1_800_000_000_000_000


def bus_record(name: str, offset: int, at_us: int, *, value: object = None) -> BusRecord:
    record = Record(stamp(offset, camera=name, at_us=at_us, clock="arrival"), poses() if value is None else value)
    return BusRecord("frames", 0, offset, name.encode(), b"", headers_of(record))


@dataclass
class Load:
    """Cameras that send evenly, and a worker that takes what is there, in order, one frame after another."""

    fps: Mapping[str, float]
    weights: Mapping[str, float]
    takes_s: float
    now_us: int = BEGIN_US
    looked: Counter[str] = field(default_factory=Counter)
    given_up: Counter[str] = field(default_factory=Counter)
    ages_s: list[float] = field(default_factory=list)
    looked_at_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def run(self, seconds: float, warm_s: float = 3.0) -> None:
        arrivals = sorted(
            (BEGIN_US + round(1e6 * (number + 0.1 * place) / fps), name)
            for place, (name, fps) in enumerate(self.fps.items())
            for number in range(round(seconds * fps))
        )
        queue = [bus_record(name, offset, at_us) for offset, (at_us, name) in enumerate(arrivals)]
        shares = Shares(self._spec, now_us=lambda: self.now_us, clock=lambda: self.now_us / 1e6)
        while queue:
            self.now_us = max(self.now_us, frame_arrived_us(queue[0]) or 0)
            there = [record for record in queue if (frame_arrived_us(record) or 0) <= self.now_us]
            taken, waiting = there[:POLL], there[POLL:]
            given_up = shares.late(taken, waiting)
            warm = self.now_us > BEGIN_US + warm_s * 1e6
            for place, record in enumerate(taken):
                name = record.key.decode()
                if place in given_up:
                    self.given_up[name] += warm
                    continue
                if warm:
                    self.looked[name] += 1
                    self.looked_at_s[name].append(self.now_us / 1e6)
                    self.ages_s.append((self.now_us - (frame_arrived_us(record) or 0)) / 1e6)
                self.now_us += round(1e6 * self.takes_s)
            queue = queue[len(taken) :]

    def _spec(self, name: str) -> CameraSpec | None:
        return CameraSpec(name, 1, "rtsp://host/x", weight=self.weights[name]) if name in self.weights else None


def test_all_are_looked_at_while_they_are_few() -> None:
    load = Load({"a": 15, "b": 15}, {}, takes_s=0.03)

    load.run(20)

    assert not load.given_up


def test_a_hiccup_shorter_than_half_the_deadline_costs_nothing() -> None:
    shares = Shares(lambda _: None, now_us=lambda: BEGIN_US + 240_000, clock=lambda: 0.0)

    given_up = shares.late([bus_record("a", k, BEGIN_US + k * 66_000) for k in range(4)], [])

    assert given_up == frozenset()


@pytest.mark.parametrize("overload", [1.3, 3.0, 10.0])
def test_cameras_alike_get_the_same_and_what_is_looked_at_is_new(overload: float) -> None:
    names = "abcd"
    takes_s = overload / (15 * len(names))
    load = Load(dict.fromkeys(names, 15.0), {}, takes_s=takes_s)

    load.run(60)

    assert min(load.looked.values()) > 0.93 * max(load.looked.values()), load.looked
    # The worker is never without work.
    assert sum(load.looked.values()) == pytest.approx(57 / takes_s, rel=0.06)
    # Frames of one poll are looked at one after another; it began when the round before was over.
    assert max(load.ages_s) <= max(2 * len(names) * takes_s, DEADLINE_MS / 2000 + len(names) * takes_s) + 1 / 15


def test_weights_say_how_many_each_gets() -> None:
    load = Load(dict.fromkeys("abc", 15.0), {"a": 1.0, "b": 1.0, "c": 2.0}, takes_s=4 / 45)

    load.run(100)

    total = sum(load.looked.values())
    assert [load.looked[name] / total for name in "abc"] == pytest.approx([0.25, 0.25, 0.5], abs=0.04)


def test_a_camera_with_many_frames_takes_none_from_one_with_few() -> None:
    load = Load({"fast": 30.0, "slow": 5.0}, {}, takes_s=0.1)

    load.run(60)

    assert load.looked["slow"] / 57 > 4.0, load.looked
    assert load.looked["fast"] / 57 > 4.5, load.looked


def test_however_little_a_camera_weighs_it_has_a_frame_a_second() -> None:
    load = Load({"a": 15.0, "b": 15.0}, {"a": 0.01, "b": 100.0}, takes_s=0.1)

    load.run(60)

    gaps = [after - before for before, after in zip(load.looked_at_s["a"], load.looked_at_s["a"][1:], strict=False)]
    assert max(gaps) <= 1.3, max(gaps)


def test_who_alone_has_frames_gets_all_whatever_it_weighs() -> None:
    load = Load({"light": 15.0, "heavy": 1.0}, {"light": 1.0, "heavy": 100.0}, takes_s=0.1)

    load.run(60)

    assert load.looked["light"] / 57 > 8, load.looked
    assert load.looked["heavy"] / 57 > 0.9, load.looked


def test_cameras_that_come_at_once_and_late_are_all_known() -> None:
    shares = Shares(lambda _: None, now_us=lambda: BEGIN_US + 300_000, clock=lambda: 0.0)

    given_up = shares.late([bus_record(name, k, BEGIN_US + k) for k, name in enumerate("aabc")], [])

    assert given_up == frozenset((0,))


def test_recorded_dropped_and_ticks_overtake_nobody_and_are_never_given_up() -> None:
    shares = Shares(lambda _: None, now_us=lambda: BEGIN_US + 10_000_000, clock=lambda: 0.0)
    recorded = Record(stamp(0), poses())
    live = [bus_record("a", 1, BEGIN_US)]
    behind = [
        bus_record("a", 2, BEGIN_US + 1, value=Dropped("detect", "late")),
        bus_record("a", 3, BEGIN_US + 2, value=Tick("live")),
    ]

    assert headers_of(recorded) == ()
    assert all(is_live(record) for record in (*live, *behind))
    assert shares.late(live, behind) == frozenset()
    assert shares.late(behind, live) == frozenset()
    assert shares.late(live, [bus_record("a", 4, BEGIN_US + 3)]) == frozenset((0,))
