"""The clip that whole pipelines are measured on: one simulated person, 1280x720, 30 frames/s, H.264."""

from __future__ import annotations

from pathlib import Path

from pipeline.video.open import open_source
from pipeline.video.writer import VideoWriter

SCENE = "sim://gym?people=1&seed=3&seconds={seconds}&fps=30&width=1280&height=720"


def make_clip(folder: Path, seconds: int) -> Path:
    """Write the clip, unless it is there. Gives its path."""
    path = folder / f"one-person-{seconds}s.mp4"
    if not path.exists():
        source = open_source(SCENE.format(seconds=seconds))
        with VideoWriter(path, 1280, 720, 30) as writer:
            for picture in source.pictures():
                writer.write(picture.pixels, picture.pts_us)
    return path
