"""Where the time of a frame goes: CPU milliseconds of each part, one thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.single import frames
from pipeline.video.files import VideoFile

WARM = 60


def run(clip: Path) -> Mapping[str, float]:
    """Mean CPU milliseconds a frame of the parts of the pipeline; the stages with a model without it."""
    spent = list(frames(VideoFile(clip)))[WARM:]
    mean = {name: 1000 * sum(frame[name] for frame in spent) / len(spent) for name in spent[0]}
    for name in ("detect", "pose"):
        mean[name] -= mean[f"{name} model"]
    return mean
