"""Every real clip opens, and its pictures and times are what its container says."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import pytest

from pipeline.video.open import open_source

PICTURES = 30

CLIPS = {
    "felixchenfy_exercise.avi": (384, 288, 10.0, 393),
    "intel_asl_gestures_help.mkv": (640, 480, 30.0, 58),
    "intel_asl_gestures_thanks.mkv": (640, 480, 30.0, 51),
    "intel_asl_gestures_yes.mkv": (640, 480, 30.0, 66),
    "intel_one-by-one-person-detection.mp4": (768, 432, 10.0, 1394),
    "mediapipe_pose_classification_pushups_and_squats.gif": (311, 350, 10.0, 57),
    "omkar_wave.mp4": (420, 420, 10.0, 125),
    "pose2sim_multi_cam01.mp4": (1088, 1920, 60.0, 100),
    "pose2sim_multi_cam02.mp4": (1088, 1920, 60.0, 100),
    "pose2sim_multi_cam03.mp4": (1088, 1920, 60.0, 100),
    "pose2sim_multi_cam04.mp4": (1088, 1920, 60.0, 100),
    "sports2d_demo.mp4": (1768, 994, 30.0, 230),
    "sports2d_demo4.mp4": (1280, 720, 30.0, 401),
    "sports2d_demo5.mp4": (1280, 720, 29.97, 540),
}


@pytest.mark.parametrize("name", CLIPS)
def test_real_clip_opens_with_sane_times(shared_data: Path, name: str) -> None:
    width, height, fps, frames = CLIPS[name]

    source = open_source(str(shared_data / "video" / name))
    pictures = [(p.seq, p.pts_us, p.pixels.shape) for p in islice(source.pictures(), PICTURES)]

    info = source.info
    assert (info.width, info.height, info.frames) == (width, height, frames)
    assert info.fps == pytest.approx(fps, abs=0.01)
    assert len(pictures) == min(PICTURES, frames) or name == "intel_asl_gestures_yes.mkv"
    assert [p[0] for p in pictures] == list(range(len(pictures)))
    assert {p[2] for p in pictures} == {(height, width, 3)}
    steps = [b[1] - a[1] for a, b in pairwise(pictures)]
    assert all(0.4 / fps < step / 1e6 < 2.5 / fps for step in steps)


@pytest.mark.parametrize(
    ("name", "frames"),
    [("felixchenfy_exercise.avi", 393), ("intel_asl_gestures_yes.mkv", 65), ("omkar_wave.mp4", 125)],
)
def test_real_clip_is_read_to_its_end(shared_data: Path, name: str, frames: int) -> None:
    assert sum(1 for _ in open_source(str(shared_data / "video" / name)).pictures()) == frames
