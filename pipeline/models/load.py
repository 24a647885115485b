"""Makes the detector and the estimator that the configuration names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from pipeline.core.errors import ModelError
from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.models.fake import FakeDetector, FakeEstimator
from pipeline.models.kinds import BLAZEPOSE, DETECTORS, ESTIMATORS, make_detector, make_estimator
from pipeline.models.zoo import Entry, checked, entry, find, sha256_of

FAKE = "fake"
"""Name of the models that see painted marks: for tests and for load without inference."""


class Choice(Protocol):
    """A model by name, or by file, its kind and its hash."""

    @property
    def name(self) -> str | None:
        """Name in the zoo, or None."""
        ...

    @property
    def path(self) -> Path | None:
        """A file, or None."""
        ...

    @property
    def kind(self) -> str | None:
        """Of the file: a key of `DETECTORS` or `ESTIMATORS`; None means BlazePose."""
        ...

    @property
    def size(self) -> int | None:
        """Side of the pictures where the model leaves it open; None chooses."""
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
    def lighter(self) -> Choice | None:
        """Finds keypoints while there is not the time for `pose`, or None."""
        ...

    @property
    def threads(self) -> int:
        """Threads of each model; 0 chooses."""
        ...


def load_models(choices: Choices, home: Path) -> tuple[PersonDetector, PoseEstimator]:
    """The detector and the estimator. Raises ModelError for a file that is absent or not the right one."""
    cores = os.cpu_count() or 1
    threads = choices.threads or detector_threads(cores)
    detector = load_detector(choices.detector, home, threads=threads)
    return detector, load_estimator(choices.pose, home, threads=choices.threads or estimator_threads(cores))


def load_lighter(choices: Choices, home: Path) -> PoseEstimator | None:
    """The lighter estimator where one is named. Raises ModelError."""
    if choices.lighter is None:
        return None
    return load_estimator(choices.lighter, home, threads=choices.threads or estimator_threads(os.cpu_count() or 1))


def check_names(choices: Choices) -> None:
    """Raises ModelError where a name is that of no model, or of one for another task."""
    for choice, task in ((choices.detector, "detect"), (choices.pose, "pose"), (choices.lighter, "pose")):
        if choice is not None and choice.name is not None and choice.name != FAKE:
            _named(choice.name, task)


def identity(choices: Choices) -> str:
    """What tells these models from others: names of the zoo, files with the beginning of their hash."""
    return " and ".join(_identity(choice) for choice in (choices.detector, choices.pose))


def _identity(choice: Choice) -> str:
    if choice.path is None:
        return str(choice.name)
    return f"{choice.path.name} ({choice.kind or BLAZEPOSE}, {sha256_of(choice.path)[:8]})"


def load_detector(choice: Choice, home: Path, *, threads: int) -> PersonDetector:
    """What finds people. Raises ModelError."""
    if choice.name == FAKE:
        return FakeDetector()
    kind, path, size = _resolved(choice, "detect", home, DETECTORS)
    return make_detector(kind, path, size=size, threads=threads)


def load_estimator(choice: Choice, home: Path, *, threads: int) -> PoseEstimator:
    """What finds keypoints. Raises ModelError."""
    if choice.name == FAKE:
        return FakeEstimator()
    kind, path, size = _resolved(choice, "pose", home, ESTIMATORS)
    return make_estimator(kind, path, size=size, threads=threads)


def estimator_threads(cores: int) -> int:
    """Threads of the pose model: every person of every frame waits for it, so it gets all cores, but no more than 4."""
    return min(4, cores)


def detector_threads(cores: int) -> int:
    """Threads of the detector, which has little to do and works beside the pose model: half of the others."""
    return max(1, estimator_threads(cores) // 2)


def _named(name: str, task: str) -> Entry:
    model = entry(name)
    if model.task != task:
        raise ModelError(f"the model {name} is for {model.task}, not for {task}", hint="posebus models ls")
    return model


def _resolved(choice: Choice, task: str, home: Path, kinds: Iterable[str]) -> tuple[str, Path, int | None]:
    """Kind, file and size of what is chosen."""
    if choice.name is not None:
        model = _named(choice.name, task)
        return model.kind, find(choice.name, home), choice.size or model.size
    if choice.path is None:
        raise ModelError(f"no model for {task} is named", hint="name one of posebus models ls, or a path")
    if choice.kind is None and choice.path.suffix == ".onnx":
        known = ", ".join(kind for kind in kinds if kind != BLAZEPOSE)
        raise ModelError(f"{choice.path}: its kind is not named", hint=f"add `kind`, one of {known}, beside `path`")
    try:
        choice.path.open("rb").close()
    except OSError as error:
        raise ModelError(
            f"{choice.path}: cannot be read ({error.strerror})", hint="correct `path` in the configuration"
        ) from error
    if choice.sha256 is not None:
        checked(choice.path, choice.sha256, hint="correct `sha256` in the configuration, or the file")
    return choice.kind or BLAZEPOSE, choice.path, choice.size
