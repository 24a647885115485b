"""How long the models take on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.core.types import U8
from pipeline.models.load import Choice, load_detector, load_estimator

BATCHES = (1, 2, 4, 8)
"""Pictures that are given at once."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One model with so many threads.

    Attributes:
        model: Its name, or its file's.
        task: Finds people, or finds their keypoints.
        size: Side of its pictures, pixels.
        threads: Of the runtime.
        ms: Milliseconds a picture, by the number of pictures given at once: the median of rounds, with everything from
            bytes to keypoints or boxes.
        cpu_ms: The same of the processor, all cores together.
    """

    model: str
    task: str
    size: int
    threads: int
    ms: dict[int, float]
    cpu_ms: dict[int, float]


def timings(
    model: str, task: str, choice: Choice, home: Path, picture: U8, *, threads: Sequence[int], frames: int
) -> Iterator[Timing]:
    """Measure one model, for each number of threads.

    Args:
        model: What it is called.
        task: `detect` or `pose`.
        choice: Where it is.
        home: Folder of models and state.
        picture: (S, S, 3) uint8 BGR with a person; it is brought to the model's size.
        threads: Numbers of threads.
        frames: Pictures of each measurement, at least one batch.
    """
    for count in threads:
        look: Callable[[U8], object]
        made: PersonDetector | PoseEstimator
        if task == "detect":
            made = detector = load_detector(choice, home, threads=count)
            look = detector.detect
        else:
            made = estimator = load_estimator(choice, home, threads=count)
            look = estimator.estimate
        ms, cpu_ms = {}, {}
        for batch in BATCHES:
            pictures = np.repeat(_sampled(picture, made.size)[None], batch, axis=0)
            ms[batch], cpu_ms[batch] = _measured(look, pictures, max(1, frames // batch))
        yield Timing(model, task, made.size, count, ms, cpu_ms)


def _sampled(picture: U8, size: int) -> U8:
    """The picture at another size, by its nearest pixels."""
    place = np.arange(size) * len(picture) // size
    return picture[place[:, None], place[None, :]]


def _measured(look: Callable[[U8], object], pictures: U8, rounds: int) -> tuple[float, float]:
    """Milliseconds a picture, by the clock and by the processor."""
    look(pictures)  # what is made at first use is made
    walls, cpus = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        look(pictures)
        walls.append((time.perf_counter() - wall) * 1e3)
        cpus.append((time.process_time() - cpu) * 1e3)
    return median(walls) / len(pictures), median(cpus) / len(pictures)
