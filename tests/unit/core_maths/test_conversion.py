from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from pipeline.core.conversion import convert
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32
from tests.builders import figure

NAMES = sorted(SKELETONS)


def sample(name: str, dimensions: int = 3) -> tuple[F32, F32]:
    chance = np.random.default_rng(7)
    k = len(SKELETONS[name])
    return (
        chance.uniform(0, 900, (2, k, dimensions)).astype(np.float32),
        chance.uniform(0.1, 1, (2, k)).astype(np.float32),
    )


@pytest.mark.parametrize(("there", "back"), list(product(NAMES, NAMES)))
def test_shared_names_survive_the_round_trip_to_the_bit(there: str, back: str) -> None:
    a, b = SKELETONS[there], SKELETONS[back]
    points, score = sample(there)

    middle, middle_score = convert(points, score, a, b)
    again, again_score = convert(middle, middle_score, b, a)

    for name in set(a.keypoints) & set(b.keypoints):
        np.testing.assert_array_equal(middle[:, b.index[name]], points[:, a.index[name]])
        np.testing.assert_array_equal(again[:, a.index[name]], points[:, a.index[name]])
        np.testing.assert_array_equal(again_score[:, a.index[name]], score[:, a.index[name]])


@pytest.mark.parametrize(("source", "target"), list(product(NAMES, NAMES)))
def test_what_cannot_be_known_is_nan_with_score_zero(source: str, target: str) -> None:
    points, score = sample(source)

    converted, converted_score = convert(points, score, SKELETONS[source], SKELETONS[target])

    unknown = np.isnan(converted[:, :, 0])
    assert (np.isnan(converted).any(axis=2) == unknown).all()
    assert ((converted_score == 0) == unknown).all()
    assert not unknown[:, SKELETONS[target].indices("left_shoulder", "right_ankle")].any()


def test_neck_and_middle_of_hips_are_computed() -> None:
    source, target = SKELETONS["coco17"], SKELETONS["body25"]
    points, score = sample("coco17", dimensions=2)

    converted, converted_score = convert(points, score, source, target)

    for name, parents in (("neck", "shoulder"), ("mid_hip", "hip")):
        left, right = source.indices(f"left_{parents}", f"right_{parents}")
        np.testing.assert_allclose(converted[:, target.index[name]], points[:, [left, right]].mean(axis=1), rtol=1e-6)
        expected = score[:, [left, right]].min(axis=1)
        np.testing.assert_array_equal(converted_score[:, target.index[name]], expected)


def test_tip_of_foot_is_big_toe_and_back() -> None:
    blazepose, halpe = SKELETONS["blazepose33"], SKELETONS["halpe26"]
    points, score = sample("blazepose33")

    there, there_score = convert(points, score, blazepose, halpe)
    again, _ = convert(there, there_score, halpe, blazepose)

    toes, tips = halpe.indices("left_big_toe"), blazepose.indices("left_foot_index")
    np.testing.assert_array_equal(there[:, toes], points[:, tips])
    np.testing.assert_array_equal(again[:, tips], points[:, tips])
    assert np.isnan(there[:, halpe.indices("head")]).all()


def test_nobody_converts_to_nobody() -> None:
    points, score = sample("coco133")

    converted, converted_score = convert(points[:0], score[:0], SKELETONS["coco133"], SKELETONS["blazepose33"])

    assert converted.shape == (0, 33, 3)
    assert converted_score.shape == (0, 33)


@pytest.mark.parametrize("name", NAMES)
def test_skeleton_is_whole(name: str) -> None:
    skeleton = SKELETONS[name]

    assert len(set(skeleton.keypoints)) == len(skeleton.oks_sigma) == len(skeleton)
    assert (skeleton.mirrored[skeleton.mirrored] == np.arange(len(skeleton))).all()
    assert {end for edge in skeleton.edges for end in edge} <= set(skeleton.keypoints)
    assert set(SKELETONS["coco17"].keypoints) <= set(skeleton.keypoints)


def test_numbers_of_skeletons_are_their_own() -> None:
    assert len({skeleton.number for skeleton in SKELETONS.values()}) == len(SKELETONS)


def test_face_of_whole_body_mirrors_as_published() -> None:
    # COCO-WholeBody: pairs of face points that change places in a mirror, by their numbers in the 68.
    pairs = {0: 16, 7: 9, 8: 8, 17: 26, 21: 22, 27: 27, 31: 35, 36: 45, 37: 44, 38: 43, 39: 42, 40: 47, 41: 46}
    pairs |= {48: 54, 49: 53, 51: 51, 55: 59, 56: 58, 60: 64, 61: 63, 65: 67, 66: 66}
    mirrored = SKELETONS["coco133"].mirrored

    assert {a: int(mirrored[23 + a]) - 23 for a in pairs} == pairs


def test_left_is_to_the_right_of_the_picture_for_who_faces_the_camera() -> None:
    body = figure("coco17")
    left, right = SKELETONS["coco17"].indices("left_hip", "right_hip")

    assert body[left, 0] > body[right, 0]
