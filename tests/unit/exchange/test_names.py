from __future__ import annotations

import pytest

from pipeline.core.errors import SourceError
from pipeline.core.skeletons import SKELETONS
from pipeline.exchange.names import plain_name, skeleton_of


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("nose", "nose"),
        ("NOSE", "nose"),
        ("left_shoulder", "left_shoulder"),
        ("LEFT_EYE_INNER", "left_eye_inner"),
        ("RShoulder", "right_shoulder"),
        ("Rshoulder", "right_shoulder"),
        ("RWrist", "right_wrist"),
        ("LAnkle", "left_ankle"),
        ("leftKnee", "left_knee"),
        ("shoulder_right", "right_shoulder"),
        ("right-hip", "right_hip"),
        ("MidHip", "mid_hip"),
        ("LBigToe", "left_big_toe"),
        ("RSmallToe", "right_small_toe"),
        ("mouth_left", "mouth_left"),
        ("MOUTH_RIGHT", "mouth_right"),
        ("right_foot_index", "right_foot_index"),
        ("left_pinky", "left_pinky"),
    ],
)
def test_spellings_of_others(theirs: str, ours: str) -> None:
    assert plain_name(theirs) == ours


def test_our_own_names_stay() -> None:
    body = [name for s in ("blazepose33", "coco17", "halpe26", "body25") for name in SKELETONS[s].keypoints]

    assert [plain_name(name) for name in body] == body


def test_the_smallest_skeleton_that_has_all() -> None:
    assert skeleton_of(["nose", "left_knee"], None, "a") == "coco17"
    assert skeleton_of(["nose", "left_knee"], None, "a", depth=True) == "blazepose33"
    assert skeleton_of(["neck", "left_knee"], None, "a") == "body25"
    assert skeleton_of(["nose", "left_knee"], "halpe26", "a") == "halpe26"
    with pytest.raises(SourceError, match="the skeleton coco17 has no keypoint neck"):
        skeleton_of(["neck"], "coco17", "a")
    with pytest.raises(SourceError, match="no skeleton has all"):
        skeleton_of(["neck", "left_pinky"], None, "a")
