"""Rows into the embedded database, as the sink writes them."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.chain import poses_of
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Motions, Poses
from pipeline.database import open_database

BATCH_FRAMES = 200
BATCHES = 20


def run() -> dict[str, float]:
    """Poses per second, with world metres, frame outcomes and tracks; and once more when all of them are known."""
    people = poses_of(5)
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as home:
        Path(home).chmod(0o755)
        with open_database(None, Path(home)) as database:
            number = database.registry().camera_no("bench")
            sink = database.sink()
            batches = [
                [_record(people, number, b * BATCH_FRAMES + i) for i in range(BATCH_FRAMES)] for b in range(BATCHES)
            ]
            poses = sum(len(record.value.poses) for batch in batches for record in batch)
            times = []
            for _ in range(2):
                started = time.perf_counter()
                for batch in batches:
                    sink.write(batch)
                times.append(time.perf_counter() - started)
    return {"poses_per_s": poses / times[0], "repeated_poses_per_s": poses / times[1]}


def _record(people: list[Poses], number: int, k: int) -> Record[Motions]:
    poses = people[k % len(people)]
    ids = (np.int64(number) << 48) + np.arange(1, len(poses) + 1, dtype=np.int64)
    at = 1_700_000_000_000_000 + k * 33_333
    flags = np.zeros(poses.keypoint_score.shape, np.uint8)
    return Record(Stamp(0, "bench", number, 1, k, k, at, at, "file"), Motions(poses, ids, flags))
