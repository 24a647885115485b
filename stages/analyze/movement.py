"""Velocity of the hips, and the shape of a body in its own lengths."""

from __future__ import annotations

from math import acos, degrees, exp, hypot
from typing import NamedTuple

from stages.analyze.body import Extent
from stages.analyze.options import AnalyzeOptions
from stages.analyze.state import NAN, AnalyzedPerson

_UNSHORTENED = 0.9  # share of learned bones that the picture shows of a body seen from its side
_MIN_FORESHORTENING = 0.5  # a camera that looks down by more than 60 degrees sees too little of a descent


class Shape(NamedTuple):
    """One body in its own lengths; NaN = unknown.

    Attributes:
        tilt: Trunk against the vertical, degrees, [0, 180].
        hip, head, shoulder: Height above the ankles: hips in leg lengths, the others in body heights.
        knee: Flexion of the knees, degrees.
        knee_rise: Lower knee above its ankle, shank lengths.
        offset: Middle of the trunk beside the feet, leg lengths; NaN where depth is unknown.
        speed, descent, travel: Speed of the hips, downward, and along the floor, body heights/s.
        body_height: Nose to ankle, pixels.
        height, leg: Learned nose to ankle and hip to ankle, in the body's own unit.
        x, y: Where the middle of the hips was last seen, pixels.
    """

    tilt: float
    hip: float
    head: float
    shoulder: float
    knee: float
    knee_rise: float
    offset: float
    speed: float
    descent: float
    travel: float
    body_height: float
    height: float
    leg: float
    x: float
    y: float


def move(person: AnalyzedPerson, extent: Extent, now_us: int, options: AnalyzeOptions) -> None:
    """Take the position of the hips: velocities are one-pole filters of the difference quotient in event time."""
    x, y = extent.hip_x, extent.hip_y
    if x != x:
        return
    dt_s = 0.0 if person.hips_us is None else (now_us - person.hips_us) / 1e6
    if person.hips_us is not None and dt_s <= 0.0:
        return
    if person.hips_us is None or dt_s > options.max_gap_s:
        person.speed_x = person.speed_y = person.travel_x = person.travel_y = 0.0
    else:
        vx, vy = (x - person.hip_x) / dt_s, (y - person.hip_y) / dt_s
        gain = 1.0 - exp(-dt_s / options.velocity_s)
        person.speed_x += gain * (vx - person.speed_x)
        person.speed_y += gain * (vy - person.speed_y)
        gain = 1.0 - exp(-dt_s / options.travel_s)
        person.travel_x += gain * (vx - person.travel_x)
        person.travel_y += gain * (vy - person.travel_y)
    person.hips_us, person.hip_x, person.hip_y = now_us, x, y


def shape_of(person: AnalyzedPerson, extent: Extent, up_x: float, up_y: float) -> Shape:
    """The body's shape, with what was learned of it up to now; `up_x` and `up_y` are of the vector against gravity."""
    pixels = person.height * person.scale
    # Up as the picture shows it: shorter when the camera looks down, so that a metre of descent is fewer pixels.
    shown = max(hypot(up_x, up_y), _MIN_FORESHORTENING)
    speed = hypot(person.speed_x, person.speed_y) / pixels
    descent = -(person.speed_x * up_x + person.speed_y * up_y) / (shown * shown) / pixels
    # A pitched camera shows a step nearer as a step down, a bob as a bob: sideways counts fully, up and down half.
    travel = hypot(person.travel_x, 0.5 * person.travel_y) / pixels
    trunk = extent.trunk if person.metric else max(extent.trunk, 0.85 * person.trunk)
    # By position: names take half as long again, for each person and frame.
    return Shape(
        degrees(acos(min(max(extent.trunk_rise / trunk, -1.0), 1.0))) if trunk > 0.0 else NAN,
        extent.hip_rise / person.leg,
        extent.head_rise / person.height,
        extent.shoulder_rise / person.height,
        extent.knee,
        extent.knee_rise,
        extent.offset / person.leg if _depth_is_known(person, extent) else NAN,
        speed,
        descent,
        travel,
        pixels,
        person.height,
        person.leg,
        person.hip_x,
        person.hip_y,
    )


def _depth_is_known(person: AnalyzedPerson, extent: Extent) -> bool:
    """The body's depth was measured, or there is little of it: its bones have their whole length on the picture."""
    return person.metric or extent.leg + extent.trunk >= _UNSHORTENED * (person.leg + person.trunk)
