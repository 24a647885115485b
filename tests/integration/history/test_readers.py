from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql

from pipeline.core.errors import ConfigError, DatabaseError
from pipeline.core.history import HistoryPolicy
from pipeline.database import Database, open_database
from pipeline.database.connect import Connection
from tests.integration.database.rights import WRITES, hide_secrets, telling
from tests.integration.database.test_explain import reached

NAME = f'anna o\'neil "%s" {os.getpid()}'
"""A login with all that SQL could trip over."""


@pytest.fixture
def login(days: Database) -> Iterator[str]:
    yield NAME
    with days.address.connect("owner") as owner:
        if owner.execute("SELECT FROM pg_roles WHERE rolname = %s", (NAME,)).fetchone() is not None:
            owner.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(NAME)))


def as_login(database: Database, name: str) -> psycopg.Connection:
    with database.address.connect("owner") as owner:
        parameters = owner.info.get_parameters() | {"user": name, "host": owner.info.host, "port": owner.info.port}
    return psycopg.connect(autocommit=True, **parameters)


def test_a_login_sees_the_cameras_that_it_was_given_and_no_other(days: Database, login: str) -> None:
    assert days.grant(login, ["gym1"])
    assert not days.grant(login, ["gym1"])

    with as_login(days, login) as guest:
        held = {name for (name,) in guest.execute("SELECT DISTINCT camera FROM tracks").fetchall()}
        for view in ("keypoints", "poses", "angles", "measures", "events", "people_hourly", "last_pose", "cameras"):
            assert guest.execute(f"SELECT DISTINCT camera FROM {view}".encode()).fetchall() == [("gym1",)], view
        for table in ("pose.poses", "pose_raw.poses", "pose_raw.camera_grants", "pose_raw.stream_offsets"):
            with pytest.raises(errors.InsufficientPrivilege):
                guest.execute(f"SELECT * FROM {table}".encode())
        assert guest.execute("SHOW statement_timeout").fetchone() == ("1min",)
        for statement in WRITES:
            with pytest.raises((errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege)):
                guest.execute(statement.encode())
        guest.execute("SET default_transaction_read_only = off")
        for statement in WRITES:
            with pytest.raises(errors.InsufficientPrivilege):
                guest.execute(statement.encode())
    assert held == {"gym1"}
    assert [grant for grant in days.grants() if grant[0] == login] == [(login, "gym1")]

    days.grant(login, ["ward2"])
    assert days.revoke(login, ["gym1"]) == 1
    with as_login(days, login) as guest:
        assert guest.execute("SELECT DISTINCT camera FROM poses").fetchall() == [("ward2",)]
    assert days.revoke(login, None) == 2
    with as_login(days, login) as guest, pytest.raises((errors.InsufficientPrivilege, errors.UndefinedTable)):
        guest.execute("SELECT * FROM pose_held.poses")


def test_nothing_that_a_login_may_read_tells_secrets_or_of_other_cameras(days: Database, login: str) -> None:
    days.grant(login, ["gym1"])
    with days.address.connect("owner") as owner:
        hide_secrets(owner)
        told = {table for table, tells in telling(owner, "hidden|ward2").items() if tells}
    with as_login(days, login) as guest:
        seen = telling(guest, "hidden|ward2")

    assert told >= {"pose_raw.camera_specs", "pose_raw.camera_now", "pose_raw.cameras", "pose.people_hourly"}
    assert {table.removeprefix("pose_held.") for table in seen} >= {"keypoints", "events", "cameras", "raw_poses"}
    assert not [table for table, tells in seen.items() if tells]
    assert not any(table.startswith(("pose_raw.", "pose.")) for table in seen)


def test_no_function_of_the_reader_sees_rows_of_other_cameras(days: Database, login: str) -> None:
    days.grant(login, ["gym1"])
    with days.address.connect("owner") as owner:
        owner.execute(sql.SQL("CREATE SCHEMA peeping AUTHORIZATION {}").format(sql.Identifier(login)))
    with as_login(days, login) as guest:
        guest.execute("SET default_transaction_read_only = off")
        # So cheap that the planner would ask it first, were it let.
        guest.execute(
            "CREATE FUNCTION peeping.tell(camera text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS"
            " $$ BEGIN RAISE NOTICE '%', camera; RETURN true; END $$"
        )
        told: set[str | None] = set()
        guest.add_notice_handler(lambda notice: told.add(notice.message_primary))
        guest.execute("SELECT count(*) FROM tracks WHERE peeping.tell(camera)")
        guest.execute("SELECT count(*) FROM cameras WHERE peeping.tell(camera)")
        guest.execute("SET SESSION search_path = pose_held, pose")
        guest.execute("SELECT count(*) FROM resample(0, 'nose', now() - interval '1 s', now())")
    assert told == {"gym1"}


def test_who_reads_everything_is_not_held(days: Database, login: str) -> None:
    days.grant(login, None)
    with as_login(days, login) as reader:
        assert reader.execute("SELECT count(DISTINCT camera) FROM poses").fetchone() == (2,)
    assert (login, None) in days.grants()

    with pytest.raises(ConfigError, match="is a posebus_reader already and would not be held"):
        days.grant(login, ["gym1"])
    days.revoke(login, None)
    days.grant(login, ["gym1"])
    with as_login(days, login) as guest:
        assert guest.execute("SELECT count(DISTINCT camera) FROM poses").fetchone() == (1,)


@pytest.mark.parametrize("name", ["", "postgres", "posebus_reader", "pg_monitor", "x" * 64, "a\0b"])
def test_names_that_no_login_may_have_are_refused(days: Database, name: str) -> None:
    with pytest.raises(ConfigError):
        days.grant(name, ["gym1"])


def test_an_unknown_camera_is_told_and_nothing_is_made(days: Database, login: str) -> None:
    with pytest.raises(ConfigError, match=r"no camera of this database is named \"gym9'; DROP"):
        days.grant(login, ["gym9'; DROP SCHEMA pose_raw --"])
    with days.address.connect("owner") as owner:
        assert owner.execute("SELECT FROM pg_roles WHERE rolname = %s", (login,)).fetchone() is None


def test_only_the_owner_grants(days: Database, login: str) -> None:
    days.grant(login, None)
    with days.address.connect("owner") as owner:
        parts = owner.info.get_parameters() | {"user": login, "host": owner.info.host, "port": str(owner.info.port)}
    with (
        open_database(psycopg.conninfo.make_conninfo("", **parts), Path("unused"), migrate=False) as as_reader,
        pytest.raises(DatabaseError) as caught,
    ):
        as_reader.grant(f"other{os.getpid()}", ["gym1"])
    assert "owner of the schema" in str(caught.value.hint)


@pytest.mark.parametrize("view", ["keypoints", "poses", "angles", "measures", "raw_poses", "raw_measures"])
@pytest.mark.parametrize("days_are", ["open", "closed"])
def test_a_held_reader_reaches_the_rows_of_a_day_alone(days: Database, login: str, view: str, days_are: str) -> None:
    days.grant(login, ["gym1"])
    with days.address.connect("owner") as owner:
        if days_are == "closed":
            days.maintain(HistoryPolicy(compress_after_s=60))
            owner.execute("ANALYZE")
        (track, number, at) = owner.execute(
            "SELECT track_id, camera_no, first_seen FROM pose.tracks JOIN pose.cameras USING (camera)"
            " WHERE camera = 'gym1' ORDER BY 3 LIMIT 1"
        ).fetchone()  # type: ignore[misc]
    batches = days_are == "closed" and days.status().tier == "ts-full"
    camera = f"camera_no = {number} AND run = 0" if view.startswith("raw_") else "camera = 'gym1'"
    with as_login(days, login) as guest:
        for who in (f"track_id = {track}", camera):
            where = f"{who} AND ts >= '{at}' AND ts < '{at}'::timestamptz + interval '9 s'"
            if view == "keypoints":
                where += " AND keypoint = 'nose'"
            lines = guest.execute(f"EXPLAIN (COSTS OFF) SELECT * FROM {view} WHERE {where}".encode()).fetchall()
            plan = "\n".join(line for (line,) in lines)
            assert reached(days, plan) == {f"{at:%Y-%m-%d}"}, plan
            conditions = "\n".join(line for line in plan.splitlines() if "Cond" in line or "Filter" in line)
            assert "ts >= " in conditions, plan
            # Of a compressed chunk batches are chosen by their ranges of time and track.
            assert ("_ts_meta_" in conditions) if batches else ("Index Cond" in plan), plan
            if not batches:
                assert not re.search(r"Seq Scan on (poses|measures|_hyper)", plan), plan


def test_new_views_and_columns_reach_held_readers(own_dsn: str) -> None:
    with open_database(own_dsn, Path("unused")) as database, database.address.connect("owner") as owner:
        owner.execute("CREATE VIEW pose.later AS SELECT name AS camera, camera_no FROM pose_raw.cameras")
        database.migrate()
        assert columns(owner) == ["camera", "camera_no"]
        owner.execute(
            "CREATE OR REPLACE VIEW pose.later AS SELECT name AS camera, camera_no, 1 AS more FROM pose_raw.cameras"
        )
        database.migrate()
        assert columns(owner) == ["camera", "camera_no", "more"]
        views = owner.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'pose_held'::regnamespace").fetchone()
        barriers = owner.execute(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'pose_held'::regnamespace"
            " AND reloptions @> ARRAY['security_barrier=true']"
        ).fetchone()
    assert views == barriers


def columns(owner: Connection) -> list[str]:
    found = owner.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'pose_held' AND table_name = 'later'"
        " ORDER BY ordinal_position"
    )
    return [name for (name,) in found]


def test_the_writer_keeps_the_policy_but_does_not_make_it(days: Database) -> None:
    name = f"worker{os.getpid()}"
    days.maintain(HistoryPolicy(retention_s=1.5 * 86400))
    with days.address.connect("owner") as owner:
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE posebus_writer").format(sql.Identifier(name)))
        parts = owner.info.get_parameters() | {"user": name, "host": owner.info.host, "port": str(owner.info.port)}
        try:
            dsn = psycopg.conninfo.make_conninfo("", **parts)
            with open_database(dsn, Path("unused"), migrate=False) as worker:
                done = worker.maintain(HistoryPolicy(retention_s=60.0))
                assert "not the owner" in done.waiting
                assert done.dropped == []
            with psycopg.connect(dsn, autocommit=True) as connection, pytest.raises(errors.InsufficientPrivilege):
                connection.execute("SELECT pose_raw.drop_raw(now())")
        finally:
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
    assert days.query("SELECT count(*) > 0 FROM poses").rows == [(True,)]
