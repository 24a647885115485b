"""Small clips in the codecs of cameras; each picture shows its own number."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from pipeline.core.types import U8

FPS = 10
PICTURES = 40
GOP = 10
SIZE = (320, 192)
_BITS = 8
_RATE = 48_000


def picture(number: int, width: int = SIZE[0], height: int = SIZE[1]) -> U8:
    """(height, width, 3) a moving gradient below a row of `_BITS` black and white fields that say the number."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    base = (x + 2 * y + 7 * number) % 256
    pixels = np.stack((base, np.flip(base, axis=1), (base + 90) % 256), axis=2).astype(np.uint8)
    # Noise makes packets of the size that a real camera sends.
    noise = np.random.default_rng(number).integers(0, 24, (height // 4, width // 4, 1), dtype=np.uint8)
    pixels = pixels // 2 + np.kron(noise, np.ones((4, 4, 1), dtype=np.uint8))
    side = width // _BITS
    for bit in range(_BITS):
        pixels[: height // 6, bit * side : (bit + 1) * side] = 235 if number >> bit & 1 else 20
    return pixels


def number_of(pixels: U8) -> int:
    """The number that a picture shows."""
    height, width = pixels.shape[:2]
    side = width // _BITS
    band = pixels[height // 24 : height // 8]
    return sum(
        int(band[:, bit * side + side // 4 : (bit + 1) * side - side // 4].mean() > 128) << bit for bit in range(_BITS)
    )


def write(
    path: Path,
    codec: str = "libx264",
    *,
    pictures: int = PICTURES,
    fps: float = FPS,
    size: tuple[int, int] = SIZE,
    b_frames: int = 0,
    gop: int = GOP,
    audio: bool = False,
    first: int = 0,
    frames: Sequence[U8] | None = None,
) -> Path:
    """A clip. A raw `.h264` file has no times."""
    form = "h264" if path.suffix == ".h264" else None
    with av.open(str(path), "w", format=form) as out:
        options = (
            {"preset": "ultrafast"} if codec.startswith("libx26") else {"qmin": "3", "qmax": "3", "huffman": "default"}
        )
        if codec == "libx265":
            options["x265-params"] = (
                f"log-level=none:bframes={b_frames}:keyint={gop}:min-keyint={gop}:scenecut=0:pools=none:frame-threads=1"
            )
        if codec == "libx264":
            options |= {"x264-params": f"bframes={b_frames}:b-adapt=0:keyint={gop}:min-keyint={gop}:scenecut=0"}
        video = out.add_stream(codec, rate=Fraction(fps).limit_denominator(1001), options=options)
        shown = [picture(first + i, *size) for i in range(pictures)] if frames is None else frames
        video.height, video.width = shown[0].shape[:2]
        video.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        # Sliced threads would make two slices of each picture.
        video.codec_context.thread_type = "FRAME"
        sound = out.add_stream("aac", rate=_RATE, layout="mono") if audio else None
        for pixels in shown:
            out.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        out.mux(video.encode(None))
        if sound is not None:
            _add_sound(out, sound, pictures / fps)
    return path


def _add_sound(out: av.container.OutputContainer, stream: av.AudioStream, seconds: float) -> None:
    wave = np.sin(np.arange(int(_RATE * seconds)) * 0.05).astype(np.float32) * 0.1
    for begin in range(0, len(wave) - 1024, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, begin : begin + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = _RATE, begin
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))
