"""The clips that whole pipelines are measured on: simulated people, 1280x720, 30 frames/s, H.264."""

from __future__ import annotations

from pathlib import Path

from pipeline.video.open import open_source
from pipeline.video.writer import VideoWriter

SCENE = "sim://gym?people={people}&seed=3&seconds={seconds}&fps=30&width=1280&height=720"


def make_clip(folder: Path, seconds: int, people: int = 1) -> Path:
    """Write the clip, unless it is there. Gives its path."""
    path = folder / f"people-{people}-{seconds}s.mp4"
    if not path.exists():
        source = open_source(SCENE.format(people=people, seconds=seconds))
        with VideoWriter(path, 1280, 720, 30) as writer:
            for picture in source.pictures():
                writer.write(picture.pixels, picture.pts_us)
    return path
