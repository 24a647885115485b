"""A room where nobody is, 1280x720 at 5 frames/s: what it costs to watch it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from benchmarks.single import frames
from pipeline.core.ports import Picture
from pipeline.video.files import VideoFile
from pipeline.video.open import open_source

SCENE = "sim://ward?people=1&seed=3&seconds=1&fps=5&width=1280&height=720"
FPS, CLIP_S, TIMES = 5, 30, 24
WARM_S = 420
"""So long nobody was there when the measuring begins."""

BIT_RATE = FPS * 80_000
"""80 kbit a picture: those of a camera that is set to 2 Mbit/s at 25 pictures a second."""


class _Looped:
    """A clip again and again, as one long recording."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def pictures(self) -> Iterator[Picture]:
        """All of it, `TIMES` times."""
        for again in range(TIMES):
            for picture in VideoFile(self._path).pictures():
                pts_us = picture.pts_us + again * CLIP_S * 1_000_000
                yield picture._replace(seq=picture.seq + again * CLIP_S * FPS, pts_us=pts_us)


def run() -> dict[str, float]:
    """Share of one core that is spent on decoding, on the stages without the detector's model, and on that model."""
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as folder:
        spent = list(frames(_Looped(_clip(Path(folder)))))[WARM_S * FPS :]
    seconds = len(spent) / FPS
    decode, model = (sum(frame[name] for frame in spent) / seconds for name in ("decode", "detect model"))
    whole = sum(s for frame in spent for name, s in frame.items() if not name.endswith(" model")) / seconds
    return {"decode": decode, "stages": whole - decode - model, "model": model, "whole": whole}


def _clip(folder: Path) -> Path:
    """The empty room of a scene with the noise of a camera: two levels, as in a room with the light on."""
    path = folder / "empty.mp4"
    first = next(iter(open_source(SCENE).pictures())).pixels
    noise = np.random.default_rng(3)
    noisy = [np.clip(first + noise.normal(0, 2, first.shape), 0, 255).astype(np.uint8) for _ in range(7)]
    with av.open(str(path), "w") as file:
        limits = {"preset": "veryfast", "maxrate": str(BIT_RATE), "bufsize": str(2 * BIT_RATE)}
        stream = file.add_stream("libx264", rate=FPS, options=limits)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 1280, 720, "yuv420p", BIT_RATE
        for k in range(FPS * CLIP_S):
            file.mux(stream.encode(VideoFrame.from_ndarray(noisy[k % len(noisy)], format="bgr24")))
        file.mux(stream.encode(None))
    return path
