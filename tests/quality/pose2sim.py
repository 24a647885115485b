"""Angles of the pose2sim clips against those of the triangulated markers (TRC), by camera."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64
from pipeline.core.vocabulary import ANGLES
from tests.quality.chain import Seen

JOINTS = {
    f"{side}_{joint}": tuple(f"{side[0].upper()}{name}" for name in names)
    for side in ("left", "right")
    for joint, names in (("elbow", ("Shoulder", "Elbow", "Wrist")), ("knee", ("Hip", "Knee", "Ankle")))
}
"""Flexions that markers and measures both have, with the markers at their ends."""

NEAR = 0.25
"""A track is a person when its shoulders and hips lie within so much of the trunk from those of the markers."""

_TRUNK = ("LShoulder", "RShoulder", "LHip", "RHip")
_COLUMN = {angle.name: i for i, angle in enumerate(ANGLES)}


@cache
def markers(path: Path) -> dict[str, F64]:
    """(T, 3) metres of each marker, frame by frame."""
    lines = path.read_text().splitlines()
    names = lines[3].split("\t")[2::3]
    rows = np.array([[float(cell) for cell in line.split("\t")[2:]] for line in lines[5:] if line.strip()])
    return {name: rows[:, 3 * i : 3 * i + 3] for i, name in enumerate(names) if name}


def flexion(body: dict[str, F64], joint: str) -> F64:
    """(T,) degrees, 0 = straight."""
    near, middle, far = (body[name] for name in JOINTS[joint])
    u, v = near - middle, far - middle
    cosine = (u * v).sum(axis=1) / (np.linalg.norm(u, axis=1) * np.linalg.norm(v, axis=1))
    bent: F64 = 180.0 - np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return bent


def on_picture(points: F64, calibration: Path, camera: int) -> F64:
    """(T, 2) pixels of (T, 3) markers; these have y up, the calibration has z up."""
    found = tomllib.loads(calibration.read_text())[f"int_cam0{camera}_img"]
    world = points[:, [2, 0, 1]]
    matrix, lens = np.array(found["matrix"]), np.array(found["distortions"])
    pixels, _ = cv2.projectPoints(world, np.array(found["rotation"]), np.array(found["translation"]), matrix, lens)
    return np.asarray(pixels.reshape(-1, 2), np.float64)


def differences(seen: Iterable[Seen], folder: Path, camera: int) -> dict[str, list[float]]:
    """Measured less marked flexion in degrees, by joint, of all people and frames in which both are known."""
    bodies = [markers(folder / f"multi_P{n}.trc") for n in (1, 2)]
    calibration = folder / "calibration.toml"
    places = [np.stack([on_picture(body[name], calibration, camera) for name in _TRUNK], 1) for body in bodies]
    marked = [{joint: flexion(body, joint) for joint in JOINTS} for body in bodies]
    trunk = SKELETONS["blazepose33"].indices("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    found: dict[str, list[float]] = {joint: [] for joint in JOINTS}
    for frame in seen:
        for row, keypoints in enumerate(frame.motions.poses.keypoints[:, trunk, :2]):
            for place, angles in zip(places, marked, strict=True):
                if frame.seq >= len(place):
                    continue
                long = np.linalg.norm(place[frame.seq, :2].mean(axis=0) - place[frame.seq, 2:].mean(axis=0))
                if not np.linalg.norm(keypoints - place[frame.seq], axis=1).mean() <= NEAR * long:
                    continue
                for joint, bent in angles.items():
                    found[joint].append(float(frame.measures.angles[row, _COLUMN[joint]] - bent[frame.seq]))
    return found


def row_of(name: str, found: dict[str, list[float]]) -> str:
    """A line of the table: root mean square and median of each joint, both sides together."""
    cells = []
    for joint in ("elbow", "knee"):
        off = np.array(found[f"left_{joint}"] + found[f"right_{joint}"])
        off = off[~np.isnan(off)]
        text = f"{np.sqrt((off**2).mean()):.1f} ({np.median(off):+.1f})" if len(off) else "-"
        cells.append(f"{text} | {len(off)}")
    return f"| {name} | {' | '.join(cells)} |"
