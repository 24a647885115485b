"""`make bench-history`: fills a database with synthetic months, asks it, and writes a section of docs/performance.md.

    python -m benchmarks.history [--cameras 2] [--days 15] [--full]

--full: a year of one camera and a month of twenty (13 and 22 million poses; an hour or so). The embedded database is
always measured; a server with TimescaleDB where POSEBUS_TEST_TIMESCALE_DSN names one.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.months import Months, batches, template_of
from pipeline.core.history import HistoryPolicy
from pipeline.database import Database, open_database
from pipeline.database.connect import Connection
from pipeline.database.rows import Rows
from pipeline.database.write import _copy_into, ensure_days, write_rows

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
TITLE = "## History in SQL"
COOKBOOK = ROOT / "docs" / "sql-cookbook.md"
TIMES = 5
UNTIL = date(2026, 2, 1)
SAMPLES = 6
"""Batches of one camera and day that ingestion is measured on."""

_TRACK = "SELECT track_id, first_seen FROM pose.tracks WHERE camera = 'gym1' ORDER BY first_seen DESC LIMIT 1"
_QUESTIONS = {
    "one keypoint of one track, 10 minutes": (
        50,
        "SELECT ts, x, y FROM keypoints WHERE keypoint = 'left_wrist' AND track_id = {track}"
        " AND ts >= '{at}' AND ts < '{at}'::timestamptz + interval '10 min'",
    ),
    "all keypoints of a camera at an instant": (
        5,
        "SELECT * FROM keypoints WHERE camera = 'gym1'"
        " AND ts >= '{at}'::timestamptz + interval '60 s' AND ts < '{at}'::timestamptz + interval '60.2 s'",
    ),
    "people of all cameras by the hour, 30 days": (
        200,
        "SELECT * FROM people_hourly WHERE hour >= '2026-01-02 00:00+00' AND hour < '2026-02-01 00:00+00'",
    ),
    "the same, 1 day": (
        200,
        "SELECT * FROM people_hourly WHERE hour >= '2026-01-31 00:00+00' AND hour < '2026-02-01 00:00+00'",
    ),
}


@dataclass
class Measured:
    """What was found of one database.

    Attributes:
        fill_s: For all of it, by this process and the server together.
        of_raw, again: Poses/s of whole batches over those of bare COPY of the same bytes; and when all rows are there.
        bytes_open, bytes_rest: Bytes a pose in the table of poses with its indexes, before and after upkeep.
        asked: Milliseconds of each question, median and 95th percentile, and what they may be.
    """

    tier: str
    server: str
    months: Months
    poses: int = 0
    poses_per_s: float = 0
    cpu_us: float = 0
    of_raw: float = 0
    again: float = 0
    upkeep_s: float = 0
    bytes_open: float = 0
    bytes_rest: float = 0
    all_rest: float = 0
    asked: dict[str, tuple[float, float, float]] = field(default_factory=dict)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=2)
    parser.add_argument("--days", type=int, default=15)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    sizes = [Months(options.cameras, options.days, UNTIL)]
    if options.full:
        sizes = [Months(1, 365, UNTIL), Months(20, 30, UNTIL)]
    sizes.append(replace(sizes[-1], cameras=min(2, sizes[-1].cameras), days=2, skeleton="coco17"))
    found = []
    for months in sizes:
        for name, opened in _servers().items():
            with opened() as database:
                found.append(_measure(database, name, months))
                print(found[-1], file=sys.stderr)
    write_section(PAGE, TITLE, _report(found))
    print(_report(found))


def write_section(page: Path, title: str, text: str) -> None:
    """Put the section in the place of the one with its title, or at the end."""
    before = section_cut(page.read_text(), title)[0]
    page.write_text(f"{before.rstrip()}\n\n{title}\n\n{text.strip()}\n")


def section_cut(text: str, title: str) -> tuple[str, str]:
    """The text before the section, and the section, which is the last one."""
    at = text.find(f"{title}\n")
    return (text, "") if at < 0 else (text[:at], text[at:])


def _servers() -> dict[str, Callable[[], contextmanager[Database]]]:  # type: ignore[valid-type]
    servers: dict[str, Callable[[], contextmanager[Database]]] = {"embedded": _embedded}  # type: ignore[valid-type]
    named = os.environ.get("POSEBUS_TEST_TIMESCALE_DSN")
    if named:
        servers["POSEBUS_TEST_TIMESCALE_DSN"] = lambda: _external(named)
    else:
        print("POSEBUS_TEST_TIMESCALE_DSN is not set: only the embedded database is measured", file=sys.stderr)
    return servers


@contextmanager
def _embedded() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as home:
        Path(home).chmod(0o755)
        with open_database(None, Path(home)) as database:
            yield database


@contextmanager
def _external(dsn: str) -> Iterator[Database]:
    name = f"posebus_bench_{os.getpid()}"
    with psycopg.connect(dsn, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        try:
            with open_database(urlsplit(dsn)._replace(path=f"/{name}").geturl(), Path("unused")) as database:
                yield database
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _measure(database: Database, name: str, months: Months) -> Measured:
    for scene in {camera.rstrip("0123456789") for camera in months.names}:
        template_of(scene, months.fps, months.skeleton, months.segment_s)
    numbers = [database.registry().camera_no(camera) for camera in months.names]
    with database.address.connect("owner") as owner:
        measured = Measured(database.status().tier, name, months)
        known: set[date] = set()
        kept: list[tuple[Rows, int]] = []
        spent, over = 0.0, []
        left = months.days * months.cameras
        for rows, poses in batches(months, numbers):
            left -= 1
            bare_s = _bare_copy(owner, rows) if left < SAMPLES else 0.0
            started, cpu = time.perf_counter(), time.process_time()
            _put(owner, rows, known)
            took = time.perf_counter() - started
            measured.cpu_us += 1e6 * (time.process_time() - cpu)
            spent += took
            measured.poses += poses
            if left < SAMPLES:
                over.append(bare_s / took)
                kept.append((rows, poses))
        measured.cpu_us /= measured.poses
        measured.poses_per_s = measured.poses / spent
        measured.of_raw = statistics.median(over)
        measured.bytes_open = _bytes(owner, "parent = 'poses'") / measured.poses
        measured.again = statistics.median(_again(owner, rows, poses, known) for rows, poses in kept)
        started = time.perf_counter()
        while (done := database.maintain(HistoryPolicy(), at_most_s=3600)).compressed or done.refreshed:
            pass
        measured.upkeep_s = time.perf_counter() - started
        owner.execute("VACUUM ANALYZE")
        measured.bytes_rest = _bytes(owner, "parent = 'poses'") / measured.poses
        measured.all_rest = database.status().used_bytes / measured.poses
        measured.asked = _ask(database, owner)
    return measured


def _put(owner: Connection, rows: Rows, known: set[date]) -> None:
    ensure_days(owner, rows, known)
    with owner.transaction():
        write_rows(owner, rows)


def _bare_copy(owner: Connection, rows: Rows) -> float:
    """Seconds of COPY of the same bytes into tables alike, without rows and without anything around it."""
    for table in rows.packed:
        owner.execute(f"CREATE TABLE pose_raw.bare_{table} (LIKE pose_raw.{table} INCLUDING ALL)".encode())
    started = time.perf_counter()
    with owner.transaction():
        for table, pieces in rows.packed.items():
            _copy_into(owner, f"pose_raw.bare_{table}", table, pieces)
    took = time.perf_counter() - started
    for table in rows.packed:
        owner.execute(f"DROP TABLE pose_raw.bare_{table}".encode())
    return took


def _again(owner: Connection, rows: Rows, poses: int, known: set[date]) -> float:
    """Poses/s when all rows are there already."""
    started = time.perf_counter()
    _put(owner, rows, known)
    return poses / (time.perf_counter() - started)


def _bytes(owner: Connection, where: str) -> float:
    row = owner.execute(f"SELECT coalesce(sum(bytes), 0) FROM pose_raw.raw_units() WHERE {where}".encode()).fetchone()
    return float(row[0]) if row else 0.0


def _ask(database: Database, owner: Connection) -> dict[str, tuple[float, float, float]]:
    row = owner.execute(_TRACK.encode()).fetchone()
    assert row is not None
    questions = {
        name: (limit, statement.format(track=row[0], at=row[1])) for name, (limit, statement) in _QUESTIONS.items()
    }
    for title, amount, unit, statement in re.findall(
        r"^## (.*?) \(([\d.]+) (m?s)\)\n.*?```sql\n(.*?)```", COOKBOOK.read_text(), re.S | re.M
    ):
        questions[f"cookbook: {title}"] = (float(amount) * (1000 if unit == "s" else 1), statement)
    asked = {}
    with database.address.connect("reader") as reader:
        for name, (limit, statement) in questions.items():
            times = []
            for _ in range(TIMES + 1):
                started = time.perf_counter()
                reader.execute(statement.encode()).fetchall()
                times.append(1000 * (time.perf_counter() - started))
            ordered = sorted(times[1:])
            asked[name] = (statistics.median(ordered), ordered[-1], limit)
    return asked


def _report(found: list[Measured]) -> str:
    lines = [
        "Written by `make bench-history` (benchmarks/history.py). Ten simulated minutes, smoothed and analysed, are",
        "laid down again and again: 5 frames/s, two hours a day (benchmarks/months.py), a transaction a camera",
        "and day. `of COPY` is its rate (rows, tracks, events, minutes due) over that of bare COPY of the same bytes",
        "into tables alike; `repeated` when all rows are there already; CPU is that of the client. Bytes are those of",
        "the table of poses with its indexes, `all` is everything that posebus keeps.\n",
        "| database | skeleton | cameras x days | poses | poses/s | us CPU a pose | of COPY | repeated/s | bytes open"
        " | at rest | all | upkeep s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for each in found:
        cells = (
            *(f"{each.tier} ({each.server})", each.months.skeleton, f"{each.months.cameras} x {each.months.days}"),
            *(f"{each.poses:,}", f"{each.poses_per_s:,.0f}", f"{each.cpu_us:.1f}", f"{each.of_raw:.2f}"),
            *(f"{each.again:,.0f}", f"{each.bytes_open:.0f}", f"{each.bytes_rest:.0f}", f"{each.all_rest:.0f}"),
            f"{each.upkeep_s:.0f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    for each in found:
        if each.months.skeleton != "blazepose33":
            continue
        title = f"{each.tier}, {each.months.cameras} cameras, {each.months.days} days, {each.poses:,} poses"
        lines += [f"\nMilliseconds in {title}, median and worst of {TIMES}:\n", "| question | median | worst | goal |"]
        lines.append("| --- | --- | --- | --- |")
        lines += [f"| {name} | {a:.1f} | {b:.1f} | {limit:g} |" for name, (a, b, limit) in each.asked.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
