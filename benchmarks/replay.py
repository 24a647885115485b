"""How fast the past is worked on again: `posebus replay` of hours of one person, out of the embedded database.

    python -m benchmarks.replay

It is part of `make bench`, and writes a section of docs/performance.md of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.months import Months, fill
from benchmarks.workers import POSEBUS
from pipeline.database import open_database
from tests.sections import put_section

HOURS = float(os.environ.get("POSEBUS_HOURS", "2"))
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
TITLE = "Replay"
TEXT = """Written by `make bench` (benchmarks/replay.py). {hours:g} hours of one person at 5 frames/s
(benchmarks/months.py), out of the embedded database through analyze and alert, and stored as a run of its own, median
of {rounds}: {frames:,} frames in {seconds:.1f} s, **{rate:,.0f} frames/s**. At that rate a day on which somebody is in
the picture for eight hours takes {eight_min:.1f} minutes, one of 24 hours {day_min:.1f} (goal for a day: 2)."""
ROUNDS = 3


def run() -> tuple[int, float]:
    """Frames, and the seconds from the first one read to the last result stored."""
    months = Months(cameras=1, days=1, hours=HOURS)
    begin = datetime.combine(months.until - timedelta(days=1), datetime.min.time(), UTC) + timedelta(hours=8)
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with open_database(None, home) as database:
            numbers = [database.registry().camera_no(name) for name in months.names]
            with database.address.connect("writer") as connection:
                fill(connection, months, numbers)
            done = subprocess.run(
                [POSEBUS, "replay", "--from", begin.isoformat(), "--to", (begin + timedelta(hours=HOURS)).isoformat()],
                env={**os.environ, "POSEBUS_HOME": folder},
                capture_output=True,
                text=True,
                check=True,
            )
    found = re.search(r"(\d+) frames in ([\d.]+) s", done.stdout)
    if found is None:
        raise SystemExit(f"posebus replay told no rate:\n{done.stdout[-500:]}")
    return int(found[1]), float(found[2])


def write() -> None:
    """Measure, and put the section into the page."""
    frames, seconds = sorted((run() for _ in range(ROUNDS)), key=lambda each: each[1])[ROUNDS // 2]
    rate = frames / seconds
    text = TEXT.format(
        hours=HOURS,
        rounds=ROUNDS,
        frames=frames,
        seconds=seconds,
        rate=rate,
        eight_min=8 * 3600 * 5 / rate / 60,
        day_min=24 * 3600 * 5 / rate / 60,
    )
    put_section(PAGE, TITLE, text)
    print(text)


if __name__ == "__main__":
    write()
