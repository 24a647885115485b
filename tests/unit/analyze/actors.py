"""Figures whose arms are posed one by one, and clips of whatever moves points about the room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import pi, sin

import numpy as np

from pipeline.core.ids import make_track_id
from pipeline.core.records import Record
from pipeline.core.types import F64
from pipeline.core.values import Motions
from tests.unit.analyze.figures import BLAZEPOSE, Camera, Pose, body, record_of

Actor = Callable[[float], F64]
"""(33, 3) keypoints in the room at a time in seconds."""

HANGING = (5.0, 5.0)
UP = (170.0, 175.0)

_UPPER, _FORE, _HAND = 0.186, 0.146, 0.08


def with_arms(points: F64, left: tuple[float, float] = HANGING, right: tuple[float, float] = HANGING) -> F64:
    """The figure with upper arms and forearms at these angles in the plane of the picture, degrees: 0 = down, 90 =
    sideways away from the body, 180 = up.
    """
    posed = points.copy()
    index = BLAZEPOSE.index
    stature = 1.75
    middle = posed[BLAZEPOSE.indices("left_shoulder", "right_shoulder"), 0].mean()
    for side, (upper, fore) in (("left", left), ("right", right)):
        shoulder = posed[index[f"{side}_shoulder"]]
        out = np.sign(shoulder[0] - middle)

        def bone(degrees: float, length: float, out: float = out) -> F64:
            angle = np.radians(degrees)
            return length * np.array([out * np.sin(angle), -np.cos(angle), 0.0])

        elbow = shoulder + bone(upper, _UPPER * stature)
        wrist = elbow + bone(fore, _FORE * stature)
        posed[index[f"{side}_elbow"]], posed[index[f"{side}_wrist"]] = elbow, wrist
        for finger in ("pinky", "index", "thumb"):
            posed[index[f"{side}_{finger}"]] = wrist + bone(fore, _HAND)
    return posed


def standing(x: float = 0.0, z: float = 4.5) -> F64:
    return body(Pose(heading=0.0, x=x, z=z))


def still(left: tuple[float, float] = HANGING, right: tuple[float, float] = HANGING, pose: Pose | None = None) -> Actor:
    points = with_arms(standing() if pose is None else body(pose), left, right)
    return lambda _: points


def waving(hz: float, spread: float = 35.0, hands: int = 1, from_s: float = 1.0, to_s: float = 6.0) -> Actor:
    """A forearm that swings by `spread` degrees to either side of upright, with the upper arm out."""

    def at(t_s: float) -> F64:
        if not from_s <= t_s < to_s:
            return with_arms(standing())
        arm = (80.0, 180.0 + spread * sin(2 * pi * hz * (t_s - from_s)))
        return with_arms(standing(), HANGING if hands == 1 else arm, arm)

    return at


def walking(*stops: tuple[float, float, float], bob: float = 0.0) -> Actor:
    """From stop to stop, each (seconds, x, z), at even speed; who has two stops at one place stands there."""
    times, xs, zs = (np.array(each) for each in zip(*stops, strict=True))

    def at(t_s: float) -> F64:
        x, z = float(np.interp(t_s, times, xs)), float(np.interp(t_s, times, zs))
        points = body(Pose(heading=90.0, x=x, z=z)).copy()
        points[:, 1] += bob * abs(sin(2 * pi * t_s))
        return points

    return at


def clip(
    actors: Sequence[Actor],
    seconds: float,
    *,
    fps: float = 10.0,
    noise: float = 0.0,
    seed: int = 1,
    camera: Camera | None = None,
    metric: bool = True,
    hide: tuple[str, ...] = (),
    away: tuple[tuple[int, float, float], ...] = (),
) -> Iterator[Record[Motions]]:
    """The records of a clip; `noise` is the spread of keypoints in body heights, `away` as in `figures.Clip`."""
    camera = camera or Camera()
    random = np.random.default_rng(seed)
    hidden = BLAZEPOSE.indices(*hide) if hide else np.empty(0, np.int64)
    n_world = len(BLAZEPOSE) if metric else 0
    for seq in range(round(seconds * fps)):
        t_s = seq / fps
        ids, pictures, worlds, scores = [], [], [], []
        for person, actor in enumerate(actors):
            if any(p == person and a <= t_s < b for p, a, b in away):
                continue
            points = actor(t_s)
            pixels, world = camera.see(points)
            metres = 1.6 * noise
            per_metre = camera.focal / float(points[:, 2].mean())
            pixels = pixels + random.normal(0, metres * per_metre, pixels.shape)
            world = world + random.normal(0, metres, world.shape) * np.array([1.0, 1.0, 3.0])
            score = np.full(len(BLAZEPOSE), 0.95)
            score[hidden] = 0.1
            ids.append(make_track_id(1, person + 1))
            pictures.append(np.concatenate((pixels, np.full((len(BLAZEPOSE), 1), np.nan)), axis=1))
            worlds.append(world[:n_world])
            scores.append(score)
        yield record_of(camera, seq, t_s, ids, pictures, worlds, scores, n_world)


def share_of_floor(x: float, z: float, camera: Camera | None = None) -> tuple[float, float]:
    """Where the middle of the ankles of somebody who stands there is on the picture, as shares."""
    camera = camera or Camera()
    points = body(Pose(heading=90.0, x=x, z=z))
    pixels, _ = camera.see(points)
    foot = pixels[BLAZEPOSE.indices("left_ankle", "right_ankle")].mean(axis=0)
    return float(foot[0] / camera.width), float(foot[1] / camera.size_y)
