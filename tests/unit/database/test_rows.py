from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from pipeline.core.errors import InvalidRecord
from pipeline.core.records import Dropped, Record, Tick
from pipeline.core.values import Motions
from pipeline.database.rows import clean, moment, rows_of
from tests import samples


def motions(people: int = 2) -> Motions:
    poses = samples.poses(people)
    return Motions(poses, samples.track_ids(people), np.zeros(poses.keypoint_score.shape, np.uint8))


def test_ticks_and_empty_frames_give_no_poses() -> None:
    rows = rows_of([Record(samples.stamp(0), Tick("live")), Record(samples.stamp(1), motions(0))])

    assert set(rows.packed) == {"frame_outcomes"}
    assert rows.tracks == []


def test_tracks_tell_the_first_and_last_moment_in_order_of_their_ids() -> None:
    records = [Record(samples.stamp(n), motions()) for n in (3, 1, 2)]

    tracks = rows_of(records).tracks

    first, last = (moment(samples.stamp(n).captured_at_us) for n in (1, 3))
    assert tracks == [(0, int(t), 1, first, last) for t in samples.track_ids(2)]


def test_days_are_those_of_the_event_times() -> None:
    times = [0, 86_399_999_999, 86_400_000_000]
    records = [Record(samples.stamp(i, at_us=at), Dropped("pose", "late")) for i, at in enumerate(times)]

    assert rows_of(records).days == {date(1970, 1, 1), date(1970, 1, 2)}


def test_times_are_exact_to_the_microsecond() -> None:
    assert moment(1_700_000_000_123_457) == datetime(2023, 11, 14, 22, 13, 20, 123457, tzinfo=UTC)


@pytest.mark.parametrize("field", ["run", "session", "seq", "camera_no"])
def test_a_number_beyond_its_column_is_told(field: str) -> None:
    too_large: dict[str, Any] = {field: 2**31}
    stamp = replace(samples.stamp(), **too_large)

    with pytest.raises(InvalidRecord, match=f"{field} of camera gym: 2147483648 does not fit"):
        rows_of([Record(stamp, motions())])


@pytest.mark.parametrize("at_us", [2**62, -(2**62)])
def test_a_time_that_no_calendar_holds_is_told(at_us: int) -> None:
    with pytest.raises(InvalidRecord, match="years 1 to 9999"):
        rows_of([Record(samples.stamp(at_us=at_us), motions())])
    with pytest.raises(InvalidRecord, match="years 1 to 9999"):
        moment(at_us)


def test_values_that_never_rest_in_the_database_are_refused() -> None:
    with pytest.raises(TypeError, match="Frame, Tracks"):
        rows_of([*samples.records("tracks"), *samples.records("frame")])


@pytest.mark.parametrize(
    ("skeleton", "message"),
    [
        ("coco17", "33 keypoints of skeleton 'coco17', expected 17"),
        ("octopus", "'octopus', expected one of blazepose33"),
    ],
)
def test_keypoints_that_are_not_those_of_the_skeleton_are_refused(skeleton: str, message: str) -> None:
    value = motions()
    wrong = replace(value, poses=replace(value.poses, skeleton=skeleton))

    with pytest.raises(InvalidRecord, match=message):
        rows_of([Record(samples.stamp(), wrong)])


def test_evidence_is_json_whatever_its_numbers() -> None:
    event = replace(samples.event(), evidence={"a": float("nan"), "b": float("inf"), "c": 0.1, "d": 2.0})

    (row,) = rows_of([Record(samples.stamp(), event)]).events

    assert json.loads(row[-1]) == {"a": None, "b": "inf", "c": 0.1, "d": 2.0}


def test_text_is_made_fit_for_the_database() -> None:
    assert clean("zero\0 half \udcff größe") == "zero\\x00 half \\udcff größe"
