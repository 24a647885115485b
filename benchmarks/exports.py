"""How fast poses leave the history: `PYTHONPATH=. .venv/bin/python -m benchmarks.exports [POSES]`.

Stores poses of two people with 33 keypoints, metres and angles in a database of its own, exports them in every format,
and shows poses a second of CPU time of this process (the server's is not in it), of wall time, and peak memory. Raw is
the time of reading alone.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.core.records import Record
from pipeline.core.tables import Selection
from pipeline.database import open_database
from pipeline.database.extract import PoseReader
from pipeline.exchange.export import Export, export_folder
from pipeline.exchange.formats import FORMATS
from tests.homes import homes
from tests.stored_people import motions

_US = 1_000_000


def fill(database: Any, poses: int) -> None:
    """Store a minute of people again and again, one after the other."""
    database.registry().camera_no("gym")
    minute = motions(seconds=60.0)
    last = minute[-1].stamp.captured_at_us - minute[0].stamp.captured_at_us + 40_000
    sink = database.sink()
    for i in range(poses // 3000 + 1):
        sink.write([_later(record, i * last, i * 1500) for record in minute])


def _later(record: Record[Any], us: int, seq: int) -> Record[Any]:
    stamp = record.stamp
    return Record(replace(stamp, captured_at_us=stamp.captured_at_us + us, seq=stamp.seq + seq), record.value)


def main() -> None:
    """Run all formats and show a table."""
    poses = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with homes() as make, open_database(None, make()) as database, tempfile.TemporaryDirectory() as folder:
        fill(database, poses)
        reader = PoseReader(database.address)
        cpu, wall = time.process_time(), time.monotonic()
        read = sum(len(table) for table in reader.poses(Selection()))
        print(f"{read} poses\n{'format':14} {'poses/s CPU':>12} {'poses/s':>9} {'rows/s':>10} {'MB':>7} {'peak MB':>8}")
        _show("raw", read, read, time.process_time() - cpu, time.monotonic() - wall, 0)
        for form in FORMATS.values():
            target = Path(folder, form.name)
            cpu, wall = time.process_time(), time.monotonic()
            done = export_folder(reader, Export(form, Selection()), target, time.time_ns() // 1000, lambda _, __: None)
            used = time.process_time() - cpu, time.monotonic() - wall
            size = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
            _show(form.name, done.poses, done.rows, *used, size)
        reader.close()


def _show(name: str, poses: int, rows: int, cpu_s: float, wall_s: float, size: int) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:14} {poses / cpu_s:12.0f} {poses / wall_s:9.0f} {rows / cpu_s:10.0f} {size / 1e6:7.1f} {peak:8.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
