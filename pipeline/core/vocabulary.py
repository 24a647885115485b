"""The words that values are written in: angles, measures, postures, event kinds. Names are only ever appended.

Indices into these tuples travel in messages and rest in the database: never reorder, never reuse.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Angle:
    """An angle of a joint or of the trunk, degrees; docs/angles.md is made of these.

    Attributes:
        name: Its name in SQL, rules and overlays.
        a, b, c: Keypoints: at `b`, between `a` and `c`. Angles in a plane of the body have only `b`, the keypoint at
            which they are written, empty on the middle line.
        low, high: Least and greatest value; what lies outside is no joint's angle and is not told.
        zero: The pose that reads 0.
        grows: What makes it grow; the other way it falls.
        built: How it is built.
        isb: What it is called in the recommendations of the International Society of Biomechanics, and whether its sign
            is theirs.
    """

    name: str
    a: str
    b: str
    c: str
    low: float
    high: float
    zero: str
    grows: str
    built: str
    isb: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A number measured on one person in one frame."""

    name: str
    unit: str
    meaning: str


def _flexion(name: str, a: str, b: str, c: str, zero: str, isb: str) -> tuple[Angle, ...]:
    """180 degrees less the angle at `b` between `a` and `c`, of the left and of the right side."""
    built = f"180 - the angle at the {b} between {a} and {c}"
    return tuple(
        Angle(f"{side}_{name}", f"{side}_{a}", f"{side}_{b}", f"{side}_{c}", 0, 180, zero, "flexion", built, isb)
        for side in ("left", "right")
    )


def _in_plane(
    name: str, at: str, low: float, high: float, *, zero: str, grows: str, built: str, isb: str
) -> tuple[Angle, ...]:
    """An angle with a sign, of the left and of the right side where it is at a joint that has sides."""
    sides = ("left_", "right_") if at else ("",)
    return tuple(Angle(side + name, "", side + at, "", low, high, zero, grows, built, isb) for side in sides)


FLEXIONS: tuple[Angle, ...] = (
    *_flexion("elbow", "shoulder", "elbow", "wrist", "arm straight", "elbow flexion (Wu 2005), same sign"),
    *_flexion("shoulder", "elbow", "shoulder", "hip", "arm stretched up along the trunk", "180 - elevation (Wu 2005)"),
    *_flexion("hip", "shoulder", "hip", "knee", "thigh in line with the trunk", "no term: unsigned, in any plane"),
    *_flexion("knee", "hip", "knee", "ankle", "leg straight", "knee flexion (Grood & Suntay 1983), same sign"),
)
"""Angles between the two bones of a joint: in three dimensions with metres, else on the picture."""

ANGLES: tuple[Angle, ...] = (
    *FLEXIONS,
    *_in_plane(
        *("ankle", "ankle", -90, 90),
        zero="foot at a right angle to the shank",
        grows="dorsiflexion, toes up",
        built="90 - the angle between ankle-to-knee and heel-to-toe",
        isb="ankle dorsiflexion (Wu 2002), same sign",
    ),
    *_in_plane(
        *("shoulder_flexion", "shoulder", -90, 210),
        zero="arm along the trunk",
        grows="arm forward and up",
        built="shoulder-to-elbow in the thorax's sagittal plane",
        isb="elevation in the plane of 90 degrees (Wu 2005), opposite sign",
    ),
    *_in_plane(
        *("shoulder_abduction", "shoulder", -90, 210),
        zero="arm along the trunk",
        grows="arm outward and up",
        built="shoulder-to-elbow in the thorax's frontal plane",
        isb="elevation in the plane of 0 degrees (Wu 2005), opposite sign",
    ),
    *_in_plane(
        *("hip_flexion", "hip", -90, 180),
        zero="thigh along the trunk",
        grows="knee forward and up",
        built="hip-to-knee in the pelvis' sagittal plane",
        isb="hip flexion (Wu 2002), same sign; the pelvis' up is the trunk's",
    ),
    *_in_plane(
        *("hip_abduction", "hip", -90, 90),
        zero="thigh in the sagittal plane",
        grows="knee outward",
        built="hip-to-knee out of the pelvis' sagittal plane",
        isb="hip adduction (Wu 2002), opposite sign",
    ),
    *_in_plane(
        *("knee_valgus", "knee", -90, 90),
        zero="knee on the line from hip to ankle as seen from the front",
        grows="knee inward (valgus); below 0 outward (varus)",
        built="slope of knee-to-ankle less that of hip-to-knee out of the pelvis' sagittal plane",
        isb="no term: the frontal plane projection angle (Willson & Davis 2008)",
    ),
    *_in_plane(
        *("trunk_flexion", "", -105, 195),
        zero="trunk upright",
        grows="bending or leaning forward; below 0 backward, -90 = lying on the back",
        built="hips-to-shoulders against gravity in the plane across the hips",
        isb="thorax flexion against the laboratory (Wu 2005), opposite sign",
    ),
    *_in_plane(
        *("trunk_lateral", "", -90, 90),
        zero="trunk square to the hips",
        grows="bending to the right",
        built="hips-to-shoulders out of the plane across the hips",
        isb="thorax lateral flexion, right positive (Wu 2005), same sign",
    ),
    *_in_plane(
        *("thorax_rotation", "", -90, 90),
        zero="shoulders parallel to the hips",
        grows="shoulders turned to the left",
        built="line of the shoulders against that of the hips about the trunk",
        isb="thorax axial rotation, left positive (Wu 2005), same sign; here against the pelvis",
    ),
    *_in_plane(
        *("neck_flexion", "", -90, 90),
        zero="ears over the shoulders along the trunk",
        grows="head forward",
        built="shoulders-to-ears in the thorax's sagittal plane",
        isb="no term for the head; as clinicians have it",
    ),
    *_in_plane(
        *("pelvis_tilt", "", -90, 90),
        zero="hips level",
        grows="right hip lower",
        built="line of the hips against the floor",
        isb="rotation about the x of the pelvis (Wu 2002), same sign; its tilt forward does not show",
    ),
)
"""All angles; those after FLEXIONS need metres, but for the ankles."""

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
    Measure("foot_x", "picture widths", "where the person stands: middle of the ankles, or estimated, 0 = left"),
    Measure("foot_y", "picture heights", "where the person stands: middle of the ankles, or estimated, 0 = top"),
    Measure(
        "ground_height",
        "expected heights",
        "nose above the feet over what people standing there were learned to have; unknown until people were seen at"
        " different places",
    ),
    Measure("ground_speed", "m/s", "speed on the floor, by a mean stature; unknown until the floor is learned"),
    Measure("com_x", "picture widths", "centre of mass (de Leva, 1996), from the left edge of the picture"),
    Measure("com_y", "picture heights", "centre of mass (de Leva, 1996), from the top edge of the picture"),
    Measure("com_height", "metres", "centre of mass above the lower ankle, against gravity"),
    *(
        Measure(
            f"{joint}_symmetry",
            "percent",
            "range of flexion over the last 2 to 4 s, right less left over their mean, [-200, 200], 0 = alike",
        )
        for joint in ("elbow", "shoulder", "hip", "knee")
    ),
)

EVENT_KINDS: tuple[str, ...] = ("rep", "fall", "posture", "enter", "leave", "set", "zone", "line", "gesture")

SEVERITIES: tuple[str, ...] = ("info", "warning", "critical")
