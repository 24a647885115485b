from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import SinkUnavailable, StateError
from pipeline.core.ports import Cut, Position
from pipeline.core.records import Record
from pipeline.core.values import Motions
from pipeline.database import Database, open_database
from pipeline.database.connect import Connection
from tests import samples
from tests.integration.database.test_sink import failing
from tests.integration.database.test_sink_contract import content

MOTIONS = next(value for value in samples.values()["motions"] if isinstance(value, Motions))


def cut(number: int, *, camera_no: int = 1, run: int = 0, **states: bytes) -> Cut:
    """The cut after `number` frames, which holds the last of them."""
    stamp = replace(samples.stamp(number), camera_no=camera_no, run=run)
    records: list[Record[Any]] = [Record(stamp, MOTIONS)]
    position = Position(1, number, stamp.captured_at_us, "sha256:abc", finished=number == 9)
    return Cut(run, camera_no, number, position, states or {"track": bytes([number])}, records)


def test_a_camera_without_a_cut_has_none(database: Database) -> None:
    assert database.cuts().load(0, 1) is None


@pytest.mark.parametrize("number", [1, 9])
def test_a_cut_is_loaded_as_it_was_committed(database: Database, number: int) -> None:
    made = cut(number, pose=b"", track=os.urandom(100_000))
    database.cuts().commit(made)

    assert database.cuts().load(0, 1) == replace(made, records=())


def test_the_latest_cut_counts_and_states_that_ended_are_gone(database: Database) -> None:
    database.cuts().commit(cut(1, pose=b"p", track=b"t"))
    database.cuts().commit(cut(2, track=b"u"))

    loaded = database.cuts().load(0, 1)

    assert loaded is not None
    assert loaded.number == 2
    assert loaded.snapshots == {"track": b"u"}


def test_cameras_and_runs_have_cuts_of_their_own(database: Database) -> None:
    made = [cut(1), cut(2, camera_no=2), cut(3, run=5)]
    for each in made:
        database.cuts().commit(each)

    assert [database.cuts().load(each.run, each.camera_no) for each in made] == [replace(e, records=()) for e in made]


def test_a_cut_committed_twice_is_there_once(database: Database, dsn: str) -> None:
    database.cuts().commit(cut(1))
    before = content(dsn)

    database.cuts().commit(cut(1))

    assert content(dsn) == before


def test_a_process_that_fell_behind_is_stopped(database: Database, dsn: str) -> None:
    database.cuts().commit(cut(3))
    before = content(dsn)

    with pytest.raises(StateError, match="cut 2 comes after cut 3"):
        database.cuts().commit(cut(2))

    assert content(dsn) == before


def test_rows_states_and_position_rest_together_or_not_at_all(database: Database, dsn: str, owner: Connection) -> None:
    database.cuts().commit(cut(1))
    before = content(dsn)

    with failing(owner, "cut_snapshots", "53100", "No space left on device"), pytest.raises(SinkUnavailable):
        database.cuts().commit(cut(2))

    assert content(dsn) == before
    loaded = database.cuts().load(0, 1)
    assert loaded is not None
    assert loaded.number == 1
    database.cuts().commit(cut(2))
    assert content(dsn) != before


def test_a_killed_server_is_started_again_by_the_next_commit(prepared_home: Path) -> None:
    with open_database(None, prepared_home) as database:
        database.cuts().commit(cut(1))
        server = database.address.server
        assert server is not None
        pid = server.status().pid
        assert pid is not None
        backends = children(pid)
        os.kill(pid, signal.SIGKILL)
        # A backend outlives its postmaster until it notices, and would take the rows.
        deadline = time.monotonic() + 10
        while any(map(is_running, backends)) and time.monotonic() < deadline:
            time.sleep(0.01)

        with pytest.raises(SinkUnavailable):
            database.cuts().commit(cut(2))
        database.cuts().commit(cut(2))

        assert database.query("SELECT count(*) FROM poses").rows == [(4,)]
        loaded = database.cuts().load(0, 1)
        assert loaded is not None
        assert loaded.number == 2


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
