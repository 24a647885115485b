from __future__ import annotations

import math

import pytest
from psycopg import errors

from pipeline.core.deliveries import Delivery
from pipeline.core.values import Transition
from pipeline.database import Database
from pipeline.database.connect import Connection
from tests.integration.notify.builders import NURSE, START_US, key, noted, step, store


def settled(
    state: str = "delivered", *, version: int = 1, channel: str = NURSE, incident: int = 1, error: str | None = None
) -> Delivery:
    value = step(version, incident=incident).value
    assert state in ("delivered", "failed", "refused")
    return Delivery(key(version, incident, channel), 0, value.incident_id, version, channel, state, error)  # type: ignore[arg-type]


def pending(database: Database, *channels: str, since_us: int = START_US, run: int = 0) -> list[Transition]:
    records = database.outbox().pending(run, 1, since_us, channels or (NURSE,))
    assert {(r.stamp.run, r.stamp.camera, r.stamp.camera_no) for r in records} <= {(run, "camera1", 1)}
    return [record.value for record in records]


def test_a_step_comes_back_as_it_was_stored(database: Database) -> None:
    evidence = {"a": 0.1 + 0.2, "b": math.inf, "c": 3.0}
    steps = [
        step(1, evidence=evidence),
        step(2, "update", severity="warning", text="still down"),
        step(3, "end", event_id=None, evidence={}),
        step(1, incident=2, at_s=9, track_id=None, rule="camera-silent", started_at_us=START_US + 8_000_001),
    ]
    store(database, *steps)

    assert pending(database) == [record.value for record in steps]
    assert [r.stamp.captured_at_us for r in database.outbox().pending(0, 1, START_US, [NURSE])] == [
        record.value.at_us for record in steps
    ]


def test_evidence_that_is_no_number_comes_back(database: Database) -> None:
    store(database, step(evidence={"nothing": math.nan, "endless": -math.inf}))

    (found,) = pending(database)

    assert math.isnan(found.evidence["nothing"])
    assert found.evidence["endless"] == -math.inf


def test_steps_come_in_the_order_of_time_and_version(database: Database) -> None:
    steps = [step(2, incident=2, at_s=2), step(1, incident=2, at_s=2), step(1, at_s=3), step(3, incident=2, at_s=7)]
    store(database, *steps)

    assert [(s.at_us, s.version) for s in pending(database)] == sorted((r.value.at_us, r.value.version) for r in steps)


def test_delivered_and_refused_steps_are_settled_and_failed_ones_are_not(database: Database) -> None:
    store(database, *(step(version) for version in (1, 2, 3)))

    database.outbox().note(
        [settled(), settled("refused", version=2, error="answered 400 \0"), settled("failed", version=3)]
    )

    assert [s.version for s in pending(database)] == [3]
    assert noted(database) == [(key(1), "delivered", None), (key(2), "refused", "answered 400 \\x00")]


def test_the_same_delivery_twice_is_there_once_as_it_was_first(database: Database) -> None:
    store(database, step())
    database.outbox().note([settled()])

    database.outbox().note([settled("refused", error="late")])

    assert noted(database) == [(key(1), "delivered", None)]


def test_a_step_is_pending_until_every_channel_has_it(database: Database) -> None:
    store(database, step())
    database.outbox().note([settled(channel="log")])

    assert pending(database, "log") == []
    assert len(pending(database, NURSE)) == len(pending(database, "log", NURSE)) == 1
    database.outbox().note([settled()])
    assert pending(database, "log", NURSE) == []


def test_earlier_steps_other_cameras_and_other_runs_are_left_alone(database: Database) -> None:
    store(
        database,
        step(1, at_s=4.999999),
        step(2, at_s=5),
        step(1, incident=2, camera_no=2, at_s=6),
        step(7, incident=3, run=4, at_s=6),
    )

    assert [s.version for s in pending(database, since_us=START_US + 5_000_000)] == [2]
    assert [s.version for s in pending(database, run=4)] == [7]


def test_the_view_names_the_camera_and_shows_the_chosen_run(database: Database) -> None:
    store(database, step())
    database.outbox().note([settled()])

    statement = "SELECT camera, version, channel, state, at <= now() FROM deliveries"

    assert database.query(statement).rows == [("camera1", 1, NURSE, "delivered", True)]
    assert database.query(statement, run=4).rows == []


def test_the_writer_only_adds_and_the_reader_only_reads(database: Database) -> None:
    changes = ("UPDATE pose_raw.deliveries SET error = ''", "DELETE FROM pose_raw.deliveries")
    with database.address.connect("writer") as connection:
        connection.execute("SET ROLE posebus_writer")
        refused(connection, *changes, "UPDATE pose_raw.incident_steps SET text = ''")
    with database.address.connect("reader") as connection:
        connection.execute("SET ROLE posebus_reader")
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("SELECT * FROM pose_raw.deliveries")
        refused(connection, *changes, "INSERT INTO pose_raw.deliveries (run) VALUES (0)")


def refused(connection: Connection, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.encode())
