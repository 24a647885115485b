"""The words that values are written in: angles, measures, postures, event kinds. Names are only ever appended.

Indices into these tuples travel in messages and rest in the database: never reorder, never reuse.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Angle:
    """A joint angle: at keypoint `b`, between `a` and `c`. 0 = straight, grows with flexion, degrees, [0, 180]."""

    name: str
    a: str
    b: str
    c: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A number measured on one person in one frame."""

    name: str
    unit: str
    meaning: str


def _both_sides(name: str, a: str, b: str, c: str) -> tuple[Angle, Angle]:
    left, right = (Angle(f"{side}_{name}", f"{side}_{a}", f"{side}_{b}", f"{side}_{c}") for side in ("left", "right"))
    return left, right


ANGLES: tuple[Angle, ...] = (
    *_both_sides("elbow", "shoulder", "elbow", "wrist"),
    *_both_sides("shoulder", "elbow", "shoulder", "hip"),
    *_both_sides("hip", "shoulder", "hip", "knee"),
    *_both_sides("knee", "hip", "knee", "ankle"),
)
"""Angles that every body skeleton has. The shoulder's 0 is the arm stretched up in line with the trunk."""

POSTURES: tuple[str, ...] = ("unknown", "stand", "walk", "sit", "crouch", "bend", "kneel", "lie", "run")

MEASURES: tuple[Measure, ...] = (
    Measure(
        "trunk_tilt",
        "degrees",
        "hips-to-shoulders against the vertical of the picture, 0 = upright, 90 = lying, [0, 180]",
    ),
    Measure(
        "hip_height", "leg lengths", "middle of the hips above the middle of the ankles over the learned leg length"
    ),
    Measure("head_height", "body heights", "nose above the lower ankle over the learned body height"),
    Measure("speed", "body heights/s", "speed of the middle of the hips over the learned body height"),
    Measure("descent", "body heights/s", "downward speed of the middle of the hips over the learned body height"),
    Measure("body_height", "pixels", "learned standing height, nose to ankle"),
)

EVENT_KINDS: tuple[str, ...] = ("rep", "fall", "posture", "enter", "leave")

SEVERITIES: tuple[str, ...] = ("info", "warning", "critical")
INCIDENT_STATES: tuple[str, ...] = ("new", "update", "end")
