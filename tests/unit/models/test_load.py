from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.core.errors import ModelError
from pipeline.models import find, load_models
from pipeline.models.blazepose import BlazePoseDetector, BlazePoseEstimator
from pipeline.models.fake import FakeDetector, FakeEstimator

NOWHERE = Path("no-folder-of-models")


@dataclass(frozen=True)
class Choice:
    name: str | None = None
    path: Path | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Choices:
    detector: Choice = field(default_factory=lambda: Choice("blazepose-detector"))
    pose: Choice = field(default_factory=lambda: Choice("blazepose-full"))
    threads: int = 1


def test_bundled_models_are_loaded_by_name() -> None:
    detector, estimator = load_models(Choices(), NOWHERE)

    assert isinstance(detector, BlazePoseDetector)
    assert isinstance(estimator, BlazePoseEstimator)


def test_fake_models_need_no_file() -> None:
    detector, estimator = load_models(Choices(Choice("fake"), Choice("fake")), NOWHERE)

    assert isinstance(detector, FakeDetector)
    assert isinstance(estimator, FakeEstimator)


def test_model_of_another_task_is_refused() -> None:
    with pytest.raises(ModelError, match="blazepose-full is for pose, not for detect"):
        load_models(Choices(detector=Choice("blazepose-full")), NOWHERE)


def test_file_is_checked_against_the_hash_that_was_asked_for() -> None:
    path = find("blazepose-detector", NOWHERE)

    with pytest.raises(ModelError, match=r"its sha256 is 9ba9dd3d.*, expected 0000"):
        load_models(Choices(detector=Choice(path=path, sha256="0" * 64)), NOWHERE)
