"""People who walk and stand, as records of poses: made from sines and body proportions, with the truth beside them.

A clip is `walk(people=2, hide={1: (1.0, 1.5)}, fps=25)`: its `records` go into a stage, its `persons` say who each pose
is, `truth` holds the keypoints without noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.core.ids import make_track_id
from pipeline.core.keypoints import box_of_keypoints, seen
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64, Floats
from pipeline.core.values import Poses, Tracks

START_US = 1_700_000_000_000_000
STATURE_M = 1.7


def stamp(at_s: float = 0.0, *, camera: str = "door", camera_no: int = 1, seq: int = 0, session: int = 1) -> Stamp:
    """A stamp `at_s` seconds after the start of all clips."""
    at_us = START_US + round(at_s * 1e6)
    return Stamp(0, camera, camera_no, session, seq, seq, at_us, at_us, "file")


def tick(at_s: float) -> Record[Tick]:
    """A tick `at_s` seconds after the start of all clips."""
    return Record(stamp(at_s), Tick("live"))


def poses_record(
    keypoints: Floats,
    keypoint_score: Floats | float = 0.95,
    *,
    at_s: float = 0.0,
    score: Sequence[float] | float = 0.97,
    world: Floats | None = None,
    skeleton: str = "blazepose33",
    size: tuple[int, int] = (1280, 720),
    seq: int = 0,
    camera_no: int = 1,
) -> Record[Poses]:
    """A record of the people with these (N, K, 2 or 3) keypoints in pixels."""
    n, k, d = keypoints.shape
    if d == 2:
        keypoints = np.concatenate((keypoints, np.full((n, k, 1), np.nan)), axis=2)
    scores = np.broadcast_to(np.asarray(keypoint_score, np.float32), (n, k)).copy()
    points = keypoints.astype(np.float32)
    value = Poses(
        skeleton=skeleton,
        width=size[0],
        height=size[1],
        xyxy=box_of_keypoints(points, seen(points, scores, 0.0)),
        score=np.broadcast_to(np.asarray(score, np.float32), (n,)).copy(),
        keypoints=points,
        keypoint_score=scores,
        world=np.empty((n, 0, 3), np.float32) if world is None else world.astype(np.float32),
    )
    return Record(stamp(at_s, camera=f"camera{camera_no}", camera_no=camera_no, seq=seq), value)


def figure(skeleton: str = "blazepose33", *, stride: float = 0.0, turn: float = 0.0, swing: float = 0.0) -> F64:
    """(K, 3) a standing person of stature 1 about the middle of the hips: x right, y down, z away from the camera.

    Proportions after Drillis and Contini (1966). Keypoints that it has no place for are NaN.

    Args:
        stride: Angle of the left thigh forwards and the right one backwards, radians; the arms swing against it.
        turn: 0 = faces the camera, pi/2 = faces right, radians.
        swing: Angle by which both arms are lifted sideways, radians.
    """
    points: dict[str, tuple[float, float, float]] = {
        "nose": (0, -0.40, -0.07),
        "head": (0, -0.47, 0),
        "neck": (0, -0.288, 0),
        "mid_hip": (0, 0, 0),
    }
    for side, x in (("left", 1.0), ("right", -1.0)):
        leg, arm = x * stride, -x * stride
        knee = (0.08 * x, 0.245 * np.cos(leg), -0.245 * np.sin(leg))
        bent = leg - 0.5 * abs(leg)
        ankle = (0.08 * x, knee[1] + 0.246 * np.cos(bent), knee[2] - 0.246 * np.sin(bent))
        elbow = np.array((x * np.sin(swing), np.cos(swing) * np.cos(arm), -np.sin(arm))) * 0.186
        elbow += (0.12 * x, -0.288, 0)
        wrist = elbow + np.array((x * np.sin(swing), np.cos(swing) * np.cos(arm), -np.sin(arm))) * 0.146
        points |= {
            f"{side}_eye": (0.02 * x, -0.415, -0.06),
            f"{side}_eye_inner": (0.01 * x, -0.415, -0.065),
            f"{side}_eye_outer": (0.03 * x, -0.415, -0.055),
            f"{side}_ear": (0.045 * x, -0.41, 0),
            f"mouth_{side}": (0.015 * x, -0.38, -0.065),
            f"{side}_shoulder": (0.12 * x, -0.288, 0),
            f"{side}_hip": (0.08 * x, 0, 0),
            f"{side}_knee": knee,
            f"{side}_ankle": ankle,
            f"{side}_heel": (ankle[0], ankle[1] + 0.03, ankle[2] + 0.02),
            f"{side}_elbow": tuple(elbow),
            f"{side}_wrist": tuple(wrist),
            f"{side}_pinky": (wrist[0] + 0.01 * x, wrist[1] + 0.05, wrist[2]),
            f"{side}_index": (wrist[0], wrist[1] + 0.055, wrist[2] - 0.01),
            f"{side}_thumb": (wrist[0], wrist[1] + 0.03, wrist[2] - 0.02),
        }
        for toe in ("foot_index", "big_toe", "small_toe"):
            points[f"{side}_{toe}"] = (ankle[0], ankle[1] + 0.035, ankle[2] - 0.11)
    unknown = (np.nan, np.nan, np.nan)
    body = np.array([points.get(name, unknown) for name in SKELETONS[skeleton].keypoints], dtype=np.float64)
    turned = body.copy()
    turned[:, 0] = body[:, 0] * np.cos(turn) - body[:, 2] * np.sin(turn)
    turned[:, 2] = body[:, 0] * np.sin(turn) + body[:, 2] * np.cos(turn)
    return turned


@dataclass(frozen=True)
class Person:
    """Someone who walks along a straight line at a steady pace, or stands.

    Attributes:
        x, y: Middle of the hips at time 0, pixels.
        speed: Pixels a second to the right.
        stature: Pixels.
        turn: 0 = faces the camera, pi/2 = faces right, radians.
        cadence: Strides (two steps) a second; 0 = stands.
    """

    x: float
    y: float = 360.0
    speed: float = 0.0
    stature: float = 400.0
    turn: float = 0.0
    cadence: float = 0.0
    phase: float = 0.0

    def at(self, t: float, skeleton: str) -> tuple[F64, F64]:
        """Keypoints (K, 3) in pixels and (K, 3) in world metres at the time t."""
        stride = 0.45 * np.sin(2 * np.pi * self.cadence * t + self.phase) if self.cadence else 0.0
        body = figure(skeleton, stride=stride, turn=self.turn)
        pixels = body * self.stature
        pixels[:, 0] += self.x + self.speed * t
        pixels[:, 1] += self.y
        return pixels, body * STATURE_M


@dataclass(frozen=True)
class Clip:
    """Records of one camera, and for each record whose its poses are and where they truly were.

    Attributes:
        records: In the order of time.
        persons: For each record the number of the person of each pose.
        truth: For each record (N, K, 3), keypoints without noise.
    """

    records: list[Record[Poses]]
    persons: list[list[int]]
    truth: list[F64] = field(repr=False, default_factory=list)

    def __iter__(self) -> Iterator[Record[Poses]]:
        return iter(self.records)

    def changed(self, change: Callable[[int, Poses], Poses]) -> Clip:
        """The clip with `change(i, poses)` in the place of the poses of record i."""
        records = [Record(record.stamp, change(i, record.value)) for i, record in enumerate(self.records)]
        return replace(self, records=records)


def clip(
    people: Sequence[Person],
    *,
    seconds: float = 2.0,
    fps: float = 25.0,
    start_s: float = 0.0,
    hide: Mapping[int, tuple[float, float]] | None = None,
    score: Callable[[int, float], float] = lambda person, t: 0.97,
    noise: float = 0.0,
    seed: int = 0,
    skeleton: str = "blazepose33",
    lost_frames: tuple[float, float] | None = None,
    camera_no: int = 1,
) -> Clip:
    """Film these people.

    Args:
        people: Who they are; their order in the record changes from frame to frame, as a detector's does.
        seconds, fps, start_s: When.
        hide: Person -> (from, to) seconds out of sight.
        score: Score of a person at a time.
        noise: Standard deviation of each coordinate in statures.
        seed: Of the noise and the order.
        skeleton: Name.
        lost_frames: (from, to) seconds without any record.
        camera_no: Number of the camera.
    """
    chance = np.random.default_rng(seed)
    records, persons, truths = [], [], []
    for seq in range(round(seconds * fps)):
        t = start_s + seq / fps
        if lost_frames and lost_frames[0] <= t < lost_frames[1]:
            continue
        in_sight = [i for i in range(len(people)) if not (hide and i in hide and hide[i][0] <= t < hide[i][1])]
        order = [int(i) for i in chance.permutation(in_sight)]
        k = len(SKELETONS[skeleton])
        truth, world = np.empty((len(order), k, 3)), np.empty((len(order), k, 3))
        for row, i in enumerate(order):
            truth[row], world[row] = people[i].at(t, skeleton)
        spread = np.array([people[i].stature for i in order]).reshape(-1, 1, 1) * noise
        records.append(
            poses_record(
                truth + chance.normal(size=truth.shape) * spread,
                world=world + chance.normal(size=world.shape) * noise * STATURE_M,
                at_s=t,
                score=[score(i, t) for i in order],
                skeleton=skeleton,
                seq=seq,
                camera_no=camera_no,
            )
        )
        persons.append(order)
        truths.append(truth)
    return Clip(records, persons, truths)


def walk(people: int = 1, **filming: object) -> Clip:
    """`people` walk to the right side by side at 1.4 m/s; the rest as for `clip`."""
    speed = 1.4 * 400 / STATURE_M
    walkers = [Person(x=150.0 + 300 * i, speed=speed, turn=np.pi / 2, cadence=0.9, phase=i) for i in range(people)]
    return clip(walkers, **filming)  # type: ignore[arg-type]


def stand(people: int = 1, **filming: object) -> Clip:
    """`people` stand still and look at the camera; the rest as for `clip`."""
    return clip([Person(x=200.0 + 250 * i) for i in range(people)], **filming)  # type: ignore[arg-type]


def tracked(filmed: Clip, *, camera_no: int = 1) -> list[Record[Tracks]]:
    """The clip with the true identities: person 0 has the camera's number 1."""
    return [
        Record(
            record.stamp,
            Tracks(record.value, np.array([make_track_id(camera_no, i + 1) for i in persons], dtype=np.int64)),
        )
        for record, persons in zip(filmed.records, filmed.persons, strict=True)
    ]
