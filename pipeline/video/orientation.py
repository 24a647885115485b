"""Turning pictures upright as the display matrix of their file says."""

from __future__ import annotations

import struct
from typing import Literal

import cv2
import numpy as np

from pipeline.core.types import U8

Turn = Literal["none", "right", "half", "left", "flip_x", "flip_y", "transpose", "transverse"]

# Signs of the matrix (a, b, c, d): the stored point (x, y) is shown at (a x + c y, b x + d y), y down (ISO/IEC
# 14496-12, 6.2.2).
_TURNS: dict[tuple[int, int, int, int], Turn] = {
    (1, 0, 0, 1): "none",
    (0, 1, -1, 0): "right",
    (-1, 0, 0, -1): "half",
    (0, -1, 1, 0): "left",
    (-1, 0, 0, 1): "flip_x",
    (1, 0, 0, -1): "flip_y",
    (0, 1, 1, 0): "transpose",
    (0, -1, -1, 0): "transverse",
}


def turn_of_matrix(matrix: bytes) -> Turn:
    """The turn that a display matrix (nine native int32) asks for; a skewed one counts as the nearest right angle."""
    a, b, _, c, d, *_ = struct.unpack("=9i", matrix)
    if abs(a) + abs(d) >= abs(b) + abs(c):
        b = c = 0
    else:
        a = d = 0
    signs = (_sign(a), _sign(b), _sign(c), _sign(d))
    return _TURNS.get(signs, "none")


def swaps_sides(turn: Turn) -> bool:
    """Whether width becomes height."""
    return turn in ("right", "left", "transpose", "transverse")


def turned(pixels: U8, turn: Turn) -> U8:
    """(H, W, 3) pixels as they are to be shown; the same array where nothing is to be done."""
    match turn:
        case "none":
            return pixels
        case "right":
            return _u8(cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE))
        case "half":
            return _u8(cv2.rotate(pixels, cv2.ROTATE_180))
        case "left":
            return _u8(cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE))
        case "flip_x":
            return _u8(cv2.flip(pixels, 1))
        case "flip_y":
            return _u8(cv2.flip(pixels, 0))
        case "transpose":
            return _u8(cv2.transpose(pixels))
        case "transverse":
            return _u8(cv2.rotate(cv2.transpose(pixels), cv2.ROTATE_180))


def _u8(pixels: object) -> U8:
    return np.asarray(pixels, dtype=np.uint8)


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)
