"""A simulated clip: its pictures and what is true of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from pipeline.core.types import F64, U8, Bool
from pipeline.video.simulate.gym import stage_gym
from pipeline.video.simulate.head import paint_face
from pipeline.video.simulate.kinematics import POINT, SKELETON, Figures, figures
from pipeline.video.simulate.layout import boxes, hidden, lay_out
from pipeline.video.simulate.painter import Painter
from pipeline.video.simulate.parts import body_parts, joined
from pipeline.video.simulate.scene import SceneSpec
from pipeline.video.simulate.staging import Staging
from pipeline.video.simulate.truth import Biography, Fall, Interval, Truth
from pipeline.video.simulate.ward import stage_ward

_STAGES: Mapping[str, Callable[[SceneSpec], Staging]] = MappingProxyType({"gym": stage_gym, "ward": stage_ward})
_CHUNK = 256
_HIPS = [POINT["left_hip"], POINT["right_hip"]]


class Simulation:
    """The clip that `spec` describes; picture and truth of frame k come from the same postures.

    Attributes:
        spec: What was asked for.
        camera: What it is seen through.
        actors: The people, with their scripts.
        background: (H, W, 3) uint8, BGR, the room without people.
    """

    def __init__(self, spec: SceneSpec) -> None:
        staging = _STAGES[spec.scene](spec)
        self.spec = spec
        self.camera = staging.camera
        self.actors = staging.actors
        self.background = staging.background
        self._lengths = np.stack([actor.body.lengths for actor in staging.actors])
        self._heights = self._lengths[:, 0]
        self._parts = joined([body_parts(actor.body, actor.looks) for actor in staging.actors])
        self._painter = Painter(self._parts, [paint_face(actor.looks) for actor in staging.actors], staging.camera)

    def picture(self, k: int) -> U8:
        """(H, W, 3) uint8, BGR: frame k."""
        picture = self.background.copy()
        people = self.bodies(k)
        self._painter.paint(picture, people, lay_out(people, self._parts, self.camera, self._heights))
        return picture

    def truth(self, k: int) -> Truth:
        """The people of whom at least one keypoint lies in frame k."""
        bodies = self.bodies(k)
        layout = lay_out(bodies, self._parts, self.camera, self._heights)
        count = len(SKELETON)
        keypoints = layout.points[:, :count]
        inside = self._inside(keypoints)
        visible = inside & ~hidden(layout, self._parts, count)
        around = boxes(layout, self._parts)
        shown = np.flatnonzero(np.any(inside, axis=1))
        hips = bodies.points[:, _HIPS].mean(axis=1, keepdims=True)
        world = (bodies.points[:, :count] - hips) @ self.camera.axes.T
        edges = np.tile([self.camera.width, self.camera.height], 2)
        activities = [actor.script.activity(self.spec.time_s(k)) for actor in self.actors]
        return Truth(
            person=shown.astype(np.int64),
            keypoints=keypoints[shown].astype(np.float32),
            visible=visible[shown],
            world=world[shown].astype(np.float32),
            xyxy=np.clip(around[shown], 0, edges).astype(np.float32),
            activity=tuple(activities[n] for n in shown),
        )

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


def _within(fall: Fall, end_s: float) -> Fall:
    """The fall as far as the clip shows it."""
    up = fall.end_s if fall.end_s is not None and fall.end_s <= end_s else None
    return Fall(fall.direction, fall.start_s, fall.impact_s, up)
