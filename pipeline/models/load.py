"""Makes the detector and the estimator that the configuration names."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from pipeline.core.errors import ModelError
from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.models.blazepose import BlazePoseDetector, BlazePoseEstimator
from pipeline.models.fake import FakeDetector, FakeEstimator
from pipeline.models.zoo import checked, entry, find

FAKE = "fake"
"""Name of the models that see painted marks: for tests and for load without inference."""


class Choice(Protocol):
    """A model by name, or by file and its hash."""

    @property
    def name(self) -> str | None:
        """Name in the zoo, or None."""
        ...

    @property
    def path(self) -> Path | None:
        """A file of the BlazePose kind, or None."""
        ...

    @property
    def sha256(self) -> str | None:
        """What its hash has to be; None is not checked."""
        ...


class Choices(Protocol):
    """Which models to use."""

    @property
    def detector(self) -> Choice:
        """Finds people."""
        ...

    @property
    def pose(self) -> Choice:
        """Finds keypoints."""
        ...

    @property
    def threads(self) -> int:
        """Threads of each model; 0 chooses."""
        ...


def load_models(choices: Choices, home: Path) -> tuple[PersonDetector, PoseEstimator]:
    """The detector and the estimator. Raises ModelError for a file that is absent or not the right one."""
    cores = os.cpu_count() or 1
    detector: PersonDetector
    estimator: PoseEstimator
    if choices.detector.name == FAKE:
        detector = FakeDetector()
    else:
        detector = BlazePoseDetector(
            _file(choices.detector, "detect", home), threads=choices.threads or detector_threads(cores)
        )
    if choices.pose.name == FAKE:
        estimator = FakeEstimator()
    else:
        estimator = BlazePoseEstimator(
            _file(choices.pose, "pose", home), threads=choices.threads or estimator_threads(cores)
        )
    return detector, estimator


def estimator_threads(cores: int) -> int:
    """Threads of the pose model: every person of every frame waits for it, so it gets all cores, but no more than 4."""
    return min(4, cores)


def detector_threads(cores: int) -> int:
    """Threads of the detector, which has little to do and works beside the pose model: half of the others."""
    return max(1, estimator_threads(cores) // 2)


def _file(choice: Choice, task: str, home: Path) -> Path:
    if choice.name is not None:
        model = entry(choice.name)
        if model.task != task:
            raise ModelError(f"the model {choice.name} is for {model.task}, not for {task}", hint="posebus models ls")
        return find(choice.name, home)
    if choice.path is None:
        raise ModelError(f"no model for {task} is named", hint="name one of posebus models ls, or a path")
    try:
        choice.path.open("rb").close()
    except OSError as error:
        raise ModelError(
            f"{choice.path}: cannot be read ({error.strerror})", hint="correct `path` in the configuration"
        ) from error
    if choice.sha256 is not None:
        checked(choice.path, choice.sha256, hint="correct `sha256` in the configuration, or the file")
    return choice.path
