"""Watches: the conditions of the rules, each with its columns in the memory of a camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.ids import make_id
from pipeline.core.types import I64, Bool
from pipeline.core.zones import Scene
from stages.alert.conditions import Condition
from stages.alert.judges import FALSE, NONE, TRUE, Clock, Judge, Slots, Verdicts, all_of, in_zones, judge_of, outside
from stages.alert.look import CAMERA_ROW, NOBODY, Look
from stages.alert.options import AlertOptions
from stages.alert.rules import Rule
from stages.alert.state import AlertState, AlertWatch
from stages.alert.words import RuleError

MOST_SLOTS = 400
"""Columns of memory that all rules together may take: 3.2 kB a person."""

_KEEP_S = 60.0


@dataclass(slots=True, eq=False)
class Verdict:
    """What a watch says of a moment, over K rows of the look: all of them, or that of the camera alone.

    Attributes:
        when: (K,) int8, whether the condition is true (1), false (-1), or neither (0).
        since_us: (K,) int64, since when it is true, 0 = it is not.
        ready: (K,) bool, true for long enough.
        over: (K,) bool, what ends an incident is so.
        row: Where the numbers are that a verdict on the camera rests on.
    """

    when: Verdicts
    since_us: I64
    ready: Bool
    over: Bool
    row: int


class Watch:
    """The condition of one rule, in one of its zones where it has scope zone."""

    def __init__(self, rule: Rule, zone: str, scenes: Mapping[str, Scene], slots: Slots) -> None:
        assert rule.when is not None, "watches are for rules with a condition"
        first = slots.next
        self.rule, self.zone = rule, zone
        names = (zone,) if zone else rule.zones
        gap_us = round(rule.gap_s * 1e6)
        self._for_us = round(rule.for_s * 1e6)
        self._each = rule.scope == "person"
        self._sight = rule.when.needs_sight()
        self._when = _judge(rule.when, rule, names, scenes, slots, gap_us)
        self._resolve = None if rule.resolve is None else _judge(rule.resolve, rule, names, scenes, slots, gap_us)
        self._clock = Clock(slots, gap_us)
        named = rule.zone_names()
        here = [
            (camera, name, scene.zones[name].corners)
            for camera, scene in sorted(scenes.items())
            for name in named
            if name in scene.zones
        ]
        digest = str(make_id("conditions", rule.when, rule.resolve, names, rule.scope, rule.gap_s, here))
        self.columns = AlertWatch(rule.name, zone, digest, slots.next - first)

    def judged(self, look: Look) -> Verdict:
        """The verdict of this moment."""
        when = self._when(look)
        over = None if self._resolve is None else self._resolve(look)
        if self._each:
            # Who is out of view opens nothing, but by an event of theirs.
            when = np.minimum(when, look.known)
            when[CAMERA_ROW] = NONE
            rows, row = slice(None), CAMERA_ROW
        else:
            asked = look.known == 1 if self._sight else np.ones(len(when), np.bool_)
            row = int(np.argmax(np.where(asked, when, np.int8(FALSE - 1))))
            when = _most(when, asked)
            over = None if over is None else _most(over, np.ones(len(over), np.bool_))
            rows = slice(CAMERA_ROW, CAMERA_ROW + 1)
        since_us = self._clock.since(look, when, rows)
        ready = (when == TRUE) & (look.now_us - since_us >= self._for_us)
        return Verdict(when, since_us, ready, when == FALSE if over is None else over == TRUE, row)


class Watches:
    """The watches of all rules with a condition."""

    def __init__(self, options: AlertOptions, scenes: Mapping[str, Scene]) -> None:
        slots = Slots()
        self.all = [
            Watch(rule, zone, scenes, slots)
            for rule in options.rules
            if rule.when is not None
            for zone in (rule.zones if rule.scope == "zone" else ("",))
        ]
        self._columns = [watch.columns for watch in self.all]
        self.width = slots.next
        if self.width > MOST_SLOTS:
            raise RuleError(
                f"rules remember {self.width} numbers of each person, allowed: at most {MOST_SLOTS};"
                " fewer `times` of events, zones with scope zone, and conditions with for_s take less"
            )
        conditions = [each for rule in options.rules for each in rule.conditions()]
        longest_s = max([_KEEP_S, *(_memory_s(each) for each in conditions)])
        self.keep_us = round(longest_s * 1e6)

    def fit(self, state: AlertState) -> None:
        """Make the memory of a camera that of these rules: conditions that are the same remember, others begin anew."""
        if state.watches == self._columns and len(state.people):
            return
        if not len(state.people):
            state.people, state.people_us = np.array([NOBODY], np.int64), np.zeros(1, np.int64)
            state.memory = np.zeros((1, state.memory.shape[1]), np.int64)
        memory = np.zeros((len(state.people), self.width), np.int64)
        starts = np.cumsum([0, *(each.width for each in state.watches)])
        kept = {(each.rule, each.zone, each.digest): start for each, start in zip(state.watches, starts, strict=False)}
        first = 0
        for each in self._columns:
            start = kept.get((each.rule, each.zone, each.digest))
            if start is not None:
                memory[:, first : first + each.width] = state.memory[:, start : start + each.width]
            first += each.width
        state.memory = memory
        state.watches = self._columns


def _judge(
    condition: Condition, rule: Rule, names: Sequence[str], scenes: Mapping[str, Scene], slots: Slots, gap_us: int
) -> Judge:
    judges = [judge_of(_narrowed(condition, names), scenes, slots, gap_us)]
    if condition.of_person():
        judges += [in_zones(names, scenes)] if names else []
        judges += [outside(rule.excluded, scenes)] if rule.excluded else []
    return all_of(judges)


def _narrowed(condition: Condition, names: Sequence[str]) -> Condition:
    """The same condition, with only those counted who are in the zones."""
    if not names:
        return condition
    if condition.count is not None:
        place = Condition(zone=tuple(names))
        of = condition.count.of
        of = place if of is None else Condition(all=(place, of))
        return replace(condition, count=replace(condition.count, of=of))
    if condition.within is not None:
        first, then = (_narrowed(each, names) for each in condition.below())
        return replace(condition, within=replace(condition.within, first=first, then=then))
    if condition.not_ is not None:
        return replace(condition, not_=_narrowed(condition.not_, names))
    return replace(
        condition,
        any=tuple(_narrowed(each, names) for each in condition.any),
        all=tuple(_narrowed(each, names) for each in condition.all),
    )


def _most(verdicts: Verdicts, asked: Bool) -> Verdicts:
    found = verdicts[asked]
    return np.array([found.max() if len(found) else NONE], np.int8)


def _memory_s(condition: Condition) -> float:
    event_s = condition.event.within_s if condition.event else 0.0
    return max(event_s, condition.within.limit_s if condition.within else 0.0)
