"""Stick figures: scripted people in metres, seen by a camera, as the Motions that analyze gets.

A figure is posed by angles (degrees, in its own plane: x forward, y up) and placed on the floor; a script is a list of
moments, between which the figure eases. The camera looks along +z of the room.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np

from pipeline.core.ids import make_track_id
from pipeline.core.records import Record, Stamp
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64
from pipeline.core.units import SCORE_UNIT, WORLD_UNIT_M, rounded, units_per_pixel
from pipeline.core.values import Motions, Poses

START_US = 1_700_000_000_000_000
BLAZEPOSE = SKELETONS["blazepose33"]


@dataclass(frozen=True)
class Pose:
    """Angles in degrees: trunk forward of the vertical; thighs and shanks forward of straight down (left, right);
    topple about the feet towards `towards` (0 = forward, 90 = to the left, 180 = backward); heading 0 = facing the
    camera, 90 = to the right of the picture. Place on the floor in metres, `ground` the height under the lowest point.
    """

    trunk: float = 0.0
    thigh: float = 0.0
    shank: float = 0.0
    thigh_right: float | None = None
    shank_right: float | None = None
    arm: float = 0.0
    topple: float = 0.0
    towards: float = 0.0
    heading: float = 60.0
    x: float = 0.0
    z: float = 4.5
    ground: float = 0.0


STAND = Pose()
SQUAT = Pose(trunk=40, thigh=85, shank=-30, arm=90)
HALF_SQUAT = Pose(trunk=25, thigh=35, shank=-20, arm=60)
SIT = Pose(trunk=5, thigh=88, shank=0)
BEND = Pose(trunk=95, thigh=-10, shank=-8, arm=90)
TIE_SHOES = Pose(trunk=60, thigh=105, shank=-35, arm=40)
KNEEL = Pose(thigh=0, shank=-88)
ON_BED = Pose(trunk=-88, thigh=88, shank=88, ground=0.45)
FALLEN = Pose(topple=88, trunk=8, thigh=15, shank=-10)


@dataclass(frozen=True)
class Moment:
    """At `at_s` the figure is in `pose`; it gets there `smooth`ly, `even`ly, or ever faster, as one who `fall`s."""

    at_s: float
    pose: Pose
    ease: str = "smooth"


Script = list[Moment]


def hold(*moments: tuple[float, Pose] | tuple[float, Pose, str]) -> Script:
    """A script from (seconds to get there, pose[, ease]); who stays gets to the same pose again."""
    script: Script = []
    now = 0.0
    for seconds, pose, *ease in moments:
        now += seconds
        script.append(Moment(now, pose, ease[0] if ease else "smooth"))
    return script


def squats(count: int, depth: Pose = SQUAT, down_s: float = 1.0, rest_s: float = 0.5) -> Script:
    """Stand for a second, then `count` squats."""
    return hold(
        (1.0, STAND), *[(s, p) for _ in range(count) for s, p in ((down_s, depth), (down_s, STAND), (rest_s, STAND))]
    )


def pose_at(script: Script, t_s: float) -> Pose:
    """The pose at a time."""
    before = script[0]
    for after in script:
        if t_s <= after.at_s:
            break
        before = after
    else:
        return script[-1].pose
    span = after.at_s - before.at_s
    u = 1.0 if span <= 0 else min(max((t_s - before.at_s) / span, 0.0), 1.0)
    u = {"fall": u * u, "even": u, "smooth": u * u * (3 - 2 * u)}[after.ease]
    mixed = {}
    for f in fields(Pose):
        a, b = getattr(before.pose, f.name), getattr(after.pose, f.name)
        if f.name == "towards":
            mixed[f.name] = b if after.pose.topple else a
            continue
        base = f.name.removesuffix("_right")
        a = getattr(before.pose, base) if a is None else a
        b = getattr(after.pose, base) if b is None else b
        mixed[f.name] = a + u * (b - a)
    return Pose(**mixed)


@lru_cache(maxsize=20_000)
def body(pose: Pose, stature: float = 1.75) -> F64:
    """(33, 3) keypoints in the room: x right, y up, z away from the camera, metres (segments: Winter, 2009)."""
    h = stature
    thigh, shank, trunk = 0.245 * h, 0.246 * h, 0.288 * h
    named: dict[str, F64] = {}

    def forward(angle: float, length: float) -> F64:
        a = np.radians(angle)
        return length * np.array([np.sin(a), -np.cos(a), 0.0])

    up = -forward(-pose.trunk, 1.0)
    fore = np.array([up[1], -up[0], 0.0])
    side = np.array([0.0, 0.0, 1.0])
    hips, neck = np.zeros(3), trunk * up
    for name, sign in (("left", 1.0), ("right", -1.0)):
        hip, shoulder = hips + sign * 0.09 * side, neck + sign * 0.18 * side
        right = sign < 0
        t = pose.thigh_right if right and pose.thigh_right is not None else pose.thigh
        s = pose.shank_right if right and pose.shank_right is not None else pose.shank
        knee = hip + forward(t, thigh)
        ankle = knee + forward(s, shank)
        named |= {f"{name}_hip": hip, f"{name}_knee": knee, f"{name}_ankle": ankle}
        toe = np.array([-forward(s, 1.0)[1], forward(s, 1.0)[0], 0.0])
        named[f"{name}_heel"] = ankle + 0.05 * forward(s, 1.0) - 0.04 * toe
        named[f"{name}_foot_index"] = ankle + 0.06 * forward(s, 1.0) + 0.16 * toe
        elbow = shoulder + forward(pose.arm - pose.trunk + 5, 0.186 * h)
        wrist = elbow + forward(pose.arm - pose.trunk + 15, 0.146 * h)
        named |= {f"{name}_shoulder": shoulder, f"{name}_elbow": elbow, f"{name}_wrist": wrist}
        for finger, out in (("pinky", 0.07), ("index", 0.08), ("thumb", 0.04)):
            named[f"{name}_{finger}"] = wrist + forward(pose.arm - pose.trunk + 15, out)
        head = neck + 0.12 * h * up
        named[f"{name}_ear"] = head + sign * 0.07 * side
        for eye, out in (("eye_inner", 0.015), ("eye", 0.03), ("eye_outer", 0.045)):
            named[f"{name}_{eye}"] = head + 0.03 * up + 0.09 * fore + sign * out * side
        named[f"mouth_{name}"] = head - 0.03 * up + 0.09 * fore + sign * 0.025 * side
    named["nose"] = neck + 0.12 * h * up + 0.11 * fore
    points = np.array([named[name] for name in BLAZEPOSE.keypoints])
    feet = 0.5 * (named["left_ankle"] + named["right_ankle"])
    a, towards = np.radians(pose.topple), np.radians(pose.towards)
    # Forward turns up (+y) to +x, that is about -z; to the left turns it to +z, about +x.
    axis = np.array([np.sin(towards), 0.0, -np.cos(towards)])
    points = _turn(points - feet, axis, a)
    points = _turn(points, np.array([0.0, 1.0, 0.0]), np.radians(90.0 - pose.heading))
    points[:, 1] += pose.ground - points[:, 1].min()
    placed: F64 = points + np.array([pose.x, 0.0, pose.z])
    placed.flags.writeable = False
    return placed


def _turn(points: F64, axis: F64, angle: float) -> F64:
    along = points @ axis
    turned: F64 = (
        points * np.cos(angle) + np.cross(axis, points) * np.sin(angle) + np.outer(along, axis) * (1 - np.cos(angle))
    )
    return turned


@dataclass(frozen=True)
class Camera:
    """A camera `height` metres above the floor that looks down by `pitch` degrees."""

    height: float = 1.4
    pitch: float = 5.0
    width: int = 1280
    size_y: int = 720
    focal: float = 900.0

    def see(self, points: F64) -> tuple[F64, F64]:
        """(K, 2) pixels and (K, 3) metres in the camera's frame (x right, y down, z away) about the hips."""
        a = np.radians(self.pitch)
        x, y, z = points[:, 0], self.height - points[:, 1], points[:, 2]
        seen = np.stack((x, y * np.cos(a) - z * np.sin(a), z * np.cos(a) + y * np.sin(a)), axis=1)
        pixels = self.focal * seen[:, :2] / seen[:, 2:] + np.array([self.width / 2, self.size_y / 2])
        hips = seen[BLAZEPOSE.indices("left_hip", "right_hip")].mean(axis=0)
        return pixels, seen - hips


@dataclass(frozen=True)
class Clip:
    """People who follow scripts, seen by a camera.

    Attributes:
        scripts: One for each person.
        noise: Spread of keypoints as a share of the body's height; depth has three times as much.
        metric: The model gives metres.
        hide: Keypoint names out of view (score 0.1).
        away: (person, from_s, to_s): times unseen.
    """

    scripts: list[Script]
    fps: float = 15.0
    noise: float = 0.0
    seed: int = 1
    metric: bool = True
    hide: tuple[str, ...] = ()
    away: tuple[tuple[int, float, float], ...] = ()
    camera: Camera = Camera()
    seconds: float | None = None

    def records(self) -> Iterator[Record[Motions]]:
        random = np.random.default_rng(self.seed)
        seconds = self.seconds or max(script[-1].at_s for script in self.scripts) + 0.5
        hidden = BLAZEPOSE.indices(*self.hide) if self.hide else np.empty(0, np.int64)
        n_world = len(BLAZEPOSE) if self.metric else 0
        for seq in range(round(seconds * self.fps)):
            t_s = seq / self.fps
            ids, pictures, worlds, scores = [], [], [], []
            for person, script in enumerate(self.scripts):
                if any(p == person and a <= t_s < b for p, a, b in self.away):
                    continue
                pixels, world = self.camera.see(body(pose_at(script, t_s)))
                metres = 1.6 * self.noise
                pixels = pixels + random.normal(0, metres * self.camera.focal / 4.5, pixels.shape)
                world = world + random.normal(0, metres, world.shape) * np.array([1.0, 1.0, 3.0])
                score = np.full(len(BLAZEPOSE), 0.95)
                score[hidden] = 0.1
                ids.append(make_track_id(1, person + 1))
                pictures.append(np.concatenate((pixels, np.full((len(BLAZEPOSE), 1), np.nan)), axis=1))
                worlds.append(world[:n_world])
                scores.append(score)
            yield record_of(self.camera, seq, t_s, ids, pictures, worlds, scores, n_world)


def record_of(
    camera: Camera,
    seq: int,
    t_s: float,
    ids: list[int],
    pictures: list[F64],
    worlds: list[F64],
    scores: list[F64],
    n_world: int,
) -> Record[Motions]:
    n, k = len(ids), len(BLAZEPOSE)
    unit = 1 / units_per_pixel(camera.width, camera.size_y)
    keypoints = rounded(np.array(pictures, np.float32).reshape(n, k, 3), unit)
    world = rounded(np.array(worlds, np.float32).reshape(n, n_world, 3), WORLD_UNIT_M)
    score = rounded(np.array(scores, np.float32).reshape(n, k), SCORE_UNIT)
    xy = keypoints[:, :, :2]
    xyxy = np.concatenate((xy.min(axis=1), xy.max(axis=1)), axis=1) if n else np.empty((0, 4), np.float32)
    poses = Poses(
        skeleton=BLAZEPOSE.name,
        width=camera.width,
        height=camera.size_y,
        xyxy=xyxy,
        score=np.full(n, 0.95, np.float32),
        keypoints=keypoints,
        keypoint_score=score,
        world=world,
    )
    motions = Motions(poses=poses, track_id=np.array(ids, np.int64), flags=np.zeros((n, k), np.uint8))
    return Record(stamp_at(t_s, seq), motions)


def stamp_at(t_s: float, seq: int = 0) -> Stamp:
    now_us = START_US + round(t_s * 1e6)
    return Stamp(
        run=0,
        camera="ward",
        camera_no=1,
        session=1,
        n=seq,
        seq=seq,
        captured_at_us=now_us,
        arrived_at_us=now_us,
        clock="file",
    )


def turned(script: Script, heading: float) -> Script:
    """The same script by a person who faces elsewhere."""
    return [replace(moment, pose=replace(moment.pose, heading=heading)) for moment in script]
