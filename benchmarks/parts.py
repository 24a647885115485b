"""Where the time of a frame goes: CPU milliseconds of each part, one thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.single import frames
from pipeline.video.files import VideoFile

WARM = 60


def run(clip: Path) -> Mapping[str, float]:
    """Mean CPU milliseconds a frame of the parts of the pipeline; the stages with a model without it. `own` is what the
    bare loop has not: all but decoding and the models.
    """
    spent = list(frames(VideoFile(clip)))[WARM:]
    mean = {name: 1000 * sum(frame[name] for frame in spent) / len(spent) for name in spent[0]}
    for name in ("detect", "pose"):
        mean[name] -= mean[f"{name} model"]
    return mean | {"own": sum(mean.values()) - _of_bare(mean)}


def bound(spent: Mapping[str, float]) -> float:
    """Frames/s over those of the bare loop, if both kept all cores as busy."""
    return _of_bare(spent) / (_of_bare(spent) + spent["own"])


def _of_bare(spent: Mapping[str, float]) -> float:
    return spent["decode"] + spent["detect model"] + spent["pose model"]
