from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

import pytest

from pipeline.core.errors import ConfigError
from pipeline.core.history import HistoryPolicy
from pipeline.core.records import Record
from pipeline.database import Database
from pipeline.database.connect import Connection
from tests import samples
from tests.integration.history.conftest import day
from tests.integration.history.test_rollups import all_rows

TABLES = (
    *("poses", "measures", "frame_outcomes", "events", "incidents", "incident_steps", "tracks"),
    *("track_minutes", "posture_minutes", "rollup_due", "dead_letters"),
)


@pytest.fixture(params=["open", "closed"])
def history(request: pytest.FixtureRequest, days: Database) -> Database:
    """As written, and with its minutes taken up and its days compressed where the server can."""
    if request.param == "closed":
        days.maintain(HistoryPolicy(compress_after_s=60))
    return days


def counts(owner: Connection, where: str) -> dict[str, int]:
    found = {}
    for table in TABLES:
        has = "SELECT FROM pg_attribute WHERE attrelid = format('pose_raw.%%I', %s::text)::regclass AND attname = %s"
        column = where.split(maxsplit=1)[0]
        if owner.execute(has, (table, column)).fetchone() is not None:
            row = owner.execute(f"SELECT count(*) FROM pose_raw.{table} WHERE {where}".encode()).fetchone()
            assert row is not None
            found[table] = row[0]
    return found


def test_a_camera_is_erased_from_everywhere(history: Database, days_owner: Connection) -> None:
    others = counts(days_owner, "camera_no = 1")
    before = counts(days_owner, "camera_no = 2")

    receipt = history.erase(camera="ward2")

    assert not any(counts(days_owner, "camera_no = 2").values())
    assert counts(days_owner, "camera_no = 1") == others
    assert {table: n for table, n in receipt.removed.items() if table in before} == before
    assert sum(before.values()) > 1000
    said = json.loads(receipt.as_json())
    assert said["what"] == "camera ward2"
    kept = days_owner.execute("SELECT what, removed, receipt_id::text FROM pose_raw.erasures").fetchall()
    assert kept == [("camera ward2", receipt.removed, receipt.receipt_id)]
    assert history.query("SELECT camera FROM cameras ORDER BY 1").rows == [("gym1",), ("ward2",)]


def test_a_person_is_erased_and_the_others_stay(history: Database, days_owner: Connection) -> None:
    track = history.query("SELECT track_id FROM tracks WHERE camera = 'ward2' ORDER BY first_seen LIMIT 1").rows[0][0]
    others = counts(days_owner, f"track_id <> {track}")
    before = counts(days_owner, f"track_id = {track}")

    receipt = history.erase(track_id=track)

    assert not any(counts(days_owner, f"track_id = {track}").values())
    assert counts(days_owner, f"track_id <> {track}") == others
    assert receipt.removed["poses"] == before["poses"] > 0
    assert receipt.removed["incidents"] == before["incidents"]
    steps = days_owner.execute(
        "SELECT count(*) FROM pose_raw.incident_steps WHERE incident_id NOT IN"
        " (SELECT incident_id FROM pose_raw.incidents)"
    ).fetchone()
    assert steps == (0,)


def test_all_from_before_a_time_is_erased(history: Database, days_owner: Connection) -> None:
    cut = datetime.combine(day(2), time(8, 3, 17), UTC)
    after = days_owner.execute("SELECT count(*) FROM pose_raw.poses WHERE ts >= %s", (cut,)).fetchone()
    seconds = "SELECT round(sum(seconds)::numeric, 2) FROM risk_minutes WHERE minute >= '{}'"
    later = history.query(seconds.format(cut.replace(minute=4, second=0))).rows

    history.erase(before=cut)

    assert days_owner.execute("SELECT count(*), min(ts) >= %s FROM pose_raw.poses", (cut,)).fetchone() == (*after, True)  # type: ignore[misc]
    assert history.query("SELECT min(first_seen) >= %s".replace("%s", f"'{cut}'") + " FROM tracks").rows == [(True,)]
    for view in ("events", "incidents", "measures", "frame_outcomes"):
        assert history.query(f"SELECT count(*) FROM {view} WHERE ts < '{cut}'").rows == [(0,)], view
    assert history.query(seconds.format(cut.replace(minute=4, second=0))).rows == later
    rollups = all_rows(history)
    history.maintain()
    assert all_rows(history) == rollups


def test_everything_of_a_run_goes_and_run_0_stays(database: Database, owner: Connection) -> None:
    records: list[Record[Any]] = []
    for name in ("motions", "measures", "event", "transition", "dead_letter"):
        records += samples.records(name)
    sink = database.sink()
    sink.write(records)
    live = counts(owner, "run = 0")
    sink.write([replace(record, stamp=replace(record.stamp, run=7)) for record in records])

    assert [run.run for run in database.runs()] == [0, 7]
    removed = database.remove_run(7)

    assert not any(counts(owner, "run = 7").values())
    assert counts(owner, "run = 0") == live
    assert sum(removed.values()) >= sum(live.values()) - 1
    assert [run.run for run in database.runs()] == [0]


@pytest.mark.parametrize("run", [0, 5, -1, 2**40])
def test_no_other_run_is_removed(database: Database, run: int) -> None:
    with pytest.raises(ConfigError):
        database.remove_run(run)


@pytest.mark.parametrize("what", [{}, {"camera": "gym", "track_id": 1}, {"camera": "x'; DROP TABLE pose_raw.poses --"}])
def test_what_is_not_clear_erases_nothing(database: Database, what: dict[str, Any]) -> None:
    database.registry().camera_no("gym")
    with pytest.raises(ConfigError):
        database.erase(**what)
    assert database.query("SELECT count(*) FROM poses").rows == [(0,)]
