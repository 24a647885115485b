"""Folders of painted pictures in which the fake models see a person who walks and falls."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

from pipeline.models.fake import paint_person

CONFIG = "models: {detector: fake, pose: fake}\nembedded: {cut_s: 0.05}\n"
FPS = 25
_FALLS_S, _LIES_S = 3.0, 3.6


def painted(folder: Path, frames: int, *, walk: float = 0.15, height: int = 240) -> str:
    """Paint `frames` pictures, 25 a second: the person walks right, `walk` widths a second, and falls at 3 s."""
    folder.mkdir()
    width, body = height * 4 // 3, height * 0.23
    for number in range(frames):
        t = number / FPS
        path = folder / f"{number:05}.png"
        if t > _LIES_S + 1 / FPS:
            os.link(folder / f"{number - 1:05}.png", path)
            continue
        picture = np.full((height, width, 3), 128, dtype=np.uint8)
        down = float(np.clip((t - _FALLS_S) / (_LIES_S - _FALLS_S), 0.0, 1.0))
        x = width * (0.2 + walk * min(t, _FALLS_S))
        y = height * (0.5 + 0.3 * down)
        angle = down * np.pi / 2
        paint_person(picture, (x, y), (x + body * np.sin(angle), y - body * np.cos(angle)))
        cv2.imwrite(str(path), picture, (cv2.IMWRITE_PNG_COMPRESSION, 1))
    return str(folder)
