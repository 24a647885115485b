"""Video files as sources of pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from pipeline.core.errors import ConfigError
from pipeline.core.ports import Picture, SourceInfo
from pipeline.video.clock import PictureClock, Thinning
from pipeline.video.container import no_picture, nominal_fps, opened
from pipeline.video.damage import DamagedSource
from pipeline.video.decode import Damage, Decoding, ToBgr, turn_of
from pipeline.video.fingerprint import fingerprint
from pipeline.video.orientation import swaps_sides


class VideoFile:
    """Pictures of a video file, in any container and codec that FFmpeg reads.

    The size of the pictures may change on the way. Times come from the file, from 0 at the first picture, and are made
    to grow where they do not (see `PictureClock`).

    Args:
        path: The file.
        fps: Keep at most so many pictures a second, by time; None keeps all.
    """

    def __init__(self, path: Path | str, fps: float | None = None) -> None:
        if fps is not None and not (math.isfinite(fps) and fps > 0):
            raise ConfigError(f"fps is {fps}, expected a number above 0")
        self.path = Path(path)
        self.fps = fps

    @cached_property
    def info(self) -> SourceInfo:
        """What is known before reading; the first picture is decoded to see that there is one."""
        with opened(self.path) as (container, stream):
            first = next(Decoding(container, stream).frames(), None)
            if first is None:
                raise no_picture(self.path)
            width, height = first[0].width, first[0].height
            if swaps_sides(turn_of(first[0])):
                width, height = height, width
            rate = nominal_fps(stream)
            kept = float(rate) if self.fps is None else min(float(rate), self.fps)
            frames = stream.frames or None
            if frames is None and container.duration:
                frames = round(container.duration / 1_000_000 * rate)
            return SourceInfo(
                name=self.path.name,
                kind="file",
                fingerprint=fingerprint(self.path),
                width=width,
                height=height,
                fps=kept,
                frames=None if frames is None else math.ceil(frames * kept / float(rate)),
            )

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """All pictures from number `start` on; those before are decoded but not converted.

        Raises SourceError before the first picture, or DamagedSource after the last one that could be read.
        """
        with opened(self.path) as (container, stream):
            decoding = Decoding(container, stream)
            step_us = round(1_000_000 / nominal_fps(stream))
            clock, thinning = PictureClock(step_us), Thinning(self.fps, step_us)
            to_bgr = ToBgr(self.path)
            seq = 0
            for frame, file_us in decoding.frames():
                pts_us = clock.next(file_us)
                if not thinning.keeps(pts_us):
                    continue
                if seq >= start:
                    yield Picture(seq, pts_us, to_bgr(frame))
                seq += 1
            if not seq:
                raise no_picture(self.path)
            self._report(decoding.damage, given=seq)

    def _report(self, damage: Damage, given: int) -> None:
        if damage.cut:
            raise DamagedSource(
                f"{self.path} is cut off after picture {given}: {damage.cut}",
                given=given,
                cut_off=True,
                hint="all pictures before were read; copy the file again for the rest",
            )
        if damage.lost:
            raise DamagedSource(
                f"{self.path} is damaged: {damage.lost} of its packets could not be decoded, "
                f"the first at {damage.first_lost_s:.1f} s",
                given=given,
                cut_off=False,
                hint="all other pictures were read; copy the file again if it was whole elsewhere",
            )
