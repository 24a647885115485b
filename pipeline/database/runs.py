"""Runs: replays that live beside the live one, run 0."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import psycopg

from pipeline.core.errors import ConfigError
from pipeline.database import failures
from pipeline.database.connect import Address
from pipeline.database.erase import lift_limits, sweep

TABLES = (
    *("poses", "measures", "frame_outcomes", "events", "incidents", "incident_steps", "deliveries", "tracks"),
    *("track_minutes", "posture_minutes", "rollup_due", "dead_letters", "cuts", "cut_snapshots"),
)
"""All that have a run."""

_LIST = """
SELECT run, count(DISTINCT camera_no), count(*), min(first_seen), max(last_seen) FROM pose_raw.tracks GROUP BY run
UNION ALL
SELECT run, count(DISTINCT camera_no), 0, NULL, NULL FROM pose_raw.cuts c
WHERE NOT EXISTS (SELECT FROM pose_raw.tracks t WHERE t.run = c.run) GROUP BY run ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: 0 is the live one.

    Attributes:
        cameras, tracks: How many of them have something in it.
        first_seen, last_seen: Event times of the first and the last pose; None without one.
    """

    run: int
    cameras: int
    tracks: int
    first_seen: datetime | None
    last_seen: datetime | None


def runs(address: Address) -> list[Run]:
    """All runs that have anything, in order. Raises DatabaseError, SinkUnavailable."""
    connection = address.connect("owner")
    try:
        return [Run(*row) for row in connection.execute(_LIST).fetchall()]
    except psycopg.Error as error:
        raise failures.meaning(error, str(address)) from error
    finally:
        connection.close()


def remove_run(address: Address, run: int) -> dict[str, int]:
    """Remove a run and all that it holds; rows by table. Raises ConfigError for run 0, or one that is not there."""
    if run == 0:
        raise ConfigError("run 0 is the live one", hint="posebus db erase removes from it")
    if not 0 < run < 2**31:
        raise ConfigError(f"{run} is no number of a run", hint="see posebus db runs ls")
    connection = address.connect("owner")
    try:
        with connection.transaction():
            lift_limits(connection)
            removed = {
                table: connection.execute(f"DELETE FROM pose_raw.{table} WHERE run = %s".encode(), (run,)).rowcount
                for table in TABLES
            }
        if not any(removed.values()):
            raise ConfigError(f"there is no run {run}", hint="see posebus db runs ls")
        sweep(connection, TABLES)
    except psycopg.Error as error:
        raise failures.meaning(error, str(address)) from error
    finally:
        connection.close()
    return removed
