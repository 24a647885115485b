"""SIGKILL of the server, or of the process that takes a batch, while COPY runs; afterwards everything is there once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import psycopg
import pytest

from pipeline.core.errors import SinkUnavailable
from pipeline.core.ports import TopicPartition
from pipeline.database import Database, EmbeddedServer, open_database
from tests.debian import DebianServer, debian_server
from tests.homes import new_database
from tests.integration.database.test_sink import frames
from tests.integration.database.test_sink_contract import TABLES

PLACE = TopicPartition("motions@1", 0)
BATCH, KILLS = 20, 2
SLOWLY = """
CREATE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END $$;
CREATE TRIGGER slowly BEFORE INSERT ON pose_raw.poses FOR EACH ROW EXECUTE FUNCTION public.slowly();
"""
"""So that there is a middle of COPY to kill it in."""
IN_THE_MIDDLE = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'COPY pose_raw.poses%' AND wait_event = 'PgSleep'
  AND clock_timestamp() - query_start > interval '30 ms'
"""
"""Some rows are in, some are still to come. TimescaleDB's COPY is not in pg_stat_progress_copy."""


@dataclass
class Victim:
    """A server of the test's own.

    Attributes:
        owner_dsn: For its superuser.
        pid: The server's own process, now.
        revive: After it was killed.
    """

    database: Database
    owner_dsn: Callable[[], str]
    pid: Callable[[], int]
    revive: Callable[[], object]


@pytest.fixture(params=["embedded", "timescale"])
def victim(request: pytest.FixtureRequest) -> Iterator[Victim]:
    with ExitStack() as held:
        if request.param == "embedded":
            home: Path = request.getfixturevalue("prepared_home")
            database = held.enter_context(open_database(None, home))
            yield Victim(database, lambda: database.url("owner"), lambda: _pid_of(home), lambda: None)
            return
        server: DebianServer = held.enter_context(debian_server(timescale=True))
        dsn = new_database(server)
        yield Victim(held.enter_context(open_database(dsn, Path("unused"))), lambda: dsn, server.pid, server.start)


def _pid_of(home: Path) -> int:
    pid = EmbeddedServer(home).status().pid
    assert pid is not None
    return pid


@pytest.mark.parametrize("killed", ["backend", "server"])
def test_a_kill_in_the_middle_of_copy_loses_and_doubles_nothing(victim: Victim, killed: str) -> None:
    database = victim.database
    database.registry().camera_no("gym")
    sink = database.sink()
    sink.claim(frozenset({PLACE}))
    sink.write(frames(0, BATCH), {PLACE: BATCH})
    with psycopg.connect(victim.owner_dsn(), autocommit=True) as owner:
        owner.execute(SLOWLY.encode())
    failed: list[str] = []
    written, enough = [BATCH], Flag()

    def write() -> None:
        until = time.monotonic() + 50
        while not enough.is_set() and time.monotonic() < until:
            at = written[-1]
            try:
                sink.write(frames(at, at + BATCH), {PLACE: at + BATCH})
                written.append(at + BATCH)
            except SinkUnavailable as error:
                failed.append(error.message)
                time.sleep(0.05)

    writing = Thread(target=write)
    writing.start()
    try:
        for kill in range(KILLS):
            taking = _waited(lambda: _asked(victim, IN_THE_MIDDLE))[0][0]
            os.kill(taking if killed == "backend" else victim.pid(), signal.SIGKILL)
            _waited(lambda: len(failed) > kill)  # noqa: B023 asked within this round
            if killed == "server":
                victim.revive()
            _waited(lambda: _asked(victim, "SELECT 1"))
    finally:
        enough.set()
        writing.join(60)

    sink.write(frames(written[-1], written[-1] + BATCH), {PLACE: written[-1] + BATCH})
    last = written[-1] + BATCH
    assert sink.offsets(PLACE.topic) == {PLACE: last}
    found = _content(victim)
    assert len(found["poses"]) == 2 * last == 2 * len(found["frame_outcomes"])
    database.sink().write(frames(0, last))  # a repetition finds every row there already
    assert _content(victim) == found


def _asked(victim: Victim, statement: str) -> list[Any]:
    try:
        with psycopg.connect(victim.owner_dsn(), autocommit=True, connect_timeout=2) as connection:
            return connection.execute(statement.encode()).fetchall()
    except psycopg.OperationalError:  # it is down, or recovers
        return []


def _waited(ask: Callable[[], Any]) -> Any:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if found := ask():
            return found
        time.sleep(0.005)
    raise AssertionError("it did not come to pass within 20 s")


def _content(victim: Victim) -> dict[str, list[str]]:
    with psycopg.connect(victim.owner_dsn()) as owner:
        return {
            table: sorted(map(str, owner.execute(f"SELECT * FROM pose_raw.{table}".encode()).fetchall()))
            for table in TABLES
        }
