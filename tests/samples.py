"""One full value of every kind that travels, for codec, sink and golden tests."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np

from pipeline.core.ids import make_id, make_track_id
from pipeline.core.records import Clock, Dropped, Record, Stamp, Tick
from pipeline.core.skeletons import SKELETONS
from pipeline.core.values import (
    DeadLetter,
    Detections,
    Event,
    Frame,
    Image,
    Measures,
    Motions,
    Poses,
    Tracks,
    Transition,
)
from pipeline.core.vocabulary import ANGLES, MEASURES


def stamp(
    n: int = 0,
    *,
    camera: str = "gym",
    camera_no: int = 1,
    session: int = 1,
    seq: int | None = None,
    at_us: int | None = None,
    clock: Clock = "file",
) -> Stamp:
    captured = 1_700_000_000_000_000 + n * 40_000 if at_us is None else at_us
    return Stamp(0, camera, camera_no, session, n, n if seq is None else seq, captured, captured, clock)


def poses(
    people: int = 2, *, skeleton: str = "blazepose33", world: bool = True, seed: int = 0, colour: bool = False
) -> Poses:
    """People with every keypoint at a multiple of 1/8 px, scores of 1/1000, metres of 1/1000; some not seen."""
    generator = np.random.default_rng(seed)
    k = len(SKELETONS[skeleton])
    keypoints = np.rint(generator.uniform(0, 600, (people, k, 3)) * 8).astype(np.float32) / np.float32(8)
    scores = np.rint(generator.uniform(0, 1, (people, k)) * 1000).astype(np.float32) / np.float32(1000)
    if people:
        keypoints[0, 1] = np.nan
        scores[0, 1] = 0
    metres = np.rint(generator.uniform(-1, 1, (people, k if world else 0, 3)) * 1000).astype(np.float32)
    return Poses(
        skeleton=skeleton,
        width=640,
        height=480,
        xyxy=np.rint(generator.uniform(0, 400, (people, 4)) * 8).astype(np.float32) / np.float32(8),
        score=np.rint(generator.uniform(0.5, 1, people) * 1000).astype(np.float32) / np.float32(1000),
        keypoints=keypoints,
        keypoint_score=scores,
        world=metres / np.float32(1000),
        colour=generator.uniform(0, 100, (people, 2 if colour else 0, 6)).astype(np.float32),
    )


def track_ids(people: int, camera_no: int = 1) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([make_track_id(camera_no, i + 1) for i in range(people)], dtype=np.int64)


def event(kind: str = "rep", label: str = "squat", *, number: int = 1) -> Event:
    return Event(
        event_id=make_id("event", "sample", kind, label, number),
        kind=kind,
        label=label,
        track_id=make_track_id(1, 1),
        at_us=1_700_000_000_000_000,
        end_us=1_700_000_002_500_000,
        value=float(number),
        evidence={"knee_deg": 101.5, "seconds": 2.5},
    )


def values() -> dict[str, list[Any]]:
    """For each schema of a record: values that use every branch and field."""
    image = Image(4, 2, "jpeg", b"\xff\xd8pixels")
    boxes = np.array([[1, 2, 3, 4]], dtype=np.float32)
    passing = [Dropped("pose", "late"), Tick("live")]
    people = poses()
    motions = Motions(people, track_ids(2), np.eye(2, len(SKELETONS["blazepose33"]), dtype=np.uint8))
    measures = Measures(
        track_ids(2),
        np.array([1, 3], dtype=np.uint8),
        np.full((2, len(ANGLES)), 12.5, dtype=np.float32),
        np.full((2, len(MEASURES)), 0.25, dtype=np.float32),
        (event(),),
    )
    transition = Transition(
        make_id("incident", 1),
        1,
        "new",
        "fall",
        "warning",
        make_track_id(1, 1),
        5,
        6,
        event().event_id,
        "text",
        {"a": 1.0},
    )
    letter = DeadLetter(UUID(int=7), "pose", "DecodeError", "text", "frames", 3, 44, b"gym", b"h" * 32, b"content")
    return {
        "frame": [Frame(image, boxes), *passing],
        "detections": [Detections(image, 2, boxes, np.ones(1, np.float32), boxes), *passing],
        "poses": [poses(colour=True), poses(0), poses(1, skeleton="coco17", world=False), *passing],
        "tracks": [Tracks(people, track_ids(2)), *passing],
        "motions": [motions, *passing],
        "measures": [measures, *passing],
        "event": [event(), Event(UUID(int=1), "leave", "", None, 1, None, None)],
        "transition": [transition, Transition(UUID(int=2), 2, "end", "r", "info", None, 1, 2, None, "", {})],
        "dead_letter": [letter],
    }


def records(name: str) -> list[Record[Any]]:
    """The samples of one schema, stamped."""
    return [Record(stamp(i), value) for i, value in enumerate(values()[name])]
