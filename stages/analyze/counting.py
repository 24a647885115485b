"""Counts the repetitions and sets of everyone in the frame, and tells them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stages.analyze.exercises import Exercise
from stages.analyze.looks import Look, Shown, look_at
from stages.analyze.options import AnalyzeOptions
from stages.analyze.plan import plan_of
from stages.analyze.reps import count_reps
from stages.analyze.sets import count, ended_sets, evidence_of, summary
from stages.analyze.state import AnalyzedPerson, AnalyzeState
from stages.analyze.stretch import Stretch
from stages.analyze.told import Told


class Counter:
    """Of these exercises. Raises ConfigError for two of one name."""

    def __init__(self, exercises: Sequence[Exercise], options: AnalyzeOptions) -> None:
        self._plan = plan_of(exercises)
        self._options = options

    def look(self, state: AnalyzeState, stretch: Stretch) -> Sequence[Look | None]:
        """What the frames show; None where this one need not be looked at."""
        looks: list[Look | None] = [None] * len(stretch.times_us)
        if not (self._plan.names and stretch.people):
            return looks
        options = self._options
        looked_us = -np.inf if state.moves is None else state.moves.looked_us
        places = []
        for place, now_us in enumerate(stretch.times_us):
            if now_us - looked_us >= options.look_s * 1e6:
                places.append(place)
                looked_us = now_us
        if not places:
            return looks
        state.moves, found = look_at(
            state.moves, self._plan, _shown(stretch, places), options.max_gap_s, options.steady_s
        )
        for place, look in zip(places, found, strict=True):
            looks[place] = look
        return looks

    def step(self, state: AnalyzeState, look: Look | None, people: Sequence[AnalyzedPerson], told: Told) -> None:
        """Take one frame of these people."""
        if look is None:
            return
        assert state.moves is not None, "looked at"
        posture = np.array([person.posture for person in people], np.int64)
        for rep in count_reps(state.moves, self._plan, look, posture, self._options.max_gap_s):
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


def _shown(stretch: Stretch, places: Sequence[int]) -> Shown:
    """These of the frames."""
    shape = len(stretch.times_us), stretch.people
    return Shown(
        times_us=[stretch.times_us[place] for place in places],
        track_id=stretch.track_id,
        features=stretch.features.reshape(*shape, -1)[places],
        foot=stretch.bodies.foot.T.astype(np.float32).reshape(*shape, 2)[places],
        body_height=stretch.body_height.reshape(shape)[places],
    )
