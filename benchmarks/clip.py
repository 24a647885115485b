"""The clips that whole pipelines are measured on: simulated people, 1280x720 by default, 30 frames/s, H.264."""

from __future__ import annotations

from pathlib import Path

from pipeline.video.open import open_source
from pipeline.video.writer import VideoWriter

SCENE = "sim://gym?people={people}&seed=3&seconds={seconds}&fps=30&width={width}&height={height}"


def make_clip(folder: Path, seconds: int, people: int = 1, size: tuple[int, int] = (1280, 720)) -> Path:
    """Write the clip, unless it is there. Gives its path.

    Args:
        size: Width and height, pixels.
    """
    width, height = size
    path = folder / f"people-{people}-{height}p-{seconds}s.mp4"
    if not path.exists():
        source = open_source(SCENE.format(people=people, seconds=seconds, width=width, height=height))
        with VideoWriter(path, width, height, 30) as writer:
            for picture in source.pictures():
                writer.write(picture.pixels, picture.pts_us)
    return path
