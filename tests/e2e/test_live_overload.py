"""Live cameras with more frames than the models can do, in one process: fresh results, fair shares, each frame once."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np
import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.config import Config
from pipeline.core.perception import Estimated, Found
from pipeline.core.ports import Cut, LiveSource, Picture, Position, SourceInfo
from pipeline.core.records import Dropped
from pipeline.core.types import U8
from pipeline.core.values import FEWER_LOOKS, LIGHTER_MODEL, Motions
from pipeline.metrics import Metrics
from pipeline.models.fake import FakeDetector, FakeEstimator, paint_person
from pipeline.runners.embedded.feed import Camera
from pipeline.runners.embedded.run import EmbeddedRun
from pipeline.runners.ladder import Ladder
from pipeline.runners.live import LIVE
from pipeline.topics import embedded_topics
from pipeline.topology import Parts, Topology, embedded_groups
from pipeline.video.paced import PacedCamera

SLOW_S = 0.1
FPS = 20
SECONDS = 8
WEIGHTS = {"one": 1.0, "two": 1.0, "four": 2.0}


class SlowEstimator(FakeEstimator):
    """Takes its time, and no CPU."""

    def estimate(self, crops: U8) -> Estimated:
        time.sleep(SLOW_S * len(crops))
        return super().estimate(crops)


class SlowDetector(FakeDetector):
    """The same, and notes when it looked.

    Args:
        takes_s: For a look.
    """

    def __init__(self, takes_s: float) -> None:
        super().__init__()
        self._takes_s = takes_s
        self.looked_at: list[float] = []

    def detect(self, pictures: U8) -> Sequence[Found]:
        self.looked_at += [time.monotonic()] * len(pictures)
        time.sleep(self._takes_s * len(pictures))
        return super().detect(pictures)


class Endless:
    """Somebody who stands, for ever.

    Args:
        lights: A light goes on and off in each corner of the picture: something moves wherever one may look.
    """

    def __init__(self, fps: int = FPS, *, lights: bool = False) -> None:
        self.info = SourceInfo("still", "test", LIVE, 320, 180, fps, None)
        dark: U8 = np.full((180, 320, 3), 128, dtype=np.uint8)
        paint_person(dark, (160.0, 100.0), (160.0, 60.0))
        light = dark.copy()
        if lights:
            for y, x in itertools.product((5, 75, 145), (5, 105, 215, 285)):
                light[y : y + 30, x : x + 30] = 200
        self._pixels = dark, light

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        k = start
        while True:
            yield Picture(k, int(k * 1_000_000 // self.info.fps), self._pixels[k % 2])
            k += 1


class Rest:
    """Takes cuts, and notes how old each frame is then."""

    def __init__(self, names: Iterable[str]) -> None:
        self.ages: dict[str, list[float]] = {name: [] for name in names}
        self.frames: dict[str, list[int]] = {name: [] for name in names}
        self.people: dict[str, set[bytes]] = {name: set() for name in names}
        self.reasons: Counter[str] = Counter()

    def load(self, run: int, camera_no: int) -> Cut | None:
        return None

    def commit(self, cut: Cut) -> None:
        now = time.time()
        for record in cut.records:
            stamp = record.stamp
            if isinstance(record.value, Motions | Dropped):
                self.frames[stamp.camera].append(stamp.seq)
            if isinstance(record.value, Motions):
                self.ages[stamp.camera].append(now - stamp.arrived_at_us / 1e6)
                self.people[stamp.camera] |= {row.tobytes() for row in record.value.track_id}
            elif isinstance(record.value, Dropped):
                self.reasons[record.value.reason] += 1


def run(
    weights: Mapping[str, float],
    endless: Callable[[], Endless],
    parts: Parts,
    *,
    seconds: int = SECONDS,
    ladder: Callable[[], Ladder] | None = None,
    metrics: Metrics | None = None,
) -> Rest:
    bus, rest, metrics = MemoryBus(), Rest(weights), metrics or Metrics()
    bus.ensure(embedded_topics())
    for topic, groups in embedded_groups().items():
        bus.expect(topic, groups)
    cameras = []
    for number, (name, weight) in enumerate(weights.items(), 1):
        info = SourceInfo(name, "test", LIVE, 0, 0, FPS, None)
        source = LiveSource(info, lambda: PacedCamera(endless()), weight=weight)
        cameras.append(Camera(0, name, number, source, 0, Position(0, 0, 0, LIVE), 0, seconds * 1_000_000))
    pipeline = Topology(Config(), parts).embedded(bus)
    EmbeddedRun(pipeline, cameras, {}, rest, metrics=metrics, committed=lambda _: None, ladder=ladder).run()
    return rest


def test_results_are_fresh_and_shared_by_weight_and_no_frame_is_lost() -> None:
    rest = run(WEIGHTS, Endless, Parts(FakeDetector(), SlowEstimator()))

    for name, frames in rest.frames.items():
        assert frames == list(range(len(frames))), name
        assert len(frames) > 0.8 * SECONDS * FPS
    looked = {name: len(ages) for name, ages in rest.ages.items()}
    assert sum(looked.values()) == pytest.approx(SECONDS / SLOW_S, rel=0.25)
    assert looked["four"] / sum(looked.values()) == pytest.approx(0.5, abs=0.08)
    assert looked["one"] == pytest.approx(looked["two"], abs=3)
    assert rest.reasons.keys() == {"late"}
    # Two frames under way, then the way to the database: a queue would be as old as it is long.
    assert np.median([age for ages in rest.ages.values() for age in ages]) < 4 * SLOW_S


def test_the_ladder_thins_out_instead() -> None:
    seconds = 12
    rest = run(WEIGHTS, Endless, Parts(FakeDetector(), SlowEstimator()), seconds=seconds, ladder=Ladder)

    for name, frames in rest.frames.items():
        assert frames == list(range(len(frames))), name
    # Two windows of 2 s for each of two rungs; a third of what comes after them is due, and half of that is wanted.
    assert rest.reasons["thinned"] > (seconds - 8) * FPS * len(WEIGHTS) / 3 / 2


def test_the_ladder_looks_for_people_less_often_first() -> None:
    seconds, metrics = 12, Metrics()
    # Sixteen windows a second are due, eleven can be done: a third of the frames is late. Half of them can.
    detector = SlowDetector(1 / 11)
    parts = Parts(detector, FakeEstimator())
    rest = run({"hall": 1.0}, lambda: Endless(10, lights=True), parts, seconds=seconds, ladder=Ladder, metrics=metrics)

    assert rest.frames["hall"] == list(range(len(rest.frames["hall"])))
    assert metrics.gauges("ease") == [({"camera": "hall"}, FEWER_LOOKS)]
    looked = np.array(detector.looked_at)
    assert 0 < np.count_nonzero(looked > looked[-1] - 4) <= 8 * 4 + 4


class Noting(FakeEstimator):
    """As quick as it goes, and notes when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_at: list[float] = []

    def estimate(self, crops: U8) -> Estimated:
        self.asked_at.append(time.monotonic())
        return super().estimate(crops)


def test_the_ladder_takes_the_lighter_model_and_who_is_followed_stays() -> None:
    seconds, metrics, lighter = 13, Metrics(), Noting()
    parts = Parts(FakeDetector(), SlowEstimator(), lighter=lighter)
    rest = run({"hall": 1.0}, Endless, parts, seconds=seconds, ladder=lambda: Ladder(lighter=True), metrics=metrics)

    assert rest.frames["hall"] == list(range(len(rest.frames["hall"])))
    assert metrics.gauges("ease") == [({"camera": "hall"}, LIGHTER_MODEL)]
    # Ten frames a second, until it takes over; then all.
    assert lighter.asked_at[-1] - lighter.asked_at[0] > seconds - 8 - 3
    assert len(lighter.asked_at) > 12 * (lighter.asked_at[-1] - lighter.asked_at[0])
    assert len(rest.people["hall"]) == 1
