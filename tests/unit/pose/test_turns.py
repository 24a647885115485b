from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.values import Poses
from stages.pose import PoseOptions, PoseState
from tests.unit.pose.cameras import Camera, Place, hips, picture, regions

FPS = 30
SIX: tuple[Place, ...] = tuple((50 + 90 * i, 180) for i in range(6))


def walked(t: float) -> list[Place]:
    """Six people who walk to the right at 20 pixels a second."""
    return [(x + 20 * t, y) for x, y in SIX]


def filmed(
    looks_per_s: float, seconds: float, places: Callable[[float], list[Place]] = walked
) -> tuple[Camera, list[Poses]]:
    camera = Camera(PoseOptions(looks_per_s=looks_per_s))
    poses = []
    for k in range(round(seconds * FPS)):
        people = places(k / FPS)
        detected = regions(*people) if k % 15 == 0 else None
        poses.append(camera.see(k / FPS, picture(*people), detected))
    return camera, poses


def test_no_more_looks_than_allowed() -> None:
    camera, _ = filmed(looks_per_s=60, seconds=4)

    assert sum(camera.looked) <= 60 * 4.25
    assert sum(camera.looked[FPS:]) == pytest.approx(60 * 3, abs=3)
    assert max(camera.looked[FPS:]) <= 3


def test_everyone_is_given_out_in_every_frame() -> None:
    _, poses = filmed(looks_per_s=60, seconds=4)

    assert {len(one) for one in poses[FPS:]} == {6}


def test_everyone_gets_their_turn() -> None:
    _, poses = filmed(looks_per_s=60, seconds=4)

    fresh = np.zeros(6)
    for one in poses[2 * FPS :]:
        order = np.argsort(one.keypoints[:, 23:25, 0].mean(axis=1))
        fresh += one.keypoint_score[order].any(axis=1)
    # Two looks a frame for six people: each is seen in a third of the frames.
    assert fresh == pytest.approx(np.full(6, len(poses[2 * FPS :]) / 3), abs=1.5)


def test_who_is_not_looked_at_moves_on_and_says_so() -> None:
    _, poses = filmed(looks_per_s=60, seconds=4)

    last = poses[-1]
    waiting = ~last.keypoint_score.any(axis=1)
    assert waiting.sum() in (3, 4, 5)
    assert np.isnan(last.world[waiting]).all()
    assert hips(last) == [pytest.approx(place, abs=3) for place in walked((len(poses) - 1) / FPS)]


def test_newcomer_is_looked_at_before_those_who_wait() -> None:
    camera, _ = filmed(looks_per_s=60, seconds=2, places=lambda _: list(SIX[:5]))

    poses = [camera.see(2 + k / FPS, picture(*SIX), regions(SIX[5]) if k == 0 else None) for k in range(FPS // 2)]

    assert len(poses[-1]) == 6


def test_someone_who_left_is_forgotten() -> None:
    camera, _ = filmed(looks_per_s=60, seconds=2)

    poses = [camera.see(2 + k / FPS, picture(*walked(2)[:3])) for k in range(2 * FPS)]

    assert len(poses[-1]) == 3


def test_enough_looks_change_nothing() -> None:
    all_, few = filmed(looks_per_s=0, seconds=2)[1], filmed(looks_per_s=6 * FPS, seconds=2)[1]

    assert [one.keypoints.tobytes() for one in all_] == [one.keypoints.tobytes() for one in few]


def test_state_of_a_version_that_did_not_count_looks_is_taken_up() -> None:
    camera, _ = filmed(looks_per_s=60, seconds=1)
    state = camera.state
    old = PoseState(
        **{name: getattr(state, name) for name in PoseState.__dataclass_fields__}
        | {"looked_us": np.zeros(0, np.int64), "score": np.zeros(0, np.float32), "credit": 0.0}
    )
    codec = AvroStateCodec(SchemaBook(), "pose", PoseState)

    again = codec.decode(codec.encode(old))

    assert len(again.looked_us) == len(again.score) == 6
    assert codec.encode(camera.state) == codec.encode(codec.decode(codec.encode(camera.state)))
