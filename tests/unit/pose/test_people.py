from __future__ import annotations

import numpy as np

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, I64
from stages.pose import PoseOptions, PoseState
from stages.pose.people import People, judge, similarity
from stages.pose.to_frame import InFrame
from tests.builders import figure

SKELETON = SKELETONS["blazepose33"]
NEW = -1


def body(x: float, y: float = 300.0, stature: float = 400.0, turn: float = 0.0) -> F32:
    """(33, 2) a standing person."""
    return (figure(turn=turn)[:, :2] * stature + (x, y)).astype(np.float32)


def seen(
    *bodies: F32,
    keypoint_score: tuple[float, ...] = (),
    sides: tuple[float, ...] = (),
    rotations: tuple[float, ...] = (),
) -> InFrame:
    """What an estimator found: these bodies."""
    points = np.stack(bodies)
    count = len(points)
    score = np.array(keypoint_score or [0.95] * count, dtype=np.float32)
    hips = points[:, 23:25].mean(axis=1)
    region = np.column_stack((hips, sides or [500.0] * count, rotations or [0.0] * count)).astype(np.float32)
    return InFrame(
        xyxy=np.concatenate((points.min(axis=1), points.max(axis=1)), axis=1),
        score=np.ones(count, dtype=np.float32),
        keypoints=np.concatenate((points, np.zeros((count, 33, 1), dtype=np.float32)), axis=2),
        keypoint_score=np.repeat(score[:, None], 33, axis=1),
        world=np.zeros((count, 0, 3), dtype=np.float32),
        certainty=score,
        next_region=region,
        valid=np.ones(count, dtype=np.bool_),
    )


def following(found: InFrame, shown: list[int], at_us: int = 0, since_us: int = 0) -> PoseState:
    """The state after a frame in which these people were seen."""
    count = len(found.score)
    return PoseState(
        width=1280,
        height=720,
        at_us=at_us,
        region=found.next_region,
        velocity=np.zeros((count, 2), dtype=np.float32),
        seen_us=np.full(count, at_us, dtype=np.int64),
        since_us=np.full(count, since_us, dtype=np.int64),
        shown=np.array(shown, dtype=np.uint8),
        keypoints=found.keypoints[:, :, :2],
        credit=0.0,
        looked_us=np.full(count, at_us, dtype=np.int64),
        score=found.score,
    )


NOBODY = PoseState.empty(33)
"""Before the first frame."""

EMPTY_ROOM = PoseState.empty(33)
EMPTY_ROOM.at_us = 1


def judged(found: InFrame, numbers: list[int], state: PoseState = NOBODY, now_us: int = 33_000) -> People:
    index: I64 = np.array(numbers, dtype=np.int64)
    return judge(state, PoseOptions(), SKELETON, (found.next_region, index), found, now_us)


def test_skeleton_is_like_itself_and_like_its_mirror_image() -> None:
    one = body(300, turn=0.3)
    points = np.stack((one, one[SKELETON.mirrored], body(500)))

    value = similarity(SKELETON, points, np.full((3, 33), 0.9, dtype=np.float32))

    assert np.allclose(np.diag(value), 1)
    assert value[0, 1] > 0.99
    assert value[0, 2] < 0.01


def test_of_two_skeletons_on_one_person_the_followed_one_stays() -> None:
    found = seen(body(300), body(306), keypoint_score=(0.9, 0.92))

    people = judged(found, [NEW, 0], following(seen(body(305)), [1]))

    assert people.rows.tolist() == [1]
    assert people.shown.tolist() == [True]


def test_followed_skeleton_gives_way_to_a_much_surer_one_that_is_shown_at_once() -> None:
    found = seen(body(300), body(306), keypoint_score=(0.95, 0.4))

    people = judged(found, [NEW, 0], following(seen(body(305)), [1]))

    assert people.rows.tolist() == [0]
    assert people.shown.tolist() == [True]


def test_limb_taken_for_a_person_is_refused() -> None:
    arm = (body(360, 250, 120), 0.6)
    found = seen(body(300), arm[0], keypoint_score=(0.95, arm[1]), sides=(500, 160))

    assert judged(found, [NEW, NEW]).rows.tolist() == [0]


def test_child_in_front_of_an_adult_is_shown_after_a_second() -> None:
    found = seen(body(300), body(320, 350, 200), sides=(500, 250))

    first = judged(found, [NEW, NEW])
    later = judged(found, [0, 1], following(found, [1, 0], at_us=1_000_000), now_us=1_033_000)

    assert first.rows.tolist() == later.rows.tolist() == [0, 1]
    assert first.shown.tolist() == [True, False]
    assert later.shown.tolist() == [True, True]


def test_skeleton_that_leaps_about_within_a_person_is_not_shown() -> None:
    before = seen(body(300), body(320, 330, 200), sides=(500, 250))
    state = following(before, [1, 0], at_us=2_000_000)
    leapt = seen(body(300), body(300, 260, 200), sides=(500, 250))

    people = judged(leapt, [0, 1], state, now_us=2_033_000)

    assert people.shown.tolist() == [True, False]
    assert people.since_us.tolist() == [0, 2_033_000]


def test_same_hips_read_upside_down_are_no_second_person() -> None:
    upside_down = body(300)
    upside_down[:, 1] = 600 - upside_down[:, 1]
    found = seen(body(300), upside_down, rotations=(0.0, 3.0))

    people = judged(found, [0, NEW], following(seen(body(300)), [1]))

    assert people.rows.tolist() == [0]


def test_two_people_of_whom_one_hides_half_of_the_other_both_stay_shown() -> None:
    before = seen(body(300), body(380))
    now = seen(body(305), body(376))

    people = judged(now, [0, 1], following(before, [1, 1]))

    assert people.rows.tolist() == [0, 1]
    assert people.shown.all()


def test_uncertain_newcomer_is_shown_after_a_fifth_of_a_second_in_which_all_looks_agree() -> None:
    found = seen(body(300), keypoint_score=(0.7,))
    state = following(found, [0], at_us=180_000, since_us=0)

    assert judged(found, [NEW], EMPTY_ROOM).shown.tolist() == [False]
    assert judged(found, [0], state, now_us=190_000).shown.tolist() == [False]
    assert judged(found, [0], state, now_us=200_000).shown.tolist() == [True]


def test_sure_newcomer_is_shown_after_a_tenth_of_a_second() -> None:
    found = seen(body(300))
    state = following(found, [0], at_us=90_000, since_us=0)

    assert judged(found, [NEW], EMPTY_ROOM).shown.tolist() == [False]
    assert judged(found, [0], state, now_us=100_000).shown.tolist() == [True]


def test_newcomer_who_bends_faster_than_people_is_looked_at_for_longer() -> None:
    bent = body(300)
    bent[:11, 1] += 80
    bent[25:, 0] += 120
    state = following(seen(body(300)), [0], at_us=500_000, since_us=0)

    people = judged(seen(bent), [0], state, now_us=517_000)

    assert people.shown.tolist() == [False]
    assert people.since_us.tolist() == [517_000]


def test_newcomer_who_falls_fast_is_still_a_person() -> None:
    # 5 m/s are 3 body heights a second.
    state = following(seen(body(300, 260)), [0], at_us=500_000, since_us=0)

    assert judged(seen(body(300, 300)), [0], state, now_us=533_000).shown.tolist() == [True]


def test_someone_lost_is_not_taken_for_whoever_stands_there_now() -> None:
    sitter, walker = body(300), body(310)
    before = seen(sitter, walker)
    state = following(before, [1, 0], at_us=1_000_000)
    state.seen_us[0] = 900_000

    people = judged(seen(walker, walker), [0, 1], state, now_us=1_033_000)

    assert people.rows.tolist() == [1]


def test_two_skeletons_with_the_hips_in_one_place_are_one_person() -> None:
    other = body(305)
    other[11:17, 0] += 90
    other[25:, 0] -= 120

    people = judged(seen(body(300), other, keypoint_score=(0.95, 0.7)), [0, NEW], following(seen(body(300)), [1]))

    assert people.rows.tolist() == [0]


def test_thing_that_is_hardly_a_person_is_never_shown() -> None:
    found = seen(body(300), keypoint_score=(0.45,))

    assert not judged(found, [0], following(found, [0]), now_us=9_000_000).shown.any()


def test_sure_person_of_the_first_frame_or_after_a_long_gap_is_shown_at_once() -> None:
    found = seen(body(300))

    assert judged(found, [NEW]).shown.tolist() == [True]
    assert judged(found, [NEW], EMPTY_ROOM, now_us=2_000_000).shown.tolist() == [True]
