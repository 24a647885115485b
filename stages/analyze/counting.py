"""Counts the repetitions and sets of everyone in the frame, and tells them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.core.types import I64
from stages.analyze.exercises import Exercise
from stages.analyze.options import AnalyzeOptions
from stages.analyze.plan import plan_of
from stages.analyze.reps import Look, count_reps
from stages.analyze.sets import count, ended_sets, evidence_of, summary
from stages.analyze.state import AnalyzedPerson, AnalyzeState
from stages.analyze.stretch import Stretch
from stages.analyze.told import Told


class Counter:
    """Of these exercises. Raises ConfigError for two of one name."""

    def __init__(self, exercises: Sequence[Exercise], options: AnalyzeOptions) -> None:
        self._plan = plan_of(exercises)
        self._options = options

    def step(
        self,
        state: AnalyzeState,
        stretch: Stretch,
        frame: int,
        track_id: I64,
        people: Sequence[AnalyzedPerson],
        told: Told,
    ) -> None:
        """Take one frame of these people."""
        if not (self._plan.names and people):
            return
        if state.moves is not None and told.now_us - state.moves.looked_us < self._options.look_s * 1e6:
            return
        rows = stretch.rows(frame)
        look = Look(
            track_id=track_id,
            features=stretch.features[rows],
            foot=stretch.bodies.foot[:, rows].T.astype(np.float32),
            body_height=stretch.body_height[rows],
            posture=np.array([person.posture for person in people], np.int64),
            now_us=told.now_us,
        )
        options = self._options
        state.moves, done = count_reps(state.moves, self._plan, look, options.max_gap_s, options.steady_s)
        for rep in done:
            exercise = self._plan.exercises[rep.row].name
            evidence = evidence_of(self._plan, rep)
            person = people[rep.person]
            number = count(person, exercise, rep, evidence).count
            told.event("rep", exercise, person.track_id, rep.started_us, rep.ended_us, float(number), evidence)

    def end_sets(self, state: AnalyzeState, told: Told) -> None:
        """Tell the sets that are over by now."""
        for person in state.people:
            if not [reps for reps in person.reps if reps.set_count]:
                continue
            for reps in ended_sets(person, told.now_us, self._options.set_pause_s):
                value, evidence = float(reps.set_count), summary(reps)
                told.event("set", reps.exercise, person.track_id, reps.set_us, reps.last_us, value, evidence)
