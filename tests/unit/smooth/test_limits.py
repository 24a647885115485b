from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.skeletons import SKELETONS
from stages.smooth.limits import bent_too_far
from tests.unit.smooth.smoothing import index

KEYPOINTS = len(SKELETONS["blazepose33"])


def arm(flexion: float, turn: float) -> np.ndarray:
    """A body in metres whose left elbow is bent by so many degrees, the arm turned about the vertical by `turn`."""
    world = np.full((1, KEYPOINTS, 3), np.nan, np.float32)
    angle = np.radians(flexion)
    world[0, index("left_shoulder")] = (0.0, -0.5, 0.0)
    world[0, index("left_elbow")] = (0.0, -0.2, 0.0)
    forward = 0.25 * np.array([np.sin(angle) * np.cos(turn), np.cos(angle), np.sin(angle) * np.sin(turn)])
    world[0, index("left_wrist")] = world[0, index("left_elbow")] + forward
    return world


@pytest.mark.parametrize("turn", [0.0, 1.0, np.pi / 2])
@pytest.mark.parametrize("flexion", [0, 90, 145, 158])
def test_what_people_can_bend_is_possible(flexion: float, turn: float) -> None:
    assert bent_too_far(arm(flexion, turn), "blazepose33") is None


@pytest.mark.parametrize("turn", [0.0, 1.0, np.pi / 2])
def test_far_end_of_a_joint_that_is_bent_too_far_is_to_blame(turn: float) -> None:
    blamed = bent_too_far(arm(170, turn), "blazepose33")

    assert blamed is not None
    assert np.flatnonzero(blamed[0]).tolist() == [index("left_wrist")]


def test_without_metres_there_is_no_verdict() -> None:
    assert bent_too_far(np.zeros((2, 0, 3), np.float32), "blazepose33") is None
    assert bent_too_far(np.full((2, KEYPOINTS, 3), np.nan, np.float32), "blazepose33") is None
