"""Small clips made on the spot: each picture carries its number, and a red corner that shows which way is up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from pipeline.core.types import U8

BITS = 6


def picture(number: int, width: int = 96, height: int = 64) -> U8:
    """Left upper quarter red; in the lower half `number` as BITS bright and dark columns."""
    pixels = np.full((height, width, 3), 128, dtype=np.uint8)
    pixels[: height // 2, : width // 2] = (30, 30, 220)
    edges = np.linspace(0, width, BITS + 1).astype(int)
    for bit in range(BITS):
        pixels[height // 2 :, edges[bit] : edges[bit + 1]] = 225 if number >> bit & 1 else 25
    return pixels


def number_of(pixels: U8) -> int:
    """The number that an upright picture carries."""
    height, width = pixels.shape[:2]
    edges = np.linspace(0, width, BITS + 1)
    centres = ((edges[:-1] + edges[1:]) / 2).astype(int)
    columns = pixels[height * 3 // 4, centres].mean(axis=1) > 125
    return int((columns << np.arange(BITS)).sum())


def write_clip(
    path: Path,
    *,
    codec: str = "libx264",
    frames: int = 20,
    fps: int = 25,
    size: tuple[int, int] = (96, 64),
    pix_fmt: str = "yuv420p",
    times_ms: Sequence[int] | None = None,
    rotation: tuple[int, bool, bool] | None = None,
    container: str | None = None,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    sound: bool = False,
    colorspace: int | None = None,
) -> Path:
    """A clip of `frames` pictures at `fps`, or at `times_ms`; gives its path."""
    with av.open(str(path), "w", format=container, options=dict(container_options or {})) as output:
        stream = output.add_stream(codec, rate=fps, options=dict(options or {}))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        if colorspace is not None:
            stream.codec_context.colorspace = colorspace
        if times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(*rotation)
        noise = output.add_stream("aac", rate=8000) if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="bgr24")
            if colorspace is not None:
                frame = frame.reformat(format=pix_fmt, dst_colorspace=colorspace)
            if times_ms is not None:
                frame.pts, frame.time_base = times_ms[number], Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        if noise is not None:
            _mux_sound(output, noise)
    return path


def write_sound(path: Path) -> Path:
    """A file with sound only."""
    with av.open(str(path), "w") as output:
        _mux_sound(output, output.add_stream("aac", rate=8000))
    return path


def cut(path: Path, share: float) -> Path:
    """The first part of a file, in a file beside it."""
    content = path.read_bytes()
    shorter = path.with_name(f"cut_{path.name}")
    shorter.write_bytes(content[: round(len(content) * share)])
    return shorter


def _mux_sound(output: av.container.OutputContainer, stream: av.AudioStream) -> None:
    for _ in range(8):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))
