"""Exercises as arrays: what all of them ask of a body, side by side, so that one comparison judges them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.core.errors import ConfigError
from pipeline.core.types import F32, F64, I64, U8, Bool
from pipeline.core.vocabulary import POSTURES
from stages.analyze.exercises import OTHER, REPETITION, WHOLE, Band, Check, Exercise
from stages.analyze.features import COLUMNS, DEGREES, SIDED

_OPPOSITE = {"left": "right", "right": "left"}


class Gauge(NamedTuple):
    """A greatest (or, with sign -1, least) value that is followed through a repetition.

    Attributes:
        column: Of the measure.
        sign: 1 or -1.
        scope: Number of the phase in which it is taken; from the number of phases on: the movement, the repetition.
    """

    column: int
    sign: float
    scope: int


class Plan(NamedTuple):
    """All exercises over R rows: one each, or two (left and right) of those that one side does.

    K is the most phases of any, J the most bands of any pose, C the most gauges.

    Attributes:
        exercises, sides: (R,) of each row; side left, right or empty for both.
        names: (R,) name and side.
        column: (J * (K + 1) * R,) which measure a band is about; the last pose is what holds throughout.
        low, high: (J, K + 1, R) its range; without bounds where a pose has fewer bands.
        needed: (F, R) 1 where there is no verdict without the measure.
        barred: (postures, R) whether the exercise never passes through the posture.
        last: (R,) number of the last phase.
        min_s, max_s: (K * R,) times of each phase, seconds.
        rep_min_s, rep_max_s, slack_s, max_travel: (R,) as in `Exercise`.
        beats: (R, R) whether the first row is more specific than the second: it has more bands, or as many and comes
            first.
        rank: (R,) 0 = most specific.
        gauges: Of each row.
        gauge_column, gauge_scope: (R * C,) as in `Gauge`, the scope as an index into (K + 2, R).
        gauge_sign: (R, C).
    """

    exercises: tuple[Exercise, ...]
    sides: tuple[str, ...]
    names: tuple[str, ...]
    column: I64
    low: F32
    high: F32
    needed: F32
    barred: Bool
    last: U8
    min_s: F32
    max_s: F32
    rep_min_s: F64
    rep_max_s: F64
    slack_s: F64
    max_travel: F64
    beats: Bool
    rank: I64
    gauges: tuple[tuple[Gauge, ...], ...]
    gauge_column: I64
    gauge_scope: I64
    gauge_sign: F32


class _Bound(NamedTuple):
    column: int
    low: float
    high: float
    needed: bool


def plan_of(exercises: Sequence[Exercise]) -> Plan:
    """The plan of these exercises. Raises ConfigError for one that is wrong, and for two of one name."""
    for exercise in exercises:
        for place, text in exercise.flaws():
            raise ConfigError(f"exercise {exercise.name}: {'.'.join(place)}: {text}")
    names = [exercise.name for exercise in exercises]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"exercises: the name {twice[0]!r} is given twice")
    rows = [(each, side) for each in exercises for side in (("left", "right") if each.sides == "either" else ("",))]
    poses = [_poses(exercise, side) for exercise, side in rows]
    gauges = [tuple(dict.fromkeys(g for check in each.checks.values() for g in gauges_of(each, check, side)))
              for each, side in rows]  # fmt: skip
    n, k = len(rows), max((len(each.phases) for each in exercises), default=2)
    j = max((len(pose) for row in poses for pose in row), default=1)
    c = max(map(len, gauges), default=0)
    column = np.zeros((j, k + 1, n), np.int64)
    low, high = np.full(column.shape, -np.inf, np.float32), np.full(column.shape, np.inf, np.float32)
    needed = np.zeros((len(COLUMNS), n), np.float32)
    min_s, max_s = np.zeros((k, n), np.float32), np.full((k, n), np.inf, np.float32)
    gauge_column, gauge_scope = np.zeros((n, c), np.int64), np.zeros((n, c), np.int64)
    gauge_sign = np.ones((n, c), np.float32)
    for r, (exercise, _) in enumerate(rows):
        *phases, throughout = poses[r]
        for place, pose in [*enumerate(phases), (k, throughout)]:
            for b, bound in enumerate(pose):
                column[b, place, r], low[b, place, r], high[b, place, r] = bound.column, bound.low, bound.high
                needed[bound.column, r] = max(needed[bound.column, r], bound.needed)
        for place, phase in enumerate(exercise.phases.values()):
            min_s[place, r], max_s[place, r] = phase.min_s, phase.max_s if place else np.inf
        for g, gauge in enumerate(gauges[r]):
            scope = gauge.scope + max(0, k - len(exercise.phases)) * (gauge.scope >= len(exercise.phases))
            gauge_column[r, g], gauge_scope[r, g], gauge_sign[r, g] = gauge.column, scope * n + r, gauge.sign
    bands = np.array([sum(map(len, row)) for row in poses], np.int64)
    order = np.lexsort((np.arange(n), -bands))
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    return Plan(
        exercises=tuple(exercise for exercise, _ in rows),
        sides=tuple(side for _, side in rows),
        names=tuple(f"{exercise.name}:{side}" if side else exercise.name for exercise, side in rows),
        column=column.ravel(),
        low=low,
        high=high,
        needed=needed,
        barred=np.array([[posture in each.not_in for each, _ in rows] for posture in POSTURES], np.bool_),
        last=np.array([len(exercise.phases) - 1 for exercise, _ in rows], np.uint8),
        min_s=min_s.ravel(),
        max_s=max_s.ravel(),
        rep_min_s=np.array([exercise.min_s for exercise, _ in rows]),
        rep_max_s=np.array([exercise.max_s for exercise, _ in rows]),
        slack_s=np.array([exercise.slack_s for exercise, _ in rows]),
        max_travel=np.array([exercise.max_travel for exercise, _ in rows]),
        beats=rank[:, None] < rank[None, :],
        rank=rank,
        gauges=tuple(gauges),
        gauge_column=gauge_column.ravel(),
        gauge_scope=gauge_scope.ravel(),
        gauge_sign=gauge_sign,
    )


def gauges_of(exercise: Exercise, check: Check, side: str) -> tuple[Gauge, ...]:
    """The gauges that a check reads: one, or two for a range (greatest, least) and for an asymmetry (left, right)."""
    scope = [*exercise.phases, WHOLE, REPETITION].index(check.phase)
    if check.take == "asymmetry":
        return tuple(Gauge(COLUMNS[f"{each}_{check.measure}"], 1.0, scope) for each in ("left", "right"))
    column = _column(check.measure, side)
    most, least = Gauge(column, 1.0, scope), Gauge(column, -1.0, scope)
    return {"greatest": (most,), "least": (least,), "range": (most, least)}[check.take]


def _poses(exercise: Exercise, side: str) -> list[list[_Bound]]:
    """The bounds of each phase, then those that hold throughout."""
    poses = [phase.pose for phase in exercise.phases.values()]
    return [_bounds(pose, exercise, side) for pose in (*poses, exercise.throughout)]


def _bounds(pose: Mapping[str, Band], exercise: Exercise, side: str) -> list[_Bound]:
    bounds = [_Bound(_column(name, side), band.above, band.below, True) for name, band in pose.items()]
    if not side:
        joints = [name for name in pose if name in SIDED and name in DEGREES]
        bounds += [_Bound(COLUMNS[f"{name}_difference"], -np.inf, exercise.max_difference, False) for name in joints]
    return bounds


def _column(measure: str, side: str) -> int:
    name = measure.removeprefix(OTHER)
    if not side or name not in SIDED:
        return COLUMNS[name]
    return COLUMNS[f"{_OPPOSITE[side] if name != measure else side}_{name}"]
