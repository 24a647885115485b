"""Frames come one by one from a live camera and many at once from a recording: what is decided must be the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from pipeline.config import Config
from pipeline.core.cameras import CameraSpec
from pipeline.core.ports import BusRecord
from pipeline.core.records import Dropped, Record, Stamp, Tick
from pipeline.core.stage import StretchStage
from pipeline.core.values import Poses
from pipeline.models.fake import FakeDetector, FakeEstimator
from pipeline.topics import PARTITIONS
from pipeline.topology import Parts, Topology
from pipeline.video.simulate.measured import MEASURED
from pipeline.video.simulate.scripts import keypoints

START_US = 1_767_258_000_000_000
CAMERAS = {"one": 1, "two": 1 + PARTITIONS}
"""Of the same partition."""
DRAWN = CameraSpec(
    "two", CAMERAS["two"], "rtsp://h/x", zones="zones: {mat: {corners: [[0, 0.2], [0.5, 0.2], [0.5, 1], [0, 1]]}}"
)
"""This camera has a stage of its own."""
STAGES = ("track", "smooth", "analyze", "alert")
SCENES = ("sim://gym?people=1&seconds=14", "sim://gym?people=5&seconds=8", "sim://street?people=4&seconds=12")


def frames(scene: str, camera: str, seed: int) -> Iterator[Record[Any]]:
    """A script with all that may happen in between: seconds that pass, frames that are lost, another picture."""
    random = np.random.default_rng(seed)
    number, second = 0, 0

    def record(value: Any, seq: int, t_us: int) -> Record[Any]:
        nonlocal number
        number += 1
        at_us = START_US + t_us
        return Record(Stamp(0, camera, CAMERAS[camera], 1, number - 1, seq, at_us, at_us, "file"), value)

    for seq, frame in enumerate(keypoints(f"{scene}&seed={seed}", 15, MEASURED, seed)):
        if frame.t_us // 1_000_000 > second:
            second = frame.t_us // 1_000_000
            yield record(Tick("live"), seq, frame.t_us)
        if random.random() < 0.03:
            yield record(Dropped("pose", "late"), seq, frame.t_us)
        else:
            poses = half_as_large(frame.poses) if 40 <= seq < 45 else frame.poses
            yield record(without_metres(poses) if 60 <= seq < 70 else poses, seq, frame.t_us)


def half_as_large(poses: Poses) -> Poses:
    """The same people on a picture of another size."""
    return replace(
        poses,
        width=poses.width // 2,
        height=poses.height // 2,
        xyxy=(poses.xyxy / 2).astype(np.float32),
        keypoints=(poses.keypoints / 2).astype(np.float32),
    )


def without_metres(poses: Poses) -> Poses:
    """As other models give them."""
    return replace(poses, world=np.zeros((len(poses), 0, 3), np.float32))


def results(records: Sequence[Record[Any]], cuts: Sequence[int]) -> tuple[dict[Any, list[Any]], list[bytes]]:
    """The bytes that leave each stage, by topic and camera, and all state at the end."""
    topology = Topology(Config(), Parts(FakeDetector(), FakeEstimator()), specs={"two": DRAWN}.get)
    drivers = [topology.driver(name) for name in STAGES]
    encode = topology.codec("poses").encode
    offsets: dict[str, int] = {}
    found: dict[Any, list[Any]] = {}
    for first, last in pairwise((0, *cuts, len(records))):
        flow: list[tuple[str, int, bytes, bytes | None]] = [
            ("poses", 1, each.stamp.camera.encode(), encode(each)[0]) for each in records[first:last]
        ]
        for driver in drivers:
            taken = []
            for topic, partition, key, value in flow:
                if topic in driver.topics:
                    offsets[topic] = offsets.get(topic, -1) + 1
                    taken.append(BusRecord(topic, partition, offsets[topic], key, value))
            sent = driver.feed(taken)
            for each in sent:
                found.setdefault((each.topic, each.key), []).append((each.value, each.headers))
            flow = [(each.topic, each.partition, each.key, each.value) for each in sent]
    return found, [driver.content(camera, number) for driver in drivers for camera, number in CAMERAS.items()]


@pytest.mark.parametrize("scene", SCENES)
def test_the_bytes_are_the_same_however_a_recording_is_cut(scene: str) -> None:
    both = zip(frames(scene, "one", 3), frames(scene, "two", 4), strict=False)
    records = [record for pair in both for record in pair]
    random = np.random.default_rng(5)
    one_by_one = results(records, range(1, len(records)))

    for most in (4, 20, 120):
        cuts = np.cumsum(random.integers(1, most, len(records)))
        assert results(records, cuts[cuts < len(records)].tolist()) == one_by_one

    assert {topic for topic, _ in one_by_one[0]} == {"tracks", "motions", "measures", "events"}
    assert any(b"mat:enter" in value for value, _ in one_by_one[0]["events", b"two"])


def test_stages_that_gain_by_it_take_several_frames_at_once() -> None:
    topology = Topology(Config(), Parts(FakeDetector(), FakeEstimator()))

    at_once = [name for name in STAGES if isinstance(topology.driver(name)._stage, StretchStage)]

    assert at_once == ["smooth", "analyze"]


def test_of_frames_taken_at_once_only_the_wrong_one_becomes_a_dead_letter() -> None:
    topology = Topology(Config(), Parts(FakeDetector(), FakeEstimator()))
    track, smooth = topology.driver("track"), topology.driver("smooth")
    good = [record for record in frames(SCENES[0], "one", 3) if isinstance(record.value, Poses)][:10]
    encode = topology.codec("poses").encode
    tracks = [
        each
        for n, record in enumerate(good)
        for each in track.feed(
            [BusRecord("poses", 1, n, b"one", encode(replace(record, stamp=_numbered(record, n)))[0])]
        )
    ]
    codec = topology.codec("tracks")
    wrong = codec.decode(tracks[5].value or b"")
    unknown = replace(wrong.value, poses=replace(wrong.value.poses, skeleton="octopus"))
    values = [each.value for each in tracks]
    values[5] = codec.encode(Record(wrong.stamp, unknown))[0]

    sent = smooth.feed([BusRecord("tracks", 1, n, b"one", value) for n, value in enumerate(values)])

    motions = [topology.codec("motions").decode(each.value or b"").value for each in sent if each.topic == "motions"]
    assert [type(value).__name__ for value in motions] == ["Motions"] * 5 + ["Dropped"] + ["Motions"] * 4
    assert [each.topic for each in sent].count("dead-letters") == 1


def _numbered(record: Record[Any], n: int) -> Stamp:
    return replace(record.stamp, n=n)
