"""Bodies: how long the segments of one person are, and how stout it is."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from pipeline.core.types import F64

# Drillis & Contini (1966), as in Winter, Biomechanics and Motor Control of Human Movement, fig. 4.1: segment
# lengths as fractions of the standing height. Ankle, knee, hip, shoulder, chin and eyes stand at 0.039, 0.285,
# 0.530, 0.818, 0.870 and 0.936 of the height.
ANKLE_HEIGHT = 0.039
SHANK = 0.246
THIGH = 0.245
TRUNK = 0.288
UPPER_ARM = 0.186
FOREARM = 0.146
HAND = 0.108
FOOT = 0.152
HIP_HEIGHT = ANKLE_HEIGHT + SHANK + THIGH

# Breadths in that table are outer ones. The centres of the hips lie 14 % of the distance of the iliac spines inside
# these (Bell et al., 1989), about 0.10 of the height apart; those of the shoulders some 2 cm inside the acromia, which
# are 0.228 of the height apart (Gordon et al., 2012, ANSUR II).
HIP_HALF = 0.050
SHOULDER_HALF = 0.114 - 0.012

# Heights of adults in Europe by sex, women first: mean and deviation in metres, rounded (NCD-RisC, 2016).
_HEIGHTS = ((1.65, 0.055), (1.78, 0.06))


@dataclass(frozen=True, slots=True)
class Body:
    """One person's measures, metres.

    Attributes:
        height_m: Standing height without shoes.
        stoutness: Radius of limbs and trunk over that of an average body of this height.
        broad_shoulders: 0 (as the hips) to 1.
    """

    height_m: float
    stoutness: float
    broad_shoulders: float
    thigh_m: float
    shank_m: float
    trunk_m: float
    shoulder_half_m: float
    hip_half_m: float
    upper_arm_m: float
    forearm_m: float
    hand_m: float
    foot_m: float
    ankle_m: float

    @property
    def lengths(self) -> F64:
        """(11,) height and segment lengths in the order that `kinematics` unpacks."""
        return np.array(
            [
                self.height_m, self.thigh_m, self.shank_m, self.trunk_m, self.shoulder_half_m, self.hip_half_m,
                self.upper_arm_m, self.forearm_m, self.hand_m, self.foot_m, self.ankle_m,
            ]
        )  # fmt: skip


def draw_body(random: np.random.Generator) -> Body:
    """A person drawn from the population.

    Height, build, and segments above the hips that differ by some 2 % from the table.
    """
    man = int(random.integers(2))
    mean, deviation = _HEIGHTS[man]
    height = float(np.clip(random.normal(mean, deviation), 1.50, 1.98))
    vary = iter(np.clip(random.normal(1.0, 0.02, size=7), 0.95, 1.05))
    shoulders = (0.93, 1.03)[man]
    return Body(
        height_m=height,
        stoutness=float(np.clip(random.normal(1.0, 0.09), 0.85, 1.25)),
        broad_shoulders=float(man),
        # Legs are as the table says: postures are written in body heights and must reach the floor.
        thigh_m=THIGH * height,
        shank_m=SHANK * height,
        trunk_m=TRUNK * height * float(next(vary)),
        shoulder_half_m=SHOULDER_HALF * height * shoulders * float(next(vary)),
        hip_half_m=HIP_HALF * height * float(next(vary)),
        upper_arm_m=UPPER_ARM * height * float(next(vary)),
        forearm_m=FOREARM * height * float(next(vary)),
        hand_m=HAND * height * float(next(vary)),
        foot_m=FOOT * height * float(next(vary)),
        ankle_m=ANKLE_HEIGHT * height,
    )


def of_build(body: Body, build: str) -> Body:
    """The same person of another build: one of `parameters.BODIES`, `any` = as drawn."""
    if build in ("slim", "stout"):
        return replace(body, stoutness=0.85 if build == "slim" else 1.35)
    if build in ("short", "tall"):
        scale = (1.50 if build == "short" else 1.95) / body.height_m
        return replace(body, **{f.name: getattr(body, f.name) * scale for f in fields(body) if f.name.endswith("_m")})
    return body
