"""Live writing while others read: how long a batch takes until it is committed, alone and beside readers."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.chain import poses_of
from pipeline.core.history import HistoryPolicy
from pipeline.core.ids import make_track_id
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Measures, Motions, Poses
from pipeline.core.vocabulary import ANGLES, MEASURES
from pipeline.database import Database

CAMERAS, FPS, READERS = 20, 5, 2
ANSWER_S = 120.0
"""A reader who has no answer to the first question by then is not one who reads beside the writer."""
SECONDS = 300
"""Batches of each half: the 99th percentile is the worst but two of them."""

_BYTES_A_POSE = 1400
"""With all tables and indexes, before compression: the first half fills the budget, the second one goes beyond it."""


@dataclass(frozen=True)
class Mixed:
    """Milliseconds from the call of the sink to the commit, for batches of one second of 20 cameras, 5 people each.

    Attributes:
        alone_ms, beside_ms: (median, 99th percentile) without readers, and with two who ask without a pause.
        asked: Questions that were answered meanwhile.
        most_bytes, budget_bytes: The most that was used at any moment, and what was allowed.
    """

    poses: int
    alone_ms: tuple[float, float]
    beside_ms: tuple[float, float]
    asked: int
    most_bytes: int
    budget_bytes: int


def measured(
    database: Database, questions: Sequence[str], now_us: int, *, cameras: int = CAMERAS, seconds: int = SECONDS
) -> Mixed:
    """Write from `now_us` on into a database that is filled already, under a budget that is reached meanwhile.

    Raises:
        RuntimeError: A reader died, so nobody was beside the writer.
    """
    people = poses_of(5)
    numbers = [database.registry().camera_no(f"live{i}") for i in range(cameras)]
    batch = cameras * FPS * len(people[0])
    budget = database.status().used_bytes + seconds * batch * _BYTES_A_POSE
    database.maintain(HistoryPolicy(budget_bytes=budget), at_most_s=120)
    most = [database.status().used_bytes]
    alone = _written(database, people, numbers, now_us, seconds, most)
    database.maintain(at_most_s=120)
    with asking(database, questions) as answered:
        beside = _written(database, people, numbers, now_us + seconds * 1_000_000, seconds, most)
        asked = answered()
    database.maintain(HistoryPolicy(), at_most_s=120)
    return Mixed(batch * seconds * 2, _quantiles(alone), _quantiles(beside), asked, max(most), budget)


@contextmanager
def asking(database: Database, questions: Sequence[str]) -> Iterator[Callable[[], int]]:
    """Readers who ask all questions in turn meanwhile, without a pause; how many were answered since the block began.

    It begins when each of them has had an answer.

    Raises:
        RuntimeError: One of them died meanwhile; what it says is on stderr. Or had no answer within `ANSWER_S`.
    """
    fork = multiprocessing.get_context("fork")
    answered = [fork.Value("q", 0) for _ in range(READERS)]
    asking = [
        fork.Process(target=_ask, args=(database, questions, mine, i), daemon=True) for i, mine in enumerate(answered)
    ]
    for reader in asking:
        reader.start()
    try:
        until = time.monotonic() + ANSWER_S
        while all(reader.is_alive() for reader in asking) and not all(mine.value for mine in answered):
            if time.monotonic() > until:
                raise RuntimeError(f"a reader had no answer within {ANSWER_S:g} s")
            time.sleep(0.01)
        before = sum(mine.value for mine in answered)
        yield lambda: sum(mine.value for mine in answered) - before
        dead = [reader.exitcode for reader in asking if reader.exitcode is not None]
    finally:
        for reader in asking:
            reader.terminate()
            reader.join()
    if dead:
        raise RuntimeError(f"{len(dead)} of {READERS} readers died (exit {dead}): expected all to ask until the end")


def _written(
    database: Database, people: Sequence[Poses], numbers: Sequence[int], start_us: int, seconds: int, most: list[int]
) -> list[float]:
    """Milliseconds of each batch; the writer goes on at once, so that a second of cameras takes less than a second."""
    sink, took = database.sink("bench"), []
    for second in range(seconds):
        records = [
            record
            for i, number in enumerate(numbers)
            for k in range(second * FPS, (second + 1) * FPS)
            for record in _records(people[k % len(people)], f"live{i}", number, k, start_us)
        ]
        started = time.perf_counter()
        sink.write(records)
        took.append(1000 * (time.perf_counter() - started))
        if second % 60 == 59:  # upkeep as it is in life
            most.append(database.status().used_bytes)
            database.maintain(at_most_s=30)
    sink.close()
    return took


def _records(poses: Poses, camera: str, number: int, k: int, start_us: int) -> list[Record[Motions | Measures]]:
    at = start_us + k * 1_000_000 // FPS
    stamp = Stamp(0, camera, number, 1, k, k, at, at, "arrival")
    first = start_us // 1_000_000 % 1_000_000 * 100
    ids = np.array([make_track_id(number, first + i + 1) for i in range(len(poses))], np.int64)
    angles = np.full((len(ids), len(ANGLES)), 12.5, np.float32)
    scalars = np.full((len(ids), len(MEASURES)), 0.25, np.float32)
    flags = np.zeros(poses.keypoint_score.shape, np.uint8)
    posture = np.ones(len(ids), np.uint8)
    return [Record(stamp, Motions(poses, ids, flags)), Record(stamp, Measures(ids, posture, angles, scalars))]


def _ask(database: Database, questions: Sequence[str], answered: Any, first: int) -> None:
    """Ask all questions in turn, until ended. In a process of its own, which an error ends."""
    with database.address.connect("reader") as reader:
        at = first
        while True:
            reader.execute(questions[at % len(questions)].encode()).fetchall()
            at += 1
            answered.value += 1  # nobody else writes it


def _quantiles(took: list[float]) -> tuple[float, float]:
    return float(np.median(took)), float(np.quantile(took, 0.99))
