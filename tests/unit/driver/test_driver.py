from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import DeadLetterLimit, StateError
from pipeline.core.ports import BusRecord, Outgoing, TopicPartition
from pipeline.core.records import Dropped, Record, Tick
from pipeline.core.values import DeadLetter, Poses, Tracks
from tests.fakes import LETTERS, TRACKS, CounterState, CountingStage, driver, on_bus
from tests.samples import poses


class BatchedStage(CountingStage):
    """The same through plan, infer and fold; notes the size of each batch."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def plan(self, state: CounterState, record: Record[Poses]) -> Sequence[int]:
        return [state.seen] * len(record.value)

    def infer(self, requests: Sequence[int]) -> Sequence[int]:
        self.batches.append(len(requests))
        return [request + 1 for request in requests]

    def fold(
        self, state: CounterState, record: Record[Poses], results: Sequence[int]
    ) -> tuple[CounterState, Sequence[Tracks]]:
        assert len(results) == len(record.value)
        return CounterState(state.seen + 1), [Tracks(record.value, np.array(results, dtype=np.int64))]


def tracks(outgoing: Sequence[Outgoing]) -> list[Record[Any]]:
    return [TRACKS.decode(o.value or b"") for o in outgoing if o.topic == "tracks"]


def letters(outgoing: Sequence[Outgoing]) -> list[DeadLetter]:
    return [LETTERS.decode(o.value or b"").value for o in outgoing if o.topic == "dead-letters"]


@pytest.mark.parametrize("stage", [CountingStage, BatchedStage])
def test_each_frame_gives_one_record_numbered_without_holes(stage: type) -> None:
    found = tracks(driver(stage()).feed([on_bus(poses(1), n) for n in range(3)]))

    assert [(r.stamp.n, r.stamp.seq, r.value.track_id.tolist()) for r in found] == [
        (0, 0, [1]),
        (1, 1, [2]),
        (2, 2, [3]),
    ]


@pytest.mark.parametrize("stage", [CountingStage, BatchedStage])
def test_dropped_frames_and_ticks_pass_through_with_their_own_numbers(stage: type) -> None:
    values = [poses(1), Dropped("pose", "late"), Tick("live"), poses(1)]

    found = tracks(driver(stage()).feed([on_bus(value, n) for n, value in enumerate(values)]))

    assert [type(r.value) for r in found] == [Tracks, Dropped, Tick, Tracks]
    assert [r.stamp.n for r in found] == [0, 1, 2, 3]
    assert found[3].value.track_id.tolist() == [2]


@pytest.mark.parametrize("stage", [CountingStage, BatchedStage])
def test_frames_that_are_given_up_live_on_as_late_ones(stage: type) -> None:
    values = [poses(1), poses(1), Tick("live"), Dropped("detect", "late"), poses(1)]

    found = tracks(driver(stage()).feed([on_bus(value, n) for n, value in enumerate(values)], {1, 2, 3}))

    assert [type(r.value) for r in found] == [Tracks, Dropped, Tick, Dropped, Tracks]
    assert [r.value.reason for r in found if isinstance(r.value, Dropped)] == ["late", "late"]
    assert found[4].value.track_id.tolist() == [2]


def test_repeated_records_are_left_out_and_holes_are_counted() -> None:
    counts: list[str] = []
    under_test = driver(counts=counts)

    found = tracks(under_test.feed([on_bus(poses(1), n, offset=i) for i, n in enumerate([0, 1, 1, 0, 3, 2])]))

    assert [r.stamp.seq for r in found] == [0, 1, 3]
    assert counts == ["records_skipped", "records_skipped", "numbering_gaps", "records_skipped"]


def test_an_older_session_is_a_zombie_and_a_newer_one_begins_at_zero() -> None:
    under_test = driver()

    found = tracks(
        under_test.feed([
            on_bus(poses(1), 0, session=1, offset=0, clock="arrival"),
            on_bus(poses(1), 0, session=2, offset=1, clock="arrival"),
            on_bus(poses(1), 1, session=1, offset=2, clock="arrival"),
            on_bus(poses(1), 1, session=2, offset=3, clock="arrival"),
        ])
    )  # fmt: skip

    assert [(r.stamp.session, r.stamp.n) for r in found] == [(1, 0), (2, 0), (2, 1)]
    assert found[-1].value.track_id.tolist() == [3]


def test_cameras_have_states_of_their_own_and_go_to_their_partitions() -> None:
    batch = [on_bus(poses(1), n, camera=c, camera_no=i) for n in range(2) for c, i in (("gym", 1), ("ward", 6))]

    outgoing = driver().feed(batch)

    assert [(o.key, o.partition) for o in outgoing] == [(b"gym", 1), (b"ward", 2)] * 2
    assert [r.value.track_id.tolist() for r in tracks(outgoing)] == [[1], [1], [2], [2]]


def test_requests_of_different_cameras_share_a_batch_and_a_camera_waits_for_its_own_result() -> None:
    stage = BatchedStage()
    batch = [on_bus(poses(2), n, camera=c, camera_no=i) for c, i in (("gym", 1), ("ward", 2)) for n in range(3)]

    found = tracks(driver(stage).feed(batch))

    assert stage.batches == [4, 4, 4]
    assert sorted(r.value.track_id.tolist() for r in found) == [[1, 1], [1, 1], [2, 2], [2, 2], [3, 3], [3, 3]]


def test_bytes_that_cannot_be_read_become_a_dead_letter_and_the_stream_goes_on() -> None:
    broken = BusRecord("poses", 1, 0, b"gym", b"\xc3\x01rubbish")

    outgoing = driver().feed([broken, on_bus(poses(1), 0, offset=1)])

    (letter,) = letters(outgoing)
    assert (letter.stage, letter.topic, letter.partition, letter.offset) == ("track", "poses", 1, 0)
    assert letter.content == broken.value
    assert letter.reason == "DecodeError"
    assert len(tracks(outgoing)) == 1


def test_a_dead_letter_of_a_pixel_topic_keeps_a_hash_only() -> None:
    (letter,) = letters(driver(pixels=True).feed([BusRecord("poses", 1, 0, b"gym", b"\xc3\x01rubbish")]))

    assert letter.content == b""
    assert len(letter.sha256) == 32


def test_a_frame_that_the_stage_refuses_lives_on_as_a_dropped_one() -> None:
    refused = replace(poses(1), width=13)

    outgoing = driver().feed([on_bus(poses(1), 0), on_bus(refused, 1), on_bus(poses(1), 2)])

    found = tracks(outgoing)
    assert [r.stamp.n for r in found] == [0, 1, 2]
    assert found[1].value == Dropped("track", "invalid")
    assert found[2].value.track_id.tolist() == [2]
    assert letters(outgoing)[0].error == "a width of 13"


def test_nothing_but_invalid_records_stops_the_stage() -> None:
    rubbish = [BusRecord("poses", 1, i, b"gym", b"rubbish") for i in range(4)]

    with pytest.raises(DeadLetterLimit, match="4 invalid records in a row on poses"):
        driver(limit=3).feed(rubbish)


def test_a_restored_driver_goes_on_with_the_same_bytes() -> None:
    batch = [on_bus(poses(1, seed=n), n) for n in range(6)]
    whole = driver().feed(batch)
    first = driver()
    before = first.feed(batch[:3])
    second = driver()

    second.restore("gym", 1, first.content("gym", 1))

    assert before + second.feed(batch[3:]) == whole


def test_a_snapshot_skips_what_it_covers_only_on_the_very_same_topic() -> None:
    batch = [on_bus(poses(1), n) for n in range(3)]
    first = driver()
    first.feed(batch)
    (snapshot,) = first.snapshots({"poses": "id-1"}, {0: 7, 1: 7, 2: 7, 3: 7})
    assert snapshot.offsets == {TopicPartition("poses", 1): 3}
    same, other = driver(), driver()
    same.restore_snapshot(snapshot, {"poses": "id-1"})
    other.restore_snapshot(snapshot, {"poses": "id-2"})

    # The topic made anew counts its offsets from 0 again: only numbering can tell what is new.
    following = on_bus(poses(1), 3, offset=0)

    assert same.feed([following]) == []
    assert tracks(other.feed([following]))[0].value.track_id.tolist() == [4]


def test_only_cameras_that_got_records_since_the_last_call_are_in_the_snapshots() -> None:
    under_test = driver()
    under_test.feed([on_bus(poses(1), 0, camera=c, camera_no=i) for c, i in (("gym", 1), ("ward", 2))])
    assert [s.key for s in under_test.snapshots({}, {})] == ["gym", "ward"]

    under_test.feed([on_bus(poses(1), 1, camera="ward", camera_no=2)])

    assert [s.key for s in under_test.snapshots({}, {})] == ["ward"]


def test_a_forgotten_partition_begins_anew() -> None:
    under_test = driver()
    under_test.feed([on_bus(poses(1), 0)])

    under_test.forget([1])

    assert tracks(under_test.feed([on_bus(poses(1), 0)]))[0].value.track_id.tolist() == [1]


def test_state_that_cannot_be_read_stops_with_what_to_do() -> None:
    with pytest.raises(StateError, match="progress cannot be read") as caught:
        driver().restore("gym", 1, b"rubbish")
    assert caught.value.hint
