"""What can be set about analysis; every threshold says where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field

from stages.analyze.gesture_options import GestureOptions


@dataclass(frozen=True, slots=True)
class AnalyzeOptions:
    """Options of the stage analyze. Lengths of bodies are learned, so no option depends on pixels a person."""

    min_score: float = 0.5
    """Least score of a keypoint that counts as seen, [0, 1]; below it a BlazePose keypoint is rather out of view."""

    min_bone_m: float = 0.05
    """Shortest bone, metres, (0, 1], that an angle is taken from, where the model gives metres."""

    min_bone_px: float = 8.0
    """Shortest bone, pixels, (0, 1000], that an angle is taken from, where it does not: 1 px of noise there is 7
    degrees."""

    learn_s: float = 1.0
    """Time constant of learned body lengths, seconds, (0, 60]: a walker's size on the picture changes no faster."""

    velocity_s: float = 0.12
    """Time constant of hip velocity, seconds, (0, 2]: a fall takes 0.5 to 1 s from loss of balance to the floor."""

    travel_s: float = 0.5
    """Time constant of the speed that tells walking from sway, seconds, (0, 10]: about one step."""

    max_gap_s: float = 1.0
    """Longest time unseen over which a velocity is still taken, seconds, (0, 10]."""

    lie_tilt: float = 60.0
    """Trunk tilt from which a person lies, degrees against the vertical, (0, 90] (60: Karantonis et al., 2006)."""

    lie_hip: float = 0.45
    """Hips at most this far above the ankles when lying, leg lengths, [0, 1]; a chair gives 0.5."""

    lie_shoulder: float = 0.33
    """Shoulders at most this far above the ankles when lying, body heights, [0, 1]: 0.5 m; propped on an
    elbow they are lower, on straight arms higher."""

    lie_offset: float = 0.35
    """Middle of the trunk at least this far beside the feet when lying, leg lengths, [0, 2]: feet under it carry a
    crouch."""

    bend_tilt: float = 45.0
    """Trunk tilt from which an upright person bends, degrees, (0, 90]."""

    low_hip: float = 0.75
    """Hips below this above the ankles: sitting or crouching, leg lengths, (0, 1]; walking stays above 0.9."""

    low_knee: float = 70.0
    """Knees flexed by more than this: sitting or crouching whatever the height, degrees, (0, 180]; the mean of both
    stays below 60 in running (Novacheck, 1998)."""

    kneel_knee: float = 0.35
    """Lower knee at most this far above its ankle when kneeling, shank lengths, [0, 1]."""

    sit_offset: float = 0.33
    """Trunk at least this far beside the feet when sitting, leg lengths, [0, 2]: midway between a thigh's length, 0.5,
    and a crouch, which must balance over its feet and has at most 0.15."""

    walk_speed: float = 0.20
    """Speed from which a person walks, body heights/s, (0, 10]: 0.3 m/s at a body height (nose to ankle) of 1.5 m."""

    run_speed: float = 1.35
    """Speed from which a person runs, body heights/s, (0, 10]: people change at 2 m/s (Hreljac, 1993)."""

    posture_hold_s: float = 0.5
    """How long a new posture must hold before it counts, seconds, [0, 60]."""

    fall_descent: float = 0.75
    """Downward speed of the hips that is a fall, body heights/s, (0, 10]: 1.3 m/s (Bourke et al., 2008; Wu, 2000: falls
    are 2-3 times faster than daily movements) at 1.5 m from nose to ankle is 0.87, less 15 % for the smoothing by
    `velocity_s`."""

    fall_short_descent: float = 0.50
    """The same for who is down within `fall_short_s` of standing, body heights/s, (0, 10]: few frames a second, and a
    fall away from a camera that looks down, blunt the descent on the picture."""

    fall_short_s: float = 0.8
    """From upright hips to down in at most this time is no lying down on purpose, seconds, [0, 10]."""

    fall_upright: float = 0.80
    """Hips at least this high above the ankles are upright, leg lengths, (0, 1]; see `fall_short_s`."""

    fall_start: float = 0.15
    """Downward speed from which a descent counts as begun, body heights/s, (0, 10]; sway stays below."""

    fall_window_s: float = 2.0
    """Longest time from the fastest descent to lying, seconds, (0, 10]."""

    fall_head: float = 0.35
    """Head at most this high, body heights, [0, 1], hips at most `fall_hip` and feet not under it: down whatever the
    trunk does."""

    fall_hip: float = 0.30
    """Hips at most this high above the ankles, leg lengths, [0, 1]: see `fall_head`."""

    fall_confirm_s: float = 2.5
    """Time down after which a fall is confirmed, seconds, [0, 600]; who only stumbled is up or moving by then."""

    fall_recover_s: float = 1.5
    """Time upright after which a person has recovered, seconds, [0, 600]."""

    fall_dismiss_s: float = 5.0
    """A suspected fall is dismissed when its person is seen, but not down, for this long, seconds, [0, 600]."""

    recover_tilt: float = 40.0
    """Greatest trunk tilt of a person who is up again, degrees, (0, 90]."""

    recover_hip: float = 0.45
    """Least height of the hips of a person who is up again, leg lengths, [0, 1]: a chair counts."""

    leave_s: float = 2.0
    """A person unseen for this long has left, seconds, (0, 3600]."""

    keep_s: float = 30.0
    """How long a person who left is remembered (lengths, repetitions, a fall), seconds, [0, 86400]."""

    exercises: tuple[str, ...] = ("library",)
    """Exercises whose repetitions are counted: names out of the library, YAML files, folders of them (relative to the
    configuration's folder), or `library` for all of the library. See docs/exercises.md."""

    look_s: float = 0.045
    """Repetitions are looked for at most this often, seconds, [0, 1]: in every second frame of 30 a second, in each of
    20 or fewer. The quickest phase, the open one of a jumping jack, lasts 0.2 s."""

    steady_s: float = 0.1
    """Repetitions are told by measures smoothed with this time constant, seconds, (0, 1]: a third of 0.3 s, for which
    most exercises hold their first phase. Angles are given out as they are."""

    set_pause_s: float = 10.0
    """A set is over after a pause of this length, seconds, (0, 3600], or when its person leaves."""

    zone_margin: float = 0.10
    """How far beyond a border somebody must stand to have passed it, body heights, [0, 1]: two thirds of a foot (0.152
    of the stature: Drillis and Contini, 1966), which is five times a jitter of 2 %."""

    zone_hold_s: float = 0.5
    """For how long, seconds, [0, 60]; less is no visit."""

    stature_m: float = 1.68
    """Mean stature of the people in view, metres, [0.5, 2.5], which gives the metres of a pixel; adults worldwide have
    1.65 (NCD-RisC, 2016), pedestrians are taken to have 1.7 (Hoiem et al., 2008)."""

    gestures: GestureOptions = field(default_factory=GestureOptions)
    """When an arm waves, points or is held up."""
