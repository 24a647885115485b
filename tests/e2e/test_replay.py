"""The stored past worked on again: the same decisions by the same rules, others by others."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import psycopg
import pytest

from pipeline.database import EmbeddedServer
from tests.e2e.history import until
from tests.e2e.painted import CONFIG, painted
from tests.e2e.processes import Posebus, ended

FRAMES = 200
HOURS = ("--from", "2026-01-01T08:00", "--to", "2026-01-01T10:00")
MEASURES = "ts, track_id, session, frame_no, camera_no, posture_no, angles, scalars"
EVENTS = "ts, track_id, camera_no, kind, label, value, ts_end, payload"


@pytest.fixture
def stored(prepared_home: Path, tmp_path: Path) -> Posebus:
    (tmp_path / "fake.yaml").write_text(CONFIG)
    posebus = Posebus(prepared_home)
    clip = painted(tmp_path / "hall", FRAMES)
    words = ("run", clip, "--camera", "hall", "--start-time", "2026-01-01T09:00:00Z")
    posebus.run(*words, "--config", str(tmp_path / "fake.yaml")).done()
    return posebus


def in_one_only(home: Path, table: str, columns: str, one: int, other: int) -> int:
    """Rows of a run that the other has not, ids and the number of the run aside."""
    server = EmbeddedServer(home)
    server.start()
    try:
        with psycopg.connect(server.url("postgres")) as connection:
            row = connection.execute(
                f"SELECT count(*) FROM (SELECT {columns} FROM pose_raw.{table} WHERE run = {one}"
                f" EXCEPT ALL SELECT {columns} FROM pose_raw.{table} WHERE run = {other}) AS missing".encode()
            ).fetchone()
            assert row is not None
            return int(row[0])
    finally:
        server.leave()


def test_the_same_rules_decide_the_same_and_twice_leaves_the_same_rows(stored: Posebus) -> None:
    first = stored.run("replay", *HOURS).done()
    stored.run("replay", *HOURS).done()

    assert re.search(r"event\s+hall\s+fall confirmed\s+1\s+1\s+\+0 -0", first.out)
    assert re.search(r"incident\s+hall\s+fall\s+1\s+1\s+\+0 -0", first.out)
    assert f"{FRAMES} frames" in first.out
    assert "rests as run 1" in first.out
    for table, columns in (("measures", MEASURES), ("events", EVENTS)):
        for one, other in ((0, 1), (1, 0), (1, 2), (2, 1)):
            assert in_one_only(stored.home, table, columns, one, other) == 0, (table, one, other)


def test_other_rules_tell_what_they_would_have_told(stored: Posebus, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - {name: lying, when: {posture: lie, for_s: 1}, severity: info}\n")

    done = stored.run("replay", *HOURS, "--rules", str(rules), "--no-keep").done()

    assert re.search(r"incident\s+hall\s+lying\s+0\s+1\s+\+1 -0", done.out), done.out
    assert re.search(r"\+ hall 2026-01-01T09:00:0\d\.\d+\+00:00 lying", done.out)
    assert "rests as run" not in done.out
    assert re.search(r"^\s*0\s", stored.run("db", "runs", "ls").done().out, re.M)


@pytest.mark.parametrize("table", ["poses", "measures"])
def test_one_signal_ends_a_replay_that_waits_for_the_database(stored: Posebus, table: str) -> None:
    server = EmbeddedServer(stored.home)
    server.start()
    try:
        with (
            psycopg.connect(server.url("postgres"), autocommit=True) as owner,
            psycopg.connect(owner.info.dsn) as other,
        ):
            other.execute(f"LOCK TABLE pose_raw.{table} IN ACCESS EXCLUSIVE MODE".encode())
            with stored.started("replay", *HOURS) as replay:
                waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
                until(lambda: owner.execute(waits).fetchone() != (0,), 60, "a replay that waits")
                replay.send_signal(signal.SIGTERM)
                assert ended(replay, timeout_s=20).code == 143
            assert owner.execute(waits).fetchone() == (0,)
    finally:
        server.leave()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from", "2026-01-01T10:00", "--to", "2026-01-01T09:00"), "does not lie before"),
        (("--from", "yesterday", "--to", "2026-01-01T09:00"), "--from yesterday is no time"),
        ((*HOURS, "--camera", "hal"), "no camera named hal is stored; did you mean hall?"),
        ((*HOURS, "--source", "archive"), "the archive has no folder"),
        ((*HOURS, "--source", "kafka"), "no Kafka broker is configured"),
        ((*HOURS, "--rules", "nowhere.yaml"), "nowhere.yaml"),
    ],
)
def test_mistakes_are_told(stored: Posebus, words: tuple[str, ...], says: str) -> None:
    done = stored.run("replay", *words)

    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err
