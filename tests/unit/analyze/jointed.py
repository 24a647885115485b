"""Bodies posed by their joint angles, exactly, in the signs of `vocabulary.ANGLES`: an independent way to the truth.

Axes of the body: x forward, y up, z right. Bones are turned by hand from these; nothing of the stage is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from pipeline.core.records import Record
from pipeline.core.types import F64
from pipeline.core.values import Motions, Tracks
from pipeline.core.vocabulary import ANGLES
from tests.unit.analyze.figures import BLAZEPOSE, Camera, record_of, stamp_at

NAMES = [angle.name for angle in ANGLES]
STATURE = 1.75
THIGH, SHANK, TRUNK = 0.245 * STATURE, 0.246 * STATURE, 0.288 * STATURE
UPPER_ARM, FOREARM, FOOT = 0.186 * STATURE, 0.146 * STATURE, 0.152 * STATURE
HIP_HALF, SHOULDER_HALF = 0.09, 0.18


def jointed(angles: Mapping[str, float]) -> F64:
    """(33, 3) keypoints about the middle of the hips, metres; angles that are not named are 0, elbows in their plane.

    Hip and knee angles hold for `trunk_lateral` 0: where the trunk bends sideways, the pelvis' up does too.
    """

    def of(name: str) -> float:
        return float(np.radians(angles.get(name, 0.0)))

    lateral, turn = of("trunk_lateral"), of("thorax_rotation")
    up = np.array([0.0, np.cos(lateral), np.sin(lateral)])
    forward = np.array([1.0, 0.0, 0.0])
    right = np.cross(forward, up)
    # To the left: the right shoulder comes forward.
    c, s = np.cos(turn), np.sin(turn)
    thorax = np.stack((c * forward - s * right, up, c * right + s * forward))
    neck = TRUNK * up
    bend = of("neck_flexion")
    head = neck + 0.2 * (np.array([np.sin(bend), np.cos(bend), 0.0]) @ thorax)
    named = dict.fromkeys(BLAZEPOSE.keypoints, head)
    for side, sign in (("left", -1.0), ("right", 1.0)):
        hip = np.array([0.0, 0.0, sign * HIP_HALF])
        flexion, out, valgus = (of(f"{side}_{name}") for name in ("hip_flexion", "hip_abduction", "knee_valgus"))
        knee = hip + THIGH * _leg(flexion, out, sign)
        swing, shank_out = flexion - of(f"{side}_knee"), out + valgus
        shank = _leg(swing, shank_out, sign)
        ankle = knee + SHANK * shank
        ahead = np.array([np.cos(swing), np.sin(swing), 0.0])
        toes_up = of(f"{side}_ankle")
        sole = np.cos(toes_up) * ahead - np.sin(toes_up) * (shank - (shank @ ahead) * ahead)
        shoulder = neck + sign * SHOULDER_HALF * thorax[2]
        arm = np.array([np.tan(of(f"{side}_shoulder_flexion")), -1.0, sign * np.tan(of(f"{side}_shoulder_abduction"))])
        arm = arm / np.linalg.norm(arm) @ thorax
        elbow = shoulder + UPPER_ARM * arm
        bent, hinge = of(f"{side}_elbow"), thorax[0] - (thorax[0] @ arm) * arm
        fore = np.cos(bent) * arm + np.sin(bent) * hinge / np.linalg.norm(hinge)
        wrist = elbow + FOREARM * fore
        named |= {f"{side}_{name}": wrist + 0.06 * fore for name in ("pinky", "index", "thumb")}
        named |= {
            f"{side}_hip": hip,
            f"{side}_knee": knee,
            f"{side}_ankle": ankle,
            f"{side}_heel": ankle + 0.04 * shank - 0.25 * FOOT * sole,
            f"{side}_foot_index": ankle + 0.04 * shank + 0.75 * FOOT * sole,
            f"{side}_shoulder": shoulder,
            f"{side}_elbow": elbow,
            f"{side}_wrist": wrist,
            f"{side}_ear": head + sign * 0.07 * thorax[2],
        }
    named["nose"] = head + 0.11 * thorax[0]
    return np.array([named[name] for name in BLAZEPOSE.keypoints])


def _leg(flexion: float, out: float, sign: float) -> F64:
    return np.array([np.sin(flexion) * np.cos(out), -np.cos(flexion) * np.cos(out), sign * np.sin(out)])


def knee_between(angles: Mapping[str, float], side: str) -> float:
    """What the knee reads between its two bones, degrees: less than its turn when the leg is held out."""
    out = np.radians(angles.get(f"{side}_hip_abduction", 0.0))
    shank_out = out + np.radians(angles.get(f"{side}_knee_valgus", 0.0))
    turn = np.radians(angles.get(f"{side}_knee", 0.0))
    cosine = np.cos(out) * np.cos(shank_out) * np.cos(turn) + np.sin(out) * np.sin(shank_out)
    return float(np.degrees(np.arccos(cosine)))


def leaned(body: F64, trunk_flexion: float = 0.0, pelvis_tilt: float = 0.0) -> F64:
    """The body leaned about the line of its hips, forward, and then about its way, the right hip down; degrees."""
    a, b = np.radians(trunk_flexion), np.radians(pelvis_tilt)
    about_z = np.array([[np.cos(a), np.sin(a), 0.0], [-np.sin(a), np.cos(a), 0.0], [0.0, 0.0, 1.0]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, np.cos(b), -np.sin(b)], [0.0, np.sin(b), np.cos(b)]])
    turned: F64 = body @ (about_x @ about_z).T
    return turned


def in_room(body: F64, heading: float = 60.0, z: float = 4.5) -> F64:
    """The body on the floor before the camera, in the room of `figures`: x right, y up, z away; heading as there."""
    a = np.radians(heading)
    forward, right = np.array([np.sin(a), 0.0, -np.cos(a)]), np.array([-np.cos(a), 0.0, -np.sin(a)])
    points = body @ np.stack((forward, [0.0, 1.0, 0.0], right))
    points[:, 1] -= points[:, 1].min()
    placed: F64 = points + np.array([0.0, 0.0, z])
    return placed


def tracks_of(
    motion: Callable[[float], Mapping[str, float]],
    fps: float,
    seconds: float,
    *,
    heading: float = 60.0,
    noise: float = 0.0,
    seed: int = 1,
    camera: Camera = Camera(height=1.0, pitch=0.0),  # noqa: B008  frozen
) -> list[Record[Tracks]]:
    """The records that smooth gets of one person who moves so; noise as in `figures.Clip`."""
    random = np.random.default_rng(seed)
    found = []
    for seq in range(round(seconds * fps)):
        angles = motion(seq / fps)
        body = leaned(jointed(angles), angles.get("trunk_flexion", 0.0), angles.get("pelvis_tilt", 0.0))
        pixels, world = camera.see(in_room(body, heading))
        metres = 1.6 * noise
        pixels = pixels + random.normal(0, metres * camera.focal / 4.5, pixels.shape)
        world = world + random.normal(0, metres, world.shape) * np.array([1.0, 1.0, 3.0])
        picture = np.concatenate((pixels, np.full((len(BLAZEPOSE), 1), np.nan)), axis=1)
        score = np.full(len(BLAZEPOSE), 0.95)
        motions: Motions = record_of(camera, seq, seq / fps, [1], [picture], [world], [score], len(BLAZEPOSE)).value
        found.append(Record(stamp_at(seq / fps, seq), Tracks(motions.poses, motions.track_id)))
    return found
