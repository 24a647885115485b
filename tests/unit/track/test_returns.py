from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.ids import make_track_id
from pipeline.core.values import Poses
from stages.track import TrackOptions, TrackStage, TrackState
from stages.track.looks import Looks
from stages.track.state import MOST_PAST
from tests.builders import Clip, Person, clip, stand
from tests.unit.track.following import follow, steps

RED, BLUE, GREEN = (50.0, 60.0, 40.0), (40.0, 10.0, -50.0), (60.0, -50.0, 40.0)
GREY = (40.0, 0.0, 0.0)

Clothes = Mapping[int, tuple[float, float, float]]


def wearing(filmed: Clip, shirts: Clothes, *, noise: float = 2.0) -> Clip:
    """The clip with shirts of these colours, grey trousers, and noise from frame to frame."""
    chance = np.random.default_rng(5)

    def dress(i: int, poses: Poses) -> Poses:
        colour = np.empty((len(poses), 2, 6), np.float32)
        for row, person in enumerate(filmed.persons[i]):
            colour[row] = [[*shirts[person], 3, 3, 3], [*GREY, 3, 3, 3]]
        return replace(poses, colour=(colour + chance.normal(0, noise, colour.shape)).astype(np.float32))

    return filmed.changed(dress)


def leaving(away_s: float = 10.0, fps: float = 10) -> Clip:
    """Two people stand for two seconds; the second is gone then, and comes back elsewhere for two seconds."""
    return elsewhere(stand(people=2, hide={1: (2.0, 2.0 + away_s)}, seconds=4.0 + away_s, fps=fps, noise=0.004))


def elsewhere(filmed: Clip) -> Clip:
    """The clip with everyone but the first 400 pixels further right once more than five seconds are over."""

    def moved(i: int, poses: Poses) -> Poses:
        by = np.array([400.0 * (p > 0 and i > 50) for p in filmed.persons[i]], np.float32)
        keypoints, xyxy = poses.keypoints.copy(), poses.xyxy.copy()
        keypoints[:, :, 0] += by[:, None]
        xyxy[:, [0, 2]] += by[:, None]
        return replace(poses, keypoints=keypoints, xyxy=xyxy)

    return filmed.changed(moved)


def sights_of(person: int, filmed: Clip) -> int:
    """Frames in which they are seen."""
    return sum(person in persons for persons in filmed.persons)


@pytest.mark.parametrize("away_s", [5.0, 30.0, 55.0])
def test_who_comes_back_in_the_same_clothes_gets_the_old_number(away_s: float) -> None:
    filmed = leaving(away_s)
    followed = follow(wearing(filmed, {0: RED, 1: BLUE}))

    assert followed.numbers == {make_track_id(1, 1), make_track_id(1, 2)}
    assert len(set(followed.ids_of_person(1))) == 1
    assert len(followed.ids_of_person(1)) == sights_of(1, filmed)  # one look is enough


def test_who_is_away_for_longer_than_remember_s_is_a_new_person() -> None:
    followed = follow(wearing(leaving(10.0), {0: RED, 1: BLUE}), TrackStage(TrackOptions(remember_s=8.0)))

    assert len(set(followed.ids_of_person(1))) == 2


def test_somebody_else_gets_a_new_number() -> None:
    filmed = elsewhere(stand(people=3, hide={1: (2.0, 60.0), 2: (0.0, 10.0)}, seconds=12.0, fps=10, noise=0.004))

    followed = follow(wearing(filmed, {0: RED, 1: BLUE, 2: GREEN}))

    assert set(followed.ids_of_person(1)).isdisjoint(followed.ids_of_person(2))
    assert len(followed.numbers) == 3


def test_clothes_that_someone_here_wears_too_decide_nothing_and_are_not_waited_for() -> None:
    filmed = leaving()
    followed = follow(wearing(filmed, {0: BLUE, 1: BLUE}))

    assert len(set(followed.ids_of_person(1))) == 2
    assert len(followed.ids_of_person(1)) == sights_of(1, filmed)


def test_two_who_left_in_the_same_clothes_get_new_numbers() -> None:
    hide = {1: (2.0, 10.0), 2: (2.0, 60.0)}
    filmed = elsewhere(stand(people=3, hide=hide, seconds=12.0, fps=10, noise=0.004))

    followed = follow(wearing(filmed, {0: RED, 1: BLUE, 2: BLUE}))

    assert len(followed.numbers) == 4
    assert len(followed.ids_of_person(1)) == sights_of(1, filmed)  # nothing that can be waited for


def test_two_newcomers_alike_do_not_share_a_number() -> None:
    hide = {1: (2.0, 10.0), 2: (0.0, 10.0)}
    filmed = elsewhere(stand(people=3, hide=hide, seconds=12.0, fps=10, noise=0.004))

    followed = follow(wearing(filmed, {0: RED, 1: BLUE, 2: BLUE}))

    assert all(len(set(t.track_id.tolist())) == len(t.track_id) for t in followed.tracks)
    assert len(followed.numbers) == 4


def test_without_colours_nobody_waits_and_nobody_is_known() -> None:
    filmed = leaving()
    followed = follow(filmed)

    assert len(set(followed.ids_of_person(1))) == 2
    assert len(followed.ids_of_person(1)) == sights_of(1, filmed)


def test_newcomer_whose_clothes_are_not_seen_is_reported_after_recall_s() -> None:
    def hidden(i: int, poses: Poses) -> Poses:
        if i <= 50:
            return poses
        colour = poses.colour.copy()
        colour[np.array(filmed.persons[i]) == 1] = np.nan
        return replace(poses, colour=colour)

    filmed = wearing(leaving(), {0: RED, 1: BLUE})
    followed = follow(filmed.changed(hidden))

    assert len(set(followed.ids_of_person(1))) == 2
    assert len(followed.ids_of_person(1)) == 40 - 8


def test_frames_too_far_apart_decide_at_once() -> None:
    followed = follow(wearing(leaving(fps=1.0), {0: RED, 1: BLUE}))

    assert len(followed.ids_of_person(1)) == 4


def test_person_out_of_sight_is_known_again_far_from_where_he_was_foretold() -> None:
    filmed = stand(people=2, hide={1: (2.0, 4.0)}, seconds=6.0, fps=10, noise=0.004)

    def moved(i: int, poses: Poses) -> Poses:
        by = np.array([600.0 * (p > 0 and i > 25) for p in filmed.persons[i]], np.float32)
        keypoints, xyxy = poses.keypoints.copy(), poses.xyxy.copy()
        keypoints[:, :, 0] += by[:, None]
        xyxy[:, [0, 2]] += by[:, None]
        return replace(poses, keypoints=keypoints, xyxy=xyxy)

    followed = follow(wearing(filmed, {0: RED, 1: BLUE}).changed(moved))

    assert len(followed.numbers) == 2
    assert len(followed.state.track_id) == 2


@pytest.mark.parametrize("fps", [30, 10, 5])
def test_who_comes_in_where_another_went_out_is_somebody_else(fps: int) -> None:
    people = [
        Person(x=900, speed=300, turn=np.pi / 2, cadence=0.9),
        Person(x=2050, speed=-300, turn=-np.pi / 2, cadence=0.9, stature=350),
    ]
    filmed = clip(people, seconds=4, fps=fps, noise=0.006, hide={0: (1.6, 4), 1: (0, 2.2)})

    followed = follow(filmed)

    assert set(followed.ids_of_person(0)).isdisjoint(followed.ids_of_person(1))


def test_looks_take_part_where_two_are_as_near() -> None:
    """Two people meet, are hidden together, and turn back: motion alone takes them for having passed each other."""

    def film(shirts: Clothes) -> Clip:
        pace = 1.4 * 400 / 1.7
        people = [Person(x=300, speed=pace), Person(x=900, speed=-pace)]
        filmed = clip(people, seconds=3.0, fps=10, noise=0.005, hide={0: (0.8, 1.2), 1: (0.8, 1.2)})

        def back(i: int, poses: Poses) -> Poses:
            t = (filmed.records[i].stamp.captured_at_us - filmed.records[0].stamp.captured_at_us) / 1e6
            sign = np.array([1 if p == 0 else -1 for p in filmed.persons[i]], np.float32)
            by = np.float32(-2 * pace * max(t - 1.0, 0)) * sign
            keypoints, xyxy = poses.keypoints.copy(), poses.xyxy.copy()
            keypoints[:, :, 0] += by[:, None]
            xyxy[:, [0, 2]] += by[:, None]
            return replace(poses, keypoints=keypoints, xyxy=xyxy)

        return wearing(filmed.changed(back), shirts)

    different = follow(film({0: RED, 1: BLUE}))

    assert [len(set(different.ids_of_person(i))) for i in (0, 1)] == [1, 1]


def test_at_most_64_are_remembered_the_last_who_left() -> None:
    state = TrackState()
    for number in range(100):
        one = np.zeros((1, 8))
        state.append(number, one, one[:, :3], np.zeros((1, 17, 2), np.float32))
        state.track_id[-1] = number + 1
    state.leave(np.ones(100, np.bool_))

    assert state.past_id.tolist() == list(range(100 - MOST_PAST + 1, 101))
    assert len(state.past_looks) == MOST_PAST


def test_state_goes_on_from_its_bytes_as_without_a_break() -> None:
    filmed, stage = wearing(leaving(), {0: RED, 1: BLUE}), TrackStage()
    codec = AvroStateCodec(SchemaBook(), "track", TrackState)
    whole = follow(filmed)

    _, state = steps(stage, stage.initial_state("door"), filmed.records[:90])
    content = codec.encode(state)
    rest, _ = steps(stage, codec.decode(content), filmed.records[90:])

    for a, b in zip(whole.tracks[90:], rest, strict=True):
        assert a.track_id.tobytes() == b.track_id.tobytes()
    assert len(content) < 2000


def test_full_memory_is_at_most_16_kilobytes() -> None:
    looks = Looks.nothing(MOST_PAST)
    state = TrackState(
        past_id=np.arange(MOST_PAST),
        past_us=np.arange(MOST_PAST),
        past_look=looks.mean,
        past_spread=looks.spread,
        past_count=looks.count,
    )

    assert len(AvroStateCodec(SchemaBook(), "track", TrackState).encode(state)) < 16_000


def test_state_of_a_version_that_knew_no_looks_is_read() -> None:
    book = SchemaBook()
    _, state = steps(TrackStage(), TrackState(), stand(people=2, seconds=1).records)
    old = next(
        schema
        for schema in book.versions("state/track").values()
        if "covariance" in str(schema.definition) and "past_id" not in str(schema.definition)
        and '"tracks", 3' in str(schema.definition).replace("'", '"')
    )  # fmt: skip
    from io import BytesIO

    from fastavro import schemaless_writer

    buffer = BytesIO(b"\xc3\x01" + old.fingerprint)
    buffer.seek(0, 2)
    arrays = ("track_id", "seen_us", "mean", "covariance", "keypoints")
    datum = {name: getattr(state, name).tobytes() for name in arrays}
    datum |= {name: getattr(state, name) for name in ("at_us", "width", "height", "counter")}
    schemaless_writer(buffer, old.parsed, datum | {"tracks": 2})

    read = AvroStateCodec(book, "track", TrackState).decode(buffer.getvalue())
    tracks, _ = steps(TrackStage(), read, stand(people=2, seconds=2).records[25:])

    assert {n for t in tracks for n in t.track_id.tolist()} == {make_track_id(1, 1), make_track_id(1, 2)}
