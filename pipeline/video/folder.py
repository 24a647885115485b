"""Folders of images as sources of pictures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.ports import Picture, SourceInfo
from pipeline.core.types import U8
from pipeline.video.container import unreadable
from pipeline.video.damage import DamagedSource
from pipeline.video.fingerprint import joint_fingerprint

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
DEFAULT_FPS = 25.0

# First bytes of a format, and what stands near the end of a whole file: decoders fill what is missing with grey.
_MARKS = ((b"\xff\xd8", b"\xff\xd9"), (b"\x89PNG", b"IEND"))


class ImageFolder:
    """The images of a folder in natural order of their names: `shot9.png` before `shot10.png`.

    Image i of the folder is at i / fps seconds. One that cannot be read is left out, its time stays empty, and after
    the last picture a DamagedSource names it. Sizes may differ.

    Args:
        path: The folder; its subfolders and hidden files are not looked at.
        fps: Images a second.
    """

    def __init__(self, path: Path | str, fps: float = DEFAULT_FPS) -> None:
        if not (math.isfinite(fps) and fps > 0):
            raise ConfigError(f"fps is {fps}, expected a number above 0")
        self.path = Path(path)
        self.fps = fps

    @cached_property
    def info(self) -> SourceInfo:
        """What is known before reading; the first image is decoded for its size."""
        first = next(self.pictures())
        height, width = first.pixels.shape[:2]
        files = self._files()
        return SourceInfo(
            name=self.path.resolve().name,
            kind="folder",
            fingerprint=joint_fingerprint(files),
            width=width,
            height=height,
            fps=self.fps,
            frames=len(files),
        )

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """All pictures from number `start` on.

        Raises SourceError before the first picture, or DamagedSource after the last one where images were left out.
        """
        seq = 0
        bad: list[Path] = []
        files = self._files()
        for index, file in enumerate(files):
            pixels = _read(file)
            if pixels is None:
                bad.append(file)
                continue
            if seq >= start:
                yield Picture(seq, round(index * 1_000_000 / self.fps), pixels)
            seq += 1
        if not seq:
            raise SourceError(f"{self.path}: none of its {len(files)} images can be read")
        if bad:
            raise DamagedSource(
                f"{self.path}: {len(bad)} of {len(files)} images cannot be read, the first is {bad[0].name}",
                given=seq,
                cut_off=False,
                hint="all others were read; make these anew, or take them out of the folder",
            )

    def _files(self) -> list[Path]:
        try:
            files = [f for f in self.path.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith(".")]
        except OSError as error:
            raise unreadable(self.path, error) from error
        if not files:
            raise SourceError(
                f"{self.path} is a folder without images", hint=f"it is searched for {', '.join(SUFFIXES)}"
            )
        return sorted(files, key=lambda file: _natural(file.name))


def _read(file: Path) -> U8 | None:
    """(H, W, 3) BGR, upright, or None where the image cannot be read or is cut off."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    second_half = content[len(content) // 2 :]
    if not content or any(content.startswith(first) and last not in second_half for first, last in _MARKS):
        return None
    try:
        pixels = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if pixels is None else np.asarray(pixels, dtype=np.uint8)


def _natural(name: str) -> tuple[list[tuple[int, int | str]], str]:
    """A key that sorts runs of digits by their number; the name itself decides between `1.png` and `01.png`."""
    parts = re.findall(r"\d+|\D+", name.lower())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts], name
