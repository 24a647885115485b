from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core import keypoints
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64
from tests.unit.core_maths import strategies

SIGMA = np.array(SKELETONS["coco17"].oks_sigma)


@given(strategies.bodies())
@settings(max_examples=40)
def test_oks_of_a_pose_with_itself_is_one(a: F64) -> None:
    likeness = np.diag(keypoints.oks(a, a, np.full(len(a), 5e4), SIGMA))

    visible = ~np.isnan(a[:, :, 0]).all(axis=1)
    np.testing.assert_allclose(likeness[visible], 1.0, rtol=1e-12)
    assert np.isnan(likeness[~visible]).all()


@given(strategies.bodies(), strategies.bodies(), st.floats(1e3, 1e5))
@settings(max_examples=40)
def test_oks_is_between_zero_and_one_and_symmetric_for_equal_areas(a: F64, b: F64, area: float) -> None:
    ab = keypoints.oks(a, b, np.full(len(a), area), SIGMA)
    ba = keypoints.oks(b, a, np.full(len(b), area), SIGMA)

    np.testing.assert_allclose(ab, ba.T, atol=1e-12)
    assert ((ab >= 0) & (ab <= 1) | np.isnan(ab)).all()


@given(strategies.bodies(), st.floats(0, 100), st.floats(0, 100))
@settings(max_examples=40)
def test_oks_falls_with_distance_and_grows_with_slack(a: F64, near: float, further: float) -> None:
    area = np.full(len(a), 5e4)

    def moved(by: float, slack: float = 0.0) -> F64:
        return np.diag(keypoints.oks(a, a + np.array([by, 0.0]), area, SIGMA, slack))

    assert not (moved(near + further) > moved(near) + 1e-12).any()
    assert not (moved(near, slack=20.0) < moved(near) - 1e-12).any()


def test_oks_of_one_keypoint_follows_the_formula() -> None:
    a, b = np.array([[[0.0, 0.0]]]), np.array([[[3.0, 4.0]]])

    value = keypoints.oks(a, b, np.array([400.0]), np.array([0.1]))

    np.testing.assert_allclose(value, np.exp(-25 / (2 * 400 * 0.2**2)))


def test_box_is_around_seen_keypoints_only() -> None:
    points = np.array([[[1, 2, 0], [5, 9, 0], [100, 100, 0]], [[np.nan] * 3] * 3], np.float32)
    mask = keypoints.seen(points, np.array([[0.9, 0.5, 0.05], [0.9, 0.9, 0.9]], np.float32), 0.1)

    box = keypoints.box_of_keypoints(points, mask)

    assert mask.tolist() == [[True, True, False], [False] * 3]
    assert box[0].tolist() == [1, 2, 5, 9]
    assert np.isnan(box[1]).all()


def test_bone_lengths_in_three_dimensions() -> None:
    points = np.array([[[0.0, 0, 0], [2, 3, 6], [np.nan, 0, 0]]])

    lengths = keypoints.bone_lengths(points, np.array([[0, 1], [1, 2]]))

    assert lengths[0, 0] == 7
    assert np.isnan(lengths[0, 1])
