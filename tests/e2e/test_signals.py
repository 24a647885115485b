"""Ctrl-C, SIGTERM and two programs at once, with real processes."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pipeline.database import EmbeddedServer
from pipeline.database.migrate import _LOCK
from tests.e2e.dump import dump
from tests.e2e.painted import CONFIG, painted
from tests.e2e.processes import Posebus, ended
from tests.homes import new_database

FRAMES = 200
PATIENCE_S = 60.0

pytestmark = pytest.mark.xdist_group("signals")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A run over two cameras that takes some seconds, with pictures so large that few of them are in flight."""
    folder = tmp_path_factory.mktemp("painted")
    (folder / "c.yaml").write_text(CONFIG)
    gym = painted(folder / "gym", FRAMES, height=480)
    ward = painted(folder / "ward", FRAMES, height=480, walk=0.2)
    return ["run", gym, ward, "--config", str(folder / "c.yaml"), "--start-time", "2026-01-01T09:00:00Z"]


@pytest.fixture(scope="module")
def undisturbed(words: list[str], server: EmbeddedServer) -> dict[str, list[bytes]]:
    """The rows of a run that nothing happened to."""
    dsn = new_database(server)
    Posebus(Path("unused")).run(*words, "--db", dsn).done()
    rows = dump(dsn)
    assert len(rows["frame_outcomes"]) == 2 * FRAMES
    assert rows["poses"]
    assert rows["incidents"]
    return rows


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


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_and_resumed_is_as_one_that_was_not(
    sent: signal.Signals, words: list[str], undisturbed: dict[str, list[bytes]], own_dsn: str, tmp_path: Path
) -> None:
    posebus = Posebus(tmp_path)
    with posebus.started(*words, "--db", own_dsn) as process:
        wait_until(lambda: stored(own_dsn), process)
        process.send_signal(sent)
        done = ended(process)

    assert done.code == 128 + sent, done.err
    done.noted("stopping as soon as what is in flight is stored")
    done.noted("camera (gym|ward): stored up to frame .*; go on with --resume")
    assert stored(own_dsn) < 2 * FRAMES
    posebus.run(*words, "--resume", "--db", own_dsn).done()

    assert dump(own_dsn) == undisturbed


def test_a_second_signal_leaves_at_once_also_when_the_database_does_not_answer(
    words: list[str], undisturbed: dict[str, list[bytes]], own_dsn: str, tmp_path: Path
) -> None:
    posebus = Posebus(tmp_path)
    with posebus.started(*words, "--db", own_dsn) as process, psycopg.connect(own_dsn) as connection:
        wait_until(lambda: stored(own_dsn), process)
        connection.execute("LOCK TABLE pose_raw.cuts IN ACCESS EXCLUSIVE MODE")
        wait_until(lambda: asking(own_dsn, "wait_event_type = 'Lock'"), process)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert "stopping as soon as" in process.stderr.readline()
        assert process.poll() is None

        process.send_signal(signal.SIGINT)

        assert ended(process).code == 130
    posebus.run(*words, "--resume", "--db", own_dsn).done()
    assert dump(own_dsn) == undisturbed


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
    with posebus.started(command, gym, *options) as one, posebus.started(command, ward, *options) as other:
        wait_until(lambda: stored(server.url("postgres")) > 0, one)
        one.send_signal(signal.SIGINT)
        assert ended(one).code == 130
        ended(other).done()
    assert not server.status().running

    posebus.run(command, gym, *options, "--resume").done()

    count = "SELECT camera, count(*) FROM frame_outcomes GROUP BY 1 ORDER BY 1"
    counted = posebus.run("query", count, "--format", "csv").done().out.split()
    assert counted == ["camera,count", f"gym,{FRAMES}", f"ward,{FRAMES}"]
