"""Ctrl-C, SIGTERM and two programs at once, with real processes."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest

from pipeline.database import EmbeddedServer
from pipeline.database.migrate import _LOCK
from tests.e2e.dump import dump
from tests.e2e.painted import CONFIG, FPS, painted
from tests.e2e.processes import Posebus, ended
from tests.e2e.terminal import Ended

FRAMES = 3000
PATIENCE_S = 60.0
_FALL_S = 4

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A run over two cameras that would take minutes, with pictures so large that not many of them are in flight."""
    folder = tmp_path_factory.mktemp("painted")
    (folder / "c.yaml").write_text(CONFIG)
    gym = painted(folder / "gym", FRAMES, height=480)
    ward = painted(folder / "ward", FRAMES, height=480, walk=0.2)
    return ["run", gym, ward, "--config", str(folder / "c.yaml"), "--start-time", "2026-01-01T09:00:00Z"]


def wait_until(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def stored(dsn: str) -> int:
    """Frames of all cameras that rest in cuts; none while the server starts."""
    try:
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SELECT coalesce(sum(next_seq), 0) FROM pose_raw.cuts").fetchone()
    except psycopg.OperationalError:
        return 0
    assert row is not None
    return int(row[0])


def asking(dsn: str, condition: str) -> bool:
    with psycopg.connect(dsn) as connection:
        statement = f"SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND {condition}"
        return connection.execute(statement.encode()).fetchone() is not None


def test_a_run_that_was_stopped_and_resumed_is_as_one_that_was_not(
    words: list[str], own_dsn: str, dsn: str, tmp_path: Path
) -> None:
    posebus = Posebus(tmp_path)
    endless = [*words, "--resume", "--db", own_dsn]
    for stop in (_ctrl_c, _terminate, _ctrl_c_twice):
        before = stored(own_dsn)
        with posebus.started(*endless) as process:
            wait_until(partial(_has_more_than, before, own_dsn), process)
            stop(process, own_dsn)

    with psycopg.connect(own_dsn) as connection:
        (reached,) = connection.execute("SELECT max(next_seq) FROM pose_raw.cuts").fetchone() or (0,)
    limit = ("--limit-s", str((max(reached, _FALL_S * FPS) + 20) / FPS))
    posebus.run(*endless, *limit).done()
    posebus.run(*words, "--db", dsn, *limit).done()

    rows = dump(own_dsn)
    assert rows == dump(dsn)
    assert rows["incidents"]


def _has_more_than(frames: int, dsn: str) -> bool:
    return stored(dsn) > frames


def _ctrl_c(process: subprocess.Popen[str], dsn: str) -> None:
    process.send_signal(signal.SIGINT)
    _check_stopped(ended(process), 130)


def _terminate(process: subprocess.Popen[str], dsn: str) -> None:
    process.send_signal(signal.SIGTERM)
    _check_stopped(ended(process), 143)


def _check_stopped(done: Ended, code: int) -> None:
    assert done.code == code, done.err
    done.noted("stopping as soon as what is in flight is stored")
    done.noted("camera gym: stored up to frame .*; go on with --resume")


def _ctrl_c_twice(process: subprocess.Popen[str], dsn: str) -> None:
    """While the database does not answer: it is not waited for after the second time."""
    with psycopg.connect(dsn) as connection:
        connection.execute("LOCK TABLE pose_raw.cuts IN ACCESS EXCLUSIVE MODE")
        wait_until(lambda: asking(dsn, "wait_event_type = 'Lock'"), process)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "stopping as soon as" in process.stderr.readline()
        assert process.poll() is None

        process.send_signal(signal.SIGINT)

        assert ended(process).code == 130


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_program_that_waits_for_the_database_can_be_stopped(
    sent: signal.Signals, words: list[str], own_dsn: str, tmp_path: Path
) -> None:
    with psycopg.connect(own_dsn) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        with Posebus(tmp_path).started(*words, "--db", own_dsn) as process:
            wait_until(lambda: asking(own_dsn, "wait_event = 'advisory'"), process)
            process.send_signal(sent)
            done = ended(process)

    assert (done.code, done.out, done.err) == (128 + sent, "", "")


def test_a_query_can_be_stopped(own_dsn: str, tmp_path: Path) -> None:
    with Posebus(tmp_path).started("query", "SELECT pg_sleep(50)", "--db", own_dsn) as process:
        wait_until(lambda: asking(own_dsn, "wait_event = 'PgSleep'"), process)
        process.send_signal(signal.SIGINT)
        done = ended(process)

    assert (done.code, done.out, done.err) == (130, "", "")


def test_runs_of_different_cameras_share_the_embedded_database_and_the_last_one_stops_it(
    prepared_home: Path, words: list[str]
) -> None:
    posebus, server = Posebus(prepared_home), EmbeddedServer(prepared_home)
    command, gym, ward, *options = words
    with posebus.started(command, gym, *options) as one:
        wait_until(lambda: stored(server.url("postgres")), one)
        posebus.run(command, ward, *options, "--limit-s", "1").done()
        assert server.status().running

        one.send_signal(signal.SIGINT)

        assert ended(one).code == 130
    assert not server.status().running
