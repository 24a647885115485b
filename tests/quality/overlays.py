"""Contact sheets: a few moments of each clip with what was seen drawn on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from pipeline.core.ports import Picture
from pipeline.core.types import U8
from pipeline.video import jpeg
from pipeline.video.lettering import write
from pipeline.video.open import open_source
from pipeline.video.overlay import Overlay, OverlayOptions
from pipeline.video.palette import INK, PAPER
from tests.quality.chain import START_US, Seen, pictured

MOMENTS = (0.15, 0.4, 0.65, 0.9)
"""Shares of a clip."""

SIZE = (300, 225)
"""Width and height of a tile, pixels; a picture of another shape has room beside it."""

SCENES = (
    "sim://gym?people=3&exercise=mixed&seed=1002&seconds=16&fps=10",
    "sim://ward?act=fall-left&people=2&seed=1004&seconds=20&fps=10",
    "sim://street?people=5&seed=1003&seconds=16&fps=10",
)
_TITLE = 18
_PLAIN = OverlayOptions(angles=(), header=False)


class Tiles:
    """Takes the frames of a clip in turn, and keeps some with what was seen drawn on them.

    Attributes:
        made: As JPEG.
    """

    def __init__(self, name: str, frames: int) -> None:
        self.made: list[bytes] = []
        self._wanted = {round(share * frames) for share in MOMENTS}
        self._overlay = Overlay(name, _PLAIN)

    def take(self, picture: Picture, seen: Seen) -> None:
        """The next frame."""
        if seen.seq in self._wanted:
            drawn = self._overlay.draw(picture.pixels, START_US + picture.pts_us, seen.motions, seen.measures)
            self.made.append(jpeg.encode(_fitted(drawn)))


def tiles_of(url: str) -> list[bytes]:
    """The tiles of a simulated scene."""
    source = open_source(url)
    tiles = Tiles(url, source.info.frames or 0)
    for picture, seen in pictured(source):
        tiles.take(picture, seen)
    return tiles.made


def sheet(tiles: Mapping[str, Sequence[bytes]]) -> U8:
    """A row for each clip with its name above: (H, W, 3) uint8 BGR."""
    width, height = SIZE
    page = np.empty((max(1, len(tiles)) * (height + _TITLE), len(MOMENTS) * width, 3), np.uint8)
    page[:] = PAPER
    for row, (name, made) in enumerate(tiles.items()):
        top = row * (height + _TITLE)
        write(page, name, 4, top + _TITLE - 5, 11, INK)
        for column, content in enumerate(made[: len(MOMENTS)]):
            page[top + _TITLE : top + _TITLE + height, column * width : (column + 1) * width] = jpeg.decode(content)
    return page


def write_sheet(path: Path, page: U8) -> None:
    """As JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg.encode(page, quality=70))


def _fitted(pixels: U8) -> U8:
    width, height = SIZE
    scale = min(width / pixels.shape[1], height / pixels.shape[0])
    small = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[:height, :width]
    tile = np.empty((height, width, 3), np.uint8)
    tile[:] = PAPER
    tile[: small.shape[0], : small.shape[1]] = small
    return tile
