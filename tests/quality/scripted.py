"""Keypoint scripts through track, smooth, analyze and alert: no pixels, so hours of them in minutes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pipeline.config import Config
from pipeline.core.ports import BusRecord
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.values import Event, Transition
from pipeline.models.fake import FakeDetector, FakeEstimator
from pipeline.topology import Parts, Topology
from pipeline.video.simulate import Simulation, parse_scene
from pipeline.video.simulate.noise import Noise
from pipeline.video.simulate.scripts import keypoints
from tests.quality.chain import CAMERA, CAMERA_NO, START_US

STAGES = ("track", "smooth", "analyze", "alert")


@dataclass
class Told:
    """What was told of a script.

    Attributes:
        events, transitions: With the time in the script at which each was told, seconds.
    """

    events: list[tuple[float, Event]] = field(default_factory=list)
    transitions: list[tuple[float, Transition]] = field(default_factory=list)


def tell(scene: str, fps: float, noise: Noise, seed: int) -> Told:
    """Run the script of a scene through the stages."""
    topology = Topology(Config(), Parts(FakeDetector(), FakeEstimator()))
    drivers = {name: topology.driver(name) for name in STAGES}
    encode, offsets, told = topology.codec("poses").encode, count(), Told()

    def through(record: Record[Any]) -> Iterator[tuple[str, Any]]:
        waiting = [BusRecord("poses", CAMERA_NO, next(offsets), CAMERA.encode(), encode(record)[0])]
        for driver in drivers.values():
            sent = driver.feed([raw for raw in waiting if raw.topic in driver.topics])
            waiting = [
                BusRecord(out.topic, out.partition, next(offsets), out.key, out.value, (), out.attachment)
                for out in sent
            ]
            for out in sent:
                if out.topic in ("events", "alerts"):
                    yield out.topic, topology.codec(out.topic).decode(out.value or b"").value

    number, second = 0, 0
    for seq, frame in enumerate(keypoints(scene, fps, noise, seed)):
        at_us = START_US + frame.t_us
        values: list[Any] = [frame.poses]
        if frame.t_us // 1_000_000 > second:
            second = frame.t_us // 1_000_000
            values.insert(0, Tick("live"))
        for value in values:
            stamp = Stamp(0, CAMERA, CAMERA_NO, 1, number, seq, at_us, at_us, "file")
            number += 1
            for topic, made in through(Record(stamp, value)):
                (told.events if topic == "events" else told.transitions).append((frame.t_us / 1e6, made))
    return told


def annotations(scene: str) -> Any:
    """What truly happens in the scene, by person."""
    return Simulation(parse_scene(scene)).annotations()


def cut_off_s(scene: str) -> float:
    """When the repetition begins that the end of the scene cuts off, of the first person; infinite for none.

    It may be told, for a movement is done when its first posture is reached within its bands, but is no true one.
    """
    clip = Simulation(parse_scene(scene))
    end_s = clip.spec.time_s(clip.spec.frames - 1)
    return min((rep.start_s for rep in clip.actors[0].script.repetitions if rep.end_s > end_s), default=float("inf"))
