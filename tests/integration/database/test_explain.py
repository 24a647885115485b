from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.core.ids import make_track_id
from pipeline.core.records import Record
from pipeline.core.values import Measures, Motions
from pipeline.core.vocabulary import ANGLES, MEASURES
from pipeline.database import Database, EmbeddedServer, open_database
from tests import samples
from tests.homes import new_database

DAY_US = 86_400_000_000
START_US = 1_700_000_000_000_000 // DAY_US * DAY_US
TRACK = make_track_id(3, 7)
HOUR = "ts >= '2023-11-15 10:00+00' AND ts < '2023-11-15 11:00+00'"


@pytest.fixture(scope="module")
def filled(server: EmbeddedServer) -> Iterator[Database]:
    """Four cameras on three days, a hundred tracks each."""
    database = open_database(new_database(server), Path("unused"))
    sink = database.sink()
    poses = samples.poses(1)
    flags = np.zeros(poses.keypoint_score.shape, np.uint8)
    for camera in range(1, 5):
        number = database.registry().camera_no(f"camera{camera}")
        records: list[Record[Any]] = []
        for n in range(600):
            at_us = START_US + n * 3 * DAY_US // 600
            stamp = replace(samples.stamp(n, at_us=at_us), camera=f"camera{camera}", camera_no=number)
            track = np.array([make_track_id(number, n // 6)], dtype=np.int64)
            angles, scalars = np.zeros((1, len(ANGLES)), np.float32), np.zeros((1, len(MEASURES)), np.float32)
            records.append(Record(stamp, Motions(poses, track, flags)))
            records.append(Record(stamp, Measures(track, np.ones(1, np.uint8), angles, scalars)))
            event = samples.event(number=number * 1000 + n)
            records.append(Record(stamp, replace(event, track_id=int(track[0]), at_us=at_us, end_us=None)))
        sink.write(records)
    with database.address.connect("owner") as owner:
        owner.execute("ANALYZE")
    yield database
    database.close()


def database_lines(database: Database, statement: str) -> list[str]:
    return [line for (line,) in database.query(statement).rows]


def plan(database: Database, statement: str) -> str:
    return "\n".join(database_lines(database, f"EXPLAIN (COSTS OFF) {statement}"))


@pytest.mark.parametrize("view", ["keypoints", "poses", "angles", "measures"])
def test_a_track_is_found_by_its_key_on_its_days_alone(filled: Database, view: str) -> None:
    found = plan(filled, f"SELECT * FROM {view} WHERE track_id = {TRACK} AND {HOUR}")

    assert f"track_id = '{TRACK}'::bigint" in index_conditions(found)
    assert "ts >= " in index_conditions(found)
    assert reached(filled, found) == {"2023-11-15"}
    assert not re.search("Seq Scan on (?!keypoints|angles|cameras|postures)", found)


@pytest.mark.parametrize("view", ["keypoints", "poses", "angles", "measures"])
def test_a_camera_and_a_time_are_found_by_an_index(filled: Database, view: str) -> None:
    found = plan(filled, f"SELECT * FROM {view} WHERE camera = 'camera3' AND {HOUR}")

    assert "camera_no" in index_conditions(found)
    assert "ts >= " in index_conditions(found)
    assert reached(filled, found) == {"2023-11-15"}


@pytest.mark.parametrize("who", [f"track_id = {TRACK}", "camera = 'camera3'"])
def test_angular_velocities_look_at_the_days_asked_for_alone(filled: Database, who: str) -> None:
    where = f"{who} AND angle = 'left_knee' AND {HOUR}"
    found = plan(filled, f"SELECT * FROM angular_velocities WHERE {where}")
    ran = database_lines(
        filled, f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT * FROM angular_velocities WHERE {where}"
    )

    assert "ts >= " in index_conditions(found)
    assert "(run = m.run) AND (track_id = m.track_id) AND (ts >= " in index_conditions(found)
    assert "Seq Scan on measures" not in found
    # The days of the frames around a frame are chosen when it is known.
    looked = [line for line in ran if " on " in line and "never executed" not in line]
    assert reached(filled, "\n".join(looked)) == {"2023-11-15"}


def test_the_last_poses_are_looked_up_one_by_one(filled: Database) -> None:
    statement = "SELECT * FROM last_pose WHERE ts > '2023-11-16 23:00+00'"
    ran = database_lines(filled, f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}")
    found = "\n".join(ran)

    assert len(filled.query(statement).rows) > 4
    assert "track_id = t.track_id" in index_conditions(found)
    assert reached(filled, "\n".join(line for line in ran if "never executed" not in line)) == {"2023-11-16"}


def test_a_keypoint_is_chosen_among_the_words_and_not_in_the_facts(filled: Database) -> None:
    found = plan(
        filled, f"SELECT ts, x, y FROM keypoints WHERE keypoint = 'left_wrist' AND track_id = {TRACK} AND {HOUR}"
    )

    assert "name = 'left_wrist'::text" in found
    assert f"track_id = '{TRACK}'::bigint" in index_conditions(found)
    assert "Function Scan" not in found


def test_names_that_are_not_asked_for_are_not_looked_up(filled: Database) -> None:
    assert "cameras" not in plan(filled, "SELECT count(*) FROM poses")
    assert "postures" not in plan(filled, "SELECT speed FROM measures")


def test_events_and_tracks_of_a_camera_are_found_by_an_index(filled: Database) -> None:
    with filled.address.connect("reader") as reader:
        reader.execute("SET enable_seqscan = off")  # the tables are too small to be worth an index
        for statement in (
            f"SELECT * FROM events WHERE camera = 'camera3' AND kind = 'rep' AND {HOUR}",
            f"SELECT * FROM events WHERE track_id = {TRACK} AND {HOUR}",
            f"SELECT * FROM events WHERE {HOUR}",
            f"SELECT * FROM incidents WHERE {HOUR}",
            f"SELECT * FROM tracks WHERE track_id = {TRACK}",
            "SELECT * FROM tracks WHERE camera = 'camera3' AND first_seen > '2023-11-15'",
        ):
            lines = reader.execute(f"EXPLAIN (COSTS OFF) {statement}".encode()).fetchall()
            assert "run = " in index_conditions("\n".join(str(line) for (line,) in lines)), statement


def test_hours_of_a_zone_are_found_by_an_index(filled: Database) -> None:
    hours = "hour >= '2023-11-15 00:00+00' AND hour < '2023-11-16 00:00+00'"
    with filled.address.connect("reader") as reader:
        reader.execute("SET enable_seqscan = off")  # as above
        lines = reader.execute(f"EXPLAIN (COSTS OFF) SELECT * FROM zone_occupancy WHERE {hours}".encode()).fetchall()

    found = index_conditions("\n".join(str(line) for (line,) in lines))
    assert "run = " in found
    assert "date_bin('01:00:00'::interval, ts" in found


def reached(database: Database, found: str) -> set[str]:
    """The days whose partitions or chunks stand in a plan."""
    with database.address.connect("owner") as owner:
        units = owner.execute("SELECT unit::regclass::text, starts FROM pose_raw.raw_units()").fetchall()
    return {f"{starts:%Y-%m-%d}" for name, starts in units if re.search(rf"\b{name.rpartition('.')[2]}\b", found)}


def index_conditions(found: str) -> str:
    return "\n".join(line for line in found.splitlines() if "Index Cond" in line or "Recheck Cond" in line)
