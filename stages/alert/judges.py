"""Conditions as functions: a look in, a verdict for each row out.

A verdict is 1 = true, -1 = false or 0 = none, so that `all` is the minimum, `any` the maximum and `not` the negative
(Kleene's strong three-valued logic). What a condition has to remember stands in columns of `Look.memory`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt

from pipeline.core.types import Bool
from pipeline.core.vocabulary import POSTURES
from pipeline.core.zones import Scene
from stages.alert.conditions import Condition, Count, EventIs, MeasureIs, Within
from stages.alert.look import CAMERA_ROW, Look
from stages.alert.words import ANGLE_COLUMNS, MEASURE_COLUMNS
from stages.alert.zones import Ground

TRUE, NONE, FALSE = 1, 0, -1
Verdicts = npt.NDArray[np.int8]
Judge = Callable[[Look], Verdicts]


class Slots:
    """Hands out columns of memory."""

    def __init__(self, first: int = 0) -> None:
        self.next = first

    def take(self, count: int) -> int:
        """The first of so many columns."""
        self.next += count
        return self.next - count


class Clock:
    """Since when something is true, without the time for which there was no verdict.

    Args:
        slots: Takes two columns: since when it is true, 0 = it is not, and when it was last so.
        gap_us: So long without a verdict counts as true all the same.
    """

    def __init__(self, slots: Slots, gap_us: int) -> None:
        self._column = slots.take(2)
        self._gap_us = gap_us

    def since(self, look: Look, verdicts: Verdicts, rows: slice) -> npt.NDArray[np.int64]:
        """Of these rows; 0 where it is not true."""
        since, last = look.memory[rows, self._column], look.memory[rows, self._column + 1]
        true = verdicts == TRUE
        if not true.any():
            since[verdicts == FALSE] = 0
            return since
        missing = np.maximum(look.now_us - last - self._gap_us, 0)
        went_on = np.where(since > 0, since + missing, look.now_us)
        since[...] = np.where(true, went_on, np.where(verdicts == FALSE, 0, since))
        last[true] = look.now_us
        return since


def judge_of(condition: Condition, scenes: Mapping[str, Scene], slots: Slots, gap_us: int) -> Judge:
    """The function of a condition."""
    judge = _judge_of(condition, scenes, slots, gap_us)
    return _held(judge, condition.for_s, slots, gap_us) if condition.for_s else judge


def in_zones(names: Sequence[str], scenes: Mapping[str, Scene]) -> Judge:
    """Who stands in one of the zones; no verdict on whom we do not know where they stand."""
    ground = Ground(names, scenes)

    def judged(look: Look) -> Verdicts:
        verdicts = _sign(ground.holds(look.camera, look.foot))
        verdicts[np.isnan(look.foot[:, 0])] = NONE
        return verdicts

    return judged


def outside(names: Sequence[str], scenes: Mapping[str, Scene]) -> Judge:
    """Who stands in none of the zones, or nobody knows where."""
    ground = Ground(names, scenes)
    return lambda look: _sign(~ground.holds(look.camera, look.foot))


def all_of(judges: Sequence[Judge]) -> Judge:
    """True where all are. Every judge is asked each time, for each has something to remember."""
    return judges[0] if len(judges) == 1 else lambda look: reduce(np.minimum, [judge(look) for judge in judges])


def _judge_of(condition: Condition, scenes: Mapping[str, Scene], slots: Slots, gap_us: int) -> Judge:
    inner = [judge_of(each, scenes, slots, gap_us) for each in condition.below()]
    if condition.event is not None:
        return _event(condition.event, slots)
    if condition.measure is not None:
        return _measure(condition.measure, slots)
    if condition.posture:
        return _posture(condition.posture)
    if condition.zone:
        return in_zones(condition.zone, scenes)
    if condition.count is not None:
        return _count(condition.count, inner[0] if inner else None)
    if condition.camera:
        return _camera(condition.camera)
    if condition.within is not None:
        return _within(condition.within, inner[0], inner[1], slots)
    if condition.not_ is not None:
        return lambda look: -inner[0](look)
    if condition.any:
        return lambda look: reduce(np.maximum, [judge(look) for judge in inner])
    return all_of(inner)


def _event(event: EventIs, slots: Slots) -> Judge:
    """The times of the last so many events, the latest first; 0 = there were fewer."""
    first = slots.take(event.times)
    oldest = first + event.times - 1
    for_ever = bool(event.until) and not event.within_s
    within_us = _us(event.within_s)

    def judged(look: Look) -> Verdicts:
        for row, each in look.events:
            if event.counts(each.kind, each.label, each.value):
                look.memory[row, first + 1 : oldest + 1] = look.memory[row, first:oldest].copy()
                look.memory[row, first] = look.now_us
            elif each.kind == event.kind and each.label in event.until:
                look.memory[row, first : oldest + 1] = 0
        at_us = look.memory[:, oldest]
        true = (at_us > 0) if for_ever else (at_us > 0) & (look.now_us - at_us <= within_us)
        # An event of the camera counts for everyone.
        return _sign(true | true[CAMERA_ROW])

    return judged


def _measure(measure: MeasureIs, slots: Slots) -> Judge:
    """A Schmitt trigger; its column is 1 while it is true."""
    column = slots.take(1)
    flexion = measure.name in ANGLE_COLUMNS
    index = ANGLE_COLUMNS[measure.name] if flexion else MEASURE_COLUMNS[measure.name]
    beyond = np.greater if measure.above is not None else np.less
    limit = measure.above if measure.above is not None else measure.below
    assert limit is not None, "checked by the condition"
    clear = measure.clear

    def judged(look: Look) -> Verdicts:
        values = (look.angles if flexion else look.scalars)[:, index]
        was = look.memory[:, column]
        true = beyond(values, limit)
        if clear is not None:
            true |= (was == 1) & beyond(values, clear)
        verdicts = _sign(true)
        unknown = values != values
        verdicts[unknown] = NONE
        np.copyto(was, true, where=~unknown)
        return verdicts

    return judged


def _posture(names: Sequence[str]) -> Judge:
    table = np.full(256, FALSE, np.int8)
    table[[POSTURES.index(name) for name in names]] = TRUE
    table[POSTURES.index("unknown")] = NONE
    return lambda look: table[look.posture]


def _camera(states: Sequence[str]) -> Judge:
    def judged(look: Look) -> Verdicts:
        verdict = NONE if not look.camera_state else TRUE if look.camera_state in states else FALSE
        return np.full(len(look.track_id), verdict, np.int8)

    return judged


def _count(count: Count, of: Judge | None) -> Judge:
    def judged(look: Look) -> Verdicts:
        verdicts = of(look) if of is not None else np.ones(len(look.track_id), np.int8)
        sure = int(((verdicts == TRUE) & look.present).sum())
        look.people = sure
        possible = sure + int(((verdicts == NONE) & look.present).sum())
        verdict = TRUE
        if count.at_least is not None:
            verdict = min(verdict, TRUE if sure >= count.at_least else FALSE if possible < count.at_least else NONE)
        if count.at_most is not None:
            verdict = min(verdict, TRUE if possible <= count.at_most else FALSE if sure > count.at_most else NONE)
        return np.full(len(look.track_id), verdict if look.seen else NONE, np.int8)

    return judged


def _within(within: Within, first: Judge, then: Judge, slots: Slots) -> Judge:
    """Columns: when the first was last true, whether the second is true, whether it came in time."""
    column = slots.take(3)
    limit_us = _us(within.limit_s)

    def judged(look: Look) -> Verdicts:
        earlier, later = first(look), then(look)
        at_us, on, in_time = (look.memory[:, column + i] for i in range(3))
        at_us[earlier == TRUE] = look.now_us
        begins = (later == TRUE) & (on == 0)
        came = (at_us > 0) & (look.now_us - at_us <= limit_us)
        in_time[...] = np.where(begins, came, np.where(later == FALSE, 0, in_time))
        on[...] = np.where(later == NONE, on, later == TRUE)
        return np.where(later == TRUE, _sign(in_time == 1), later)

    return judged


def _held(judge: Judge, for_s: float, slots: Slots, gap_us: int) -> Judge:
    clock, for_us = Clock(slots, gap_us), _us(for_s)

    def judged(look: Look) -> Verdicts:
        verdicts = judge(look)
        since = clock.since(look, verdicts, slice(None))
        verdicts[(verdicts == TRUE) & (look.now_us - since < for_us)] = FALSE
        return verdicts

    return judged


def _sign(true: Bool) -> Verdicts:
    return (true.view(np.int8) << 1) - 1


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
