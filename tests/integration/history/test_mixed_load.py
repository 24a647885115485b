"""Writers, readers and upkeep at once: rows are there once, answers are right at every moment, the budget is kept."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Event
from typing import Any

import numpy as np
import pytest

from benchmarks import mixed
from pipeline.core.history import HistoryPolicy
from pipeline.core.ids import make_track_id
from pipeline.core.records import Record
from pipeline.core.values import Measures, Motions
from pipeline.core.vocabulary import ANGLES, MEASURES
from pipeline.database import Database, PostgresSink, open_database
from tests import samples

CAMERAS = ("gym1", "ward2")
FRAMES, PEOPLE = 100, 3
BATCH = FRAMES * PEOPLE
START_US = 1_767_225_600_000_000  # 2026-01-01
A_DAY = 8
STEP_US = 86_400_000_000 // A_DAY
"""From batch to batch of a camera: days go by in a second."""

WARM, ROUNDS = 4, 40
"""Batches of each camera that are written before there is a budget, and all of them."""


class Load:
    """What the threads share.

    Attributes:
        written: Batches of each camera that are committed.
        stop: Set at the end, or when one of the threads failed.
        turn: All writers and the upkeep meet in it twice a step, so that one round comes to each step's batches.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.numbers = [database.registry().camera_no(camera) for camera in CAMERAS]
        self.written = [0] * len(CAMERAS)
        self.stop = Event()
        self.turn = Barrier(len(CAMERAS) + 1)

    def put(self, sink: PostgresSink, camera: int, step: int, half: int) -> None:
        """Half of the frames of a step."""
        sink.write(list(frames(CAMERAS[camera], self.numbers[camera], step, half)))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Nobody waits for one who failed."""
        try:
            yield
        except BaseException:
            self.stop.set()
            self.turn.abort()
            raise

    def write(self, camera: int) -> None:
        with self.working():
            sink = self.database.sink(CAMERAS[camera])
            for step in range(WARM, ROUNDS):
                self.put(sink, camera, step, 0)
                self.turn.wait(60)
                self.put(sink, camera, step, 1)
                self.put(sink, camera, step - 1, step % 2)  # sent again, as after an outage
                self.written[camera] = step + 1
                self.turn.wait(60)

    def keep(self) -> tuple[int, int]:
        """How many parts were dropped, and how often a reader or writer stood in the way."""
        dropped = put_off = 0
        with self.working():
            for _ in range(WARM, ROUNDS):
                self.turn.wait(60)
                done = self.database.maintain()
                dropped += len(done.dropped)
                put_off += bool(done.waiting)
                self.turn.wait(60)
        return dropped, put_off

    def read(self, seed: int) -> int:
        """How many answers were right; the first wrong one fails."""
        random, right = np.random.default_rng(seed), 0
        with self.working(), self.database.address.connect("reader") as reader:
            while not self.stop.is_set():
                camera = int(random.integers(len(CAMERAS)))
                newest = self.written[camera] - 1
                step = int(random.integers(newest + 1))
                for statement, expected in questions(camera, step, kept=step // A_DAY == newest // A_DAY):
                    row = reader.execute(statement.encode()).fetchone()
                    assert row is not None
                    assert row in expected, (step, newest, statement, row)
                    right += 1
        return right

    def watch(self) -> int:
        """The most bytes that were used at any moment."""
        most = 0
        with self.working(), self.database.address.connect("owner") as owner:
            while not self.stop.is_set():
                most = max(most, int(owner.execute("SELECT pose_raw.used_bytes()").fetchone()[0]))  # type: ignore[index]
                time.sleep(0.02)
        return most


def frames(camera: str, number: int, step: int, half: int) -> Iterator[Record[Any]]:
    poses = samples.poses(PEOPLE)
    track = np.array([make_track_id(number, step * PEOPLE + i + 1) for i in range(PEOPLE)], np.int64)
    angles, scalars = np.zeros((PEOPLE, len(ANGLES)), np.float32), np.zeros((PEOPLE, len(MEASURES)), np.float32)
    flags = np.zeros(poses.keypoint_score.shape, np.uint8)
    for k in range(half * FRAMES // 2, FRAMES if half else FRAMES // 2):
        at_us = START_US + step * STEP_US + k * 200_000
        stamp = samples.stamp(step * FRAMES + k, camera=camera, camera_no=number, at_us=at_us)
        yield Record(stamp, Motions(poses, track, flags))
        yield Record(stamp, Measures(track, np.ones(PEOPLE, np.uint8), angles, scalars))


def questions(camera: int, step: int, *, kept: bool) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Each with its right answers: all rows, or none where the budget may have taken them; rollups always have all."""
    at = f"to_timestamp({(START_US + step * STEP_US) // 1_000_000})"
    where = f"p.camera = '{CAMERAS[camera]}' AND p.ts >= {at} AND p.ts < {at} + interval '1 hour'"

    def answers(row: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        return [row] if kept else [row, (0,) * len(row)]

    yield f"SELECT count(*), count(DISTINCT (track_id, ts)) FROM poses p WHERE {where}", answers((BATCH, BATCH))
    yield f"SELECT count(x) FROM keypoints p WHERE keypoint = 'left_hip' AND {where}", answers((BATCH,))
    joined = "poses p JOIN measures m ON m.track_id = p.track_id AND m.ts = p.ts"
    yield f"SELECT count(*), count(DISTINCT p.ts) FROM {joined} WHERE {where}", answers((BATCH, FRAMES))
    rolled_up = f"camera = '{CAMERAS[camera]}' AND hour = {at}"
    yield f"SELECT sum(people)::int, sum(poses)::int FROM people_hourly WHERE {rolled_up}", [(PEOPLE, BATCH)]
    yield f"SELECT sum(frames)::int FROM time_in_posture WHERE {rolled_up}", [(BATCH,)]


def test_writers_readers_and_upkeep_at_once(own_dsn: str) -> None:
    with open_database(own_dsn, Path("unused")) as database:
        load = Load(database)
        empty = database.status().used_bytes
        for camera in range(len(CAMERAS)):
            sink = database.sink(CAMERAS[camera])
            for step in range(WARM):
                load.put(sink, camera, step, 0)
                load.put(sink, camera, step, 1)
            load.written[camera] = WARM
        used = database.status().used_bytes
        budget = used + 3 * (used - empty)  # two days of it, three where all but the last are compressed
        database.maintain(HistoryPolicy(budget_bytes=budget))
        with ThreadPoolExecutor(8) as threads:
            reading = [threads.submit(load.read, seed) for seed in (1, 2)]
            watching = threads.submit(load.watch)
            writing = [threads.submit(load.write, camera) for camera in range(len(CAMERAS))]
            keeping = threads.submit(load.keep)
            for done in as_completed([*writing, keeping]):
                done.exception()
            load.stop.set()
        failed = [error for error in (each.exception() for each in (*reading, watching, *writing, keeping)) if error]
        for error in failed:
            if not isinstance(error, BrokenBarrierError):
                raise error
        assert not failed
        dropped, put_off = keeping.result()
        most = watching.result()
        assert all(each.result() > 50 for each in reading)
        assert dropped, (empty, used, budget, most, put_off)
        # What came in while a round was put off is all that the room left free is not for.
        assert most <= budget + put_off * (used - empty) // WARM
        rows = database.query(
            "SELECT camera, date_trunc('hour', ts), count(*) FROM poses GROUP BY 1, 2 ORDER BY 2"
        ).rows
        assert {count for *_, count in rows} == {BATCH}
        # What is gone is the oldest, of both cameras alike.
        steps = [round(at.timestamp() * 1e6 - START_US) // STEP_US for _, at, _ in rows]
        assert steps == [step for step in range(steps[0], ROUNDS) for _ in CAMERAS]
        assert steps[0] > 0
        assert database.query("SELECT sum(poses)::int FROM people_hourly").rows == [(len(CAMERAS) * ROUNDS * BATCH,)]


def test_a_drop_that_waits_for_a_reader_holds_nothing_that_he_wants(days: Database) -> None:
    """Who reads two tables, one after the other, and a drop of both would wait for each other."""
    policy = HistoryPolicy(retention_s=1.5 * 86400)
    with (
        days.address.connect("owner") as owner,
        days.address.connect("reader") as reader,
        ThreadPoolExecutor() as other,
    ):
        with reader.transaction():
            poses = reader.execute("SELECT count(*) FROM poses").fetchone()
            dropping = other.submit(days.maintain, policy)
            waiting = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database"
            until = time.monotonic() + 20
            while owner.execute(f"{waiting} WHERE datname = current_database())".encode()).fetchone() != (True,):
                assert time.monotonic() < until
                assert not dropping.done()
            assert reader.execute("SELECT count(*) FROM measures").fetchone() == poses
        assert dropping.result().dropped


def test_the_load_of_the_benchmark_is_alive(days: Database) -> None:
    questions = ["SELECT count(*) FROM poses", "SELECT count(*) FROM keypoints WHERE keypoint = 'nose'"]

    done = mixed.measured(days, questions, time.time_ns() // 1000, cameras=2, seconds=20)

    assert done.asked > 0
    assert done.poses == 2 * 2 * 20 * mixed.FPS * 5
    assert done.most_bytes <= done.budget_bytes


def test_a_reader_of_the_benchmark_who_dies_is_told(days: Database, capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(RuntimeError, match=f"{mixed.READERS} of {mixed.READERS} readers died"),
        mixed.asking(days, ["SELECT 1 / 0"]),
    ):
        wait_for_children()
    assert "division by zero" in capfd.readouterr().err


def test_a_reader_of_the_benchmark_who_has_no_answer_is_told(days: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed, "ANSWER_S", 0.5)
    with pytest.raises(RuntimeError, match=r"no answer within 0\.5 s"), mixed.asking(days, ["SELECT pg_sleep(60)"]):
        pytest.fail("nobody is beside the writer")
    wait_for_children()


def wait_for_children() -> None:
    until = time.monotonic() + 20
    while multiprocessing.active_children():
        assert time.monotonic() < until
        time.sleep(0.05)
