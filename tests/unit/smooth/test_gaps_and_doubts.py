from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32
from pipeline.core.values import DOUBTFUL, FILLED
from stages.smooth import SmoothOptions, SmoothStage
from tests.builders import Person, clip, stand, tracked, walk
from tests.unit.smooth.smoothing import changed, index, of_person, smooth

FIRST = 1 << 48 | 1
WRIST = index("left_wrist")
MIRRORED = SKELETONS["blazepose33"].mirrored


def unseen(first: int, end: int, *, as_nan: bool = True) -> Callable[[int, dict[str, F32]], None]:
    def change(i: int, arrays: dict[str, F32]) -> None:
        if first <= i < end:
            if as_nan:
                arrays["keypoints"][0, WRIST] = np.nan
            else:
                arrays["keypoints"][0, WRIST] += 300
                arrays["keypoint_score"][0, WRIST] = 0.02

    return change


@pytest.mark.parametrize("as_nan", [True, False])
def test_unseen_keypoint_is_filled_for_a_while_then_nan(as_nan: bool) -> None:
    records = changed(tracked(stand(seconds=1.2)), unseen(10, 24, as_nan=as_nan))

    motions = smooth(records)

    flags = np.array([m.flags[0, WRIST] for m in motions])
    x = of_person(motions, FIRST)[:, WRIST, 0]
    score = of_person(motions, FIRST, lambda poses: poses.keypoint_score)[:, WRIST]
    assert (flags[:10] == 0).all()
    assert (flags[10:17] == FILLED).all()  # 0.28 s at 25 frames/s
    np.testing.assert_allclose(x[10:17], x[9], atol=1 / 8)
    assert (np.diff(score[9:18]) < 0).all()
    assert np.isnan(x[17:24]).all()
    assert (flags[17:24] == 0).all()
    assert (score[17:24] == 0).all()
    np.testing.assert_allclose(x[24:], x[9], atol=1 / 8)


def test_filled_keypoint_moves_with_the_body() -> None:
    records = changed(tracked(clip([Person(x=200, speed=300)], seconds=1)), unseen(15, 20))

    motions = smooth(records)

    x = of_person(motions, FIRST)[:, :, 0]
    shift = x[19] - x[14]
    assert shift[WRIST] == pytest.approx(shift[index("nose")], abs=1.0)


def test_after_a_long_gap_a_keypoint_begins_anew() -> None:
    def change(i: int, arrays: dict[str, F32]) -> None:
        if i < 10:
            arrays["keypoints"][0, WRIST, 0] += 60
        elif i < 25:
            arrays["keypoints"][0, WRIST] = np.nan

    records = changed(tracked(stand(seconds=1.2)), change)

    motions = smooth(records)

    np.testing.assert_allclose(
        motions[25].poses.keypoints[0, WRIST], records[25].value.poses.keypoints[0, WRIST], atol=1 / 16
    )


def test_after_a_long_gap_a_person_begins_anew() -> None:
    filmed = clip([Person(x=100, speed=300)], seconds=3, hide={0: (1.0, 1.8)})
    records = tracked(filmed)

    motions = smooth(records)

    back = next(i for i, p in enumerate(filmed.persons) if i > 30 and p)
    np.testing.assert_allclose(motions[back].poses.keypoints, records[back].value.poses.keypoints, atol=1 / 16)


GROUPS = {
    "legs": ("knee", "ankle", "heel", "foot"),
    "arms": ("elbow", "wrist", "pinky", "left_index", "right_index", "thumb"),
    "all": ("",),
}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("fps", [30, 15])
def test_left_and_right_exchanged_for_some_frames_are_put_right(group: str, fps: float) -> None:
    names = SKELETONS["blazepose33"].keypoints
    chosen = np.array([any(word in name for word in GROUPS[group]) for name in names])
    start = int(0.8 * fps)

    def change(i: int, arrays: dict[str, F32]) -> None:
        if start <= i < start + 3:
            for array in arrays.values():
                array[0] = np.where(chosen.reshape(-1, *[1] * (array.ndim - 2)), array[0, MIRRORED], array[0])

    clean = tracked(stand(seconds=2, fps=fps, noise=0.004))

    expected = of_person(smooth(clean), FIRST)
    repaired = of_person(smooth(changed(clean, change)), FIRST)

    np.testing.assert_allclose(repaired, expected, atol=1 / 8)


@pytest.mark.parametrize("fps", [60, 30, 15, 10, 5])
@pytest.mark.parametrize("turn", [0.0, np.pi / 2])
def test_walking_legs_are_not_taken_for_exchanged(fps: float, turn: float) -> None:
    walker = Person(x=100, speed=300, turn=turn, cadence=1.0, phase=0.3)
    records = tracked(clip([walker], seconds=4, fps=fps, noise=0.006))

    motions = smooth(records)

    left, right = index("left_ankle"), index("right_ankle")
    raw, smoothed = of_person([r.value for r in records], FIRST), of_person(motions, FIRST)
    straight = np.linalg.norm(smoothed - raw, axis=2)[:, [left, right]].mean()
    crossed = np.linalg.norm(smoothed - raw[:, MIRRORED], axis=2)[:, [left, right]].mean()
    assert straight < 25
    assert straight < crossed


def test_a_swap_that_lasts_is_believed() -> None:
    def change(i: int, arrays: dict[str, F32]) -> None:
        if i >= 20:
            for array in arrays.values():
                array[0] = array[0, MIRRORED]

    records = changed(tracked(stand(seconds=2)), change)

    motions = smooth(records)

    hip = index("left_hip")
    raw, smoothed = (of_person(v, FIRST)[:, hip, 0] for v in ([r.value for r in records], motions))
    assert abs(smoothed[25] - raw[0]) < 1
    # swap_s is 0.3 s: 8 frames at 25 a second.
    assert abs(smoothed[29] - raw[29]) < 1


def test_one_wrong_frame_does_not_exchange_the_legs_after_it() -> None:
    """Both legs on the middle line for a frame, as BlazePose does in jumping jacks; their return is no swap."""
    spread = np.array([any(word in name for word in GROUPS["legs"]) for name in SKELETONS["blazepose33"].keypoints])

    def change(i: int, arrays: dict[str, F32]) -> None:
        keypoints = arrays["keypoints"][0]
        keypoints[spread, 0] += np.where(keypoints[spread, 0] > 200, 80, -80)
        if i == 20:
            keypoints[spread, 0] = 200

    records = changed(tracked(stand(seconds=1.2)), change)

    motions = smooth(records)

    ankle = index("left_ankle")
    x = of_person(motions, FIRST)[:, ankle, 0]
    assert (x[21:] > 200).all()
    np.testing.assert_allclose(x[25:], x[0], atol=25)


def test_impossible_bone_is_doubtful_and_hardly_followed() -> None:
    def change(i: int, arrays: dict[str, F32]) -> None:
        if i == 20:
            arrays["keypoints"][0, WRIST, :2] += [120, 30]

    records = changed(tracked(stand(seconds=1)), change)

    motions = smooth(records)

    assert [int((m.flags & DOUBTFUL).astype(bool).sum()) for m in motions] == [0] * 20 + [1] + [0] * 4
    assert motions[20].flags[0, WRIST] == DOUBTFUL
    assert motions[20].poses.keypoint_score[0, WRIST] == pytest.approx(0.95)
    x = of_person(motions, FIRST)[:, WRIST, 0]
    assert np.abs(x - x[0]).max() < 15
    # The box is around the keypoints that one can believe.
    np.testing.assert_allclose(motions[20].poses.xyxy, motions[19].poses.xyxy, atol=1 / 8)


def test_wrong_elbow_is_to_blame_and_not_its_neighbours() -> None:
    elbow = index("right_elbow")

    def change(i: int, arrays: dict[str, F32]) -> None:
        if i == 20:
            arrays["keypoints"][0, elbow, :2] += [-150, -20]

    motions = smooth(changed(tracked(stand(seconds=1)), change))

    assert np.flatnonzero(motions[20].flags[0] & DOUBTFUL).tolist() == [elbow]


def test_a_lasting_jump_is_accepted_within_half_a_second() -> None:
    head = index("nose")

    def change(i: int, arrays: dict[str, F32]) -> None:
        if i >= 10:
            arrays["keypoints"][0, head, 0] += 250

    records = changed(tracked(stand(seconds=2)), change)

    motions = smooth(records)

    flagged = [bool(m.flags[0, head] & DOUBTFUL) for m in motions]
    assert flagged[10]
    assert not any(flagged[23:])
    x = of_person(motions, FIRST)[:, head, 0]
    assert x[-1] == pytest.approx(records[-1].value.poses.keypoints[0, head, 0], abs=5)


def test_a_person_moved_whole_is_followed_at_once() -> None:
    def change(i: int, arrays: dict[str, F32]) -> None:
        if i >= 10:
            arrays["keypoints"][0, :, 0] += 600

    records = changed(tracked(stand(seconds=1)), change)

    motions = smooth(records)

    assert not any(m.flags.any() for m in motions)
    np.testing.assert_allclose(motions[10].poses.keypoints, records[10].value.poses.keypoints, atol=1 / 16)


def test_plain_walking_raises_no_flag() -> None:
    for motions in smooth(tracked(walk(people=3, seconds=4, noise=0.006))):
        assert not motions.flags.any()


def test_filling_can_be_switched_off() -> None:
    records = changed(tracked(stand(seconds=1)), unseen(10, 15))

    motions = smooth(records, SmoothStage(SmoothOptions(fill_s=0.0)))

    assert np.isnan(motions[10].poses.keypoints[0, WRIST, 0])
    assert motions[10].flags[0, WRIST] == 0
