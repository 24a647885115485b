"""Keeps the history within its policy: rollups, compression, retention, a budget of bytes; tells how it stands."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import errors

from pipeline.core.history import HistoryPolicy
from pipeline.database import failures
from pipeline.database.connect import Address, Connection

CLOSED_AFTER_S = 120
"""Minutes of the rollups are taken up when they are over for so long: writers are done with them."""

_LOCK = 0x706F7365_62757302
_MINUTES_AT_ONCE = 500
_SAMPLE_DAYS = 7
_TRIES, _PAUSE_S = 3, 0.2
_POLICY = "SELECT retention, compress_after, budget_bytes FROM pose_raw.history"
_APPLY = """
INSERT INTO pose_raw.history AS h (retention, compress_after, budget_bytes) VALUES (%s, %s, %s)
ON CONFLICT (one) DO UPDATE SET retention = excluded.retention, compress_after = excluded.compress_after,
    budget_bytes = excluded.budget_bytes, applied_at = now()
"""


@dataclass(slots=True)
class Upkeep:
    """What one call of `maintain` did.

    Attributes:
        refreshed: Minutes taken up into the rollups.
        compressed, dropped: Names of partitions or chunks.
        waiting: Why something was left for the next time, or nothing.
        used_bytes: After it.
    """

    refreshed: int = 0
    compressed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    waiting: str = ""
    used_bytes: int = 0


def maintain(address: Address, policy: HistoryPolicy | None = None, *, at_most_s: float = 30.0) -> Upkeep:
    """One round of upkeep, by one process at a time; call it every minute.

    Args:
        address: The database. The owner changes the policy; a writer carries out the one that is there.
        policy: From now on; None leaves it.
        at_most_s: No new step is begun after so long.

    Raises:
        SinkUnavailable: Call again later.
        DatabaseError: It refuses for good.
    """
    connection = address.connect("owner")
    try:
        refused = "" if policy is None else _apply(connection, policy)
        locked = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
        if not (locked and locked[0]):
            return Upkeep(waiting="another process is at it", used_bytes=_used(connection))
        done = Upkeep(waiting=refused)
        _round(connection, done, time.monotonic() + at_most_s)
        done.used_bytes = _used(connection)
        # The server hears of the end of a connection when it gets round to it: whoever calls next need not wait.
        connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        return done
    except psycopg.Error as error:
        raise failures.meaning(error, str(address)) from error
    finally:
        connection.close()


def _apply(connection: Connection, policy: HistoryPolicy) -> str:
    wanted = (
        None if policy.retention_s is None else timedelta(seconds=policy.retention_s),
        timedelta(seconds=policy.compress_after_s),
        policy.budget_bytes,
    )
    if connection.execute(_POLICY).fetchone() == wanted:
        return ""
    try:
        connection.execute(_APPLY, wanted)
    except errors.InsufficientPrivilege:
        return "the policy is not changed: this login is not the owner of the schema (posebus db maintain as the owner)"
    return ""


def _round(connection: Connection, done: Upkeep, deadline: float) -> None:
    today = datetime.now(UTC).date()
    # Tomorrow's partitions today: no writer waits for them at midnight.
    connection.execute("SELECT pose_raw.ensure_days(%s)", ([today, today + timedelta(days=1)],))
    try:
        connection.execute("SELECT pose_raw.begin_round()")
        _refresh(connection, done, f"now() - interval '{CLOSED_AFTER_S} s'", deadline)
        _note_growth(connection)
        while time.monotonic() < deadline and _drop(connection, done, "keep_retention", "retention_cut", deadline):
            pass
        while time.monotonic() < deadline:
            compressed = _locking(connection, "compress_next")
            if compressed is None:
                break
            done.compressed.append(compressed)
            _note_growth(connection)
        while time.monotonic() < deadline and _drop(connection, done, "keep_budget", "budget_cut", deadline):
            pass
        connection.execute("UPDATE pose_raw.history SET kept_at = now()")
    except errors.LockNotAvailable:
        done.waiting = "a reader holds what is to be dropped or compressed: it is tried again next time"


def _locking(connection: Connection, step: str) -> Any:
    """What a step gives that locks out readers: they come and go, so it is tried some times."""
    for _ in range(_TRIES - 1):
        try:
            return _value(connection, step)
        except errors.LockNotAvailable:
            time.sleep(_PAUSE_S)
    return _value(connection, step)


def _value(connection: Connection, step: str) -> Any:
    row = connection.execute(f"SELECT pose_raw.{step}()".encode()).fetchone()
    return row[0] if row else None


def _refresh(connection: Connection, done: Upkeep, before: str, deadline: float) -> None:
    while time.monotonic() < deadline:
        found = connection.execute(f"SELECT pose_raw.refresh_rollups({before}, {_MINUTES_AT_ONCE})".encode()).fetchone()
        count = int(found[0]) if found else 0
        done.refreshed += count
        if count < _MINUTES_AT_ONCE:
            return


def _drop(connection: Connection, done: Upkeep, keep: str, cut: str, deadline: float) -> bool:
    """Whether something was dropped."""
    while time.monotonic() < deadline:
        gone = _locking(connection, keep)
        if gone is not None:
            done.dropped += gone
            _note_growth(connection)
            return bool(gone)
        before = done.refreshed
        _refresh(connection, done, f"(SELECT pose_raw.{cut}())", deadline)
        if done.refreshed == before:
            done.waiting = "a writer holds minutes of what is to be dropped: it is tried again next time"
            return False
    return False


def _note_growth(connection: Connection) -> None:
    connection.execute("SELECT pose_raw.note_growth()")


def _used(connection: Connection) -> int:
    found = connection.execute("SELECT pose_raw.used_bytes()").fetchone()
    return int(found[0]) if found else 0


@dataclass(frozen=True, slots=True)
class HistoryStatus:
    """How the history stands.

    Attributes:
        tier: plain, ts-apache or ts-full.
        schema: Number of the newest migration applied.
        policy: In force.
        kept_at: When upkeep was last done; None: never.
        used_bytes: All that posebus keeps in this database.
        raw_bytes: Of it facts by the frame.
        units, compressed_units: Partitions or chunks of these.
        oldest: Where they begin; None: there are none.
        poses, raw_poses_per_day: Estimates of the server, and of the last days.
        bytes_per_day: What a day takes when it has come to rest (compressed where the server does); None: unknown.
        due_minutes: Minutes of rollups not yet taken up.
    """

    tier: str
    schema: int
    policy: HistoryPolicy
    kept_at: datetime | None
    used_bytes: int
    raw_bytes: int
    units: int
    compressed_units: int
    oldest: datetime | None
    bytes_per_day: float | None
    due_minutes: int

    def forecast(self) -> str:
        """What will become of the bytes, one sentence."""
        policy, rate = self.policy, self.bytes_per_day
        if not rate:
            return "no forecast yet: no day is complete"
        rest = self.used_bytes - self.raw_bytes
        if policy.budget_bytes is None:
            if policy.retention_s is None:
                return f"grows by {shown_bytes(rate)} a day without end: set history.retention or history.budget"
            return f"will level off at about {shown_bytes(rest + rate * policy.retention_s / 86400)}"
        holds = max(policy.budget_bytes - rest, 0) / rate
        if policy.retention_s is not None and holds >= policy.retention_s / 86400:
            level = rest + rate * policy.retention_s / 86400
            return f"will level off at about {shown_bytes(level)}, below the budget"
        left = (policy.budget_bytes - self.used_bytes) / rate
        full = f"reached in {left:.1f} days" if left > 0 else "reached"
        return f"the budget is {full}; from then on it holds about {holds:.1f} days of poses"


_STATUS = """
SELECT pose.tier(), (SELECT max(number) FROM pose_raw.migrations), h.retention, h.compress_after, h.budget_bytes,
       h.kept_at, pose_raw.used_bytes(), (SELECT count(*) FROM pose_raw.rollup_due)
FROM (VALUES (1)) AS one LEFT JOIN pose_raw.history h ON true
"""
_UNITS = "SELECT starts, ends, bytes, compressed FROM pose_raw.raw_units() ORDER BY starts"


def status(address: Address) -> HistoryStatus:
    """How the history stands. Raises DatabaseError, SinkUnavailable."""
    connection = address.connect("owner")
    try:
        row = connection.execute(_STATUS).fetchone()
        units = connection.execute(_UNITS).fetchall()
    except psycopg.Error as error:
        raise failures.meaning(error, str(address)) from error
    finally:
        connection.close()
    assert row is not None
    tier, schema, retention, compress_after, budget, kept_at, used, due = row
    policy = HistoryPolicy(
        None if retention is None else retention.total_seconds(),
        12 * 3600.0 if compress_after is None else compress_after.total_seconds(),
        budget,
    )
    return HistoryStatus(
        tier=tier,
        schema=schema,
        policy=policy,
        kept_at=kept_at,
        used_bytes=used,
        raw_bytes=sum(unit[2] for unit in units),
        units=len(units),
        compressed_units=sum(unit[3] for unit in units),
        oldest=units[0][0] if units else None,
        bytes_per_day=_bytes_per_day([unit for unit in units if unit[3] or tier != "ts-full"]),
        due_minutes=due,
    )


def _bytes_per_day(units: list[tuple[datetime, datetime, int, bool]]) -> float | None:
    """Of the last days that are over and hold something, by their days: an empty day was no day of work."""
    now = datetime.now(UTC)
    days: dict[int, int] = {}
    for starts, ends, size, _ in units:
        if ends <= now and size > _EMPTY_BYTES:
            day = int(starts.timestamp() // 86400)
            days[day] = days.get(day, 0) + size
    recent = sorted(days)[-_SAMPLE_DAYS:]
    return sum(days[day] for day in recent) / len(recent) if recent else None


_EMPTY_BYTES = 200_000
"""A partition without rows has its empty indexes."""


def shown_bytes(count: float) -> str:
    """For people, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.3g} {unit}" if unit != "B" else f"{count:.0f} B"
        count /= 1000
    return f"{count:.3g} TB"
