"""A room where nobody is, 1280x720 at 5 frames/s: what it costs to watch it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.single import MODELS, frames
from pipeline.video.files import VideoFile
from pipeline.video.open import open_source
from pipeline.video.writer import VideoWriter

SCENE = "sim://ward?people=1&seed=3&seconds=1&fps=5&width=1280&height=720"
FPS, SECONDS, WARM_S = 5, 90, 10


def run() -> dict[str, float]:
    """Share of one core that is spent on decoding and on the stages."""
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as folder:
        spent = list(frames(VideoFile(_clip(Path(folder)))))[WARM_S * FPS :]
    decode = sum(frame["decode"] for frame in spent)
    models = {f"{name} model" for name in MODELS}
    whole = sum(seconds for frame in spent for name, seconds in frame.items() if name not in models)
    return {"decode": decode / (SECONDS - WARM_S), "stages": (whole - decode) / (SECONDS - WARM_S)}


def _clip(folder: Path) -> Path:
    """The empty room of a scene with the noise of a camera: two levels, as in a room with the light on."""
    path = folder / "empty.mp4"
    first = next(iter(open_source(SCENE).pictures())).pixels
    noise = np.random.default_rng(3)
    noisy = [np.clip(first + noise.normal(0, 2, first.shape), 0, 255).astype(np.uint8) for _ in range(7)]
    with VideoWriter(path, 1280, 720, FPS) as writer:
        for k in range(FPS * SECONDS):
            writer.write(noisy[k % len(noisy)], k * 1_000_000 // FPS)
    return path
