"""Key postures that movements pass through, in their own place: lengths in body heights, facing along x."""

from __future__ import annotations

from pipeline.core.types import F64
from pipeline.video.simulate.body import ANKLE_HEIGHT, HIP_HEIGHT
from pipeline.video.simulate.posture import posture

STAND: F64 = posture(
    z=HIP_HEIGHT - 0.005,
    pitch=1,
    spine_pitch=2,
    sway=1,
    arm_flex=(2, 2),
    arm_abd=(9, 9),
    arm_twist=(8, 8),
    elbow=(14, 14),
    wrist=(6, 6),
    foot_y=(0.062, -0.062),
    foot_yaw=(8, -8),
    knee_out=(6, 6),
    foot_z=(ANKLE_HEIGHT, ANKLE_HEIGHT),
)
HANDS_ON_HIPS: F64 = posture(STAND, arm_flex=(-22, -22), arm_abd=(46, 46), arm_twist=(62, 62), elbow=(98, 98))
WIPE_BROW: F64 = posture(STAND, right_arm_flex=72, right_arm_abd=22, right_arm_twist=52, right_elbow=132, neck_pitch=10)
STRETCH: F64 = posture(
    STAND, arm_flex=(168, 168), arm_abd=(14, 14), elbow=(22, 22), neck_pitch=-10, spine_pitch=-4, foot_pitch=(0, 0)
)

# Feet for a squat stand wider than the shoulders, toes out.
SQUAT_STAND: F64 = posture(STAND, foot_x=(-0.02, -0.02), foot_y=(0.105, -0.105), foot_yaw=(20, -20), knee_out=(18, 18),
                           z=HIP_HEIGHT - 0.013)  # fmt: skip


def squat_bottom(depth: float, lean: float, *, clasped: bool) -> F64:
    """The lowest posture of a squat.

    Args:
        depth: 0 = standing, 1 = thighs level.
        lean: Degrees of the trunk at the bottom.
        clasped: Hands are held together before the chest; otherwise arms are stretched forward as a balance.
    """
    level = 0.262
    flex, abduction, twist, elbow = (58, 16, 44, 118) if clasped else (lean + 82, 8, 15, 12)
    return posture(
        SQUAT_STAND,
        x=-0.105 * depth - 0.02,
        z=SQUAT_STAND[2] + (level - SQUAT_STAND[2]) * depth,
        pitch=lean * 0.75 * depth,
        spine_pitch=lean * 0.25 * depth + 2,
        neck_pitch=-lean * 0.7 * depth,
        arm_flex=(flex * depth, flex * depth),
        arm_abd=(abduction, abduction),
        arm_twist=(twist, twist),
        elbow=(elbow, elbow),
        knee_out=(24, 24),
        sway=0.4,
    )


def sit(seat: float) -> F64:
    """Sitting upright on a seat `seat` body heights above the floor, hands on the thighs, feet on the floor."""
    return posture(
        STAND,
        x=-0.235,
        z=seat + 0.050,
        pitch=-8,
        spine_pitch=16,
        neck_pitch=-4,
        sway=0.8,
        arm_flex=(26, 26),
        arm_abd=(9, 9),
        arm_twist=(14, 14),
        elbow=(62, 62),
        foot_y=(0.075, -0.075),
        knee_out=(10, 10),
    )


def lean_to_sit(seat: float) -> F64:
    """Between standing and sitting: the trunk leans forward while the hips go back and down."""
    return posture(
        sit(seat),
        x=-0.19,
        z=0.5 * (seat + 0.050) + 0.5 * (HIP_HEIGHT - 0.09),
        pitch=30,
        spine_pitch=18,
        neck_pitch=-22,
        arm_flex=(52, 52),
        elbow=(30, 30),
    )


# Falls. In its own place the person stood at the origin facing along x.
TIPPING_RIGHT: F64 = posture(
    STAND, y=-0.15, z=0.44, roll=26, spine_roll=6, neck_roll=-18, arm_flex=(20, 10), arm_abd=(78, 62), arm_twist=(0, 0),
    elbow=(35, 20), left_foot_y=0.10, left_foot_z=0.13, left_foot_pitch=20, knee_out=(20, 5), sway=0.2,
)  # fmt: skip
ON_RIGHT_SIDE: F64 = posture(
    x=0.03, y=-0.42, z=0.088, roll=80, pitch=4, spine_roll=-4, spine_pitch=8, neck_roll=34, neck_pitch=6,
    left_arm_flex=52, left_arm_abd=4, left_arm_twist=30, left_elbow=58,
    right_arm_flex=96, right_arm_abd=6, right_arm_twist=0, right_elbow=48,
    foot_x=(0.02, -0.04), foot_y=(-0.025, -0.02), foot_z=(0.085, 0.036), foot_yaw=(42, 48), foot_pitch=(8, 4),
    knee_out=(0, 0), sway=0.25,
)  # fmt: skip
TIPPING_FORWARD: F64 = posture(
    STAND, x=0.15, z=0.40, pitch=32, spine_pitch=8, neck_pitch=-22, arm_flex=(72, 80), arm_abd=(18, 18),
    arm_twist=(5, 5), elbow=(32, 28), foot_z=(0.100, 0.092), foot_pitch=(44, 38), knee_out=(8, 8), sway=0.2,
)  # fmt: skip
ON_FRONT: F64 = posture(
    x=0.45, z=0.068, pitch=89, spine_pitch=-2, neck_pitch=-6, neck_yaw=62, arm_flex=(0, 0), arm_abd=(96, 118),
    arm_twist=(-84, -84), elbow=(84, 62), foot_x=(-0.02, -0.02), foot_y=(0.085, -0.075), foot_z=(0.050, 0.050),
    foot_yaw=(18, -18), foot_pitch=(142, 142), knee_out=(6, 6), sway=0.25,
)  # fmt: skip
TIPPING_BACKWARD: F64 = posture(
    STAND, x=-0.20, z=0.37, pitch=-30, spine_pitch=10, neck_pitch=16, arm_flex=(38, 30), arm_abd=(34, 34),
    elbow=(38, 38), foot_pitch=(-10, -14), foot_z=(0.045, 0.05), knee_out=(8, 8), sway=0.2,
)  # fmt: skip
ON_BACK: F64 = posture(
    x=-0.43, z=0.068, pitch=-87, spine_pitch=4, neck_pitch=6, neck_yaw=14, arm_flex=(6, 10), arm_abd=(34, 46),
    arm_twist=(-25, -20), elbow=(10, 18), foot_x=(-0.01, 0.0), foot_y=(0.085, -0.085), foot_z=(0.045, 0.045),
    foot_yaw=(18, -18), foot_pitch=(-62, -60), knee_out=(12, 12), sway=0.25,
)  # fmt: skip

# Getting up.
HANDS_AND_KNEES: F64 = posture(
    z=0.278, pitch=72, spine_pitch=0, neck_pitch=-28, arm_flex=(72, 72), arm_abd=(6, 6), elbow=(8, 8),
    wrist=(-70, -70), foot_x=(-0.245, -0.245), foot_y=(0.065, -0.065), foot_z=(0.050, 0.050), foot_yaw=(0, 0),
    foot_pitch=(140, 140), knee_out=(4, 4), sway=0.5,
)  # fmt: skip
HALF_KNEEL: F64 = posture(
    x=0.03, z=0.288, pitch=24, spine_pitch=14, neck_pitch=-14, arm_flex=(48, 46), arm_abd=(6, 10), arm_twist=(18, 34),
    elbow=(42, 46), left_foot_x=0.225, left_foot_y=0.065, left_foot_z=ANKLE_HEIGHT, left_foot_yaw=6,
    right_foot_x=-0.235, right_foot_y=-0.060, right_foot_z=0.092, right_foot_pitch=58, knee_out=(8, 6), sway=0.5,
)  # fmt: skip
# On the way there the left foot comes forward under the body.
STEP_THROUGH: F64 = posture(
    HALF_KNEEL, x=0.0, z=0.300, pitch=50, spine_pitch=6, arm_flex=(52, 62), elbow=(20, 14), wrist=(-30, -60),
    left_foot_x=0.02, left_foot_z=0.125, left_foot_pitch=66, right_foot_z=0.075, right_foot_pitch=110,
)  # fmt: skip

# Onto the floor for exercises: hands where push-ups have them, forward of where one stood.
PLANK_HANDS = 0.275
CROUCH: F64 = posture(
    STAND, x=-0.12, z=0.205, pitch=26, spine_pitch=14, neck_pitch=-14, arm_flex=(48, 48), arm_abd=(20, 20),
    elbow=(30, 30), foot_pitch=(4, 4), knee_out=(16, 16), sway=0.4,
)  # fmt: skip
ON_SEAT: F64 = posture(
    x=-0.325, z=0.066, pitch=-24, spine_pitch=16, neck_pitch=4, arm_flex=(-34, -34), arm_abd=(16, 16),
    arm_twist=(0, 0), elbow=(12, 12), wrist=(-50, -50), foot_x=(0.0, 0.0), foot_y=(0.065, -0.065),
    foot_z=(ANKLE_HEIGHT, ANKLE_HEIGHT), foot_yaw=(6, -6), knee_out=(7, 7), sway=0.4,
)  # fmt: skip
ON_BACK_KNEES_BENT: F64 = posture(
    ON_SEAT, pitch=-87, spine_pitch=2, neck_pitch=4, arm_flex=(34, 30), arm_abd=(4, 4), arm_twist=(66, 66),
    elbow=(122, 126), wrist=(0, 0), sway=0.25,
)  # fmt: skip

# Everyday movements near the floor that are no falls.
KNEEL: F64 = posture(
    STAND, x=0.0, z=0.288, pitch=4, spine_pitch=4, arm_flex=(10, 10), elbow=(24, 24), foot_x=(-0.245, -0.245),
    foot_y=(0.06, -0.06), foot_z=(0.050, 0.050), foot_yaw=(0, 0), foot_pitch=(140, 140), knee_out=(5, 5), sway=0.5,
)  # fmt: skip
STOOP: F64 = posture(
    STAND, x=-0.13, z=0.455, pitch=82, spine_pitch=24, neck_pitch=-24, knee_out=(10, 10), sway=0.4,
)  # fmt: skip
TO_THE_SHOE: F64 = posture(HALF_KNEEL, pitch=48, spine_pitch=28, neck_pitch=10, x=0.01, sway=0.4)

# Down along a wall that stands behind the back; feet slip forward.
AGAINST_WALL: F64 = posture(
    STAND, x=-0.06, pitch=-5, spine_pitch=4, arm_flex=(-4, -4), arm_abd=(12, 12), sway=0.4,
    z=HIP_HEIGHT - 0.012,
)  # fmt: skip
HALF_DOWN_WALL: F64 = posture(
    AGAINST_WALL, x=-0.085, z=0.30, pitch=-8, spine_pitch=12, neck_pitch=10, arm_flex=(16, 12), arm_abd=(16, 18),
    elbow=(30, 26), foot_x=(0.16, 0.19), knee_out=(10, 8), sway=0.3,
)  # fmt: skip
DOWN_WALL: F64 = posture(
    HALF_DOWN_WALL, x=-0.085, z=0.068, pitch=-12, spine_pitch=20, neck_pitch=26, neck_roll=10, arm_flex=(18, 10),
    arm_abd=(18, 22), elbow=(36, 30), foot_x=(0.30, 0.36), foot_pitch=(-12, -16), foot_z=(0.046, 0.046),
    foot_yaw=(14, -12), sway=0.25,
)  # fmt: skip


def lie_on(seat: float) -> tuple[F64, F64]:
    """From sitting on the edge of a bed, `seat` body heights high, to lying on it, the head to one's left.

    Returns:
        On the way there, with the legs just over the edge; and lying on the back.
    """
    swinging = posture(
        x=-0.29, y=0.0, z=seat + 0.060, heading=-45, pitch=-42, spine_pitch=18, neck_pitch=16,
        arm_flex=(-12, -12), arm_abd=(34, 30), elbow=(58, 50), foot_x=(-0.03, -0.10), foot_y=(-0.24, -0.30),
        foot_z=(seat + 0.075, seat + 0.065), foot_yaw=(-45, -45), foot_pitch=(-30, -30), knee_out=(4, 4), sway=0.3,
    )  # fmt: skip
    lying = posture(
        x=-0.34, y=0.06, z=seat + 0.066, heading=-90, pitch=-86, spine_pitch=4, neck_pitch=10,
        arm_flex=(8, 10), arm_abd=(14, 16), arm_twist=(30, 30), elbow=(24, 30), foot_x=(-0.28, -0.40),
        foot_y=(-0.415, -0.42), foot_z=(seat + 0.045, seat + 0.045), foot_yaw=(-80, -100), foot_pitch=(-60, -58),
        knee_out=(8, 8), sway=0.25,
    )  # fmt: skip
    return swinging, lying
