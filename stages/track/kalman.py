"""Constant-velocity Kalman filter of boxes, over T tracks at once, with steps in seconds.

The filter of SORT and ByteTrack (Bewley et al., 2016) with width and height for its box. Its noises are the same
for the four coordinates, in units of the person's size. So the 8 x 8 covariance of the papers falls into four equal
2 x 2 blocks (a coordinate and its velocity). One is kept, as its three different numbers: symmetric by its form.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.core.types import F64, Floats


class Noise(NamedTuple):
    """Standard deviations in sizes (see `TrackOptions`)."""

    measure: float
    drift: float
    acceleration: float
    start_speed: float


def start(boxes: F64, noise: Noise) -> tuple[F64, F64]:
    """Mean (N, 8) and covariance (N, 3) of tracks that begin at the `boxes` (N, 4: centre x, y, width, height)."""
    size2 = size_of(boxes) ** 2
    mean = np.concatenate((boxes, np.zeros_like(boxes)), axis=1)
    # Twice the noise of a measurement, as in the code of DeepSORT.
    spread = np.array([4 * noise.measure**2, 0.0, noise.start_speed**2])
    return mean, size2[:, None] * spread


def predict(mean: F64, covariance: F64, dt_s: float, noise: Noise) -> tuple[F64, F64]:
    """Mean and covariance `dt_s` >= 0 later: continuous white noise on velocity (acceleration) and position (drift)."""
    size2 = size_of(mean)
    size2 *= size2
    moved = mean.copy()
    box, shape = moved[:, :4], moved[:, 2:4]
    box += mean[:, 4:] * dt_s
    np.maximum(shape, _LEAST_PX, out=shape)
    drift, acceleration = noise.drift**2 * dt_s, noise.acceleration**2 * dt_s
    grown = covariance.copy()
    of_place, of_both, of_velocity = grown.T
    step = of_velocity * dt_s
    growth = of_both + of_both
    growth += step
    growth *= dt_s
    of_place += growth
    of_both += step
    grown += size2[:, None] * (drift + acceleration * dt_s**2 / 3, acceleration * dt_s / 2, acceleration)
    return moved, grown


_LEAST_PX = np.array(1.0)


def update(mean: F64, covariance: F64, boxes: F64, noise: Noise) -> tuple[F64, F64]:
    """Mean and covariance after the `boxes` (T, 4) were measured."""
    measure = size_of(boxes)
    measure *= noise.measure
    measure *= measure
    # Of a coordinate and of its velocity.
    gain = covariance[:, :2] / (covariance[:, :1] + measure[:, None])
    surprise = boxes - mean[:, :4]
    new_mean = mean + (gain[:, :, None] * surprise[:, None, :]).reshape(mean.shape)
    new_covariance = np.empty_like(covariance)
    np.subtract(covariance[:, 2], gain[:, 1] * covariance[:, 1], out=new_covariance[:, 2])
    np.multiply(gain, measure[:, None], out=new_covariance[:, :2])
    return new_mean, new_covariance


def distance2(mean: F64, covariance: F64, centres: Floats, noise: Noise) -> F64:
    """(T, N) squared Mahalanobis distance of each track's predicted centre to each of the `centres` (N, 2)."""
    total = size_of(mean)
    total *= noise.measure
    total *= total
    total += covariance[:, 0]
    way = mean[:, None, :2] - centres
    way *= way
    result: F64 = way[:, :, 0] + way[:, :, 1]
    result /= total[:, None]
    return result


def size_of(boxes: F64) -> F64:
    """(N,) the longer side: it stays about the same when a person bends, falls or stretches out an arm."""
    result: F64 = np.maximum(boxes[:, 2], boxes[:, 3])
    return result
