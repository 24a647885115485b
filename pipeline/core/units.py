"""Units of storage: what is rounded to before it is sent, so that record, row and replay input are the same."""

from __future__ import annotations

import numpy as np

from pipeline.core.types import F32, I16

SCORE_UNIT = 1 / 1000
ANGLE_UNIT_DEG = 1 / 10
WORLD_UNIT_M = 1 / 1000
INT16_UNSEEN = -32768


def units_per_pixel(width: int, height: int) -> int:
    """How finely a pixel is stored: 8 per pixel, fewer only for frames whose edge would leave an int16."""
    return 8 if max(width, height) <= 4000 else 4 if max(width, height) <= 8000 else 2


def rounded(values: F32, unit: float) -> F32:
    """`values` rounded to multiples of `unit` (a power of two, or the reciprocal of an integer); NaN stays.

    Rounding goes through integers, so that reading value -> int16 -> value gives the same float32 again.
    """
    scale = np.float32(round(1 / unit))
    result: F32 = np.rint(values * scale).astype(np.float32) / scale
    return result


def to_int16(values: F32, unit: float) -> I16:
    """Values in units of storage as int16; NaN becomes INT16_UNSEEN, what lies outside is clipped to the range."""
    scaled = np.rint(values * np.float32(round(1 / unit)))
    clipped: I16 = np.clip(np.nan_to_num(scaled, nan=0.0), INT16_UNSEEN + 1, 32767).astype(np.int16)
    clipped[np.isnan(values)] = INT16_UNSEEN
    return clipped


def from_int16(stored: I16, unit: float) -> F32:
    """The inverse of `to_int16`: float32, INT16_UNSEEN becomes NaN."""
    values: F32 = stored.astype(np.float32) / np.float32(round(1 / unit))
    values[stored == INT16_UNSEEN] = np.nan
    return values
