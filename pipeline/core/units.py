"""Units of storage: what is rounded to before it is sent, so that record, row and replay input are the same."""

from __future__ import annotations

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F32, F64, I16

SCORE_UNIT = 1 / 1000
ANGLE_UNIT_DEG = 1 / 10
WORLD_UNIT_M = 1 / 1000
INT16_UNSEEN = -32768
INT16_MOST = 32767


def units_per_pixel(width: int, height: int) -> int:
    """How finely a pixel is stored: 8 per pixel, fewer only for frames whose edge would leave an int16."""
    return 8 if max(width, height) <= 4000 else 4 if max(width, height) <= 8000 else 2


def rounded(values: F32, unit: float | F64) -> F32:
    """`values` rounded to multiples of `unit` (a power of two, or the reciprocal of an integer); NaN stays.

    There is one zero and one NaN, so that within the range of int16 reading value -> int16 -> value gives the same
    float32 again, to the bit.
    """
    return rounded_to(values, units_in_one(unit))


def units_in_one(unit: float | F64) -> F32:
    """1 / `unit`, which is an integer, to the bit."""
    scale: F32 = np.rint(1 / np.asarray(unit)).astype(np.float32)
    return scale


def rounded_to(values: F32, units: F32) -> F32:
    """`rounded` for whoever rounds each frame: `units` is what `units_in_one` gave."""
    result: F32 = values * units
    np.rint(result, out=result)
    result += _ZERO  # -0.0 becomes 0.0
    result /= units
    unseen = np.isnan(result)
    if any_of(unseen):
        result[unseen] = np.nan
    return result


# Without axes: numpy takes it in half the time of a number.
_ZERO = np.array(0, np.float32)


def to_int16(values: F32, unit: float) -> I16:
    """Values in units of storage as int16; NaN becomes INT16_UNSEEN, what lies outside is clipped to the range."""
    scaled = np.rint(values * np.float32(round(1 / unit)))
    clipped: I16 = np.where(np.isnan(scaled), INT16_UNSEEN, np.clip(scaled, -INT16_MOST, INT16_MOST)).astype(np.int16)
    return clipped


def from_int16(stored: I16, unit: float) -> F32:
    """The inverse of `to_int16`: float32, INT16_UNSEEN becomes NaN."""
    values: F32 = stored.astype(np.float32) / np.float32(round(1 / unit))
    values[stored == INT16_UNSEEN] = np.nan
    return values
