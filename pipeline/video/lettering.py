"""Writing short texts on pictures."""

from __future__ import annotations

import unicodedata

import cv2
import numpy as np

from pipeline.core.types import U8
from pipeline.video.palette import DARK, Colour

_FONT = cv2.FONT_HERSHEY_SIMPLEX
# From version 5 on OpenCV writes Unicode; before, each byte beyond ASCII became a question mark.
_UNICODE = int(cv2.__version__.split(".")[0]) >= 5
_PAD, _BAR = 0.55, 0.35


def text_size(text: str, height: float) -> tuple[int, int]:
    """Width of `text` in pixels and the height of its capital letters, when these are to be `height` high."""
    (width, _), _ = cv2.getTextSize(_written(text), _FONT, _scale(height), _thickness(height))
    return int(width), round(height)


def write(pixels: U8, text: str, left: float, baseline: float, height: float, colour: Colour) -> None:
    """Write into `pixels` with capital letters `height` pixels high."""
    place = (round(left), round(baseline))
    cv2.putText(pixels, _written(text), place, _FONT, _scale(height), colour, _thickness(height), cv2.LINE_AA)


def plate_size(text: str, height: float) -> tuple[int, int]:
    """Width and height in pixels of the plate that `plate` draws."""
    return round(text_size(text, height)[0] + (2 * _PAD + _BAR) * height), round((1 + 2 * _PAD) * height)


def plate(
    pixels: U8,
    text: str,
    left: int,
    top: int,
    height: float,
    colour: Colour,
    bar: Colour | None = None,
    alpha: float = 1.0,
) -> None:
    """Write on a dark, half transparent plate, moved to lie inside the picture.

    Args:
        pixels: (H, W, 3) uint8 BGR, changed in place.
        text: One line.
        left, top: Corner of the plate.
        height: Of capital letters.
        colour: Of the letters.
        bar: Colour of a bar at the plate's left edge, None for no bar.
        alpha: How much of it all is seen, in [0, 1].
    """
    wide, tall = plate_size(text, height)
    full_height, full_width = pixels.shape[:2]
    x, y = max(min(left, full_width - wide), 0), max(min(top, full_height - tall), 0)
    part = pixels[y : y + tall, x : x + wide]
    layer = np.full_like(part, DARK)
    cv2.addWeighted(part, 0.3, layer, 0.7, 0, dst=layer)
    if bar is not None:
        layer[:, : max(round(_BAR * height), 2)] = bar
    write(layer, text, (_PAD + _BAR * (bar is not None)) * height, (_PAD + 1) * height, height, colour)
    cv2.addWeighted(layer, alpha, part, 1 - alpha, 0, dst=part)


def _written(text: str) -> str:
    return text if _UNICODE else unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _scale(height: float) -> float:
    # Capitals of this font are 22 pixels high at scale 1.
    return max(height, 5.0) / 22


def _thickness(height: float) -> int:
    return max(1, round(height / 11))
