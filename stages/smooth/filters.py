"""Filters of N people x K keypoints x C coordinates at once, each keypoint with its own time step.

Each takes the last value and rate (per second), the measured value, the time since the last measurement `dt_s`
(N, K, 1), the trust in it (N, K, 1) in (0, 1] and the size of the person in the unit of each coordinate (N, 1, C), and
gives the new value and rate. NaN goes through.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.core.types import F32
from stages.smooth.options import SmoothOptions

Step = Callable[[F32, F32, F32, F32, F32, F32], tuple[F32, F32]]


def filter_of(options: SmoothOptions) -> Step:
    """The filter that the options name."""
    if options.filter == "ema":
        return _ema(options)
    if options.filter == "kalman":
        return _kalman(options)
    return _one_euro(options)


def _one_euro(options: SmoothOptions) -> Step:
    """One Euro filter (Casiez et al., 2012, eq. 3-6), speed in sizes per second."""
    # Without axes: numpy takes these in half the time of numbers.
    derivative = np.array(2 * np.pi * options.derivative_cutoff_hz, np.float32)
    at_rest = np.array(2 * np.pi * options.min_cutoff_hz, np.float32)
    beta = np.array(2 * np.pi * options.beta, np.float32)
    rest_speed = np.array(options.rest_speed, np.float32) if options.rest_speed else None
    one = np.array(1, np.float32)

    def step(value: F32, rate: F32, measured: F32, dt_s: F32, trust: F32, size: F32) -> tuple[F32, F32]:
        # alpha(cut-off) = 1 / (1 + tau / dt) with tau = 1 / (2 pi cut-off) is w / (1 + w) with w = 2 pi cut-off dt.
        w = derivative * dt_s
        difference = measured - value
        new_rate = difference / dt_s
        new_rate -= rate
        new_rate *= w / (one + w)
        new_rate += rate
        w = np.abs(new_rate)
        if rest_speed is not None:
            w -= rest_speed * size
            np.maximum(w, 0, out=w)
        w *= beta / size
        w += at_rest
        w *= dt_s
        new_value = w * trust
        w += one
        new_value /= w
        new_value *= difference
        new_value += value
        return new_value, new_rate

    return step


def _ema(options: SmoothOptions) -> Step:
    """Exponential moving average of time constant `ema_s`."""
    tau = np.float32(options.ema_s)

    def step(value: F32, rate: F32, measured: F32, dt_s: F32, trust: F32, size: F32) -> tuple[F32, F32]:
        moved = (measured - value) * (-np.expm1(-dt_s / tau) * trust)
        return value + moved, moved / dt_s

    return step


def _kalman(options: SmoothOptions) -> Step:
    """Constant-velocity Kalman filter in its steady state: the alpha-beta filter of Kalata (1984), eq. 9-11."""
    index = np.float32(options.kalman_acceleration / options.kalman_noise)

    def step(value: F32, rate: F32, measured: F32, dt_s: F32, trust: F32, size: F32) -> tuple[F32, F32]:
        tracking = index * trust * dt_s * dt_s
        r = (4 + tracking - np.sqrt(8 * tracking + tracking * tracking)) * np.float32(0.25)
        alpha = 1 - r * r
        beta = 2 * (2 - alpha) - 4 * r
        predicted = value + rate * dt_s
        surprise = measured - predicted
        return predicted + alpha * surprise, rate + beta / dt_s * surprise

    return step
