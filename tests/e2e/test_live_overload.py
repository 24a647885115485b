"""Live cameras with more frames than the models can do, in one process: fresh results, fair shares, each frame once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.config import Config
from pipeline.core.perception import Estimated
from pipeline.core.ports import Cut, LiveSource, Picture, Position, SourceInfo
from pipeline.core.records import Dropped
from pipeline.core.types import U8
from pipeline.core.values import Motions
from pipeline.metrics import Metrics
from pipeline.models.fake import FakeDetector, FakeEstimator, paint_person
from pipeline.runners.embedded.feed import Camera
from pipeline.runners.embedded.run import EmbeddedRun
from pipeline.runners.live import LIVE
from pipeline.topology import Parts, Topology, embedded_groups, embedded_topics
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


class Endless:
    """Somebody who stands, for ever."""

    def __init__(self) -> None:
        self.info = SourceInfo("still", "test", LIVE, 320, 180, FPS, None)
        self._pixels: U8 = np.full((180, 320, 3), 128, dtype=np.uint8)
        paint_person(self._pixels, (160.0, 100.0), (160.0, 60.0))

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        k = start
        while True:
            yield Picture(k, k * 1_000_000 // FPS, self._pixels)
            k += 1


class Rest:
    """Takes cuts, and notes how old each frame is then."""

    def __init__(self) -> None:
        self.ages: dict[str, list[float]] = {name: [] for name in WEIGHTS}
        self.frames: dict[str, list[int]] = {name: [] for name in WEIGHTS}
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
            elif isinstance(record.value, Dropped):
                self.reasons[record.value.reason] += 1


def run(*, ladder: bool = False) -> Rest:
    bus, rest, metrics = MemoryBus(), Rest(), Metrics()
    bus.ensure(embedded_topics())
    for topic, groups in embedded_groups().items():
        bus.expect(topic, groups)
    cameras = []
    for number, (name, weight) in enumerate(WEIGHTS.items(), 1):
        info = SourceInfo(name, "test", LIVE, 0, 0, FPS, None)
        source = LiveSource(info, lambda: PacedCamera(Endless()), weight=weight)
        cameras.append(Camera(0, name, number, source, 0, Position(0, 0, 0, LIVE), 0, SECONDS * 1_000_000))
    pipeline = Topology(Config(), Parts(FakeDetector(), SlowEstimator())).embedded(bus)
    EmbeddedRun(pipeline, cameras, {}, rest, metrics=metrics, committed=lambda _: None, ladder=ladder).run()
    return rest


def test_results_are_fresh_and_shared_by_weight_and_no_frame_is_lost() -> None:
    rest = run()

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
    rest = run(ladder=True)

    for name, frames in rest.frames.items():
        assert frames == list(range(len(frames))), name
    # It waits for two windows of 2 s; a third of what comes after them is due, and half of that is wanted.
    assert rest.reasons["thinned"] > (SECONDS - 4) * FPS * len(WEIGHTS) / 3 / 2
