"""BVH (Biovision hierarchy): the rotations of a body's bones, out of the world metres of its keypoints.

The file's skeleton is fixed: hips, trunk, neck, head, collars, arms and legs. In its rest pose the person stands, faces
the camera, arms along the trunk. The lengths of bones are the mean lengths of the recording. A bone is turned the
shortest way from the direction that its parent gives it, for a turn about its own length cannot be seen in two
keypoints: wrists, ankles and head have no twist of their own. Only the hips have a full rotation, from the line of the
hips and the trunk. The hips rest at the origin: metres are about them. What is unknown keeps its last rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from pipeline.core.conversion import convert
from pipeline.core.skeletons import SKELETONS
from pipeline.core.tables import PoseTable
from pipeline.core.types import F64
from pipeline.exchange.opensim import upright
from pipeline.exchange.uniform import Uniform
from pipeline.exchange.writer import WriterOptions

CENTIMETRES = 100.0


@dataclass(frozen=True, slots=True)
class Bone:
    """A joint and the bone that leads from it.

    Attributes:
        name: Of the joint in the file.
        parent: Index of the joint above, -1 of the root.
        start, end: Names of the points that it leads from and to.
        rest: Direction in the rest pose: x to the left of the person, y up, z forward.
    """

    name: str
    parent: int
    start: str
    end: str
    rest: tuple[float, float, float]


BONES: tuple[Bone, ...] = (
    Bone("Hips", -1, "hips", "chest", (0, 1, 0)),
    Bone("Spine", 0, "hips", "chest", (0, 1, 0)),
    Bone("Neck", 1, "chest", "head", (0, 1, 0)),
    Bone("LeftCollar", 1, "chest", "left_shoulder", (1, 0, 0)),
    Bone("LeftArm", 3, "left_shoulder", "left_elbow", (0, -1, 0)),
    Bone("LeftForeArm", 4, "left_elbow", "left_wrist", (0, -1, 0)),
    Bone("RightCollar", 1, "chest", "right_shoulder", (-1, 0, 0)),
    Bone("RightArm", 6, "right_shoulder", "right_elbow", (0, -1, 0)),
    Bone("RightForeArm", 7, "right_elbow", "right_wrist", (0, -1, 0)),
    Bone("LeftHip", 0, "hips", "left_hip", (1, 0, 0)),
    Bone("LeftUpLeg", 9, "left_hip", "left_knee", (0, -1, 0)),
    Bone("LeftLeg", 10, "left_knee", "left_ankle", (0, -1, 0)),
    Bone("LeftFoot", 11, "left_ankle", "left_toe", (0, 0, 1)),
    Bone("RightHip", 0, "hips", "right_hip", (-1, 0, 0)),
    Bone("RightUpLeg", 13, "right_hip", "right_knee", (0, -1, 0)),
    Bone("RightLeg", 14, "right_knee", "right_ankle", (0, -1, 0)),
    Bone("RightFoot", 15, "right_ankle", "right_toe", (0, 0, 1)),
)
"""The joints in the order of the file; the first has no length of its own, it turns all others."""

POINTS: tuple[str, ...] = (
    *("hips", "chest", "head"),
    *(
        f"{side}_{name}"
        for side in ("left", "right")
        for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "toe")
    ),
)
_AT = {name: i for i, name in enumerate(POINTS)}
_STARTS = [_AT[bone.start] for bone in BONES]
_ENDS = [_AT[bone.end] for bone in BONES]
_DEFAULT_M = 0.1
_PIECE = 4096


class Bvh:
    """Positions are gathered first, for the lengths of the bones stand at the head of the file."""

    def __init__(self, out: BinaryIO, scratch: BinaryIO, options: WriterOptions) -> None:
        self._out = out
        self._points = scratch
        self._even = Uniform(options.fps)
        self._sum = np.zeros(len(BONES))
        self._count = np.zeros(len(BONES), np.int64)

    def write(self, table: PoseTable) -> None:
        """Add these poses of one person; those without world metres are left out."""
        if table.world.shape[1] == 0 or len(table) == 0:
            return
        points = body_points(table)
        for _, rows in self._even.add(table.at_us, points.reshape(len(table), -1)):
            self._keep(rows)

    def finish(self) -> int:
        """Write the file; the number of frames, 0 where no bone was ever seen."""
        for _, rows in self._even.end():
            self._keep(rows)
        if not self._count.any():
            return 0
        lengths = np.where(self._count > 0, self._sum / np.maximum(self._count, 1), _DEFAULT_M)
        text = "HIERARCHY\n" + _joint(0, lengths, 0) + f"MOTION\nFrames: {self._even.rows}\n"
        self._out.write((text + f"Frame Time: {1 / (self._even.fps or 1):.8f}\n").encode())
        self._points.seek(0)
        form = " ".join(["%.3f"] * 3 + ["%.4f"] * (3 * len(BONES)))
        last = np.tile(np.eye(3), (len(BONES), 1, 1))
        width = 8 * 3 * len(POINTS)
        while block := self._points.read(width * _PIECE):
            points = np.frombuffer(block, np.float64).reshape(-1, len(POINTS), 3)
            local, last = rotations(points, last)
            angles = euler_zxy(local).reshape(len(points), -1)
            rows = np.concatenate((np.zeros((len(points), 3)), angles), axis=1)
            self._out.write(("\n".join([form % tuple(row) for row in rows.tolist()]) + "\n").encode())
        return self._even.rows

    def abandon(self) -> None:
        """There is nothing to let go of."""

    def _keep(self, rows: F64) -> None:
        points = rows.reshape(-1, len(POINTS), 3)
        length = np.linalg.norm(points[:, _ENDS] - points[:, _STARTS], axis=2)
        self._count += np.isfinite(length).sum(axis=0)
        self._sum += np.nansum(length, axis=0)
        self._points.write(np.ascontiguousarray(points).tobytes())


def body_points(table: PoseTable) -> F64:
    """(N, P, 3) the points of POINTS in metres, x to the right of the picture, y up, z towards the camera."""
    target = SKELETONS["halpe26"]
    source = SKELETONS[table.skeleton]
    world = upright(convert(table.world, table.keypoint_score, source, target)[0].astype(np.float64))
    points = np.full((len(table), len(POINTS), 3), np.nan)
    named = {"hips": "mid_hip", "chest": "neck", "left_toe": "left_big_toe", "right_toe": "right_big_toe"}
    for name, i in _AT.items():
        if name != "head":
            points[:, i] = world[:, target.index[named.get(name, name)]]
    ears = 0.5 * (world[:, target.index["left_ear"]] + world[:, target.index["right_ear"]])
    points[:, _AT["head"]] = np.where(np.isfinite(ears), ears, world[:, target.index["nose"]])
    return points


def rotations(points: F64, last: F64) -> tuple[F64, F64]:
    """(N, B, 3, 3) rotation of each joint against its parent, and those of the last frame, to go on with.

    Args:
        points: (N, P, 3) positions of POINTS, NaN = unknown.
        last: (B, 3, 3) what unknown rotations are until one is known.
    """
    n = len(points)
    local = np.empty((n, len(BONES), 3, 3))
    turned = np.empty_like(local)
    for i, bone in enumerate(BONES):
        direction = points[:, _ENDS[i]] - points[:, _STARTS[i]]
        if bone.parent < 0:
            wanted = _frame(points[:, _AT["left_hip"]] - points[:, _AT["right_hip"]], direction)
            local[:, i] = turned[:, i] = _filled(wanted, last[i])
            continue
        above = turned[:, bone.parent]
        here = np.einsum("nji,nj->ni", above, direction)
        local[:, i] = _filled(_shortest(np.array(bone.rest, np.float64), here), last[i])
        turned[:, i] = above @ local[:, i]
    return local, local[-1]


def _frame(left: F64, up: F64) -> F64:
    """(N, 3, 3) rotations whose x is the direction to the left hip and whose y leans as the trunk does."""
    with np.errstate(invalid="ignore", divide="ignore"):
        x = left / np.linalg.norm(left, axis=1, keepdims=True)
        y = up - (up * x).sum(axis=1, keepdims=True) * x
        y /= np.linalg.norm(y, axis=1, keepdims=True)
    return np.stack((x, y, np.cross(x, y)), axis=2)


def _shortest(rest: F64, direction: F64) -> F64:
    """(N, 3, 3) the smallest rotation from one direction to (N, 3) others (Rodrigues)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        to = direction / np.linalg.norm(direction, axis=1, keepdims=True)
        axis, cosine = np.cross(rest, to), to @ rest
        zero = np.zeros(len(to))
        cross = np.stack(
            (
                np.stack((zero, -axis[:, 2], axis[:, 1]), axis=1),
                np.stack((axis[:, 2], zero, -axis[:, 0]), axis=1),
                np.stack((-axis[:, 1], axis[:, 0], zero), axis=1),
            ),
            axis=1,
        )
        result: F64 = np.eye(3) + cross + cross @ cross / (1 + cosine)[:, None, None]
    opposite = cosine < -1 + 1e-9
    if opposite.any():
        # Half a turn has no shortest way: about the axis that the rest pose is least along.
        about = np.eye(3)[np.abs(rest).argmin()]
        about = np.cross(rest, about)
        result[opposite] = 2 * np.outer(about, about) - np.eye(3)
    return result


def _filled(matrices: F64, last: F64) -> F64:
    """Unknown rotations are those of the frame before."""
    known = np.isfinite(matrices).all(axis=(1, 2))
    where = np.where(known, np.arange(len(matrices)), -1)
    latest = np.maximum.accumulate(where)
    return np.where((latest >= 0)[:, None, None], matrices[np.maximum(latest, 0)], last)


def euler_zxy(matrices: F64) -> F64:
    """(..., 3) angles z, x, y in degrees with R = Rz Rx Ry, as BVH reads channels from left to right."""
    sine = np.clip(matrices[..., 2, 1], -1, 1)
    x = np.arcsin(sine)
    locked = np.abs(sine) > 1 - 1e-9
    z = np.where(
        locked,
        np.arctan2(matrices[..., 1, 0], matrices[..., 0, 0]),
        np.arctan2(-matrices[..., 0, 1], matrices[..., 1, 1]),
    )
    y = np.where(locked, 0.0, np.arctan2(-matrices[..., 2, 0], matrices[..., 2, 2]))
    result: F64 = np.degrees(np.stack((z, x, y), axis=-1))
    return result


def _joint(i: int, lengths: F64, depth: int) -> str:
    """The text of a joint and all below it."""
    bone, pad = BONES[i], "  " * depth
    below = [j for j, other in enumerate(BONES) if other.parent == i]
    offset: tuple[float, ...] = (0.0, 0.0, 0.0)
    if bone.parent >= 0 and BONES[bone.parent].end == bone.start and bone.parent > 0:
        offset = tuple(lengths[bone.parent] * part * CENTIMETRES for part in BONES[bone.parent].rest)
    kind = "ROOT" if bone.parent < 0 else "JOINT"
    channels = "6 Xposition Yposition Zposition" if bone.parent < 0 else "3"
    text = f"{pad}{kind} {bone.name}\n{pad}{{\n{pad}  OFFSET {_three(offset)}\n"
    text += f"{pad}  CHANNELS {channels} Zrotation Xrotation Yrotation\n"
    for j in below:
        text += _joint(j, lengths, depth + 1)
    if not below:
        end = tuple(lengths[i] * part * CENTIMETRES for part in bone.rest)
        text += f"{pad}  End Site\n{pad}  {{\n{pad}    OFFSET {_three(end)}\n{pad}  }}\n"
    return text + f"{pad}}}\n"


def _three(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.4f}" for value in values)
