"""The stage analyze: smoothed poses in; measures out, and the events that were decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.core.records import Record, Tick
from pipeline.core.types import F32, F64
from pipeline.core.units import ANGLE_UNIT_DEG, rounded_to, units_in_one
from pipeline.core.values import Event, Measures, Motions
from pipeline.core.vocabulary import ANGLES, MEASURES, POSTURES
from pipeline.core.zones import Scene
from stages.analyze.body import Bodies, Extent, measure_bodies
from stages.analyze.counting import Counter
from stages.analyze.exercises import Exercise
from stages.analyze.falls import step_fall
from stages.analyze.feet import People
from stages.analyze.kinematics import measure_joints
from stages.analyze.layout import Layout, layout_of
from stages.analyze.learn import learn_lengths, learn_up, up_of
from stages.analyze.movement import Shape, move, shape_of
from stages.analyze.options import AnalyzeOptions
from stages.analyze.postures import hold_posture, posture_of
from stages.analyze.state import AnalyzedPerson, AnalyzeState
from stages.analyze.told import Told
from stages.analyze.watch import Watch

_ANGLES = len(ANGLES)
_UNITS: F32 = np.repeat([units_in_one(ANGLE_UNIT_DEG), units_in_one(1 / 1000)], [_ANGLES, len(MEASURES)])
_BODY_HEIGHT = [measure.name for measure in MEASURES].index("body_height")
_BODY_MEASURES = _BODY_HEIGHT + 1


class AnalyzeStage:
    """A `KeyedStage` from Motions to Measures and Events; each frame yields one Measures and then its events."""

    def __init__(
        self,
        options: AnalyzeOptions | None = None,
        exercises: Sequence[Exercise] = (),
        scenes: Mapping[str, Scene] | None = None,
    ) -> None:
        self._options = options or AnalyzeOptions()
        self._watch = Watch(self._options, scenes or {})
        self._counter = Counter(exercises, self._options)
        self._layouts: dict[str, Layout] = {}

    def initial_state(self, camera: str) -> AnalyzeState:
        """Nobody seen, gravity down the picture."""
        return AnalyzeState()

    def step(self, state: AnalyzeState, record: Record[Motions]) -> tuple[AnalyzeState, Sequence[Measures | Event]]:
        """Measure everyone in the frame. Raises InvalidRecord for a skeleton that lacks a body."""
        motions = record.value
        layout = self._layout(motions.poses.skeleton)
        metric = motions.poses.world.shape[1] > 0
        up = up_of(state, metric)
        bodies = measure_bodies(motions, layout, up, self._options)
        told = Told(state, record.stamp)
        people = {person.track_id: person for person in state.people}
        shown: list[AnalyzedPerson] = []
        shapes: list[Shape] = []
        postures: list[int] = []
        scalars: list[tuple[float, ...]] = []
        size = motions.poses.width, motions.poses.height
        elapsed_s = 0.0
        for track_id, extent in zip(motions.track_id.tolist(), bodies.extents, strict=True):
            person = people.get(track_id)
            if person is None:
                person = self._enter(state, track_id, told)
            elif not person.present:
                person.present, person.entered_us = True, told.now_us
                told.event("enter", "enter", track_id, told.now_us)
            elapsed_s = max(elapsed_s, min((told.now_us - person.seen_us) / 1e6, 1.0))
            shape = self._person(state, person, extent, bodies, size, told)
            person.seen_us = told.now_us
            shown.append(person)
            shapes.append(shape)
            postures.append(person.posture)
            scalars.append((shape.tilt, shape.hip, shape.head, shape.speed, shape.descent, shape.body_height))
        self._counter.step(state, bodies, motions.track_id, shown, shapes, up, told)
        if metric:
            learn_up(state, bodies.extents, elapsed_s)
        body = np.array(scalars).reshape(len(scalars), _BODY_MEASURES)
        seen = _seen(motions, bodies, body[:, _BODY_HEIGHT], postures, told)
        floor = self._watch.step(state, record.stamp.camera, seen, told)
        self._leave(state, told)
        self._watch.leave(state, record.stamp.camera, told)
        joints, masses = measure_joints(state, bodies, motions.track_id, up, size, told.now_us, self._options)
        table = _side_by_side(bodies.angles, joints, body, floor, masses)
        measures = Measures(motions.track_id, seen.posture, table[:, :_ANGLES], table[:, _ANGLES:], tuple(told.events))
        return state, [measures, *told.events]

    def tick(self, state: AnalyzeState, record: Record[Tick]) -> tuple[AnalyzeState, Sequence[Measures | Event]]:
        """People leave by the clock too; their events come with a Measures of nobody, which later stages read."""
        told = Told(state, record.stamp)
        self._leave(state, told)
        self._watch.leave(state, record.stamp.camera, told)
        if not told.events:
            return state, []
        nobody = Measures(
            track_id=np.empty(0, np.int64),
            posture=np.empty(0, np.uint8),
            angles=np.empty((0, len(ANGLES)), np.float32),
            scalars=np.empty((0, len(MEASURES)), np.float32),
            events=tuple(told.events),
        )
        return state, [nobody, *told.events]

    def _layout(self, skeleton: str) -> Layout:
        layout = self._layouts.get(skeleton)
        if layout is None:
            layout = self._layouts[skeleton] = layout_of(skeleton)
        return layout

    def _enter(self, state: AnalyzeState, track_id: int, told: Told) -> AnalyzedPerson:
        person = AnalyzedPerson(track_id, entered_us=told.now_us, seen_us=told.now_us)
        state.people.append(person)
        told.event("enter", "enter", track_id, told.now_us)
        return person

    def _leave(self, state: AnalyzeState, told: Told) -> None:
        options = self._options
        for person in state.people:
            if person.present and told.now_us - person.seen_us >= options.leave_s * 1e6:
                person.present = False
                stayed_s = (person.seen_us - person.entered_us) / 1e6
                told.event("leave", "leave", person.track_id, person.seen_us, value=stayed_s)
        self._counter.end_sets(state, told)
        forgotten_us = told.now_us - int((options.leave_s + options.keep_s) * 1e6)
        if min([person.seen_us for person in state.people], default=forgotten_us) < forgotten_us:
            state.people = [person for person in state.people if person.seen_us >= forgotten_us]

    def _person(
        self,
        state: AnalyzeState,
        person: AnalyzedPerson,
        extent: Extent,
        bodies: Bodies,
        size: tuple[int, int],
        told: Told,
    ) -> Shape:
        options, now_us, last_us = self._options, told.now_us, person.seen_us
        dt_s = (now_us - last_us) / 1e6
        learn_lengths(person, extent, bodies.metric, dt_s, options)
        move(person, extent, now_us, options)
        shape = shape_of(person, extent, state)
        shown = posture_of(shape, (person.posture, person.next_posture), options)
        before_us = person.posture_us
        if hold_posture(person, shown, now_us, options):
            seconds = (person.posture_us - before_us) / 1e6 if before_us else None
            evidence = {"trunk_tilt": shape.tilt, "hip_height": shape.hip, "travel": shape.travel}
            label = POSTURES[person.posture]
            told.event("posture", label, person.track_id, person.posture_us, value=seconds, evidence=evidence)
        fall = step_fall(person, shape, now_us, last_us, options)
        if fall is not None:
            self._tell_fall(person, fall, shape, size, told)
        return shape

    def _tell_fall(self, person: AnalyzedPerson, label: str, shape: Shape, size: tuple[int, int], told: Told) -> None:
        if label == "suspected":
            person.fall_no = told.next_number()
        seconds = (told.now_us - person.fall_at_us) / 1e6
        evidence = {
            "peak_descent": person.fall_peak,
            "trunk_tilt": shape.tilt,
            "head_height": shape.head,
            "hip_height": shape.hip,
            "seconds": seconds,
            "x": person.hip_x / size[0],
            "y": person.hip_y / size[1],
        }
        over = told.now_us if label in ("recovered", "dismissed") else None
        told.event("fall", label, person.track_id, person.fall_at_us, over, seconds, evidence, number=person.fall_no)


def _seen(motions: Motions, bodies: Bodies, height: F64, postures: list[int], told: Told) -> People:
    poses = motions.poses
    return People(
        track_id=motions.track_id,
        points=bodies.picture,
        hip=bodies.hip,
        foot=bodies.foot,
        angles=bodies.angles,
        posture=np.array(postures, np.uint8),
        height=height,
        box=poses.xyxy,
        metric=bodies.metric,
        width=poses.width,
        size_y=poses.height,
        now_us=told.now_us,
    )


def _side_by_side(*columns: F64) -> F32:
    """(N, A + M) angles and measures as they are sent."""
    return rounded_to(np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind"), _UNITS)
