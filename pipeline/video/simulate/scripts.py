"""Keypoint scripts: what a pose model would say of a scene, without drawing it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pipeline.core.types import F64, I64, Bool
from pipeline.core.values import Poses
from pipeline.video.simulate.camera import NEAREST_M
from pipeline.video.simulate.kinematics import POINT, SKELETON
from pipeline.video.simulate.noise import EXACT, Disturbance, Disturbed, Noise
from pipeline.video.simulate.scene import SceneSpec, parse_scene
from pipeline.video.simulate.simulation import Simulation
from pipeline.video.simulate.truth import Truth

_FOUND_SCORE = 0.97
"""Mean score of people that the bundled model finds among the simulated ones."""

_CHUNK = 128
_SHOULDERS = [POINT["left_shoulder"], POINT["right_shoulder"]]
_LOW_RAD = np.deg2rad(35.0)
"""Trunk tilt from which `Noise.low` is what errs; where `benchmarks/pose_noise.py` parts its tables."""

_HIPS = [POINT["left_hip"], POINT["right_hip"]]


class Scripted(NamedTuple):
    """One frame of a keypoint script.

    Attributes:
        t_us: Time since the clip began, microseconds.
        poses: People found, with noise.
        truth: People in the picture, without.
        person: (N,) int64, whose each of the poses is: a number as in `truth.person`.
        swapped: (N,) bool, whether left and right are exchanged in it.
    """

    t_us: int
    poses: Poses
    truth: Truth
    person: I64
    swapped: Bool


def keypoints(
    scene: str | SceneSpec, fps: float | None = None, noise: Noise = EXACT, seed: int = 0
) -> Iterator[Scripted]:
    """The frames of a scene as a pose model would see them, at any rate; the same arguments give the same frames.

    Args:
        scene: Its address or what that reads as.
        fps: Frames a second in place of the scene's.
        noise: How keypoints err: exact, `noise.gaussian`, or `measured.MEASURED`, scaled or changed.
        seed: Of the noise; the scene's own seed is in its address.
    """
    spec = parse_scene(scene) if isinstance(scene, str) else scene
    if fps is not None:
        spec = replace(spec, fps=fps)
    clip = Simulation(spec)
    errs = [
        Disturbance(
            noise, np.random.default_rng([seed, *spec.random("keypoints", n).integers(2**31, size=2)]), 1 / spec.fps
        )
        for n in range(spec.people)
    ]
    for first in range(0, spec.frames, _CHUNK):
        yield from _stretch(clip, range(first, min(first + _CHUNK, spec.frames)), errs)


def _stretch(clip: Simulation, frames: range, errs: list[Disturbance]) -> Iterator[Scripted]:
    """Some frames in a row."""
    truths, points = clip.truths(frames)
    visible = np.zeros((len(frames), len(errs), len(SKELETON)), np.bool_)
    outside = np.zeros_like(visible)
    low = np.zeros(visible.shape[:2], np.bool_)
    for t, truth in enumerate(truths):
        visible[t, truth.person] = truth.visible
        x, y = truth.keypoints[..., 0], truth.keypoints[..., 1]
        outside[t, truth.person] = (x < 0) | (y < 0) | (x >= clip.spec.width) | (y >= clip.spec.height)
        trunk = truth.world[:, _SHOULDERS].mean(axis=1)
        low[t, truth.person] = -trunk[:, 1] < np.cos(_LOW_RAD) * np.linalg.norm(trunk, axis=1)
    # Noise goes on for those out of the picture, so that nobody's depends on who else is in it.
    noises = [err.next(visible[:, n], outside[:, n], low[:, n]) for n, err in enumerate(errs)]
    found = np.stack([noise.found for noise in noises], axis=1)
    swapped = np.stack([noise.swapped for noise in noises], axis=1)
    poses = _Poses(clip, points, noises)
    for t, (k, truth) in enumerate(zip(frames, truths, strict=True)):
        rows = np.flatnonzero(found[t, truth.person])
        person = truth.person[rows]
        made = poses.at(t, truth, rows)
        yield Scripted(round(clip.spec.time_s(k) * 1_000_000), made, truth, person, swapped[t, person])


class _Poses:
    """What noise makes of the truth of T frames of N people."""

    def __init__(self, clip: Simulation, points: F64, noises: list[Disturbed]) -> None:
        self._size = (clip.spec.width, clip.spec.height)
        self._metres = np.array([actor.body.height_m for actor in clip.actors])
        depth = (points[:, :, _HIPS].mean(axis=2) - clip.camera.centre) @ clip.camera.axes[2]
        self._scale = clip.camera.focal_px / np.maximum(depth, NEAREST_M)
        self._sides, self._offset, self._score, self._dropped = (
            np.stack([getattr(noise, name) for noise in noises], axis=1)
            for name in ("sides", "offset", "score", "dropped")
        )

    def at(self, t: int, truth: Truth, rows: I64) -> Poses:
        """Of the people in some rows of the truth of frame t of the stretch."""
        person = truth.person[rows]
        sides = self._sides[t, person]
        metres, scale = self._metres[person][:, None, None], self._scale[t, person][:, None, None]
        offset, dropped = self._offset[t, person], self._dropped[t, person]
        world = np.take_along_axis(truth.world[rows].astype(np.float64), sides[..., None], axis=1) + offset * metres
        image = np.take_along_axis(truth.keypoints[rows].astype(np.float64), sides[..., None], axis=1)
        points = np.concatenate([image + offset[..., :2] * metres * scale, world[..., 2:] * scale], axis=2)
        flat = points[..., :2]
        box = np.concatenate([flat.min(axis=1), flat.max(axis=1)], axis=1)
        points[dropped] = np.nan
        world[dropped] = np.nan
        score = np.take_along_axis(self._score[t, person], sides, axis=1)
        return Poses(
            skeleton="blazepose33",
            width=self._size[0],
            height=self._size[1],
            xyxy=box.astype(np.float32),
            score=np.full(len(rows), _FOUND_SCORE, np.float32),
            keypoints=points.astype(np.float32),
            keypoint_score=np.where(dropped, 0.0, score).astype(np.float32),
            world=world.astype(np.float32),
        )
