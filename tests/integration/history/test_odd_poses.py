"""Poses at the edge of what a row can hold, and times at the edge of what a camera can send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.history import HistoryPolicy
from pipeline.core.ports import TopicPartition
from pipeline.core.records import Record
from pipeline.core.tables import PoseTable, Selection, joined
from pipeline.core.units import INT16_MOST, units_per_pixel
from pipeline.core.values import Motions, Poses
from pipeline.database import Database, open_database
from pipeline.database.connect import Connection
from pipeline.database.extract import PoseReader
from tests import samples
from tests.integration.database.test_sink import count
from tests.integration.history.conftest import day
from tests.integration.history.test_rollups import all_rows, frame

HOUR_S = 3600.0
DAY_S = 86400.0


@pytest.fixture
def own(own_dsn: str) -> Iterator[Database]:
    """A database whose policy may be changed."""
    with open_database(own_dsn, Path("unused")) as database:
        yield database


def motions_of(poses: Poses) -> Motions:
    return Motions(poses, samples.track_ids(len(poses)), np.zeros(poses.keypoint_score.shape, np.uint8))


def stored(database: Database, *values: Motions) -> PoseTable:
    """What the history gives back of these, a frame each."""
    database.registry().camera_no("gym")
    database.sink().write([Record(samples.stamp(n), value) for n, value in enumerate(values)])
    reader = PoseReader(database.address)
    try:
        return joined(list(reader.poses(Selection())))
    finally:
        reader.close()


def test_numbers_that_are_none_are_unknown_and_not_zero(database: Database) -> None:
    poses = samples.poses(2)
    keypoints, world, score = poses.keypoints.copy(), poses.world.copy(), poses.keypoint_score.copy()
    keypoints[0, :, 2] = np.nan
    keypoints[1, 5:9], world[1, 5:9], score[1, 5:9] = np.nan, np.nan, np.nan

    found = stored(database, motions_of(replace(poses, keypoints=keypoints, world=world, keypoint_score=score)))

    np.testing.assert_array_equal(found.keypoints, keypoints)
    np.testing.assert_array_equal(found.world, world)
    np.testing.assert_array_equal(found.keypoint_score, score)
    asked = "SELECT count(*), count(x), count(world_x), count(score), count(z) FROM keypoints WHERE track_id = {}"
    first, second = samples.track_ids(2).tolist()
    assert database.query(asked.format(second)).rows == [(33, 29, 29, 29, 29)]
    assert database.query(asked.format(first)).rows == [(33, 32, 33, 33, 0)]


def test_keypoints_off_the_picture_are_kept_and_those_off_every_scale_stand_at_its_end(database: Database) -> None:
    poses = samples.poses(1)
    keypoints = poses.keypoints.copy()
    keypoints[0, 2, :2] = -300.5, 900.25
    keypoints[0, 3, :2] = -1e6, 1e6
    keypoints[0, 4, :2] = np.inf, -np.inf

    found = stored(database, motions_of(replace(poses, keypoints=keypoints)))

    np.testing.assert_array_equal(found.keypoints[0, 2, :2], [-300.5, 900.25])
    most = INT16_MOST / 8
    np.testing.assert_array_equal(found.keypoints[0, 3:5, :2], [[-most, most], [most, -most]])
    np.testing.assert_array_equal(found.keypoints[0, 5:], keypoints[0, 5:])


@pytest.mark.parametrize(("width", "height"), [(7680, 4320), (4320, 7680), (8192, 8192), (16_000, 16_000)])
def test_the_far_corner_of_a_large_picture_is_stored_to_the_unit(database: Database, width: int, height: int) -> None:
    unit = 1 / units_per_pixel(width, height)
    poses = replace(samples.poses(1), width=width, height=height)
    keypoints = poses.keypoints.copy()
    keypoints[0, 7] = width - unit, height - unit, 12.0
    keypoints[0, 8:] = np.rint(keypoints[0, 8:] / unit) * unit
    box = np.array([[0, 0, width - unit, height - unit]], np.float32)

    found = stored(database, motions_of(replace(poses, keypoints=keypoints, xyxy=box)))

    assert (found.width.tolist(), found.height.tolist()) == ([width], [height])
    np.testing.assert_array_equal(found.keypoints[0, 7:], keypoints[0, 7:])
    np.testing.assert_array_equal(found.xyxy, box)
    shown = database.query("SELECT x, y FROM keypoints WHERE x > 4000").rows
    assert shown == [(width - unit, height - unit)]


def test_a_crowd_of_200_is_stored_whole(database: Database) -> None:
    crowd = motions_of(samples.poses(200))

    found = stored(database, crowd, crowd, crowd)

    assert len(found) == 600
    order = np.argsort(crowd.track_id)
    np.testing.assert_array_equal(found.track_id[:200], crowd.track_id[order])
    np.testing.assert_array_equal(found.keypoints[:200], crowd.poses.keypoints[order])
    assert database.query("SELECT DISTINCT people FROM frame_outcomes").rows == [(200,)]
    assert database.query("SELECT people, poses FROM people_hourly").rows == [(200, 600)]


def test_a_clock_that_jumps_leaves_every_frame_once_and_at_its_time(database: Database, owner: Connection) -> None:
    """Forward an hour, back three, over midnight, a day ahead, and twice the same moment."""
    database.registry().camera_no("gym")
    jumps = [0.0, 0.2, HOUR_S, HOUR_S + 0.2, -2 * HOUR_S, -2 * HOUR_S + 0.2, DAY_S, DAY_S + 0.2, 0.4, 0.4]
    frames = [frame(at_s, n=n) for n, at_s in enumerate(jumps)]
    sink = database.sink()
    for _ in range(2):
        for records in frames:
            sink.write(records)

    assert count(database) == len(set(jumps))
    assert count(database, "frame_outcomes") == len(jumps)
    ((first, last),) = database.query("SELECT first_seen, last_seen FROM tracks").rows
    assert (last - first).total_seconds() == DAY_S + 0.2 + 2 * HOUR_S
    hours = database.query("SELECT people, poses FROM people_hourly ORDER BY hour").rows
    assert hours == [(1, 2), (1, 3), (1, 2), (1, 2)]
    before = all_rows(database)
    owner.execute("SELECT pose_raw.refresh_rollups('infinity', 1000)")
    assert all_rows(database) == before
    assert database.query("SELECT sum(seconds) FROM time_in_posture").rows[0][0] == pytest.approx(1.0)


def test_rows_of_sixty_days_ago_come_into_compressed_parts_once(own: Database) -> None:
    """Written through the sink, half of them for the second time, into what was closed long ago."""
    own.registry().camera_no("gym")
    place = TopicPartition("motions@1", 0)
    start_us = int(np.datetime64(day(60)).astype("datetime64[us]").astype(int)) + int(9 * HOUR_S * 1e6)

    def records(first: int, last: int) -> list[Record[Any]]:
        return [
            Record(replace(record.stamp, captured_at_us=start_us + n * 200_000), record.value)
            for n in range(first, last)
            for record in frame(0.0, n=n, people=2)
        ]

    policy = HistoryPolicy(compress_after_s=60)
    sink = own.sink()
    sink.claim(frozenset({place}))
    sink.write(records(0, 300), {place: 300})
    compressed = own.maintain(policy).compressed
    assert bool(compressed) == (own.status().tier == "ts-full")

    for _ in range(2):
        sink.write(records(150, 450), {place: 450})
        sink.write(records(1000, 1050), {place: 1050})  # all new, beside what is compressed

    assert count(own) == 2 * 500
    assert count(own, "measures") == 2 * 500
    assert count(own, "frame_outcomes") == 500
    rollups = all_rows(own)
    again = own.maintain(policy)
    assert bool(again.compressed) == bool(compressed)
    assert (count(own), all_rows(own)) == (2 * 500, rollups)
    assert sink.offsets(place.topic) == {place: 1050}
    total = "SELECT sum(poses)::int FROM people_hourly"
    assert own.query(total).rows == [(1000,)]
