from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest

from pipeline.core.ids import make_track_id
from stages.track import TrackOptions, TrackStage
from tests.builders import Person, clip, figure, poses_record, stand, walk
from tests.unit.track.following import follow, steps

PIXELS_PER_M = 400 / 1.7
PACE = 1.4 * PIXELS_PER_M
RIGHT, LEFT = np.pi / 2, -np.pi / 2


def crossing() -> list[Person]:
    return [
        Person(x=100, speed=PACE, turn=RIGHT, cadence=0.9),
        Person(x=1100, speed=-PACE, turn=LEFT, cadence=0.9, phase=1.0),
    ]


def test_everyone_keeps_one_number() -> None:
    followed = follow(walk(people=4, fps=25, noise=0.01))

    assert [len(set(followed.ids_of_person(i))) for i in range(4)] == [1] * 4
    assert followed.numbers == {make_track_id(1, i) for i in (1, 2, 3, 4)}


def test_lost_person_keeps_id_after_half_a_second() -> None:
    followed = follow(walk(people=2, hide={1: (1.0, 1.5)}, fps=25, noise=0.005))

    assert len(set(followed.ids_of_person(1))) == 1
    assert len(followed.ids_of_person(1)) == 50 - 13


def test_person_out_of_sight_for_two_seconds_keeps_the_number() -> None:
    followed = follow(walk(hide={0: (1.0, 3.0)}, seconds=4, noise=0.005))

    assert len(followed.numbers) == 1


def test_person_gone_for_longer_than_lost_s_is_a_new_one() -> None:
    followed = follow(stand(hide={0: (1.0, 5.0)}, seconds=6))

    assert followed.numbers == {make_track_id(1, 1), make_track_id(1, 2)}


@pytest.mark.parametrize("fps", [30, 15, 10, 5])
def test_people_who_cross_keep_their_numbers(fps: int) -> None:
    followed = follow(clip(crossing(), seconds=3.2, fps=fps, noise=0.01))

    assert len(set(followed.ids_of_person(0))) == len(set(followed.ids_of_person(1))) == 1
    assert len(followed.numbers) == 2


@pytest.mark.parametrize("fps", [30, 10, 5])
def test_person_hidden_while_crossing_gets_the_number_back(fps: int) -> None:
    followed = follow(clip(crossing(), seconds=3.2, fps=fps, noise=0.01, hide={1: (1.2, 1.8)}))

    assert len(set(followed.ids_of_person(0))) == len(set(followed.ids_of_person(1))) == 1
    assert len(followed.numbers) == 2


def test_one_who_stays_in_sight_does_not_take_the_number_of_one_behind() -> None:
    people = [
        Person(x=100, speed=PACE, turn=RIGHT, cadence=0.9),
        Person(x=400, speed=PACE / 2, turn=RIGHT, cadence=0.9, phase=1.0),
    ]

    followed = follow(clip(people, seconds=4, fps=25, noise=0.01, hide={1: (1.6, 2.2)}))

    assert len(set(followed.ids_of_person(0))) == len(set(followed.ids_of_person(1))) == 1


def test_runner_is_followed_at_five_frames_a_second() -> None:
    runner = Person(x=50, speed=4 * 300 / 1.7, stature=300, turn=RIGHT, cadence=1.4)

    followed = follow(clip([runner], seconds=2, fps=5, noise=0.01))

    assert len(followed.numbers) == 1


@pytest.mark.parametrize("fps", [60, 5])
def test_a_second_of_lost_frames_costs_no_number(fps: int) -> None:
    followed = follow(walk(people=2, seconds=2.4, fps=fps, noise=0.01, lost_frames=(0.8, 1.8)))

    assert [len(set(followed.ids_of_person(i))) for i in range(2)] == [1] * 2


def test_everyone_is_reported_from_the_first_frame_on() -> None:
    filmed = walk(people=3, hide={2: (0.0, 1.0)}, noise=0.005)

    followed = follow(filmed)

    assert [len(t.track_id) for t in followed.tracks] == [len(p) for p in filmed.persons]


def test_low_score_continues_a_person_and_begins_none() -> None:
    def score(person: int, t: float) -> float:
        return 0.3 if person == 1 or t >= 1.0 else 0.97

    followed = follow(walk(people=2, score=score, noise=0.005))

    assert len(followed.ids_of_person(0)) == 50
    assert followed.ids_of_person(1) == []
    assert len(followed.numbers) == 1


def test_ghost_of_one_frame_is_never_reported() -> None:
    filmed = stand(people=2, hide={1: (0.0, 1.0)}, score=lambda person, t: 0.7 if person else 0.97)
    ghost = replace(filmed, records=filmed.records[:26], persons=filmed.persons[:26])

    followed = follow(ghost)

    assert len(followed.numbers) == 1
    assert followed.ids_of_person(1) == []


def test_doubtful_newcomer_gets_a_number_at_second_sight() -> None:
    filmed = stand(people=2, hide={1: (0.0, 1.0)}, score=lambda person, t: 0.7 if person else 0.97)

    followed = follow(filmed)

    assert followed.ids_of_person(1) == [make_track_id(1, 2)] * 24


def test_frames_too_far_apart_for_a_second_sight_report_at_once() -> None:
    followed = follow(stand(people=2, seconds=8, fps=0.5, score=lambda person, t: 0.7))

    assert all(len(t.track_id) == 2 for t in followed.tracks)


def test_second_skeleton_on_a_person_gets_no_number() -> None:
    twins = [Person(x=400), Person(x=404)]

    followed = follow(clip(twins, noise=0.004, score=lambda person, t: 0.97 - 0.02 * person))

    assert len(followed.numbers) == 1


@pytest.mark.parametrize(("away", "same"), [(0.6, True), (1.6, False)])
def test_who_lies_where_someone_vanished_is_that_person(away: float, same: bool) -> None:
    tilt, gap_s = np.pi / 2, 0.3
    turn = np.array([[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]])
    standing = figure() * 400 + (600, 300, 0)
    later = figure() @ turn.T * 400 + (600 - 0.8 * away * 400, 300 + 0.6 * away * 400, 0)
    frames = [poses_record(standing[None], at_s=1 + i / 25) for i in range(25)]
    frames += [poses_record(np.empty((0, 33, 3)), at_s=2 + i / 25) for i in range(round(gap_s * 25))]
    frames += [poses_record(later[None], at_s=2 + gap_s)]

    tracks, _ = steps(TrackStage(), TrackStage().initial_state("door"), frames)

    assert (tracks[0].track_id[0] == tracks[-1].track_id[0]) == same


def test_cameras_count_for_themselves() -> None:
    stage = TrackStage()
    first, second = walk(people=2, camera_no=1), walk(people=2, camera_no=2)
    states = {1: stage.initial_state("a"), 2: stage.initial_state("b")}
    numbers: dict[int, set[int]] = {1: set(), 2: set()}

    for pair in zip(first.records, second.records, strict=True):
        for record in pair:
            no = record.stamp.camera_no
            states[no], (tracks,) = stage.step(states[no], record)
            numbers[no] |= set(tracks.track_id.tolist())

    assert numbers == {no: {make_track_id(no, 1), make_track_id(no, 2)} for no in (1, 2)}


def test_same_input_gives_the_same_bytes() -> None:
    filmed = walk(people=4, hide={1: (0.5, 1.0)}, noise=0.02)

    one, two = follow(filmed), follow(filmed)

    for a, b in zip(one.tracks, two.tracks, strict=True):
        assert a.track_id.tobytes() == b.track_id.tobytes()
        assert a.poses.keypoints.tobytes() == b.poses.keypoints.tobytes()
    assert one.state.mean.tobytes() == two.state.mean.tobytes()


def test_goes_on_from_a_copy_of_the_state_as_without_a_break() -> None:
    filmed, stage = walk(people=3, noise=0.02, hide={0: (0.8, 1.2)}), TrackStage()
    whole = follow(filmed)

    _, state = steps(stage, stage.initial_state("door"), filmed.records[:25])
    rest, _ = steps(stage, copy.deepcopy(state), filmed.records[25:])

    for a, b in zip(whole.tracks[25:], rest, strict=True):
        assert a.track_id.tobytes() == b.track_id.tobytes()


def test_options_decide_how_long_a_number_is_kept() -> None:
    filmed = stand(hide={0: (1.0, 2.0)}, seconds=3)

    assert len(follow(filmed, TrackStage(TrackOptions(lost_s=0.5))).numbers) == 2
    assert len(follow(filmed).numbers) == 1
