"""One database filled with months, measured and asked; what takes too long goes on with the next call."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks import mixed
from benchmarks.months import Months, batches, template_of
from pipeline.core.history import HistoryPolicy
from pipeline.database import Database
from pipeline.database.connect import Connection
from pipeline.database.rows import Rows
from pipeline.database.write import _copy_into, ensure_days, write_rows

COOKBOOK = Path(__file__).parents[1] / "docs" / "sql-cookbook.md"
TIMES = 5
SAMPLES = 6
"""Batches of one camera and day, the last ones, whose rate is compared with that of bare COPY."""

_LATER = timedelta(seconds=59.99)  # the clocks of frames are not quite even: one frame lies within, never none
_FRAME = _LATER + timedelta(seconds=0.2)
_TRACK = "SELECT track_id, first_seen FROM pose.tracks WHERE camera = 'gym1' ORDER BY first_seen DESC LIMIT 1"
_FIRST_TRACK = (
    "SELECT track_id, first_seen, date_trunc('day', first_seen) FROM pose.tracks WHERE camera = 'gym1'"
    " ORDER BY first_seen LIMIT 1"
)
_QUESTIONS = {
    "one keypoint of one track, 10 minutes": (
        50,
        "SELECT ts, x, y FROM keypoints WHERE keypoint = 'left_wrist' AND track_id = {track}"
        " AND ts >= '{at}' AND ts < '{at}'::timestamptz + interval '10 min'",
    ),
    "all keypoints of a camera at an instant": (
        5,
        "SELECT * FROM keypoints WHERE camera = 'gym1' AND ts >= '{instant}' AND ts < '{next_frame}'",
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


_FLAT = {
    "one keypoint of one track, 10 minutes": (
        "SELECT ts, x, y FROM keypoints WHERE keypoint = 'left_wrist' AND track_id = {track}"
        " AND ts >= '{at}' AND ts < '{at}'::timestamptz + interval '10 min'"
    ),
    "ankles of one camera, 10 minutes": (
        "SELECT count(*), avg(x), avg(y) FROM keypoints WHERE keypoint = 'left_ankle' AND camera = 'gym1'"
        " AND ts >= '{at}' AND ts < '{at}'::timestamptz + interval '10 min'"
    ),
    "knee of one camera by the hour, 1 day": (
        "SELECT date_trunc('hour', ts), avg(degrees) FROM angles WHERE angle = 'left_knee' AND camera = 'gym1'"
        " AND ts >= '{day}' AND ts < '{day}'::timestamptz + interval '1 day' GROUP BY 1"
    ),
}
"""Asked of the first day while it is the only one, and again when all days are there: with the same range of time."""


@dataclass
class Measured:
    """What was found of one database so far.

    Attributes:
        batches: Of one camera and day, that are written.
        spent_s: For all poses, by this process and the server together; `cpu_s` of this process, `server_cpu_s` of the
            server's process where it is on this machine.
        of_raw, again: Poses/s of whole batches over those of bare COPY of the same bytes; and when all rows are there.
        again_of_raw: The latter over those of bare COPY; 0 where it was not measured.
        bytes_open, bytes_rest: Bytes a pose in the table of poses with its indexes, before and after upkeep.
        asked: Milliseconds of each question, median and worst, and what they may be.
        rows: How many rows each answer has.
        first_day, all_days: Milliseconds of the questions of _FLAT with one day and with all of them, median and worst.
        mixed: See `mixed.Mixed`.
        world: Metres of 3-D keypoints are kept, where the skeleton has them.
    """

    tier: str
    server: str
    skeleton: str
    cameras: int
    days: int
    batches: int = 0
    poses: int = 0
    spent_s: float = 0
    cpu_s: float = 0
    server_cpu_s: float = 0
    of_raw: float = 0
    again: float = 0
    upkeep_s: float = 0
    rested: bool = False
    bytes_open: float = 0
    bytes_rest: float = 0
    all_rest: float = 0
    asked: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    mixed: dict[str, Any] = field(default_factory=dict)
    again_of_raw: float = 0
    rows: dict[str, int] = field(default_factory=dict)
    first_day: dict[str, tuple[float, float]] = field(default_factory=dict)
    all_days: dict[str, tuple[float, float]] = field(default_factory=dict)
    world: bool = True

    @property
    def is_asked(self) -> bool:
        """Questions are asked of it; of the others only the bytes are measured."""
        return self.skeleton == "blazepose33" and self.world


def measure(database: Database, months: Months, found: Measured, deadline: float, keep: Callable[[], None]) -> bool:
    """Go on with what `found` lacks until `deadline` (`time.monotonic`). Whether all is there.

    Args:
        keep: Called whenever `found` and the database agree.
    """
    for scene in {camera.rstrip("0123456789") for camera in months.names}:
        template_of(scene, months.fps, months.skeleton, months.segment_s)
    numbers = [database.registry().camera_no(camera) for camera in months.names]
    with database.address.connect("owner") as owner:
        if not _filled(database, owner, months, numbers, found, deadline, keep):
            return False
        while not found.rested:
            if (left := deadline - time.monotonic()) <= 0:
                return False
            started = time.monotonic()
            found.rested = _rested(database, left)
            found.upkeep_s += time.monotonic() - started
            keep()
        if not found.asked:
            owner.execute("VACUUM ANALYZE")
            found.bytes_rest = _bytes(owner, "parent = 'poses'") / found.poses
            found.all_rest = database.status().used_bytes / found.poses
            _ask(database, owner, found)
            if found.first_day:
                found.all_days = _ask_flat(database, owner)
            keep()
        if not found.mixed and found.is_asked:
            statements = [statement for _, statement in _questions(owner).values()]
            found.mixed = asdict(mixed.measured(database, statements, time.time_ns() // 1000))
            keep()
    return True


def _rested(database: Database, left_s: float) -> bool:
    """One round of upkeep; whether nothing was left to be done."""
    done = database.maintain(HistoryPolicy(), at_most_s=left_s)
    return not (done.compressed or done.refreshed)


def _filled(
    database: Database,
    owner: Connection,
    months: Months,
    numbers: list[int],
    found: Measured,
    deadline: float,
    keep: Callable[[], None],
) -> bool:
    known, repeated = set[date](), set[str]()
    kept: list[tuple[Rows, int, float]] = []
    over: list[float] = []
    everything = months.days * months.cameras
    for rows, poses in batches(months, numbers, found.batches):
        sampled = everything - found.batches <= SAMPLES
        if time.monotonic() > deadline and not sampled:
            return False
        if found.is_asked and found.batches == months.cameras and not found.first_day:
            while not _rested(database, 600):
                pass
            owner.execute("VACUUM ANALYZE")
            found.first_day = _ask_flat(database, owner)
        bare_s = _bare_copy(owner, rows) if sampled else 0.0
        started, cpu, server = time.perf_counter(), time.process_time(), _server_cpu_s(owner)
        _put(owner, rows, known, repeated)
        took = time.perf_counter() - started
        found.cpu_s += time.process_time() - cpu
        found.server_cpu_s += _server_cpu_s(owner) - server
        found.spent_s += took
        found.poses += poses
        found.batches += 1
        keep()
        if sampled:
            over.append(bare_s / took)
            kept.append((rows, poses, bare_s))
    if kept:
        found.of_raw = statistics.median(over)
        found.bytes_open = _bytes(owner, "parent = 'poses'") / found.poses
        again = [(poses, bare_s, _again(owner, rows, known, repeated)) for rows, poses, bare_s in kept]
        found.again = statistics.median(poses / took for poses, _, took in again)
        found.again_of_raw = statistics.median(bare_s / took for _, bare_s, took in again)
        keep()
    return True


def _server_cpu_s(owner: Connection) -> float:
    """Seconds that the server's process of this connection has worked; 0 where it is on another machine."""
    stat = Path(f"/proc/{owner.info.backend_pid}/stat")
    try:
        content = stat.read_text()
    except OSError:
        return 0.0
    if "(postgres)" not in content:
        return 0.0
    user, system = content.rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / 100


def _put(owner: Connection, rows: Rows, known: set[date], repeated: set[str]) -> None:
    ensure_days(owner, rows, known)
    with owner.transaction():
        write_rows(owner, rows, repeated)


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


def _again(owner: Connection, rows: Rows, known: set[date], repeated: set[str]) -> float:
    """Seconds when all rows are there already."""
    started = time.perf_counter()
    _put(owner, rows, known, repeated)
    return time.perf_counter() - started


def _bytes(owner: Connection, where: str) -> float:
    row = owner.execute(f"SELECT coalesce(sum(bytes), 0) FROM pose_raw.raw_units() WHERE {where}".encode()).fetchone()
    return float(row[0]) if row else 0.0


def _ask(database: Database, owner: Connection, found: Measured) -> None:
    with database.address.connect("reader") as reader:
        for name, (limit, statement) in _questions(owner).items():
            median, worst, found.rows[name] = _timed(reader, statement)
            found.asked[name] = (median, worst, limit)


def _ask_flat(database: Database, owner: Connection) -> dict[str, tuple[float, float]]:
    """The questions of _FLAT about the first day."""
    row = owner.execute(_FIRST_TRACK.encode()).fetchone()
    assert row is not None
    track, at, day = row
    answers = {}
    with database.address.connect("reader") as reader:
        for name, statement in _FLAT.items():
            median, worst, rows = _timed(reader, statement.format(track=track, at=at, day=day))
            assert rows, f"no answer to: {name}"
            answers[name] = (median, worst)
    return answers


def _timed(reader: Connection, statement: str) -> tuple[float, float, int]:
    """Milliseconds of a question, median and worst, after it was asked once; and how many rows its answer has."""
    times, rows = [], 0
    for _ in range(TIMES + 1):
        started = time.perf_counter()
        rows = len(reader.execute(statement.encode()).fetchall())
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times[1:]), max(times[1:]), rows


def _questions(owner: Connection) -> dict[str, tuple[float, str]]:
    """Each question with the milliseconds that it may take."""
    row = owner.execute(_TRACK.encode()).fetchone()
    assert row is not None
    questions: dict[str, tuple[float, str]] = {
        name: (limit, statement.format(track=row[0], at=row[1], instant=row[1] + _LATER, next_frame=row[1] + _FRAME))
        for name, (limit, statement) in _QUESTIONS.items()
    }
    for title, amount, unit, statement in re.findall(
        r"^## (.*?) \(([\d.]+) (m?s)\)\n.*?```sql\n(.*?)```", COOKBOOK.read_text(), re.S | re.M
    ):
        questions[f"cookbook: {title}"] = (float(amount) * (1000 if unit == "s" else 1), statement)
    return questions
