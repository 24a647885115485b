"""What can be set on the smooth stage; sizes are the longer side of a person's box, so that no value is in pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pipeline.core.errors import ConfigError

Filter = Literal["one_euro", "ema", "kalman"]


@dataclass(frozen=True, slots=True)
class SmoothOptions:
    """Options of the smooth stage. World metres are measured in sizes of 1.7 m."""

    filter: Filter = "one_euro"
    """one_euro: strong at rest, quick in motion. ema: always the same. kalman: follows steady motion without lag."""

    min_cutoff_hz: float = 0.5
    """One Euro: cut-off at rest. Hz, > 0. Found as its paper (Casiez et al., 2012) says: first this, with the speed of
    rest, lowered until of white noise on someone standing still less than 0.3 is left at 25 frames/s."""

    beta: float = 40.0
    """One Euro: how much the cut-off grows with speed. Hz per size/s, >= 0. Then this, raised until angles in motion
    are within 4 degrees: a sine of 0.15 sizes at 1 Hz lags 9 ms, of 0.12 at 0.5 Hz 17 ms, of 0.05 at 1 Hz 25 ms."""

    rest_speed: float = 0.18
    """One Euro, an addition to its paper: so much of the speed is noise and does not raise the cut-off. Sizes/s, >= 0.
    White noise of 0.0066 sizes at 25 frames/s looks like it: what the bundled model errs by from frame to frame at the
    wrists (benchmarks/pose_noise.py), its worst joints."""

    derivative_cutoff_hz: float = 2.0
    """One Euro: cut-off of the speed. Hz, > 0. With the 1 Hz of the paper it wakes too late for a repetition."""

    ema_s: float = 0.1
    """EMA: time constant, which is also the lag behind a steady motion. Seconds, > 0."""

    kalman_noise: float = 0.01
    """Kalman: standard deviation of a measured coordinate. Sizes, > 0. About 2 cm."""

    kalman_acceleration: float = 1.5
    """Kalman: standard deviation of a keypoint's acceleration. Sizes/s^2, > 0. 2.5 m/s^2: the trunk of a walker."""

    seen_score: float = 0.1
    """A keypoint below this counts as not seen. [0, 1]. BlazePose still places a limb behind the body well at 0.2."""

    full_score: float = 0.5
    """From this score on a keypoint is trusted fully; below, in proportion. (0, 1]."""

    doubt_trust: float = 0.1
    """Trust in a doubtful keypoint, and the least trust in any. (0, 1]."""

    fill_s: float = 0.3
    """A keypoint out of sight stays where it was on the moving body for this long, flagged FILLED, then it is NaN.
    Seconds, >= 0. Within it a walking limb moves less than half a stride (0.5 s)."""

    reset_s: float = 0.5
    """After a gap longer than this a keypoint begins anew, without memory. Seconds, > 0."""

    forget_s: float = 5.0
    """People out of sight for longer are forgotten. Seconds, >= reset_s."""

    max_speed: float = 7.0
    """A keypoint that is faster is doubtful. Sizes/s, > 0. 12 m/s: hands in a punch, feet in a sprint."""

    bone_excess: float = 1.6
    """A bone is impossible when it looks longer than this times its share of the stature. > 1. A limb 0.7 m nearer to a
    camera at 2 m looks 1.5 times as long."""

    swap_acceleration: float = 20.0
    """A limb that leaves its course by more than this explains may have been swapped left for right. Sizes/s^2, > 0.
    The foot of a walker is accelerated by up to 35 m/s^2."""

    swap_s: float = 0.3
    """A swap that lasts longer is believed to be the truth. Seconds, >= 0. Ten frames at 30/s; on the wrong side for as
    long as that is what a wrong repair costs."""

    def __post_init__(self) -> None:
        if self.filter not in get_args(Filter):
            raise ConfigError(f"smooth: filter is {self.filter!r}, expected one of {', '.join(get_args(Filter))}")
        for name in (
            *("min_cutoff_hz", "derivative_cutoff_hz", "ema_s", "kalman_noise", "kalman_acceleration", "full_score"),
            *("doubt_trust", "reset_s", "max_speed", "swap_acceleration"),
        ):
            if not getattr(self, name) > 0:
                raise ConfigError(f"smooth: {name} is {getattr(self, name)}, must be above 0")
        for name in ("beta", "rest_speed", "seen_score", "fill_s", "swap_s"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"smooth: {name} is {getattr(self, name)}, must not be below 0")
        for name in ("seen_score", "full_score", "doubt_trust"):
            if not getattr(self, name) <= 1:
                raise ConfigError(f"smooth: {name} is {getattr(self, name)}, must not be above 1")
        if not self.bone_excess > 1:
            raise ConfigError(f"smooth: bone_excess is {self.bone_excess}, must be above 1")
        if not self.fill_s <= self.reset_s <= self.forget_s:
            raise ConfigError(
                f"smooth: fill_s {self.fill_s}, reset_s {self.reset_s} and forget_s {self.forget_s} "
                "must grow in this order"
            )
