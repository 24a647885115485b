"""How far ahead the ingest worker reads: recorded cameras by what pose has done, live ones by turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.cameras import CameraSpec
from pipeline.core.ports import Position
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Captured, Frame
from pipeline.feeds import open_recorded
from pipeline.runners.live import OVERTAKEN
from pipeline.runners.worker.cameras import CameraFeed
from pipeline.runners.worker.reading import Reading
from tests.unit.runners.site import START_US, Site, film, kill, spec, until


class LiveFeed:
    """A live camera that always has a picture."""

    start_us = 0

    def __init__(self, spec: CameraSpec) -> None:
        self._spec = spec
        self._seq = 0

    @property
    def position(self) -> Position:
        return Position(1, self._seq, START_US + self._seq * 40_000, "")

    def take(self, most: int) -> Sequence[Record[Any]]:
        at_us = START_US + self._seq * 40_000
        stamp = Stamp(0, self._spec.name, self._spec.camera_no, 1, 0, self._seq, at_us, at_us, "arrival")
        self._seq += 1
        return [Record(stamp, Captured(np.zeros((8, 8, 3), np.uint8)))]

    def close(self) -> None:
        return


def test_a_recorded_camera_is_never_more_than_64_frames_ahead_and_a_live_one_is_not_held_up(
    site: Site, tmp_path: Path
) -> None:
    def either(spec: CameraSpec, reading: Reading | None, wake: Callable[[], None]) -> CameraFeed:
        return LiveFeed(spec) if spec.mode == "live" else open_recorded(spec, reading, wake)

    # Both in one partition: 24 of them.
    site.register(spec("file", 1, film(tmp_path / "file", 100)), spec("live", 25, "rtsp://x", mode="live"))
    worker = site.ingest(paced=True, open_camera=either)
    until(lambda: len(_frames(site, "file")) >= 64, worker)
    live = len(_frames(site, "live"))
    for _ in range(20):
        worker.step()
    assert len(_frames(site, "file")) == 64
    assert len(_frames(site, "live")) >= live + 20

    site.took("pose", "file", 1, seq=9)  # ten of them are done for good
    until(lambda: len(_frames(site, "file")) == 74, worker)
    for _ in range(20):
        worker.step()
    assert len(_frames(site, "file")) == 74
    site.took("pose", "file", 1, seq=73)
    until(lambda: len(_frames(site, "file")) == 100, worker)
    worker.close()


@pytest.mark.parametrize(("overtaken", "times"), [(True, 2), (False, 1)])
def test_live_cameras_that_lose_pictures_take_turns_by_their_weights(site: Site, overtaken: bool, times: int) -> None:
    class Hurried(LiveFeed):
        def take(self, most: int) -> Sequence[Record[Any]]:
            (lost,), (taken,) = super().take(most), super().take(most)
            return [Record(lost.stamp, OVERTAKEN), taken] if overtaken else [taken]

    weights = {"a": 1.0, "b": 2.0, "c": 1.0}
    for number, (name, weight) in enumerate(weights.items(), start=1):
        site.register(spec(name, number, "rtsp://x", mode="live", weight=weight))
    hundredths = count()
    worker = site.ingest(open_camera=lambda spec, reading, wake: Hurried(spec), clock=lambda: next(hundredths) / 100)
    until(lambda: len(_frames(site, "b")) > 20, worker)
    before = {name: len(_frames(site, name)) for name in weights}
    for _ in range(60):
        worker.step()
    had = {name: len(_frames(site, name)) - before[name] for name in weights}
    worker.close()

    assert had["b"] == 60
    assert had["a"] == had["c"] == pytest.approx(60 / times, abs=2)


def test_large_frames_are_held_back_by_their_bytes(site: Site) -> None:
    class Large(LiveFeed):
        start_us = START_US

        def take(self, most: int) -> Sequence[Record[Any]]:
            (record,) = super().take(most)
            noise = np.random.default_rng(self._seq).integers(0, 255, (1000, 1400, 3)).astype(np.uint8)
            return [Record(record.stamp, Captured(noise))]

    site.register(spec("file", 1, "unread"))
    worker = site.ingest(paced=True, open_camera=lambda spec, reading, wake: Large(spec))
    until(lambda: len(_frames(site, "file")) > 1, worker)
    for _ in range(6):
        worker.step()

    nbytes = site.bus.held_bytes("frames")
    one = nbytes / len(_frames(site, "file"))
    worker.close()
    assert one > 0.5 * 2**20  # the bound of frames is far
    assert 16 * 2**20 - 1.5 * one <= nbytes <= 16 * 2**20


def test_what_pose_had_done_before_a_hand_over_counts_for_the_next_worker(site: Site, tmp_path: Path) -> None:
    site.register(spec("file", 1, film(tmp_path / "file", 100)))
    first = site.ingest("first", paced=True)
    until(lambda: len(_frames(site, "file")) == 64, first)
    site.took("pose", "file", 1, seq=39)
    kill(first, site, "first")

    second = site.ingest("second", paced=True)
    until(lambda: max(r.stamp.seq for r in _frames(site, "file")) == 99, second)
    second.close()


def _frames(site: Site, camera: str) -> list[Record[Any]]:
    return [r for r in site.records() if r.stamp.camera == camera and isinstance(r.value, Frame)]
