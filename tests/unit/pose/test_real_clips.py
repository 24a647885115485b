from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.core.records import Record
from pipeline.core.types import U8
from pipeline.core.values import Frame, Image, Poses
from pipeline.models import find
from pipeline.models.blazepose import BlazePoseDetector, BlazePoseEstimator
from stages.detect import DetectOptions, DetectStage
from stages.pose import PoseOptions, PoseStage
from tests.builders import stamp


def frames(path: Path, step: int, count: int) -> Iterator[tuple[float, U8]]:
    if not path.is_file():
        pytest.skip(f"shared data: no {path.name}")
    video = cv2.VideoCapture(str(path))
    fps = video.get(cv2.CAP_PROP_FPS)
    for i in range(step * count):
        there, pixels = video.read()
        if there and i % step == 0:
            yield i / fps, np.asarray(pixels)
    video.release()


def poses_of(path: Path, step: int, count: int) -> list[tuple[float, Poses]]:
    """Detect and pose over the first `count` of every `step`-th frame; everything counts as moving."""
    nowhere = Path("no-folder-of-models")

    def pixels(image: Image) -> U8:
        assert isinstance(image.data, np.ndarray)
        return image.data

    detect = DetectStage(DetectOptions(), BlazePoseDetector(find("blazepose-detector", nowhere)), pixels)
    pose = PoseStage(PoseOptions(), BlazePoseEstimator(find("blazepose-full", nowhere)), pixels)
    looking, following = detect.initial_state("clip"), pose.initial_state("clip")
    seen = []
    for at_s, picture in frames(path, step, count):
        height, width = picture.shape[:2]
        moved = np.array([[0, 0, width, height]], dtype=np.float32)
        frame = Record(stamp(at_s), Frame(Image(width, height, "bgr24", picture), moved))
        looking, (detections,) = detect.fold(looking, frame, detect.infer(detect.plan(looking, frame)))
        found = Record(stamp(at_s), detections)
        following, (poses,) = pose.fold(following, found, pose.infer(pose.plan(following, found)))
        seen.append((at_s, poses))
    return seen


@pytest.mark.parametrize(
    ("clip", "people", "step"),
    [("sports2d_demo5.mp4", 1, 5), ("felixchenfy_exercise.avi", 3, 1)],
)
def test_everyone_is_found_within_a_second_and_nobody_twice(
    shared_data: Path, clip: str, people: int, step: int
) -> None:
    seen = poses_of(shared_data / "video" / clip, step, count=18)

    assert all(len(poses) <= people for _, poses in seen)
    assert [len(poses) for at_s, poses in seen if at_s > 1.0] == [people] * sum(at_s > 1.0 for at_s, _ in seen)
    for _, poses in seen:
        assert (poses.score > 0.5).all()
        nose, ankles = poses.keypoints[:, 0, 1], poses.keypoints[:, 27:29, 1].min(axis=1)
        assert (nose < ankles).all()
