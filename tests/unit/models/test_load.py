from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest

from pipeline.config.sections import DetectorChoice, PoseChoice
from pipeline.core.errors import ModelError
from pipeline.models import entries, find, load_lighter, load_models
from pipeline.models.blazepose import BlazePoseDetector, BlazePoseEstimator
from pipeline.models.fake import FakeDetector, FakeEstimator
from pipeline.models.heatmap import HeatmapEstimator
from pipeline.models.kinds import DETECTORS, ESTIMATORS
from pipeline.models.movenet import MoveNetEstimator
from pipeline.models.rtmdet import RtmDetDetector
from pipeline.models.yolox import YoloxDetector
from tests.published import LITE, MOVENET, RTMDET, TINYPOSE, YOLOX

NOWHERE = Path("no-folder-of-models")


@dataclass(frozen=True)
class Choice:
    name: str | None = None
    path: Path | None = None
    sha256: str | None = None
    kind: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Choices:
    detector: Choice = field(default_factory=lambda: Choice("blazepose-detector"))
    pose: Choice = field(default_factory=lambda: Choice("blazepose-full"))
    lighter: Choice | None = None
    threads: int = 1


def test_a_lighter_model_is_loaded_where_one_is_named(published_models: Path) -> None:
    assert load_lighter(Choices(), NOWHERE) is None
    lighter = load_lighter(Choices(lighter=Choice(path=published_models / LITE)), NOWHERE)
    assert isinstance(lighter, BlazePoseEstimator)


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


def test_kinds_of_the_configuration_are_those_that_can_be_made() -> None:
    for choice, kinds in ((DetectorChoice, DETECTORS), (PoseChoice, ESTIMATORS)):
        literal, _none = get_args(choice.model_fields["kind"].annotation)
        assert get_args(literal) == tuple(kinds)


def test_published_models_are_loaded_by_path_and_kind(published_models: Path) -> None:
    detector = Choice(path=published_models / RTMDET, kind="rtmdet", size=480)
    pose = Choice(path=published_models / TINYPOSE, kind="heatmap")

    found, estimator = load_models(Choices(detector, pose), NOWHERE)

    assert isinstance(found, RtmDetDetector)
    assert found.size == 480
    assert isinstance(estimator, HeatmapEstimator)
    assert (estimator.size, estimator.skeleton) == (256, "coco17")


@pytest.mark.parametrize(
    ("name", "file", "adapter"),
    [
        ("rtmdet-nano", RTMDET, RtmDetDetector),
        ("yolox-nano", YOLOX, YoloxDetector),
        ("movenet-lightning", MOVENET, MoveNetEstimator),
        ("blazepose-lite", LITE, BlazePoseEstimator),
    ],
)
def test_published_models_are_loaded_by_name_from_the_home(
    published_models: Path, tmp_path: Path, name: str, file: str, adapter: type
) -> None:
    model = entries()[name]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / model.file).symlink_to(published_models / file)

    choices = Choices(detector=Choice(name)) if model.task == "detect" else Choices(pose=Choice(name))

    assert adapter in {type(each) for each in load_models(choices, tmp_path)}


def test_onnx_file_of_unknown_kind_lists_the_kinds(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"own\.onnx: its kind is not named") as caught:
        load_models(Choices(pose=Choice(path=tmp_path / "own.onnx")), NOWHERE)

    assert caught.value.hint == "add `kind`, one of heatmap, simcc, movenet, beside `path`"


def test_kind_of_another_task_is_refused(published_models: Path) -> None:
    with pytest.raises(ModelError, match="no model for detect is of the kind 'heatmap', there is blazepose, rtmdet"):
        load_models(Choices(detector=Choice(path=published_models / TINYPOSE, kind="heatmap")), NOWHERE)


def test_kind_that_the_file_is_not_is_refused(published_models: Path) -> None:
    with pytest.raises(ModelError, match=r"not of the kind yolox; .*dets"):
        load_models(Choices(detector=Choice(path=published_models / RTMDET, kind="yolox")), NOWHERE)
