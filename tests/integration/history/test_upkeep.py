from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from benchmarks.months import Months, fill
from pipeline.core.history import HistoryPolicy
from pipeline.database import Database, open_database, upkeep
from pipeline.database.connect import Connection
from pipeline.database.logins import ensure_login
from pipeline.database.upkeep import HistoryStatus
from tests.integration.database.test_explain import reached
from tests.integration.database.test_sink import count
from tests.integration.history.conftest import TODAY, day
from tests.integration.history.test_rollups import all_rows

DAY_S = 86400.0
KEPT = ("events", "incidents", "incident_steps", "tracks", "reps", "zone_occupancy")


def days_of(database: Database, view: str = "poses") -> list[str]:
    rows = database.query(f"SELECT DISTINCT (ts AT TIME ZONE 'UTC')::date::text FROM {view} ORDER BY 1").rows
    return [name for (name,) in rows]


def test_old_poses_go_and_all_else_stays(days: Database) -> None:
    rollups, kept = all_rows(days), {view: days.query(f"SELECT count(*) FROM {view}").rows for view in KEPT}

    done = days.maintain(HistoryPolicy(retention_s=1.5 * DAY_S))

    assert done.dropped
    for view in ("poses", "measures", "frame_outcomes"):
        assert str(day(1)) in days_of(days, view)
        assert str(day(3)) not in days_of(days, view)
    assert all_rows(days) == rollups
    assert {view: days.query(f"SELECT count(*) FROM {view}").rows for view in KEPT} == kept
    assert days.maintain(HistoryPolicy(retention_s=1.5 * DAY_S)).dropped == []


def test_without_a_policy_nothing_goes(days: Database) -> None:
    before = days_of(days)

    assert days.maintain(HistoryPolicy()).dropped == []
    assert days.maintain().dropped == []

    assert days_of(days) == before == [str(day(n)) for n in (3, 2, 1)]


def test_a_policy_is_changed_on_a_running_system(days: Database) -> None:
    days.maintain(HistoryPolicy(retention_s=30 * DAY_S, budget_bytes=10**12))
    assert days.status().policy == HistoryPolicy(retention_s=30 * DAY_S, budget_bytes=10**12)

    # All of the third day back is older, whatever the hour.
    policy = HistoryPolicy(retention_s=2 * DAY_S - 3600, compress_after_s=3600)
    days.maintain(policy)

    assert days.status().policy == policy
    assert str(day(3)) not in days_of(days)


def test_the_budget_takes_the_oldest_first_and_is_kept(days: Database, days_owner: Connection) -> None:
    rollups = all_rows(days)
    days.maintain(HistoryPolicy())
    units = days_owner.execute("SELECT starts, sum(bytes) FROM pose_raw.raw_units() GROUP BY 1 ORDER BY 1").fetchall()
    budget = int(days.status().used_bytes / 0.97) - 1000

    done = days.maintain(HistoryPolicy(budget_bytes=budget))

    assert done.dropped
    assert done.used_bytes <= budget
    assert days_of(days) in ([str(day(n)) for n in (2, 1)], [str(day(1))])
    assert all_rows(days) == rollups
    assert len(units) > 1


@pytest.mark.parametrize("during", [False, True], ids=["between rounds", "during rounds"])
def test_the_budget_is_kept_at_every_moment_of_a_steady_stream(
    own_dsn: str, during: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each day is far more than the three hundredths that are kept free at least."""
    with open_database(own_dsn, Path("unused")) as database, database.address.connect("owner") as owner:
        numbers = [database.registry().camera_no("gym")]
        database.maintain(HistoryPolicy())
        empty = database.status().used_bytes
        coming = iter([Months(1, 1, day(10 - n), hours=0.1, segment_s=60) for n in range(10)])
        used: list[int] = []

        def come_in() -> None:
            fill(owner, next(coming), numbers)
            used.append(database.status().used_bytes)

        def refresh(connection: Connection, done: upkeep.Upkeep, before: str, deadline: float) -> None:
            if before.startswith("now()"):  # once a round
                come_in()
            refreshed(connection, done, before, deadline)

        refreshed = upkeep._refresh
        if during:
            monkeypatch.setattr(upkeep, "_refresh", refresh)
        budget, dropped = 0, 0
        for n in range(10):
            if not during:
                come_in()
            dropped += len(database.maintain(HistoryPolicy(budget_bytes=budget or None)).dropped)
            if n == 2:
                budget = used[2] + (used[2] - empty)

        assert dropped
        assert 0.6 * budget < max(used) <= budget
        assert count(database) > 0


def test_a_budget_below_all_poses_leaves_none(days: Database) -> None:
    rollups = all_rows(days)

    days.maintain(HistoryPolicy(budget_bytes=1_000_000))

    assert days_of(days) == []
    assert all_rows(days) == rollups


def test_rows_older_than_what_is_kept_do_no_harm(days: Database) -> None:
    rollups = all_rows(days)
    late = days.query(f"SELECT min(ts) FROM poses WHERE ts < '{day(2)}'").rows[0][0]
    days.maintain(HistoryPolicy(retention_s=1.5 * DAY_S))

    with days.address.connect("writer") as writer:
        writer.execute("SELECT pose_raw.ensure_days(%s)", ([late.date()],))
        writer.execute("SELECT pose_raw.mark_due('{0}', '{1}', %s)", ([late],))
        writer.execute(
            "INSERT INTO pose_raw.poses (ts, track_id, run, session, frame_no, camera_no, skeleton_no, q, x1, y1, x2,"
            " y2, score, x, y, kscore) VALUES (%s, 5, 0, 1, 1, 1, 1, 8, 0, 0, 1, 1, 1, '{1}', '{1}', '{1}')",
            (late + timedelta(seconds=1),),
        )
    assert all_rows(days) == rollups
    days.maintain()

    assert all_rows(days) == rollups
    assert str(late.date()) not in days_of(days)


def test_a_reader_in_a_long_transaction_puts_it_off(days: Database) -> None:
    with days.address.connect("reader") as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM poses")
        done = days.maintain(HistoryPolicy(retention_s=1.5 * DAY_S))
    assert "a reader holds" in done.waiting
    assert str(day(3)) in days_of(days)

    assert days.maintain().dropped


def test_what_is_dropped_ends_no_query(own_dsn: str) -> None:
    """Readers lock several tables, in their own order: so does who drops, and one of two would be ended."""
    orders = [("poses", "measures"), ("measures", "poses"), ("frame_outcomes", "poses")]
    with open_database(own_dsn, Path("unused")) as database, database.address.connect("owner") as owner:
        numbers = [database.registry().camera_no("gym")]
        for n in range(2, 12):
            fill(owner, Months(1, 1, day(n), hours=0.02, segment_s=60), numbers)
        database.maintain()
        over = threading.Event()

        def read(first: str, second: str) -> int:
            answers = 0
            with database.address.connect("reader") as reader:
                while not over.is_set():
                    with reader.transaction():
                        reader.execute(f"SELECT count(*) FROM {first}".encode())
                        reader.execute(f"SELECT count(*) FROM {second}".encode())
                    answers += 1
            return answers

        with ThreadPoolExecutor(len(orders)) as pool:
            readers = [pool.submit(read, *order) for order in orders]
            try:
                for n in range(11, 2, -1):
                    assert database.maintain(HistoryPolicy(retention_s=(n - 1) * DAY_S)).dropped
            finally:
                over.set()
            assert all(reader.result() for reader in readers)


def test_one_process_at_a_time(days: Database, days_owner: Connection) -> None:
    days_owner.execute("SELECT pg_advisory_lock(%s)", (0x706F7365_62757302,))

    assert days.maintain().waiting == "another process is at it"


def test_a_writer_does_it_and_notes_when(days: Database, days_owner: Connection) -> None:
    name = f"writer_{days_owner.info.dbname[-8:]}"
    ensure_login(days.address, name, "writer", "x")
    days_owner.execute("UPDATE pose_raw.history SET kept_at = NULL")
    dsn = make_conninfo(days_owner.info.dsn, user=name, password="x")
    try:
        with open_database(dsn, Path("unused"), migrate=False) as writer:
            assert writer.maintain().waiting == ""

        assert days.status().kept_at is not None
    finally:
        days_owner.execute(f"DROP OWNED BY {name}".encode())
        days_owner.execute(f"DROP ROLE {name}".encode())


def test_tomorrow_has_its_partitions(database: Database, owner: Connection) -> None:
    database.maintain()

    if database.status().tier == "plain":
        found = owner.execute("SELECT DISTINCT starts::date FROM pose_raw.raw_units() ORDER BY 1").fetchall()
        assert {TODAY, TODAY + timedelta(days=1)} <= {start for (start,) in found}


def test_the_status_tells_how_it_stands(days: Database) -> None:
    days.maintain(HistoryPolicy(retention_s=90 * DAY_S, compress_after_s=60))
    found = days.status()

    assert found.used_bytes > found.raw_bytes > 0
    assert found.oldest is not None
    assert found.oldest.date() == day(3)
    assert found.bytes_per_day
    assert found.due_minutes == 0
    assert found.kept_at is not None
    assert "level off at about" in found.forecast()


def status(retention_days: float | None, budget: int | None, rate: float | None) -> HistoryStatus:
    policy = HistoryPolicy(None if retention_days is None else retention_days * DAY_S, budget_bytes=budget)
    return HistoryStatus("plain", 9, policy, None, 3_000_000_000, 2_000_000_000, 2, 0, None, rate, 0)


@pytest.mark.parametrize(
    ("retention_days", "budget", "rate", "said"),
    [
        (None, None, 1e9, "grows by 1 GB a day without end: set history.retention or history.budget"),
        (30, None, 1e9, "will level off at about 31 GB"),
        (30, 10**11, 1e9, "will level off at about 31 GB, below the budget"),
        (None, 5 * 10**9, 1e9, "the budget is reached in 2.0 days; from then on it holds about 4.0 days of poses"),
        (30, 2 * 10**9, 1e9, "the budget is reached; from then on it holds about 1.0 days of poses"),
        (30, None, None, "no forecast yet: no day is complete"),
    ],
)
def test_the_forecast(retention_days: float | None, budget: int | None, rate: float | None, said: str) -> None:
    assert status(retention_days, budget, rate).forecast() == said


def test_compressed_poses_read_the_same_and_late_rows_come_in(days: Database, days_owner: Connection) -> None:
    if days.status().tier != "ts-full":
        pytest.skip("timescaledb: POSEBUS_TEST_TIMESCALE_DSN names no server with compression")
    everything = "SELECT md5(string_agg(k::text, '' ORDER BY k.ts, k.track_id, k.keypoint)) FROM keypoints k"
    before, rollups = days.query(everything).rows, all_rows(days)
    poses = days_owner.execute("SELECT count(*) FROM pose_raw.poses").fetchone()

    done = days.maintain(HistoryPolicy(compress_after_s=60))
    found = days.status()

    assert len(done.compressed) == found.compressed_units > 0
    assert days.query(everything).rows == before
    assert all_rows(days) == rollups
    track, at = days.query("SELECT track_id, first_seen FROM tracks WHERE camera = 'gym1' ORDER BY 2 LIMIT 1").rows[0]
    for who in (f"track_id = {track}", "camera = 'gym1'"):
        where = f"keypoint = 'nose' AND {who} AND ts >= '{at}' AND ts < '{at}'::timestamptz + interval '20 s'"
        lines = days.query(f"EXPLAIN (COSTS OFF) SELECT x FROM keypoints WHERE {where}").rows
        plan = "\n".join(line for (line,) in lines)
        assert "_ts_meta_" in plan, plan  # batches are chosen by their ranges of time and track
        assert reached(days, plan) == {f"{at:%Y-%m-%d}"}
    copied = "INSERT INTO pose_raw.poses SELECT * FROM pose_raw.poses ON CONFLICT DO NOTHING"
    assert days_owner.execute(copied).rowcount == 0
    late = (
        "INSERT INTO pose_raw.poses SELECT ts + interval '1 ms', track_id, run, session, frame_no, camera_no,"
        " skeleton_no, q, x1, y1, x2, y2, score, x, y, z, kscore, wx, wy, wz, flags FROM pose_raw.poses"
        " ON CONFLICT DO NOTHING"
    )
    days_owner.execute(late)
    assert days_owner.execute("SELECT count(*) FROM pose_raw.poses").fetchone() == (2 * poses[0],)  # type: ignore[index]
    again = days.maintain()
    assert again.compressed
    assert days.maintain().compressed == []
    assert days_owner.execute("SELECT count(*) FROM pose_raw.poses").fetchone() == (2 * poses[0],)  # type: ignore[index]
