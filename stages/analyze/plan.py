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
        asked: (F, (1 + K) * R) 1 where there is no verdict without the measure, or none for long; then for each phase
            where the measure tells it from the one before: when none of these is seen, the phase is not told at all.
        needed: (R,) how many measures there is no verdict without.
        decides: (J, K, R) whether a band is of a measure that tells the phase.
        barred: (postures, R) whether the exercise never passes through the posture.
        last: (R,) number of the last phase.
        min_s, max_s: (K * R,) times of each phase, seconds.
        rep_min_s, rep_max_s, slack_s, unseen_s, max_travel: (R,) as in `Exercise`.
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
    asked: F32
    needed: F32
    decides: Bool
    barred: Bool
    last: U8
    min_s: F32
    max_s: F32
    rep_min_s: F64
    rep_max_s: F64
    slack_s: F64
    unseen_s: F64
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
        for key, text in exercise.flaws():
            raise ConfigError(f"exercise {exercise.name}: {'.'.join(key)}: {text}")
    names = [exercise.name for exercise in exercises]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError(f"exercises: the name {twice[0]!r} is given twice")
    rows = [(each, side) for each in exercises for side in (("left", "right") if each.sides == "either" else ("",))]
    poses = [_poses(exercise, side) for exercise, side in rows]
    gauges = [_gauges(exercise, side) for exercise, side in rows]
    phases = max((len(each.phases) for each in exercises), default=2)
    column, low, high, needed = _bands(poses, phases)
    telling = _telling(rows, phases)
    places = np.arange(phases)[:, None], np.arange(len(rows))
    gauge_column, gauge_scope, gauge_sign = _gauge_arrays(gauges, [len(each.phases) for each, _ in rows], phases)
    times = np.zeros((2, phases, len(rows)), np.float32)
    times[1] = np.inf
    for r, (exercise, _) in enumerate(rows):
        for k, phase in enumerate(exercise.phases.values()):
            times[:, k, r] = phase.min_s, phase.max_s if k else np.inf
    bands = np.array([sum(map(len, row)) for row in poses], np.int64)
    rank = np.empty(len(rows), np.int64)
    rank[np.argsort(-bands, kind="stable")] = np.arange(len(rows))
    return Plan(
        exercises=tuple(exercise for exercise, _ in rows),
        sides=tuple(side for _, side in rows),
        names=tuple(f"{exercise.name}:{side}" if side else exercise.name for exercise, side in rows),
        column=column.ravel(),
        low=low,
        high=high,
        asked=np.concatenate([needed[:, None], telling], axis=1).reshape(len(COLUMNS), -1),
        needed=needed.sum(axis=0),
        decides=(telling[column[:, :-1], *places] > 0) & (np.isfinite(low) | np.isfinite(high))[:, :-1],
        barred=np.array([[posture in each.not_in for each, _ in rows] for posture in POSTURES], np.bool_),
        last=np.array([len(exercise.phases) - 1 for exercise, _ in rows], np.uint8),
        min_s=times[0].ravel(),
        max_s=times[1].ravel(),
        rep_min_s=np.array([exercise.min_s for exercise, _ in rows]),
        rep_max_s=np.array([exercise.max_s for exercise, _ in rows]),
        slack_s=np.array([exercise.slack_s for exercise, _ in rows]),
        unseen_s=np.array([exercise.unseen_s for exercise, _ in rows]),
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
    """The bounds of each phase, then those that hold throughout, which what is not seen does not break."""
    phases = [_bounds(phase.pose, exercise, side, needed=True) for phase in exercise.phases.values()]
    return [*phases, _bounds(exercise.throughout, exercise, side, needed=False)]


def _bounds(pose: Mapping[str, Band], exercise: Exercise, side: str, *, needed: bool) -> list[_Bound]:
    bounds = [_Bound(_column(name, side), band.above, band.below, needed) for name, band in pose.items()]
    if not side:
        joints = [name for name in pose if name in SIDED and name in DEGREES]
        bounds += [_Bound(COLUMNS[f"{name}_difference"], -np.inf, exercise.max_difference, False) for name in joints]
    return bounds


def _column(measure: str, side: str) -> int:
    name = measure.removeprefix(OTHER)
    if not side or name not in SIDED:
        return COLUMNS[name]
    return COLUMNS[f"{_OPPOSITE[side] if name != measure else side}_{name}"]


def _bands(poses: list[list[list[_Bound]]], phases: int) -> tuple[I64, F32, F32, F32]:
    """`Plan.column`, `low` and `high`, and (F, R) which measures are needed."""
    most = max((len(pose) for row in poses for pose in row), default=1)
    shape = (most, phases + 1, len(poses))
    column, needed = np.zeros(shape, np.int64), np.zeros((len(COLUMNS), len(poses)), np.float32)
    low, high = np.full(shape, -np.inf, np.float32), np.full(shape, np.inf, np.float32)
    for r, (*own, throughout) in enumerate(poses):
        for place, pose in [*enumerate(own), (phases, throughout)]:
            for b, bound in enumerate(pose):
                column[b, place, r], low[b, place, r], high[b, place, r] = bound.column, bound.low, bound.high
                needed[bound.column, r] = max(needed[bound.column, r], bound.needed)
    return column, low, high, needed


def _telling(rows: list[tuple[Exercise, str]], phases: int) -> F32:
    """(F, K, R) 1 where the measure tells the phase from the one before it."""
    telling = np.zeros((len(COLUMNS), phases, len(rows)), np.float32)
    for r, (exercise, side) in enumerate(rows):
        names = list(exercise.phases)
        for k, name in enumerate(names):
            for measure in exercise.telling(names[k - 1], name):
                telling[_column(measure, side), k, r] = 1
    return telling


def _gauges(exercise: Exercise, side: str) -> tuple[Gauge, ...]:
    """All gauges that its checks read, each once."""
    checks = exercise.checks.values()
    return tuple(dict.fromkeys(gauge for check in checks for gauge in gauges_of(exercise, check, side)))


def _gauge_arrays(gauges: list[tuple[Gauge, ...]], own: list[int], phases: int) -> tuple[I64, I64, F32]:
    """`Plan.gauge_column`, `gauge_scope` and `gauge_sign`; `own` is how many phases each row has, `phases` the most."""
    shape = (len(gauges), max(map(len, gauges), default=0))
    column, scope, sign = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.ones(shape, np.float32)
    for r, row in enumerate(gauges):
        for g, gauge in enumerate(row):
            place = gauge.scope + (phases - own[r] if gauge.scope >= own[r] else 0)
            column[r, g], scope[r, g], sign[r, g] = gauge.column, place * len(gauges) + r, gauge.sign
    return column, scope, sign
