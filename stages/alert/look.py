"""What conditions see of a moment: everyone who is known, as rows of arrays, and what is remembered of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.core.types import F32, I64, U8, Bool
from pipeline.core.values import Event, Measures
from pipeline.core.vocabulary import ANGLES, MEASURES
from stages.alert.state import AlertState
from stages.alert.words import FOOT

CAMERA_ROW = 0
NOBODY = -1
"""Key of the row that stands for the camera."""

MOST_PEOPLE = 256
"""So many people are remembered of a camera; of more, those unseen the longest are forgotten."""


@dataclass(slots=True, eq=False)
class Look:
    """R rows: the camera, then everyone who is in view or was lately.

    Attributes:
        now_us: Event time.
        camera: Its name.
        camera_state: By the last tick; empty before the first.
        seen: Whether people were looked for; not so at a tick.
        track_id: (R,) int64; NOBODY in the row of the camera.
        present: (R,) bool, in view now.
        posture: (R,) uint8, 0 = unknown.
        angles, scalars: (R, A), (R, M) float32 as in Measures; NaN = unknown.
        foot: (R, 2) float32, where they stand, shares of the picture; NaN = unknown.
        events: What was decided now, each with its row.
        told: (R,) bool, an event of theirs was decided now.
        known: (R,) int8, 1 = either of both, 0 = neither: of them nothing is true.
        memory: (R, S) int64, what conditions remember, one column a slot. Changed in place.
        people: How many people the last condition that counts was sure of; None before there was one.
    """

    now_us: int
    camera: str
    camera_state: str
    seen: bool
    track_id: I64
    present: Bool
    posture: U8
    angles: F32
    scalars: F32
    foot: F32
    events: list[tuple[int, Event]]
    told: Bool
    known: npt.NDArray[np.int8]
    memory: I64
    people: int | None = None


def look_at(
    state: AlertState, camera: str, now_us: int, measures: Measures | None, events: Sequence[Event], keep_us: int
) -> Look:
    """The rows of a moment; who is new gets one, who was unseen for `keep_us` loses theirs."""
    ids = np.empty(0, np.int64) if measures is None else measures.track_id
    wanted = [*ids.tolist(), *(event.track_id for event in events if event.track_id is not None)]
    if measures is None or not set(state.people.tolist()).issuperset(wanted):
        _take_up(state, np.array(wanted, np.int64), now_us, keep_us)
    rows = _rows(state.people, ids)
    r = len(state.people)
    present = np.zeros(r, np.bool_)
    posture = np.zeros(r, np.uint8)
    angles, scalars = np.full((r, len(ANGLES)), np.nan, np.float32), np.full((r, len(MEASURES)), np.nan, np.float32)
    foot = np.full((r, 2), np.nan, np.float32)
    if measures is not None and len(ids):
        present[rows] = True
        posture[rows] = measures.posture
        # History written before a measure existed has fewer columns.
        angles[rows, : measures.angles.shape[1]] = measures.angles
        scalars[rows, : measures.scalars.shape[1]] = measures.scalars
        state.people_us[rows] = now_us
        foot = scalars[:, FOOT]
    told = np.zeros(r, np.bool_)
    placed = []
    for event in events:
        row = CAMERA_ROW if event.track_id is None else int(np.flatnonzero(state.people == event.track_id)[0])
        placed.append((row, event))
        told[row] = True
        x, y = event.evidence.get("x"), event.evidence.get("y")
        if x is not None and y is not None and np.isnan(foot[row, 0]):
            foot[row] = x, y
    state.people_us[told] = now_us
    return Look(
        now_us=now_us,
        camera=camera,
        camera_state=state.camera_state,
        # Who left by the clock is told with measures of nobody, and those do not say that nobody is in view.
        seen=measures is not None and (len(ids) > 0 or not events),
        track_id=state.people,
        present=present,
        posture=posture,
        angles=angles,
        scalars=scalars,
        foot=foot,
        events=placed,
        told=told,
        known=(present | told).view(np.int8),
        memory=state.memory,
    )


def _rows(people: I64, ids: I64) -> I64 | slice:
    if len(people) == len(ids) + 1 and np.array_equal(people[1:], ids):
        return slice(1, None)
    order = np.argsort(people, kind="stable")
    return np.asarray(order[np.searchsorted(people, ids, sorter=order)], np.int64)


def _take_up(state: AlertState, ids: I64, now_us: int, keep_us: int) -> None:
    """Rows for all of these people, the camera's first; old ones go."""
    wanted = np.isin(state.people, ids)
    stay = wanted | (now_us - state.people_us <= keep_us)
    if stay.sum() > MOST_PEOPLE:
        latest = np.sort(np.where(wanted, now_us, state.people_us))[-MOST_PEOPLE]
        stay &= wanted | (state.people_us > latest)
    stay[CAMERA_ROW] = True
    new = np.array([each for each in dict.fromkeys(ids.tolist()) if each not in set(state.people.tolist())], np.int64)
    if stay.all() and not len(new):
        return
    state.people = np.concatenate([state.people[stay], new])
    state.people_us = np.concatenate([state.people_us[stay], np.full(len(new), now_us, np.int64)])
    blank = np.zeros((len(new), state.memory.shape[1]), np.int64)
    state.memory = np.concatenate([state.memory[stay], blank])
