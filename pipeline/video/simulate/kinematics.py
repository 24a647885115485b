"""Forward kinematics: where every keypoint of a body is, given its posture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64
from pipeline.video.simulate.posture import FIELDS, INDEX

SKELETON = SKELETONS["blazepose33"]
EXTRA_POINTS = (
    "crotch", "waist", "chest", "neck", "collar", "skull", "nose_root", "nape", "bun",
    "left_fingers", "right_fingers", "left_toes", "right_toes",
    "left_ear_top", "right_ear_top", "left_buttock", "right_buttock",
)  # fmt: skip
POINTS: tuple[str, ...] = (*SKELETON.keypoints, *EXTRA_POINTS)
POINT: dict[str, int] = {name: i for i, name in enumerate(POINTS)}

# Places on the head about its centre, in body heights: forward, left, up. The centre stands at 0.930 of the height,
# eyes at 0.936, chin at 0.870 (Drillis & Contini); breadth and length of the head are 0.089 and 0.111 of it.
_ON_HEAD: dict[str, tuple[float, float, float]] = {
    "nose": (0.0625, 0.0, -0.0130),
    "left_eye_inner": (0.0520, 0.0095, 0.0060),
    "left_eye": (0.0500, 0.0180, 0.0060),
    "left_eye_outer": (0.0450, 0.0260, 0.0060),
    "left_ear": (-0.0040, 0.0450, -0.0050),
    "mouth_left": (0.0490, 0.0145, -0.0360),
    "nose_root": (0.0530, 0.0, 0.0070),
    "nape": (-0.0400, 0.0, -0.0200),
    "bun": (-0.0560, 0.0, 0.0280),
    "left_ear_top": (-0.0060, 0.0450, 0.0090),
}
_HEAD_NAMES = tuple(_ON_HEAD)
_HEAD_PLACES = np.array([_ON_HEAD[name] for name in _HEAD_NAMES])
_HEAD_COLUMNS = np.array([POINT[name] for name in _HEAD_NAMES])
_RIGHT_OF = {
    "left_eye_inner": "right_eye_inner",
    "left_eye": "right_eye",
    "left_eye_outer": "right_eye_outer",
    "left_ear": "right_ear",
    "mouth_left": "mouth_right",
    "left_ear_top": "right_ear_top",
}
_RIGHT_COLUMNS = np.array([POINT[right] for right in _RIGHT_OF.values()])
_RIGHT_PLACES = np.array([_ON_HEAD[left] for left in _RIGHT_OF]) * (1, -1, 1)

# Along the hand from the wrist, and toward the thumb, in lengths of the hand: knuckles, thumb and fingertips.
_ON_HAND = {
    "pinky": (0.44, -0.17),
    "index": (0.50, 0.17),
    "thumb": (0.34, 0.30),
    "fingers": (0.9, 0.02),
}


@dataclass(frozen=True, slots=True, eq=False)
class Figures:
    """N people in space.

    Attributes:
        points: (N, M, 3) metres in the room's frame, in the order of `POINTS`; the first 33 are the keypoints.
        pelvis, chest, head: (N, 3, 3) their axes (forward, left, up) as columns, in the room's frame.
    """

    points: F64
    pelvis: F64
    chest: F64
    head: F64


def figures(postures: F64, lengths: F64) -> Figures:
    """Points and axes of N people: postures (N, P) in the order of `FIELDS`, lengths (N, 11) as `Body.lengths`."""
    q = dict(zip(FIELDS, postures.T, strict=True))
    height, thigh, shank, trunk, shoulder_half, hip_half, upper_arm, forearm, hand, foot, ankle = lengths.T[:, :, None]
    points = np.empty((len(postures), len(POINTS), 3))

    pelvis = _turn(2, q["heading"]) @ _turn(1, q["pitch"]) @ _turn(0, q["roll"])
    spine = _turn(2, q["spine_twist"]) @ _turn(1, q["spine_pitch"]) @ _turn(0, q["spine_roll"])
    chest = pelvis @ spine
    hips = postures[:, INDEX["x"] : INDEX["z"] + 1]
    waist = hips + pelvis[..., 2] * (0.36 * trunk)
    top = waist + chest[..., 2] * (0.64 * trunk)
    points[:, POINT["crotch"]] = hips - pelvis[..., 2] * (0.035 * height)
    points[:, POINT["waist"]] = waist
    points[:, POINT["chest"]] = top
    neck = top + chest[..., 2] * (0.030 * height)
    points[:, POINT["neck"]] = neck
    points[:, POINT["collar"]] = top + chest[..., 2] * (0.050 * height)

    head = chest @ _turn(2, q["neck_yaw"]) @ _turn(1, q["neck_pitch"]) @ _turn(0, q["neck_roll"])
    skull = neck + (chest[..., 2] + head[..., 2]) * (0.0175 * height) + head[..., 2] * (0.047 * height)
    skull += head[..., 0] * (0.012 * height)
    points[:, POINT["skull"]] = skull
    scale = height[:, None]
    points[:, _HEAD_COLUMNS] = skull[:, None] + scale * (_HEAD_PLACES @ head.swapaxes(1, 2))
    points[:, _RIGHT_COLUMNS] = skull[:, None] + scale * (_RIGHT_PLACES @ head.swapaxes(1, 2))

    for side, out in (("left", 1.0), ("right", -1.0)):
        # Raised arms lift the shoulder: about a third of the elevation comes from the shoulder blade (Inman, 1944).
        lift = 0.5 - 0.5 * np.cos(q[f"{side}_arm_flex"]) * np.cos(q[f"{side}_arm_abd"])
        shoulder = top + chest[..., 1] * (out * shoulder_half * (1 - 0.12 * lift[:, None]))
        shoulder += chest[..., 2] * (0.030 * height * lift[:, None])
        upper = chest @ _turn(1, -q[f"{side}_arm_flex"]) @ _turn(0, out * q[f"{side}_arm_abd"])
        lower = upper @ _turn(2, -out * q[f"{side}_arm_twist"]) @ _turn(1, -q[f"{side}_elbow"])
        elbow = shoulder - upper[..., 2] * upper_arm
        wrist = elbow - lower[..., 2] * forearm
        palm = lower @ _turn(0, -out * q[f"{side}_wrist"])
        points[:, POINT[f"{side}_shoulder"]] = shoulder
        points[:, POINT[f"{side}_elbow"]] = elbow
        points[:, POINT[f"{side}_wrist"]] = wrist
        for name, (along, across) in _ON_HAND.items():
            points[:, POINT[f"{side}_{name}"]] = wrist + hand * (across * palm[..., 0] - along * palm[..., 2])

        hip = hips + pelvis[..., 1] * (out * hip_half)
        splay = q[f"{side}_knee_out"][:, None]
        forward = pelvis[..., 0] * np.cos(splay) + pelvis[..., 1] * (out * np.sin(splay))
        first = INDEX[f"{side}_foot_x"]
        knee, ankle_at = _leg(hip, postures[:, first : first + 3], forward, thigh, shank)
        yaw, pitch = q[f"{side}_foot_yaw"], q[f"{side}_foot_pitch"]
        toes = np.stack([np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), -np.sin(pitch)], axis=-1)
        up = _unit(_across(knee - ankle_at, toes))
        points[:, POINT[f"{side}_hip"]] = hip
        points[:, POINT[f"{side}_buttock"]] = hip - pelvis[..., 0] * (0.012 * height) + (knee - hip) * 0.10
        points[:, POINT[f"{side}_knee"]] = knee
        points[:, POINT[f"{side}_ankle"]] = ankle_at
        points[:, POINT[f"{side}_heel"]] = ankle_at - up * (0.85 * ankle) - toes * (0.20 * foot)
        points[:, POINT[f"{side}_foot_index"]] = ankle_at - up * (0.75 * ankle) + toes * (0.62 * foot)
        points[:, POINT[f"{side}_toes"]] = ankle_at - up * (0.72 * ankle) + toes * (0.66 * foot)
    return Figures(points, pelvis, chest, head)


def _leg(hip: F64, ankle: F64, forward: F64, thigh: F64, shank: F64) -> tuple[F64, F64]:
    """Knee and ankle (N, 3) of a leg of two segments that bends toward `forward`.

    Where the ankle wanted is out of reach the leg is straight and the ankle as near as it gets.
    """
    reach = ankle - hip
    distance = np.linalg.norm(reach, axis=-1, keepdims=True)
    along = reach / np.maximum(distance, 1e-9)
    distance = np.clip(distance, 0.35 * thigh, 0.9995 * (thigh + shank))
    to_foot = (thigh**2 - shank**2 + distance**2) / (2 * distance)
    aside = np.sqrt(np.maximum(thigh**2 - to_foot**2, 0.0))
    knee = hip + along * to_foot + _unit(_across(forward, along)) * aside
    return knee, hip + along * distance


def _across(vectors: F64, axis: F64) -> F64:
    """What of `vectors` (N, 3) is at right angles to the unit vectors `axis`."""
    across: F64 = vectors - axis * np.sum(vectors * axis, axis=-1, keepdims=True)
    return across


def _unit(vectors: F64) -> F64:
    unit: F64 = vectors / np.maximum(np.sqrt(np.sum(vectors * vectors, axis=-1, keepdims=True)), 1e-9)
    return unit


def _turn(axis: int, angle: F64) -> F64:
    """(N, 3, 3) rotation about axis 0, 1 or 2 by angles (N,) in radians, right-handed."""
    matrix = np.zeros((len(angle), 3, 3))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, axis, axis] = 1.0
    matrix[:, i, i] = matrix[:, j, j] = np.cos(angle)
    matrix[:, j, i] = np.sin(angle)
    matrix[:, i, j] = -matrix[:, j, i]
    return matrix
