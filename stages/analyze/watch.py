"""Feet, floor, gestures and zones of a frame, one after another."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.core.types import F64
from pipeline.core.zones import Scene
from stages.analyze.feet import People, find_feet
from stages.analyze.gestures import end_gestures, follow_gestures
from stages.analyze.ground import learn_ground, measure_ground
from stages.analyze.options import AnalyzeOptions
from stages.analyze.state import AnalyzeState
from stages.analyze.told import Told
from stages.analyze.watched import Placed, arrange, forget, no_ground, nobody_watched, redrawn
from stages.analyze.zones import Places


class Watch:
    """What is followed over time as arrays over people.

    Args:
        scenes: What is drawn on the picture of each camera, by its name.
    """

    def __init__(self, options: AnalyzeOptions, scenes: Mapping[str, Scene]) -> None:
        self._options = options
        self._places = {camera: Places(scene, options) for camera, scene in scenes.items() if scene}

    def step(self, state: AnalyzeState, camera: str, people: People, told: Told) -> F64:
        """Take a frame; gives the (N, 4) measures foot_x, foot_y, ground_height and ground_speed."""
        n, now_us = len(people.track_id), people.now_us
        if n == 0:
            return np.empty((0, 4))
        watched = state.watched
        if watched is None:
            watched = state.watched = nobody_watched()
        ground = state.ground
        if ground is None:
            ground = state.ground = no_ground()
        places, placed = self._placed(state, camera)
        arrange(watched, placed, people.track_id)
        before_us = watched.seen_us[:n].copy()
        if 0 in before_us.tolist():
            before_us[before_us == 0] = now_us
        feet = find_feet(watched, people)
        fitted = learn_ground(ground, people, feet)
        measured = np.empty((4, n))
        measured[0] = feet.at[0] / people.width
        measured[1] = feet.at[1] / people.size_y
        measured[2:] = measure_ground(ground, watched, people, feet, before_us, fitted, self._options)
        follow_gestures(watched, people, before_us, told, self._options.gestures)
        if places is not None and placed is not None:
            places.follow(placed, watched, people, feet, before_us, told)
        watched.seen_us[:n] = watched.frame_us = now_us
        watched.foot[:n] = feet.at.T
        return measured.T

    def leave(self, state: AnalyzeState, camera: str, told: Told) -> None:
        """Time has passed: end what was going on with people who have left, and count who is left."""
        watched = state.watched
        if watched is None:
            return
        places, placed = self._placed(state, camera)
        gone_us = told.now_us - round(self._options.leave_s * 1e6)
        if min(watched.seen_us.tolist(), default=told.now_us) <= gone_us:
            for row in np.flatnonzero(watched.seen_us <= gone_us).tolist():
                end_gestures(watched, row, told)
                if places is not None and placed is not None:
                    places.end(placed, watched, row, told)
            forget(watched, placed, gone_us)
        if places is not None and placed is not None:
            places.count(placed, told)

    def _placed(self, state: AnalyzeState, camera: str) -> tuple[Places | None, Placed | None]:
        places = self._places.get(camera)
        if places is None:
            state.placed = None
            return None, None
        placed = state.placed
        if placed is None or placed.zones != places.zones or placed.lines != places.lines:
            people = 0 if state.watched is None else len(state.watched.track_id)
            placed = state.placed = redrawn(placed, places.zones, places.lines, people)
        return places, placed
