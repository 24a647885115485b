"""Athletes: people whose limbs each have a direction, who do the exercises of the library, as the Motions analyze gets.

Directions are degrees forward of straight down, in the athlete's own plane (x forward, y up, z to the left), and then
out to the side. Right limbs are as the left ones unless said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from pipeline.core.ids import make_track_id
from pipeline.core.records import Record
from pipeline.core.types import F64
from pipeline.core.values import Motions
from tests.unit.analyze.figures import BLAZEPOSE, Camera, record_of


@dataclass(frozen=True)
class Form:
    """A posture; `trunk` is forward of upright. Heading 0 = facing the camera, 90 = to the right of the picture."""

    trunk: float = 0.0
    thigh: float = 0.0
    shank: float = 0.0
    legs_out: float = 2.0
    arm: float = 3.0
    fore: float = 10.0
    arms_out: float = 8.0
    fore_out: float = 8.0
    thigh_right: float | None = None
    shank_right: float | None = None
    arm_right: float | None = None
    fore_right: float | None = None
    knees_in: float = 0.0
    x: float = 0.0


STAND = Form()
PLANK = Form(trunk=74, thigh=-74, shank=-74, arm=0, fore=0)
SUPINE = Form(trunk=-87, thigh=130, shank=20, arm=-40, fore=110, arms_out=10, fore_out=-30)
RACK = Form(arm=30, fore=168, arms_out=35, fore_out=5)

EFFORTS: dict[str, tuple[Form, Form]] = {
    "squat": (STAND, Form(trunk=40, thigh=85, shank=-30, arm=80, fore=85)),
    "push-up": (PLANK, Form(trunk=86, thigh=-86, shank=-86, arm=-60, fore=40, arms_out=20)),
    "curl": (STAND, Form(arm=8, fore=135)),
    "press": (RACK, Form(arm=174, fore=177, arms_out=5, fore_out=2)),
    "lunge": (STAND, Form(trunk=6, thigh=75, shank=-8, thigh_right=-15, shank_right=-95, arm=30, fore=110)),
    "jumping-jack": (STAND, Form(arm=0, fore=0, arms_out=160, fore_out=168, legs_out=19)),
    "deadlift": (STAND, Form(trunk=65, thigh=25, shank=-25, arm=5, fore=5)),
    "sit-up": (SUPINE, replace(SUPINE, trunk=-12, arm=35, fore=170)),
}
"""First and last posture of each exercise."""

STEPS = {
    "push-up": [(1.0, STAND), (1.0, Form(trunk=60, thigh=105, shank=-35, arm=40, fore=40)),
                (0.8, Form(trunk=70, thigh=60, shank=-30, arm=5, fore=5)), (0.8, PLANK)],
    "sit-up": [(1.0, STAND), (1.2, Form(trunk=10, thigh=115, shank=-20, arm=20, fore=20)),
               (0.6, Form(trunk=-25, thigh=125, shank=20, arm=-30, fore=-30)), (1.0, SUPINE)],
    "press": [(1.0, STAND), (0.8, Form(trunk=30, thigh=30, shank=-25)), (0.8, STAND), (0.8, RACK)],
}  # fmt: skip
"""How one gets into the first posture; else one stands and looks about."""

Script = list[tuple[float, Form]]


def mixed(a: Form, b: Form, share: float) -> Form:
    """Between two postures."""
    made = {}
    for each in fields(Form):
        base = each.name.removesuffix("_right")
        one, two = getattr(a, each.name), getattr(b, each.name)
        one, two = getattr(a, base) if one is None else one, getattr(b, base) if two is None else two
        made[each.name] = one + share * (two - one)
    return Form(**made)


def set_up(name: str) -> Script:
    """Getting into position."""
    return [*STEPS.get(name, [(1.0, STAND)])]


def repetition(name: str, seconds: float = 2.0, depth: float = 1.0, rest_s: float = 0.2) -> Script:
    """One repetition and the rest after it; depth 0.5 is a half one."""
    rest, effort = EFFORTS[name]
    return [(0.5 * seconds, mixed(rest, effort, depth)), (0.5 * seconds, rest), (rest_s, rest)]


def exercise(name: str, count: int, seconds: float = 2.0, depth: float = 1.0, rest_s: float = 0.2) -> Script:
    """Set-up, a moment, and `count` repetitions."""
    repetitions = [step for _ in range(count) for step in repetition(name, seconds, depth, rest_s)]
    return [*set_up(name), (0.6, EFFORTS[name][0]), *repetitions]


def mirrored(script: Script) -> Script:
    """The same with left and right exchanged."""
    made = []
    for seconds, form in script:
        full = mixed(form, form, 0.0)
        made.append((seconds, replace(
            full, thigh=full.thigh_right, thigh_right=full.thigh, shank=full.shank_right, shank_right=full.shank,
            arm=full.arm_right, arm_right=full.arm, fore=full.fore_right, fore_right=full.fore,
        )))  # fmt: skip
    return made


def body(form: Form, stature: float, heading: float) -> F64:
    """(33, 3) keypoints in the room: x right, y up, z away from the camera, metres (segments: Winter, 2009)."""
    h = stature
    full = mixed(form, form, 0.0)
    up = -_limb(-full.trunk, 0.0, 0.0)
    fore = np.array([up[1], -up[0], 0.0])
    side = np.array([0.0, 0.0, 1.0])
    neck = 0.288 * h * up
    head = neck + 0.12 * h * up
    named: dict[str, F64] = {"nose": head + 0.11 * fore}
    for name, sign, end in (("left", 1.0, ""), ("right", -1.0, "_right")):
        thigh, shank, arm, low = (getattr(full, part + end) for part in ("thigh", "shank", "arm", "fore"))
        hip, shoulder = sign * 0.09 * side, neck + sign * 0.18 * side
        knee = hip + 0.245 * h * _limb(thigh, full.legs_out - full.knees_in, sign)
        ankle = knee + 0.246 * h * _limb(shank, full.legs_out + full.knees_in, sign)
        elbow = shoulder + 0.186 * h * _limb(arm, full.arms_out, sign)
        wrist = elbow + 0.146 * h * _limb(low, full.fore_out, sign)
        toe = np.array([-_limb(shank, 0.0, 0.0)[1], _limb(shank, 0.0, 0.0)[0], 0.0])
        named |= {f"{name}_{part}": point for part, point in (
            ("hip", hip), ("knee", knee), ("ankle", ankle), ("shoulder", shoulder), ("elbow", elbow), ("wrist", wrist),
            ("heel", ankle - 0.04 * toe), ("foot_index", ankle + 0.16 * toe), ("ear", head + sign * 0.07 * side),
            ("pinky", wrist), ("index", wrist), ("thumb", wrist),
            *((eye, head + 0.03 * up + 0.09 * fore + sign * 0.03 * side) for eye in ("eye_inner", "eye", "eye_outer")),
        )}  # fmt: skip
        named[f"mouth_{name}"] = head - 0.03 * up + 0.09 * fore + sign * 0.025 * side
    points = np.array([named[each] for each in BLAZEPOSE.keypoints])
    points -= 0.5 * (named["left_ankle"] + named["right_ankle"])
    a = np.radians(90.0 - heading)
    turn = np.array([[np.cos(a), 0.0, np.sin(a)], [0.0, 1.0, 0.0], [-np.sin(a), 0.0, np.cos(a)]])
    points = points @ turn.T
    points[:, 1] -= points[:, 1].min()
    placed: F64 = points + np.array([full.x, 0.0, 4.5])
    return placed


def _limb(forward: float, out: float, sign: float) -> F64:
    a, b = np.radians(forward), np.radians(out)
    return np.array([np.sin(a) * np.cos(b), -np.cos(a) * np.cos(b), sign * np.sin(b)])


def perform(
    *scripts: Script,
    fps: float = 15.0,
    noise: float = 0.0,
    seed: int = 1,
    heading: float = 60.0,
    statures: Sequence[float] = (1.75,),
    hide: Sequence[str] = (),
    metric: bool = True,
    camera: Camera | None = None,
) -> Iterator[Record[Motions]]:
    """The frames of athletes who follow scripts. Noise is the spread of keypoints as a share of the body height; depth
    has twice as much. Names of keypoints in `hide` are out of view."""
    camera = camera or Camera()
    random = np.random.default_rng(seed)
    hidden = BLAZEPOSE.indices(*hide) if hide else np.empty(0, np.int64)
    ends = [np.cumsum([seconds for seconds, _ in script]) for script in scripts]
    world = len(BLAZEPOSE) if metric else 0
    for seq in range(round((max(end[-1] for end in ends) + 0.6) * fps)):
        t_s = seq / fps
        ids, pictures, worlds, scores = [], [], [], []
        for person, (script, end) in enumerate(zip(scripts, ends, strict=True)):
            stature = statures[person % len(statures)]
            points = body(_at(script, end, t_s), stature, heading) + np.array([1.3 * person, 0.0, 0.0])
            pixels, metres = camera.see(points)
            spread = noise * 0.87 * stature
            pixels = pixels + random.normal(0, spread * camera.focal / 4.5, pixels.shape)
            metres = metres + random.normal(0, spread, metres.shape) * np.array([1.0, 1.0, 2.0])
            score = np.full(len(BLAZEPOSE), 0.95)
            score[hidden] = 0.1
            ids.append(make_track_id(1, person + 1))
            pictures.append(np.concatenate((pixels, np.full((len(BLAZEPOSE), 1), np.nan)), axis=1))
            worlds.append(metres[:world])
            scores.append(score)
        yield record_of(camera, seq, t_s, ids, pictures, worlds, scores, world)


def _at(script: Script, ends: F64, t_s: float) -> Form:
    """Eased from posture to posture; the first one holds before the script begins."""
    step = int(np.searchsorted(ends, t_s))
    if step >= len(script):
        return script[-1][1]
    before = script[step - 1][1] if step else script[0][1]
    share = 1.0 - (float(ends[step]) - t_s) / script[step][0]
    return mixed(before, script[step][1], share * share * (3.0 - 2.0 * share))
