"""Real clips through all stages with the real models, against what was counted by eye."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pipeline.video.open import open_source
from tests.quality.chain import Seen, chain

FOUND_WITHIN_S = 1.0
"""What the sweep of the stage `detect` promises."""

GIF = "mediapipe_pose_classification_pushups_and_squats.gif"


@cache
def clip(path: Path, limit_s: float, fps: float | None = None) -> tuple[list[Seen], dict[str, Any]]:
    """The frames of a clip as the stages made them, and what was counted by eye."""
    if not path.is_file():
        pytest.skip(f"shared data: no {path.name}")
    annotations = json.loads((path.parents[1] / "annotations.json").read_text())
    return list(chain(open_source(str(path), fps), limit_s=limit_s)), annotations[f"video/{path.name}"]


@pytest.mark.parametrize(
    ("name", "limit_s"),
    [
        pytest.param("felixchenfy_exercise.avi", 7.0, marks=pytest.mark.xdist_group("quality-felix")),
        pytest.param("omkar_wave.mp4", 6.0, marks=pytest.mark.xdist_group("quality-short")),
        pytest.param("sports2d_demo5.mp4", 3.0, marks=pytest.mark.xdist_group("quality-short")),
        pytest.param("intel_asl_gestures_help.mkv", 2.0, marks=pytest.mark.xdist_group("quality-short")),
        pytest.param(GIF, 6.0, marks=pytest.mark.xdist_group("quality-gif")),
    ],
)
def test_everyone_is_there_after_a_second_and_keeps_the_number(shared_data: Path, name: str, limit_s: float) -> None:
    seen, annotation = clip(shared_data / "video" / name, limit_s)

    assert {len(frame.motions.track_id) for frame in seen if frame.at_s >= FOUND_WITHIN_S} == {annotation["people"]}
    ids = {track for frame in seen for track in frame.motions.track_id.tolist()}
    assert len(ids) == annotation["people"]
    assert not [event for frame in seen for event in frame.events if event.kind == "fall"]


@pytest.mark.xdist_group("quality-gif")
def test_five_squats_are_five_and_push_ups_within_one(shared_data: Path) -> None:
    seen, annotation = clip(shared_data / "video" / GIF, 6.0)

    squats = [event for frame in seen for event in frame.events if event.kind == "rep" and event.label == "squat"]
    assert [event.value for event in squats] == [float(n + 1) for n in range(annotation["reps"])]
    assert len({event.track_id for event in squats}) == 1
    push_ups = [event for frame in seen for event in frame.events if event.kind == "rep" and event.label == "push-up"]
    assert abs(len(push_ups) - annotation["reps"]) <= 1
    assert {event.track_id for event in push_ups}.isdisjoint(event.track_id for event in squats)


@pytest.mark.xdist_group("quality-jump")
def test_jump_from_a_roof_is_no_fall_and_nobody_is_seen_where_nobody_is(shared_data: Path) -> None:
    seen, annotation = clip(shared_data / "video" / "sports2d_demo.mp4", 8.0, fps=15)

    assert max(len(frame.motions.track_id) for frame in seen) == annotation["max_simultaneous"]
    assert not [event for frame in seen for event in frame.events if event.kind == "fall"]
    assert not [transition for frame in seen for transition in frame.transitions]
    gone_s = max(until for _, until in annotation["presence_s"].values())
    assert not any(len(frame.motions.track_id) for frame in seen if frame.at_s > gone_s + 0.1)
