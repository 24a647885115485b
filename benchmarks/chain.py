"""Track to alert on one thread, every hop through bytes, with frames that come alone or several at once.

python -m benchmarks.chain
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.config import load_config
from pipeline.core.ports import BusRecord, Outgoing
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Poses
from pipeline.topology import Parts, Topology
from pipeline.video.simulate import SimulatedSource, parse_scene

FRAMES = 1200
WARM = 60
PEOPLE = (1, 5)
AT_ONCE = (1, 10)
"""Frames: alone as of a live camera, and as many of a recording as gather before these stages at 100 a second
(runners/embedded/run.py)."""

ROUNDS = 3
STAGES = ("track", "smooth", "analyze", "alert")


def poses_of(people: int) -> list[Poses]:
    """The truth of people who squat, with 1 % noise, as the pose stage would give it."""
    scene = SimulatedSource(parse_scene(f"sim://gym?people={people}&seed=7&seconds={FRAMES // 30}&fps=30")).scene
    noise = np.random.default_rng(7)
    found = []
    for k in range(FRAMES):
        truth = scene.truth(k)
        size = (truth.xyxy[:, 3] - truth.xyxy[:, 1])[:, None, None]
        n, keypoints = truth.keypoints.shape[:2]
        flat = truth.keypoints + noise.normal(0, 0.005, truth.keypoints.shape) * size
        found.append(
            Poses(
                skeleton="blazepose33",
                width=640,
                height=480,
                xyxy=truth.xyxy.astype(np.float32),
                score=np.full(n, 0.95, np.float32),
                keypoints=np.concatenate([flat, np.zeros((n, keypoints, 1))], axis=2).astype(np.float32),
                keypoint_score=np.full((n, keypoints), 0.9, np.float32),
                world=truth.world.astype(np.float32),
            )
        )
    return found


def best() -> dict[str, float]:
    """Five people, frames of a recording: of some runs the fastest."""
    return _fastest([run(PEOPLE[-1], AT_ONCE[-1]) for _ in range(ROUNDS)])


def table() -> dict[str, dict[str, float]]:
    """The fastest of some runs with each number of people and frames at once, by `PEOPLE x AT_ONCE`; in turns."""
    rounds = [
        {(people, at_once): run(people, at_once) for people in PEOPLE for at_once in AT_ONCE} for _ in range(ROUNDS)
    ]
    return {
        f"{people} x {at_once}": _fastest([each[people, at_once] for each in rounds]) for people, at_once in rounds[0]
    }


def _fastest(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """CPU time is only ever lengthened by the neighbours."""
    return max(runs, key=lambda found: found["frames_per_s"])


def rows(found: Mapping[str, Mapping[str, float]]) -> str:
    """Of a table in Markdown."""
    return "\n".join(
        f"| {people} | {at_once} | {each['frames_per_s']:,.0f} | "
        + " | ".join(f"{each[f'{stage}_ms']:.2f}" for stage in STAGES)
        + " |"
        for (people, at_once), each in ((name.split(" x "), each) for name, each in found.items())
    )


def run(people: int, at_once: int) -> dict[str, float]:
    """Frames per second of CPU time, and the share of each stage in milliseconds a frame."""
    topology = Topology(load_config(None, os.environ), no_models())
    drivers = [topology.driver(stage) for stage in STAGES]
    records = [Outgoing("poses", 1, b"bench", value) for value in encoded_poses(topology, people)]
    spent = dict.fromkeys(STAGES, 0.0)
    offsets = dict.fromkeys(("poses", "tracks", "motions", "measures", "events", "alerts", "dead-letters"), 0)
    for k in range(0, FRAMES, at_once):
        flow = records[k : k + at_once]
        for driver in drivers:
            taken = []
            for sent in flow:
                if sent.topic in driver.topics:
                    taken.append(BusRecord(sent.topic, 1, offsets[sent.topic], sent.key, sent.value))
                    offsets[sent.topic] += 1
            started = time.process_time()
            flow = driver.feed(taken)
            if k >= WARM:
                spent[driver.name] += time.process_time() - started
    total = sum(spent.values())
    return {"frames_per_s": (FRAMES - WARM) / total} | {
        f"{name}_ms": 1000 * s / (FRAMES - WARM) for name, s in spent.items()
    }


def encoded_poses(topology: Topology, people: int = 5) -> list[bytes]:
    """Records of camera `bench`, number 1, as they lie in the topic `poses`."""
    codec = topology.codec("poses")
    values = []
    for k, poses in enumerate(poses_of(people)):
        at = 1_700_000_000_000_000 + k * 33_333
        values.append(codec.encode(Record(Stamp(0, "bench", 1, 1, k, k, at, at, "file"), poses))[0])
    return values


def no_models() -> Parts:
    """For stages that need none."""
    from pipeline.models.fake import FakeDetector, FakeEstimator

    return Parts(FakeDetector(), FakeEstimator())


if __name__ == "__main__":
    print(rows(table()))
