"""The stage analyze: smoothed poses in; measures out, and the events that were decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.core.records import Record, Tick
from pipeline.core.types import F32, F64, I64, U8
from pipeline.core.units import ANGLE_UNIT_DEG, rounded_to, units_in_one
from pipeline.core.values import Event, Measures, Motions
from pipeline.core.vocabulary import ANGLES, FLEXIONS, MEASURES, POSTURES
from pipeline.core.zones import Scene
from stages.analyze.body import Bodies
from stages.analyze.counting import Counter
from stages.analyze.exercises import Exercise
from stages.analyze.falls import step_fall
from stages.analyze.feet import People
from stages.analyze.kinematics import measure_joints
from stages.analyze.layout import Layout, layout_of
from stages.analyze.movement import Shape
from stages.analyze.options import AnalyzeOptions
from stages.analyze.postures import hold_posture, posture_of
from stages.analyze.state import AnalyzedPerson, AnalyzeState
from stages.analyze.stretch import Stretch, stretches
from stages.analyze.symmetry import symmetry
from stages.analyze.told import Told
from stages.analyze.watch import Watch

_ANGLES = len(ANGLES)
_UNITS: F32 = np.repeat([units_in_one(ANGLE_UNIT_DEG), units_in_one(1 / 1000)], [_ANGLES, len(MEASURES)])
_SHAPE_MEASURES: I64 = np.array(
    [Shape._fields.index(name) for name in ("tilt", "hip", "head", "speed", "descent", "body_height")]
)
"""What is told of a shape, in the order of MEASURES."""
_BODY_HEIGHT = len(_SHAPE_MEASURES) - 1


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
        state, (values,) = self.steps(state, [record])
        return state, values

    def steps(
        self, state: AnalyzeState, records: Sequence[Record[Motions]]
    ) -> tuple[AnalyzeState, Sequence[Sequence[Measures | Event]]]:
        """See `StretchStage.steps`."""
        for record in records:
            self._layout(record.value.poses.skeleton)
        return state, [values for group in stretches(records) for values in self._stretch(state, group)]

    def _stretch(self, state: AnalyzeState, records: Sequence[Record[Motions]]) -> list[list[Measures | Event]]:
        """Frames that follow each other with the same people."""
        first, begin_us = records[0], records[0].stamp.captured_at_us
        known = {person.track_id: person for person in state.people}
        people, new = [], set[int]()
        for track_id in first.value.track_id.tolist():
            person = known.get(track_id)
            if person is None:
                person = AnalyzedPerson(track_id, entered_us=begin_us, seen_us=begin_us)
                state.people.append(person)
                new.add(track_id)
            people.append(person)
        options = self._options
        stretch = Stretch(state, people, records, self._layout(first.value.poses.skeleton), options)
        angles, masses = measure_joints(stretch.bodies, stretch.standing, stretch.size, options)
        rows = len(masses)
        body = stretch.shape_columns.take(_SHAPE_MEASURES, axis=1)
        floors, swings = np.empty((rows, 4)), np.empty((rows, len(FLEXIONS) // 2), np.float32)
        told: list[Told] = []
        postures: list[U8] = []
        for frame, record in enumerate(records):
            now = Told(state, record.stamp)
            told.append(now)
            at = stretch.rows(frame)
            for person, shape in zip(people, stretch.shapes[at], strict=True):
                self._person(person, shape, stretch.size, now, new=frame == 0 and person.track_id in new)
            ids = record.value.track_id
            self._counter.step(state, stretch, frame, ids, people, now)
            postures.append(np.array([person.posture for person in people], np.uint8))
            seen = _seen(record.value, stretch.bodies, at, body[at, _BODY_HEIGHT], postures[-1], now)
            floors[at] = self._watch.step(state, record.stamp.camera, seen, now)
            self._leave(state, now)
            self._watch.leave(state, record.stamp.camera, now)
            if people:
                state.swings, swings[at] = symmetry(state.swings, ids, seen.angles, now.now_us)
            else:
                state.swings = None
        table = _side_by_side(stretch.bodies.angles, angles, body, floors, masses, swings)
        out: list[list[Measures | Event]] = []
        for frame, record in enumerate(records):
            mine, events = table[stretch.rows(frame)], told[frame].events
            measures = Measures(
                record.value.track_id, postures[frame], mine[:, :_ANGLES], mine[:, _ANGLES:], tuple(events)
            )
            out.append([measures, *events])
        return out

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

    def _person(self, person: AnalyzedPerson, shape: Shape, size: tuple[int, int], told: Told, *, new: bool) -> None:
        """Take one frame of somebody: whether they come, their posture, and a fall."""
        options, now_us, last_us = self._options, told.now_us, person.seen_us
        if new or not person.present:
            person.present, person.entered_us = True, now_us
            told.event("enter", "enter", person.track_id, now_us)
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
        person.seen_us = now_us

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
            "x": shape.x / size[0],
            "y": shape.y / size[1],
        }
        over = told.now_us if label in ("recovered", "dismissed") else None
        told.event("fall", label, person.track_id, person.fall_at_us, over, seconds, evidence, number=person.fall_no)


def _seen(motions: Motions, bodies: Bodies, rows: slice, height: F64, posture: U8, told: Told) -> People:
    poses = motions.poses
    return People(
        track_id=motions.track_id,
        points=bodies.picture[:, rows],
        hip=bodies.hip[:, rows],
        foot=bodies.foot[:, rows],
        angles=bodies.angles[rows],
        posture=posture,
        height=height,
        box=poses.xyxy,
        metric=bodies.metric,
        width=poses.width,
        size_y=poses.height,
        now_us=told.now_us,
    )


def _side_by_side(*columns: F64 | F32) -> F32:
    """(R, A + M) angles and measures as they are sent."""
    return rounded_to(np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind"), _UNITS)
