from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from pipeline.core.errors import DatabaseError
from pipeline.database import EmbeddedServer, open_database
from tests.integration.database.processes import running, said, tell

USE = """
database = open_database(None, home)
print(EmbeddedServer(home).status().pid, flush=True)
input()
database.close()
print(EmbeddedServer(home).status().running, flush=True)
"""


def test_two_processes_share_a_server_and_the_last_one_stops_it(prepared_home: Path) -> None:
    with running(USE, prepared_home) as one, running(USE, prepared_home) as other:
        pids = {said(one), said(other)}

        assert len(pids) == 1
        tell(one)
        assert said(one) == "True"
        tell(other)
        assert said(other) == "False"


def test_a_killed_user_leaves_a_server_that_the_next_one_takes_over_and_stops(prepared_home: Path) -> None:
    with running(USE, prepared_home) as user:
        pid = int(said(user))
        user.send_signal(signal.SIGKILL)
        user.wait()
    left = EmbeddedServer(prepared_home)
    assert left.status().running
    assert not left.status().used

    with open_database(None, prepared_home):
        assert left.status().pid == pid

    assert not left.status().running


def test_a_user_who_never_closed_leaves_at_the_end_of_its_process(prepared_home: Path) -> None:
    with running("open_database(None, home)", prepared_home) as user:
        user.communicate()

        assert user.returncode == 0
    assert not EmbeddedServer(prepared_home).status().running


def test_a_used_server_is_not_stopped(prepared_home: Path) -> None:
    with running(USE, prepared_home) as user:
        assert said(user)

        with pytest.raises(DatabaseError, match="in use by another posebus process"):
            EmbeddedServer(prepared_home).stop()

        tell(user)
        assert said(user) == "False"


def test_a_process_started_while_the_server_is_killed_under_another_gets_a_server(prepared_home: Path) -> None:
    with running(USE, prepared_home) as one:
        first = said(one)
        os.kill(int(first), signal.SIGKILL)
        with running(USE, prepared_home) as other:
            assert said(other) not in ("", first)
            tell(other)
            assert said(other) == "True"
        tell(one)
        assert said(one) == "False"
