from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from pipeline.core.errors import DatabaseError, SinkUnavailable
from pipeline.database import EmbeddedServer, PostgresSink, open_database
from pipeline.database.connect import Address
from tests.integration.database.test_sink import frames

SECRET = "hunter2:@/x"
QUOTED = quote(SECRET, safe="")


@pytest.fixture
def guarded(prepared_home: Path) -> Iterator[EmbeddedServer]:
    """A server that asks `ann` for her password."""
    server = EmbeddedServer(prepared_home)
    rules = server.status().folder / "data" / "pg_hba.conf"
    rules.write_text("local all postgres trust\nlocal all all scram-sha-256\n")
    server.start()
    with psycopg.connect(server.url("postgres")) as connection:
        connection.execute(f"CREATE ROLE ann LOGIN SUPERUSER PASSWORD '{SECRET}'".encode())
    yield server
    server.leave()


def address(server: EmbeddedServer, password: str, name: str = "postgres") -> str:
    return f"postgresql://ann:{quote(password, safe='')}@/{name}?host={quote(str(server.socket()), safe='')}"


def refusal(dsn: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        open_database(dsn, Path("unused"))
    assert "\n" not in caught.value.message
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    assert SECRET not in shown
    assert QUOTED not in shown
    return caught.value


def test_a_password_opens_the_door_and_is_never_shown(
    guarded: EmbeddedServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    with open_database(address(guarded, SECRET), Path("unused")) as database:
        assert database.query("SELECT count(*) FROM poses").rows == [(0,)]
        shown = [database.url("owner"), str(database.address), repr(database.address), str(database.query("SELECT 1"))]

    shown += [caplog.text, *capfd.readouterr()]
    assert not [text for text in shown if SECRET in text or QUOTED in text]


def test_a_wrong_password_is_told_without_it(guarded: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    error = refusal(address(guarded, SECRET + "!"))

    assert 'password authentication failed for user "ann"' in error.message
    assert "check user and password" in str(error.hint)
    monkeypatch.setenv("PGPASSWORD", SECRET + "?")
    assert "failed for user" in refusal(address(guarded, "").replace("ann:", "ann")).message


def test_a_database_that_is_not_there_is_told(guarded: EmbeddedServer) -> None:
    error = refusal(address(guarded, SECRET, "nowhere"))

    assert 'database "nowhere" does not exist' in error.message
    assert "createdb" in str(error.hint)


def test_a_server_that_refuses_is_told_at_the_start_and_waited_for_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        dsn = f"postgresql://ann:{QUOTED}@127.0.0.1:{taken.getsockname()[1]}/gym"
        error = refusal(dsn)
        sink = PostgresSink(Address(dsn))
        with pytest.raises(SinkUnavailable, match="Connection refused"):
            sink.write(frames(0, 1))

    assert "Connection refused" in error.message
    assert "start the server" in str(error.hint)


def test_a_host_that_does_not_exist_is_told() -> None:
    error = refusal(f"host=nowhere.invalid password='{SECRET}' dbname=gym")

    assert error.message.startswith("no connection to the database postgresql://nowhere.invalid/gym: ")
    assert "check the host" in str(error.hint)


def test_a_server_that_never_answers_is_told_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        error = refusal(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/gym?connect_timeout=2")

    assert "timeout" in error.message
    assert "firewall" in str(error.hint)


def test_a_socket_that_is_not_there_is_told(tmp_path: Path) -> None:
    error = refusal(f"postgresql:///gym?host={quote(str(tmp_path), safe='')}")

    assert "No such file or directory" in error.message


def test_a_login_without_rights_is_told_what_it_needs(own_dsn: str) -> None:
    with psycopg.connect(own_dsn, autocommit=True) as connection:
        name = f"nobody{os.getpid()}"
        connection.execute(f"CREATE ROLE {name} LOGIN".encode())
        try:
            error = refusal(own_dsn.replace("postgres@", f"{name}@"))
        finally:
            connection.execute(f"DROP ROLE {name}".encode())

    assert "permission denied for schema pose_raw" in error.message
    assert "GRANT posebus_writer" in str(error.hint)
