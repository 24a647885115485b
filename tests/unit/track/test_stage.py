from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import ConfigError, InvalidRecord
from pipeline.core.records import Record
from pipeline.core.stage import KeyedStage
from stages.track import TrackOptions, TrackStage
from tests.builders import Person, clip, figure, poses_record, stand, tick, walk
from tests.unit.track.following import follow, steps


def test_is_a_keyed_stage() -> None:
    assert isinstance(TrackStage(), KeyedStage)


def test_one_output_for_each_record_also_without_people() -> None:
    stage, nobody = TrackStage(), poses_record(np.empty((0, 33, 3)))

    tracks, state = steps(stage, stage.initial_state("door"), [nobody] * 3)

    assert [len(t.track_id) for t in tracks] == [0, 0, 0]
    assert tracks[0].poses.width == 1280
    assert len(state.track_id) == 0


def test_same_time_twice_and_time_that_stands_still_are_safe() -> None:
    stage, record = TrackStage(), stand(people=2).records[0]

    tracks, state = steps(stage, stage.initial_state("door"), [record] * 5)

    assert all(set(t.track_id.tolist()) == set(tracks[0].track_id.tolist()) for t in tracks)
    assert np.isfinite(state.mean).all()


def test_a_gap_of_a_year_is_safe() -> None:
    stage = TrackStage()
    early, late = stand(people=2).records[0], stand(people=2, start_s=3e7).records[0]

    tracks, state = steps(stage, stage.initial_state("door"), [early, late])

    assert not set(tracks[0].track_id.tolist()) & set(tracks[1].track_id.tolist())
    assert len(state.track_id) == 2


def test_tick_forgets_by_time_and_says_nothing() -> None:
    followed = follow(stand(people=2, seconds=1))

    state, outputs = TrackStage().tick(followed.state, tick(3.5))
    assert len(state.track_id) == 2
    assert outputs == ()

    state, outputs = TrackStage().tick(state, tick(4.5))
    assert len(state.track_id) == 0
    assert state.counter == 2


def test_state_does_not_grow_without_people() -> None:
    stage = TrackStage()
    followed = follow(walk(people=3, seconds=1))
    empty = [poses_record(np.empty((0, 33, 3)), at_s=1 + i / 5) for i in range(40)]

    _, state = steps(stage, followed.state, empty)

    assert len(state.track_id) == len(state.mean) == len(state.keypoints) == 0


def test_state_of_a_person_is_small() -> None:
    state = follow(walk(people=5, seconds=1)).state

    arrays = (state.track_id, state.seen_us, state.mean, state.covariance, state.keypoints)
    assert sum(array.nbytes for array in arrays) / 5 <= 300


def test_people_without_any_keypoint_are_left_out() -> None:
    points = np.stack([figure() * 400 + [500, 300, 0], np.full((33, 3), np.nan)])

    tracks, _ = steps(TrackStage(), TrackStage().initial_state("door"), [poses_record(points)])

    assert tracks[0].track_id.tolist() == [1 << 48 | 1]


def test_frame_of_another_size_changes_no_number() -> None:
    small = Person(x=200, y=180, stature=200, speed=60)
    stage = TrackStage()
    first = clip([Person(x=400, y=360, stature=400, speed=120)], seconds=1)
    rest = clip([small], seconds=1, start_s=1.0)
    shrunk = [Record(r.stamp, poses_record(r.value.keypoints, size=(640, 360)).value) for r in rest.records]

    tracks, state = steps(stage, stage.initial_state("door"), [*first.records, *shrunk])

    assert {i for t in tracks for i in t.track_id.tolist()} == {1 << 48 | 1}
    assert (state.width, state.height) == (640, 360)


def test_another_skeleton_changes_no_number() -> None:
    person = [Person(x=400, speed=100)]
    stage = TrackStage()
    records = [
        record
        for i, name in enumerate(("blazepose33", "coco17", "halpe26", "body25", "coco133"))
        for record in clip(person, seconds=0.4, start_s=0.4 * i, skeleton=name).records
    ]

    tracks, _ = steps(stage, stage.initial_state("door"), records)

    assert {i for t in tracks for i in t.track_id.tolist()} == {1 << 48 | 1}


def test_unknown_skeleton_is_refused_and_leaves_the_state_alone() -> None:
    followed = follow(stand(seconds=0.2))
    record = stand().records[0]
    value = record.value
    odd = type(value)("centaur", 1280, 720, value.xyxy, value.score, value.keypoints, value.keypoint_score, value.world)
    before = followed.state.mean.tobytes()

    with pytest.raises(InvalidRecord, match="centaur"):
        TrackStage().step(followed.state, Record(record.stamp, odd))

    assert followed.state.mean.tobytes() == before


def test_input_is_not_changed() -> None:
    record = stand(people=2).records[0]
    before = record.value.keypoints.tobytes()

    steps(TrackStage(), TrackStage().initial_state("door"), [record])

    assert record.value.keypoints.tobytes() == before


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"lost_s": 0.0}, "lost_s"),
        ({"low_score": 0.7}, "low_score"),
        ({"pose_weight": 1.5}, "pose_weight"),
        ({"recover_s": -1.0}, "recover_s"),
    ],
)
def test_impossible_options_are_named(options: dict[str, float], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        TrackOptions(**options)
