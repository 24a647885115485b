"""Writing pictures into an H.264 video file that any player opens."""

from __future__ import annotations

import errno
import math
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.core.errors import ConfigError
from pipeline.core.types import U8

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")

_TIME_BASE = Fraction(1, 90_000)
# As x264 names them: 20 is visually clean for hard edges such as thin limbs; veryfast costs a third of medium.
_ENCODER = {"crf": "20", "preset": "veryfast"}
_BT601 = 6


def check_target(path: Path) -> None:
    """Raises ConfigError where no video can be written to `path`, for those who have long work before they write."""
    if path.suffix.lower() not in SUFFIXES:
        raise ConfigError(
            f"{path}: cannot write a video with the suffix '{path.suffix}'", hint=f"use one of {', '.join(SUFFIXES)}"
        )
    _claim(path, _part_of(path))
    _part_of(path).unlink()


class VideoWriter:
    """Writes pictures with their own times; the file appears under its name only when it is whole.

    Use it in a `with` block: an exception inside leaves no file behind.

    Args:
        path: Where to; the suffix chooses the container.
        width, height: Pixels of the video. Odd sizes get one more column or row, a picture of another size is fitted
            in with black bars.
        fps: Nominal pictures a second.
    """

    def __init__(self, path: Path | str, width: int, height: int, fps: float) -> None:
        self.path = Path(path)
        check_target(self.path)
        if width < 1 or height < 1 or not (math.isfinite(fps) and fps > 0):
            raise ConfigError(f"video of {width}x{height} pixels at {fps} fps, expected numbers above 0")
        self._size = (width + width % 2, height + height % 2)
        self._part = _part_of(self.path)
        self._last_pts = -1
        self._step = max(round(1 / fps / _TIME_BASE), 1)
        _claim(self.path, self._part)
        self._container = av.open(f"file:{self._part}", "w", options=self._container_options())
        self._stream = self._add_stream(fps)

    def write(self, pixels: U8, pts_us: int) -> None:
        """Add one (H, W, 3) uint8 BGR picture at `pts_us` microseconds; times must grow."""
        frame = VideoFrame.from_ndarray(_fitted(pixels, *self._size), format="bgr24")
        pts = round(pts_us * 1e-6 / _TIME_BASE)
        if pts <= self._last_pts:
            raise ValueError(f"picture at {pts_us} us is not later than the one before")
        frame.pts, frame.time_base, self._last_pts = pts, _TIME_BASE, pts
        try:
            self._container.mux(self._stream.encode(frame))
        except FFmpegError as error:
            raise _failed(self.path, error) from error

    def close(self) -> None:
        """Finish the file and put it in its place."""
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
            self._part.replace(self.path)
        except OSError as error:
            self.discard()
            raise _failed(self.path, error) from error

    def discard(self) -> None:
        """Leave no file behind."""
        try:
            self._container.close()
        finally:
            self._part.unlink(missing_ok=True)

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _container_options(self) -> dict[str, str]:
        # Players in a browser start before the file has arrived when its index stands first.
        return {} if self.path.suffix.lower() == ".mkv" else {"movflags": "+faststart"}

    def _add_stream(self, fps: float) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001), options=_ENCODER)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = _TIME_BASE
        context.thread_type = "FRAME"
        # What the conversion from BGR makes; without the tag players take BT.709 for large pictures.
        context.colorspace = _BT601
        return stream


def _part_of(path: Path) -> Path:
    """Where the video is written until it is whole."""
    return path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix.lower()}")


def _claim(path: Path, part: Path) -> None:
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder")
        part.touch()
    except OSError as error:
        raise _failed(path, error) from error


def _failed(path: Path, error: OSError | FFmpegError) -> ConfigError:
    if isinstance(error, FileNotFoundError):
        return ConfigError(
            f"{path} cannot be written: there is no folder {path.parent}", hint="make it, or choose another folder"
        )
    hints = {errno.ENOSPC: "free some space there, or choose another folder", errno.EISDIR: "choose another name"}
    hint = hints.get(error.errno or 0, "choose another folder, or make this one writable")
    return ConfigError(f"{path} cannot be written: {error.strerror or error}", hint=hint)


def _fitted(pixels: U8, width: int, height: int) -> U8:
    """The picture in a frame of `width` x `height`: as it is, with its edge repeated once, or scaled with bars."""
    h, w = pixels.shape[:2]
    if (w, h) == (width, height):
        return np.ascontiguousarray(pixels)
    if (w + w % 2, h + h % 2) == (width, height):
        return np.pad(pixels, ((0, height - h), (0, width - w), (0, 0)), mode="edge")
    scale = min(width / w, height / h)
    w, h = max(round(w * scale), 1), max(round(h * scale), 1)
    canvas = np.zeros((height, width, 3), dtype=np.uint8)
    left, top = (width - w) // 2, (height - h) // 2
    canvas[top : top + h, left : left + w] = cv2.resize(pixels, (w, h), interpolation=cv2.INTER_AREA)
    return canvas
