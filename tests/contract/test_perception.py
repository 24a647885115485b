from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from pipeline.core.skeletons import SKELETONS
from tests.contract import eyes as makers
from tests.contract.eyes import Eyes, boxes_hold

PERSON = (240.0, 250.0, 380.0)

cached = cache(makers.make)
cached_published = cache(makers.make_published)


@pytest.fixture(params=[*makers.NAMES, *makers.PUBLISHED])
def eyes(request: pytest.FixtureRequest) -> Eyes:
    if request.param in makers.PUBLISHED:
        return cached_published(request.param, request.getfixturevalue("published_models"))
    return cached(request.param)


def different_people() -> list[tuple[float, float, float]]:
    return [(160.0 + 20 * i, 240.0 + 4 * i, 300.0 + 10 * i) for i in range(8)]


def test_detector_finds_the_person_and_where_the_hips_are(eyes: Eyes) -> None:
    scale = 480 / eyes.detector.size

    (found,) = eyes.detector.detect(eyes.small(PERSON)[None])

    assert found.xyxy.dtype == found.score.dtype == found.region.dtype == np.float32
    assert found.xyxy.shape == found.region.shape == (1, 4)
    assert 0.5 <= found.score[0] <= 1
    assert boxes_hold(found.xyxy * scale, 240, 250 - 0.43 * 380)
    x, y, side, rotation = found.region[0] * (scale, scale, scale, 1)
    # The model means the hips within a tenth of the stature, and takes a circle about the whole body.
    assert np.hypot(x - 240, y - 250) < 0.1 * 380
    assert 1.0 * 380 < side < 1.8 * 380
    assert abs(rotation) < 0.2


def test_detector_finds_two_people(eyes: Eyes) -> None:
    (found,) = eyes.detector.detect(eyes.small((120, 240, 260), (350, 250, 280))[None])

    assert len(found.score) == 2
    assert sorted(found.region[:, 0] * 480 / eyes.detector.size) == pytest.approx([120, 350], abs=30)
    assert list(found.score) == sorted(found.score, reverse=True)


def test_detector_finds_nobody_in_an_empty_room(eyes: Eyes) -> None:
    (found,) = eyes.detector.detect(eyes.small()[None])

    assert found.xyxy.shape == found.region.shape == (0, 4)
    assert found.score.shape == (0,)


def test_detector_takes_no_pictures(eyes: Eyes) -> None:
    size = eyes.detector.size

    assert len(eyes.detector.detect(np.zeros((0, size, size, 3), dtype=np.uint8))) == 0


def test_detection_is_the_same_alone_and_among_others(eyes: Eyes) -> None:
    pictures = np.stack([eyes.small(person) for person in different_people()])

    together = eyes.detector.detect(pictures)

    for picture, found in zip(pictures, together, strict=True):
        (alone,) = eyes.detector.detect(picture[None])
        assert alone.xyxy.tobytes() == found.xyxy.tobytes()
        assert alone.score.tobytes() == found.score.tobytes()
        assert alone.region.tobytes() == found.region.tobytes()


def test_estimator_finds_the_keypoints(eyes: Eyes) -> None:
    scale = 470 / eyes.estimator.size
    index = SKELETONS[eyes.estimator.skeleton].index

    estimated = eyes.estimator.estimate(eyes.crop(PERSON)[None])

    keypoints = len(SKELETONS[eyes.estimator.skeleton])
    assert estimated.keypoints.shape == (1, keypoints, 3)
    assert estimated.keypoint_score.shape == (1, keypoints)
    assert estimated.world.shape in ((1, keypoints, 3), (1, 0, 3))
    assert {estimated.keypoints.dtype, estimated.keypoint_score.dtype, estimated.world.dtype} == {np.dtype(np.float32)}
    assert 0.5 <= estimated.score[0] <= 1
    points = estimated.keypoints[0, :, :2] * scale + (240 - 235, 250 - 235)
    for name, x, y in (
        ("nose", 0, 0.42),
        ("left_shoulder", 0.12, 0.28),
        ("right_hip", -0.055, 0),
        ("left_knee", 0.065, -0.24),
    ):
        # A mannequin is not quite a person: the models are off by up to a twentieth of the stature.
        assert points[index[name]] == pytest.approx((240 + x * 380, 250 - y * 380), abs=0.06 * 380), name


def test_estimator_says_where_to_look_next(eyes: Eyes) -> None:
    scale = 470 / eyes.estimator.size
    shifted = eyes.crop(PERSON, centre=(225, 235))

    estimated = eyes.estimator.estimate(shifted[None])

    x, y, side, rotation = estimated.region[0] * (scale, scale, scale, 1) + (225 - 235, 235 - 235, 0, 0)
    assert np.hypot(x - 240, y - 250) < 0.1 * 380
    assert 1.0 * 380 < side < 1.8 * 380
    assert abs(rotation) < 0.2


def test_estimator_sees_no_person_in_an_empty_room(eyes: Eyes) -> None:
    assert eyes.estimator.estimate(eyes.crop()[None]).score[0] < 0.5


def test_estimator_takes_no_crops(eyes: Eyes) -> None:
    size, keypoints = eyes.estimator.size, len(SKELETONS[eyes.estimator.skeleton])

    estimated = eyes.estimator.estimate(np.zeros((0, size, size, 3), dtype=np.uint8))

    assert estimated.keypoints.shape == (0, keypoints, 3)
    assert estimated.region.shape == (0, 4)


def test_estimate_is_the_same_alone_and_among_others(eyes: Eyes) -> None:
    crops = np.stack([eyes.crop(person) for person in different_people()])

    together = eyes.estimator.estimate(crops)

    for i, crop in enumerate(crops):
        alone = eyes.estimator.estimate(crop[None])
        for name in ("keypoints", "keypoint_score", "world", "score", "region"):
            assert getattr(alone, name)[0].tobytes() == getattr(together, name)[i].tobytes(), name
