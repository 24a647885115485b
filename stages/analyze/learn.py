"""Lengths of a body and the direction of gravity, learned over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, sqrt

from stages.analyze.body import Extent
from stages.analyze.options import AnalyzeOptions
from stages.analyze.state import NAN, AnalyzedPerson, AnalyzeState

_OUTLIER = 1.25  # one frame may not move a learned length by more than this factor
_STRAIGHT_DEG = 30.0
_STRAIGHT_THIGH = 0.75  # thigh over shank on the picture; both are 0.245 of the stature (Winter, 2009)
_UPRIGHT_COS = 0.77  # 40 degrees: a lying body of a camera tilted by up to 35 degrees stays outside
_UP_PRIOR_S = 0.5
_UP_MEMORY_S = 60.0


def learn_lengths(person: AnalyzedPerson, extent: Extent, metric: bool, dt_s: float, options: AnalyzeOptions) -> None:
    """Follow the body's lengths with the time constant `learn_s`.

    Metres do not depend on the pose: each frame counts. On the picture a bone is shortened when it points at the
    camera: lengths follow upright frames both ways, and others only upwards.
    """
    if metric != person.metric:
        person.metric = metric
        person.height = person.leg = person.trunk = person.scale = NAN
    gain = 1.0 - exp(-dt_s / options.learn_s)
    both_ways = metric or _is_upright(extent)
    person.height = _follow(person.height, extent.height, gain, both_ways)
    person.leg = _follow(person.leg, extent.leg, gain, both_ways)
    person.trunk = _follow(person.trunk, extent.trunk, gain, both_ways)
    person.scale = _follow(person.scale, extent.scale, gain, both_ways=True)


def up_of(state: AnalyzeState, metric: bool) -> tuple[float, float, float]:
    """Unit vector against gravity; without metres it is the picture's vertical."""
    return (state.up_x, state.up_y, state.up_z) if metric else (0.0, -1.0, 0.0)


def learn_up(state: AnalyzeState, leans: Iterable[Sequence[float]], dt_s: float) -> None:
    """Lean the camera's up towards the people who stand straight; the picture's vertical weighs half a second.

    Args:
        leans: As `Bodies.leans` gives them.
        dt_s: Since the frame before.
    """
    for hip, knee, x, y, z in leans:
        length = sqrt(x * x + y * y + z * z)
        straight = knee <= _STRAIGHT_DEG and hip <= _STRAIGHT_DEG
        if not (straight and -y >= _UPRIGHT_COS * length > 0.0):
            continue
        gain = dt_s / (_UP_PRIOR_S + state.up_s + dt_s)
        x = state.up_x + gain * (x / length - state.up_x)
        y = state.up_y + gain * (y / length - state.up_y)
        z = state.up_z + gain * (z / length - state.up_z)
        length = sqrt(x * x + y * y + z * z)
        state.up_x, state.up_y, state.up_z = x / length, y / length, z / length
        state.up_s = min(state.up_s + dt_s, _UP_MEMORY_S)


def _is_upright(extent: Extent) -> bool:
    straight = extent.knee <= _STRAIGHT_DEG and extent.hip <= _STRAIGHT_DEG and extent.thigh >= _STRAIGHT_THIGH
    return straight and extent.trunk_rise >= _UPRIGHT_COS * extent.trunk


def _follow(learned: float, now: float, gain: float, both_ways: bool) -> float:
    if now != now or now <= 0.0:
        return learned
    if learned != learned:
        return now
    if now < learned:
        if not both_ways:
            return learned
        least = learned / _OUTLIER
        return learned + gain * ((now if now > least else least) - learned)
    most = learned * _OUTLIER
    return learned + gain * ((now if now < most else most) - learned)
