from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from pipeline.core.records import Record
from pipeline.core.values import Motions
from pipeline.database import Database, open_database
from pipeline.database.connect import Role
from pipeline.database.logins import LoginRole, ensure_login
from tests import samples
from tests.integration.database.rights import UNSEEN, WRITES, hide_secrets, telling


@pytest.fixture(params=["embedded", "external"])
def filled(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "embedded":
        database = open_database(None, request.getfixturevalue("prepared_home"))
    else:
        database = open_database(request.getfixturevalue("dsn"), Path("unused"))
    value = next(v for v in samples.values()["motions"] if isinstance(v, Motions))
    database.sink().write([Record(samples.stamp(), value)])
    yield database
    database.close()


def test_the_reader_cannot_change_anything_even_when_it_asks_for_it(filled: Database) -> None:
    with filled.address.connect("reader") as connection:
        for statement in WRITES:
            with pytest.raises((errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege)):
                connection.execute(statement.encode())
        connection.execute("SET default_transaction_read_only = off")
        for statement in WRITES:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_the_reader_sees_history_but_not_the_states_of_the_program(filled: Database) -> None:
    with filled.address.connect("reader") as connection:
        assert connection.execute("SELECT count(*) FROM keypoints").fetchone() == (66,)
        for table in UNSEEN:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM pose_raw.{table}".encode())


def test_no_secret_is_in_anything_that_the_reader_may_read(filled: Database) -> None:
    with filled.address.connect("owner") as owner, filled.address.connect("reader") as connection:
        hide_secrets(owner)
        told = {table for table, tells in telling(owner, "hidden").items() if tells}
        seen = telling(connection, "hidden")
    assert told >= {"pose_raw.camera_specs", "pose_raw.camera_now", "pose_raw.sources", "pose_raw.stream_offsets"}
    assert seen.keys() >= {"keypoints", "cameras", "camera_status", "pose_raw.poses"}
    assert not [table for table, tells in seen.items() if tells]


BEYOND_THE_WRITER = [
    "SELECT * FROM pose_raw.poses",
    "SELECT * FROM pose.keypoints",
    "UPDATE pose_raw.poses SET score = 0",
    "DELETE FROM pose_raw.poses",
    "DELETE FROM pose_raw.tracks",
    "TRUNCATE pose_raw.poses",
    "DROP TABLE pose_raw.poses",
    "CREATE TABLE pose_raw.mine (n int)",
    "INSERT INTO pose_raw.cameras VALUES (9, 'x')",
]


def test_the_writer_only_adds(filled: Database) -> None:
    with filled.address.connect("writer") as connection:
        for statement in BEYOND_THE_WRITER:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_the_embedded_address_opens_psql_with_the_views_at_hand(prepared_home: Path) -> None:
    with open_database(None, prepared_home) as database, psycopg.connect(database.url("reader")) as connection:
        assert connection.execute("SELECT count(*) FROM keypoints").fetchone() == (0,)
        assert connection.execute("SELECT current_user").fetchone() == ("posebus_reader",)


TIMEOUTS = {"reader": ("1min", "0"), "writer": ("5min", "5min")}
"""Of a statement, and of a transaction that does nothing."""


def timeouts(connection: psycopg.Connection) -> tuple[str, ...]:
    names = ("statement_timeout", "idle_in_transaction_session_timeout")
    return tuple(str(connection.execute(f"SHOW {name}".encode()).fetchone()[0]) for name in names)  # type: ignore[index]


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_statements_of_both_roles_end(filled: Database, role: Role) -> None:
    with filled.address.connect(role) as connection:
        assert timeouts(connection) == TIMEOUTS[role]


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_statements_of_other_programs_end_too(prepared_home: Path, role: Role) -> None:
    with open_database(None, prepared_home) as database, psycopg.connect(database.url(role)) as psql:
        assert timeouts(psql) == TIMEOUTS[role]


def test_a_database_from_before_has_the_timeouts_and_keeps_what_its_owner_set(prepared_home: Path) -> None:
    with open_database(None, prepared_home) as database:
        with database.address.connect("owner") as owner:
            owner.execute("ALTER ROLE posebus_writer RESET statement_timeout")
            owner.execute("ALTER ROLE posebus_reader SET statement_timeout = '7min'")
        database.migrate()
        with psycopg.connect(database.url("reader")) as psql:
            assert timeouts(psql) == ("7min", "0")
        with psycopg.connect(database.url("writer")) as psql:
            assert timeouts(psql) == TIMEOUTS["writer"]


@pytest.mark.parametrize("role", ["reader", "writer"])
def test_statements_of_logins_that_we_make_end(dsn: str, role: LoginRole) -> None:
    name = f"posebus'{role}\"{os.getpid()}"
    login = sql.Identifier(name)
    with open_database(dsn, Path("unused"), migrate=False) as database, database.address.connect("owner") as owner:
        ensure_login(database.address, name, role, "x")
        ensure_login(database.address, name, role, "y")
        try:
            with psycopg.connect(make_conninfo(dsn, user=name, password="y")) as psql:
                assert timeouts(psql) == TIMEOUTS[role]
        finally:
            owner.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(login))


def test_variables_of_the_environment_do_not_lead_elsewhere(
    prepared_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGHOST": "nowhere.invalid",
        "PGPORT": "1",
        "PGDATABASE": "other",
        "PGUSER": "other",
        "PGOPTIONS": "-c search_path=nowhere",
        "PGSSLMODE": "require",
        "PGDATA": "/nowhere",
        "PGTARGETSESSIONATTRS": "standby",
    }.items():
        monkeypatch.setenv(name, value)

    with open_database(None, prepared_home) as database:
        assert database.query("SELECT count(*) FROM keypoints").rows == [(0,)]
