"""Questions to a history that grows, asked again and again until the answer is right."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import psycopg


class History:
    """Questions to the database, each asked again until the answer is right."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def frames(self, camera: str, since_s: float = 0.0) -> int:
        return self.ask(
            "SELECT count(*) FROM pose.frame_outcomes WHERE camera = %s AND ts > to_timestamp(%s)", camera, since_s
        )[0][0]

    def state(self, camera: str) -> str:
        found = self.ask("SELECT state FROM pose.camera_status WHERE camera = %s ORDER BY ts DESC LIMIT 1", camera)
        return found[0][0] if found else "unknown"

    def states(self, camera: str, since_s: float) -> set[str]:
        """States that it entered since then."""
        found = self.ask(
            "SELECT DISTINCT state FROM pose.camera_status WHERE camera = %s AND ts > to_timestamp(%s)", camera, since_s
        )
        return {state for (state,) in found}


def until(what: Callable[[], bool], timeout_s: float, named: str) -> float:
    """Wait for it; how long that took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < timeout_s, f"{named} did not happen within {timeout_s} s"
        time.sleep(0.05)
    return time.monotonic() - began


def none_twice_none_back(history: History, camera: str) -> int:
    """How many sessions a camera has had; fails where a frame rests twice, or event time went back between two."""
    sessions = history.ask(
        "SELECT session, min(ts), max(ts), count(*) - count(DISTINCT frame_no) FROM pose.frame_outcomes"
        " WHERE camera = %s GROUP BY 1 ORDER BY 1",
        camera,
    )
    assert all(a[2] < b[1] for a, b in itertools.pairwise(sessions)), f"event time of {camera} went back: {sessions}"
    assert all(twice == 0 for *_, twice in sessions), sessions
    return len(sessions)
