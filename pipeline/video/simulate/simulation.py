"""A simulated clip: its pictures and what is true of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from pipeline.core.types import F64, U8, Bool
from pipeline.video.simulate.effects import Effects
from pipeline.video.simulate.gym import stage_gym
from pipeline.video.simulate.head import paint_face
from pipeline.video.simulate.kinematics import POINT, POINTS, SKELETON, Figures, figures
from pipeline.video.simulate.layout import boxes, hidden, lay_out
from pipeline.video.simulate.painter import Painter
from pipeline.video.simulate.parts import body_parts, joined
from pipeline.video.simulate.room import Scenery
from pipeline.video.simulate.scene import SceneSpec
from pipeline.video.simulate.staging import Staging
from pipeline.video.simulate.street import stage_street
from pipeline.video.simulate.truth import Biography, Fall, Interval, Truth
from pipeline.video.simulate.ward import stage_ward

_STAGES: Mapping[str, Callable[[SceneSpec], Staging]] = MappingProxyType(
    {"gym": stage_gym, "ward": stage_ward, "street": stage_street}
)
_CHUNK = 256
_HIPS = [POINT["left_hip"], POINT["right_hip"]]


class Simulation:
    """The clip that `spec` describes; picture and truth of frame k come from the same postures.

    Attributes:
        spec: What was asked for.
        camera: What it is seen through.
        actors: The people, with their scripts.
    """

    def __init__(self, spec: SceneSpec) -> None:
        staging = _STAGES[spec.scene](spec)
        self.spec = spec
        self.camera = staging.camera
        self.actors = staging.actors
        self._scenery = staging.scenery
        self._furnished = staging.furnished
        self._lengths = np.stack([actor.body.lengths for actor in staging.actors])
        self._heights = self._lengths[:, 0]
        self._effects = Effects(spec)
        self._parts = joined([body_parts(actor.body, actor.looks) for actor in staging.actors])

    @cached_property
    def _painter(self) -> Painter:
        faces = [paint_face(actor.looks) for actor in self.actors]
        return Painter(self._parts, faces, self.camera, self.scenery.stands_m)

    @cached_property
    def scenery(self) -> Scenery:
        """What stands in the scene beside the people."""
        return self._scenery()

    @property
    def background(self) -> U8:
        """(H, W, 3) uint8, BGR, the scene without people."""
        return self.scenery.picture

    def picture(self, k: int) -> U8:
        """(H, W, 3) uint8, BGR: frame k."""
        picture = self.background.copy()
        people = self.bodies(k)
        self._painter.paint(picture, people, lay_out(people, self._parts, self.camera, self._heights))
        return self._effects.apply(picture, k)

    def truth(self, k: int) -> Truth:
        """The people of whom at least one keypoint lies in frame k."""
        bodies = self.bodies(k)
        layout = lay_out(bodies, self._parts, self.camera, self._heights)
        count = len(SKELETON)
        shake = self._effects.shake(k)
        keypoints = layout.points[:, :count] + shake
        inside = self._inside(keypoints)
        visible = inside & ~hidden(layout, self._parts, count) & ~self._behind(bodies.points, layout.points[:, :count])
        around = boxes(layout, self._parts) + np.tile(shake, 2)
        shown = np.flatnonzero(np.any(inside, axis=1))
        hips = bodies.points[:, _HIPS].mean(axis=1, keepdims=True)
        world = (bodies.points[:, :count] - hips) @ self.camera.axes.T
        edges = np.tile([self.camera.width, self.camera.height], 2)
        at_s = self.spec.time_s(k)
        return Truth(
            person=shown.astype(np.int64),
            keypoints=keypoints[shown].astype(np.float32),
            visible=visible[shown],
            world=world[shown].astype(np.float32),
            xyxy=np.clip(around[shown], 0, edges).astype(np.float32),
            activity=tuple(self.actors[n].script.activity(at_s) for n in shown),
            phase=tuple(self.actors[n].script.phase(at_s) for n in shown),
        )

    def truths(self, frames: range) -> tuple[list[Truth], F64]:
        """The truth of frames in a row, and (T, N, M, 3) where all points of all people are in the room, metres.

        As `truth`, many times faster; boxes are laid about the points of the body and may differ by 0.02 body heights.
        """
        count, people = len(SKELETON), len(self.actors)
        times = [self.spec.time_s(k) for k in frames]
        postures = np.stack([actor.script.posture(t) for t in times for actor in self.actors])
        bodies = figures(postures, np.tile(self._lengths, (len(times), 1)))
        points = bodies.points.reshape(len(times), people, -1, 3)
        pixels, depth = self.camera.project(points)
        shake = np.stack([self._effects.shake(k) for k in frames])[:, None, None]
        keypoints = pixels[:, :, :count] + shake
        inside = self._inside(keypoints)
        visible = inside & ~self._behind(points, pixels[:, :, :count])
        shown = np.any(inside, axis=2)
        around = _BODY_RADII * (self._heights[:, None] * self.camera.focal_px / depth)
        low = (pixels - around[..., None]).min(axis=2) + shake[:, 0]
        high = (pixels + around[..., None]).max(axis=2) + shake[:, 0]
        boxes_at = np.concatenate([low, high], axis=2)
        hips = points[:, :, _HIPS].mean(axis=2, keepdims=True)
        world = (points[:, :, :count] - hips) @ self.camera.axes.T
        edges = np.tile([self.camera.width, self.camera.height], 2)
        truths = []
        for t, k in enumerate(frames):
            if _overlapping(boxes_at[t][shown[t]]):
                truths.append(self.truth(k))
                continue
            people_shown = np.flatnonzero(shown[t])
            truths.append(
                Truth(
                    person=people_shown.astype(np.int64),
                    keypoints=keypoints[t, people_shown].astype(np.float32),
                    visible=visible[t, people_shown],
                    world=world[t, people_shown].astype(np.float32),
                    xyxy=np.clip(boxes_at[t, people_shown], 0, edges).astype(np.float32),
                    activity=tuple(self.actors[n].script.activity(times[t]) for n in people_shown),
                    phase=tuple(self.actors[n].script.phase(times[t]) for n in people_shown),
                )
            )
        return truths, points

    def annotations(self) -> tuple[Biography, ...]:
        """What every person does in the whole clip."""
        shows = np.concatenate([self._present(k) for k in range(0, self.spec.frames, _CHUNK)])
        end = self.spec.time_s(self.spec.frames - 1)
        return tuple(
            Biography(
                person=n,
                height_m=actor.body.height_m,
                present=tuple(self._intervals(shows[:, n])),
                repetitions=tuple(rep for rep in actor.script.repetitions if rep.end_s <= end),
                falls=tuple(_within(fall, end) for fall in actor.script.falls if fall.impact_s <= end),
                halves=tuple(rep for rep in actor.script.halves if rep.end_s <= end),
                actions=actor.script.actions(end),
            )
            for n, actor in enumerate(self.actors)
        )

    def bodies(self, k: int) -> Figures:
        """All people of frame k in space, also those outside the picture."""
        t = self.spec.time_s(k)
        return figures(np.stack([actor.script.posture(t) for actor in self.actors]), self._lengths)

    def _inside(self, pixels: F64) -> Bool:
        inside: Bool = np.all((pixels >= 0) & (pixels < (self.camera.width, self.camera.height)), axis=-1)
        return inside

    def _behind(self, points: F64, pixels: F64) -> Bool:
        """(..., K) whether pixels (..., K, 2) of the unshaken picture lie on furniture that stands before the person.

        Args:
            points: (..., M, 3) of people in the room.
            pixels: Of some of them.
        """
        stands = self.scenery.stands_m if self._furnished else None
        if stands is None:
            return np.zeros(pixels.shape[:-1], np.bool_)
        at = np.clip(np.floor(pixels), 0, (self.camera.width - 1, self.camera.height - 1)).astype(np.int64)
        behind: Bool = stands[at[..., 1], at[..., 0]] < points[..., POINT["crotch"], 1, None]
        return behind

    def _present(self, first: int) -> Bool:
        """(T, N) who is in which of up to `_CHUNK` frames from `first` on."""
        times = [self.spec.time_s(k) for k in range(first, min(first + _CHUNK, self.spec.frames))]
        postures = np.stack([actor.script.posture(t) for t in times for actor in self.actors])
        bodies = figures(postures, np.tile(self._lengths, (len(times), 1)))
        pixels, _ = self.camera.project(bodies.points[:, : len(SKELETON)])
        present: Bool = np.any(self._inside(pixels), axis=1).reshape(len(times), -1)
        return present

    def _intervals(self, shows: Bool) -> list[Interval]:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], shows.astype(np.int8), [0]])))
        return [
            Interval(self.spec.time_s(int(first)), self.spec.time_s(int(last) - 1))
            for first, last in edges.reshape(-1, 2)
        ]


def _body_radii() -> F64:
    """(M,) how far the drawn body reaches about each of its points, body heights."""
    radii = np.full(len(POINTS), 0.025)
    for name, radius in {"skull": 0.068, "crotch": 0.085, "waist": 0.082, "chest": 0.085, "collar": 0.05}.items():
        radii[POINT[name]] = radius
    for side in ("left", "right"):
        radii[[POINT[f"{side}_{name}"] for name in ("hip", "buttock")]] = 0.055
        radii[[POINT[f"{side}_{name}"] for name in ("shoulder", "knee")]] = 0.036
    radii[[POINT[name] for name in POINTS if "eye" in name or "ear" in name or "mouth" in name]] = 0.012
    return radii


_BODY_RADII = _body_radii()


def _overlapping(boxes_of: F64) -> bool:
    """Whether any two of (N, 4) boxes overlap."""
    apart = (boxes_of[:, None, :2] >= boxes_of[None, :, 2:]).any(axis=2)
    together = ~(apart | apart.T)
    return bool(np.count_nonzero(together) > len(boxes_of))


def _within(fall: Fall, end_s: float) -> Fall:
    """The fall as far as the clip shows it."""
    up = fall.end_s if fall.end_s is not None and fall.end_s <= end_s else None
    return replace(fall, end_s=up)
