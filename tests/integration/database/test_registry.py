from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.core.errors import ConfigError
from pipeline.core.ports import Cut, Position
from pipeline.database import Database, open_database
from pipeline.database.connect import Connection
from tests.integration.database.processes import running, said

HOLD = """
database = open_database(None, home)
registry = database.registry()
with registry.hold(registry.camera_no("gym"), "gym"):
    print("held", flush=True)
    input()
"""


def test_numbers_are_issued_in_order_and_kept(database: Database) -> None:
    names = ["gym", "ward", "gym", "öffentlich \udcff/\0", "ward"]

    assert [database.registry().camera_no(name) for name in names] == [1, 2, 1, 3, 2]
    assert database.query("SELECT * FROM cameras ORDER BY 2").rows[:2] == [("gym", 1), ("ward", 2)]


def test_two_who_ask_at_once_get_the_same_number(dsn: str) -> None:
    def ask(_: int) -> list[int]:
        with open_database(dsn, Path("unused"), migrate=False) as database:
            return [database.registry().camera_no(f"camera{i}") for i in range(10)]

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(ask, range(3)))

    assert answers[0] == answers[1] == answers[2]
    assert sorted(answers[0]) == list(range(1, 11))


def test_when_no_number_is_left_it_is_told(database: Database, owner: Connection) -> None:
    owner.execute("INSERT INTO pose_raw.cameras VALUES (32767, 'last')")

    with pytest.raises(ConfigError, match="has issued all its 32767 camera numbers"):
        database.registry().camera_no("one too many")


def test_one_at_a_time_works_on_a_camera(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.database.registry._HOLD_WAIT_S", 0.1)
    registry = database.registry()
    with registry.hold(1, "gym"), registry.hold(2, "ward"), registry.hold(1, "gym", run=3):
        with pytest.raises(
            ConfigError, match=r"camera 'gym': another process is working on it \(posebus writer"
        ) as caught:
            registry.hold(1, "gym").__enter__()
        assert "--camera" in str(caught.value.hint)

    with registry.hold(1):
        pass


def test_a_camera_is_free_again_when_its_process_was_killed(prepared_home: Path) -> None:
    with running(HOLD, prepared_home) as process:
        assert said(process) == "held"
        with open_database(None, prepared_home) as database:
            registry = database.registry()
            number = registry.camera_no("gym")
            with pytest.raises(ConfigError, match=f"posebus writer {process.pid}@"):
                registry.hold(number).__enter__()

            process.send_signal(signal.SIGKILL)

            with registry.hold(number):
                pass


def test_the_start_of_a_source_is_remembered(database: Database) -> None:
    times = database.times()
    number = database.registry().camera_no("gym")
    assert times.start_of(number, "sha256:a") is None

    times.remember(number, "sha256:a", 1_700_000_000_000_001)
    times.remember(number, "sha256:b", 2)
    times.remember(number, "sha256:b", 3)

    assert times.start_of(number, "sha256:a") == 1_700_000_000_000_001
    assert times.start_of(number, "sha256:b") == 3
    assert times.start_of(number + 1, "sha256:a") is None


def test_the_last_event_time_of_a_camera_is_known_from_its_cuts(database: Database) -> None:
    times = database.times()
    assert times.last_captured(0, 1) is None

    database.cuts().commit(Cut(0, 1, 1, Position(1, 0, 0, "a"), {}))
    assert times.last_captured(0, 1) is None

    database.cuts().commit(Cut(0, 1, 2, Position(1, 5, 1_700_000_000_000_001, "a"), {}))
    assert times.last_captured(0, 1) == 1_700_000_000_000_001
    assert times.last_captured(1, 1) is None
