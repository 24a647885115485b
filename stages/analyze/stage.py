"""The stage analyze: smoothed poses in; measures out, and the events that were decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.core.joined import joined
from pipeline.core.records import Record, Tick
from pipeline.core.types import F32, F64, I64, U8
from pipeline.core.units import ANGLE_UNIT_DEG, rounded_to, units_in_one
from pipeline.core.values import Event, Measures, Motions
from pipeline.core.vocabulary import ANGLES, FLEXIONS, MEASURES, POSTURES
from pipeline.core.zones import Scene
from stages.analyze.counting import Counter
from stages.analyze.exercises import Exercise
from stages.analyze.falls import step_fall
from stages.analyze.feet import People
from stages.analyze.kinematics import measure_joints
from stages.analyze.layout import Layout, layout_of
from stages.analyze.looks import Look
from stages.analyze.movement import Shape
from stages.analyze.options import AnalyzeOptions
from stages.analyze.postures import hold_posture, posture_of
from stages.analyze.state import AnalyzedPerson, AnalyzeState
from stages.analyze.stretch import Stretch, measured, stretches
from stages.analyze.symmetry import symmetry
from stages.analyze.told import Told
from stages.analyze.watch import Watch

_ANGLES = len(ANGLES)
_UNITS: F32 = np.repeat([units_in_one(ANGLE_UNIT_DEG), units_in_one(1 / 1000)], [_ANGLES, len(MEASURES)])
_SHAPE_MEASURES: I64 = np.array(
    [Shape._fields.index(name) for name in ("tilt", "hip", "head", "speed", "descent", "body_height")]
)
"""What is told of a shape, in the order of MEASURES."""


class _Decided(NamedTuple):
    """What was decided of one frame with N people: its events, (N,) postures, and (N, 4) measures of the floor."""

    told: Told
    posture: U8
    floor: F64


class AnalyzeStage:
    """A `StretchStage` from Motions to Measures and Events; each frame yields one Measures and then its events."""

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
        self, state: AnalyzeState, records: Sequence[Record[Motions | Tick]]
    ) -> tuple[AnalyzeState, Sequence[Sequence[Measures | Event]]]:
        """See `StretchStage.steps`."""
        for record in records:
            if not isinstance(record.value, Tick):
                self._layout(record.value.poses.skeleton)
        kept_us = int((self._options.leave_s + self._options.keep_s) * 1e6)
        return state, [values for group in stretches(records, kept_us) for values in self._stretch(state, group)]

    def _stretch(self, state: AnalyzeState, records: Sequence[Record[Any]]) -> Sequence[Sequence[Measures | Event]]:
        """Frames that follow each other with the same people, with ticks behind them, or ticks alone."""
        frames = [record for record in records if not isinstance(record.value, Tick)]
        if not frames:
            return [self._ticked(state, record) for record in records]
        people = _people_of(state, frames[0])
        stretch = measured(state, people, frames, self._layout(frames[0].value.poses.skeleton), self._options)
        looks = self._counter.look(state, stretch)
        decided: list[_Decided] = []
        ticked: dict[int, Sequence[Measures | Event]] = {}
        for place, record in enumerate(records):
            if isinstance(record.value, Tick):
                ticked[place] = self._ticked(state, record)
            else:
                frame = len(decided)
                decided.append(self._decide(state, people, stretch, frame, looks[frame], record))
        told = iter(self._told(state, stretch, frames, decided))
        return [ticked[place] if place in ticked else next(told) for place in range(len(records))]

    def _told(
        self, state: AnalyzeState, stretch: Stretch, frames: Sequence[Record[Motions]], decided: Sequence[_Decided]
    ) -> list[list[Measures | Event]]:
        """What is told of each frame."""
        angles, masses = measure_joints(stretch.bodies, stretch.standing, stretch.size, self._options)
        floors = joined([each.floor for each in decided])
        shapes = stretch.shape_columns.take(_SHAPE_MEASURES, axis=1)
        table = _side_by_side(stretch.bodies.angles, angles, shapes, floors, masses, _swings(state, stretch))
        out: list[list[Measures | Event]] = []
        for frame, (record, each) in enumerate(zip(frames, decided, strict=True)):
            mine, events = table[stretch.rows(frame)], each.told.events
            measures = Measures(
                record.value.track_id, each.posture, mine[:, :_ANGLES], mine[:, _ANGLES:], tuple(events)
            )
            out.append([measures, *events])
        return out

    def _decide(
        self,
        state: AnalyzeState,
        people: Sequence[AnalyzedPerson],
        stretch: Stretch,
        frame: int,
        look: Look | None,
        record: Record[Motions],
    ) -> _Decided:
        """What one of the frames means, after all before it."""
        told, camera = Told(state, record.stamp), record.stamp.camera
        rows = stretch.rows(frame)
        for person, shape in zip(people, stretch.shapes[rows], strict=True):
            self._person(person, shape, stretch.size, told)
        self._counter.step(state, look, people, told)
        posture = np.array([person.posture for person in people], np.uint8)
        seen = _seen(record.value, stretch, frame, posture, told)
        floor = self._watch.step(state, camera, seen, told)
        self._leave(state, told)
        self._watch.leave(state, camera, told)
        return _Decided(told, posture, floor)

    def tick(self, state: AnalyzeState, record: Record[Tick]) -> tuple[AnalyzeState, Sequence[Measures | Event]]:
        """People leave by the clock too; their events come with a Measures of nobody, which later stages read."""
        return state, self._ticked(state, record)

    def _ticked(self, state: AnalyzeState, record: Record[Tick]) -> Sequence[Measures | Event]:
        told = Told(state, record.stamp)
        self._leave(state, told)
        self._watch.leave(state, record.stamp.camera, told)
        if not told.events:
            return []
        nobody = Measures(
            track_id=np.empty(0, np.int64),
            posture=np.empty(0, np.uint8),
            angles=np.empty((0, len(ANGLES)), np.float32),
            scalars=np.empty((0, len(MEASURES)), np.float32),
            events=tuple(told.events),
        )
        return [nobody, *told.events]

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

    def _person(self, person: AnalyzedPerson, shape: Shape, size: tuple[int, int], told: Told) -> None:
        """Take one frame of somebody: whether they come, their posture, and a fall."""
        options, now_us, last_us = self._options, told.now_us, person.seen_us
        if not person.present:
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


def _people_of(state: AnalyzeState, record: Record[Motions]) -> list[AnalyzedPerson]:
    """The people of a frame, in its order; who is new enters when it is decided upon."""
    at_us = record.stamp.captured_at_us
    known = {person.track_id: person for person in state.people}
    people = []
    for track_id in record.value.track_id.tolist():
        person = known.get(track_id)
        if person is None:
            person = AnalyzedPerson(track_id, entered_us=at_us, seen_us=at_us, present=False)
            state.people.append(person)
        people.append(person)
    return people


def _seen(motions: Motions, stretch: Stretch, frame: int, posture: U8, told: Told) -> People:
    poses, bodies, rows = motions.poses, stretch.bodies, stretch.rows(frame)
    return People(
        track_id=motions.track_id,
        points=bodies.picture[:, rows],
        head=stretch.head[rows],
        hip=bodies.hip[:, rows],
        foot=bodies.foot[:, rows],
        angles=bodies.angles[rows],
        posture=posture,
        height=stretch.body_height[rows],
        box=poses.xyxy,
        arms_hang=stretch.arms_hang[frame],
        metric=bodies.metric,
        width=poses.width,
        size_y=poses.height,
        now_us=told.now_us,
    )


def _swings(state: AnalyzeState, stretch: Stretch) -> F32:
    """(R, A / 2) how alike left and right move."""
    if not stretch.people:
        state.swings = None
        return np.empty((0, len(FLEXIONS) // 2), np.float32)
    flexions = stretch.bodies.angles.reshape(len(stretch.times_us), stretch.people, -1)
    state.swings, index = symmetry(state.swings, stretch.track_id, flexions, stretch.times_us)
    return index.reshape(len(stretch.shapes), -1)


def _side_by_side(*columns: F64 | F32) -> F32:
    """(R, A + M) angles and measures as they are sent."""
    return rounded_to(np.concatenate(columns, axis=1, dtype=np.float32, casting="same_kind"), _UNITS)
