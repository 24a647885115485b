"""The registry of cameras in the database, and how cameras are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields

from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.database.connect import Address, Connection
from pipeline.database.registry import CameraRegistry
from pipeline.database.rows import clean, moment
from pipeline.database.session import Session

_SELECT = """
SELECT c.name, s.camera_no, s.source, s.mode, s.fps, s.start_us, s.transport, s.username, s.password, s.paused,
       s.deadline_ms, s.weight, s.zones, s.rules
FROM pose_raw.camera_specs s JOIN pose_raw.cameras c USING (camera_no) ORDER BY c.name
"""
_PUT = """
INSERT INTO pose_raw.camera_specs (camera_no, source, mode, fps, start_us, transport, username, password, paused,
                                   deadline_ms, weight, zones, rules)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (camera_no) DO UPDATE SET (source, mode, fps, start_us, transport, username, password, paused, deadline_ms,
    weight, zones, rules, changed_at) = (excluded.source, excluded.mode, excluded.fps, excluded.start_us,
    excluded.transport, excluded.username, excluded.password, excluded.paused, excluded.deadline_ms, excluded.weight,
    excluded.zones, excluded.rules, now())
"""
_REMOVE = """
DELETE FROM pose_raw.camera_specs s USING pose_raw.cameras c WHERE c.camera_no = s.camera_no AND c.name = %s
"""
# The history gets a row where state or reason differ from the last word, which is overwritten. What is not newer than
# that one was there before.
_CHANGED = """
INSERT INTO pose_raw.camera_status (ts, camera_no, state, reason, fps, age_ms, restarts)
SELECT %(ts)s, %(no)s, %(state)s, %(reason)s, %(fps)s, %(age_ms)s, %(restarts)s
WHERE NOT EXISTS (SELECT FROM pose_raw.camera_now n
                  WHERE n.camera_no = %(no)s
                    AND (n.ts >= %(ts)s OR (n.state, n.reason) = (%(state)s, %(reason)s)))
"""
_NOW = """
INSERT INTO pose_raw.camera_now (camera_no, ts, state, reason, fps, age_ms, restarts)
VALUES (%(no)s, %(ts)s, %(state)s, %(reason)s, %(fps)s, %(age_ms)s, %(restarts)s)
ON CONFLICT (camera_no) DO UPDATE SET (ts, state, reason, fps, age_ms, restarts) = (excluded.ts, excluded.state,
    excluded.reason, excluded.fps, excluded.age_ms, excluded.restarts)
WHERE camera_now.ts <= excluded.ts
"""
_STATUSES = """
SELECT c.name, n.camera_no, (extract(epoch FROM n.ts) * 1000000)::bigint, n.state, n.reason, n.fps, n.age_ms,
       n.restarts, coalesce(e.reason, ''), coalesce((extract(epoch FROM e.ts) * 1000000)::bigint, 0)
FROM pose_raw.camera_now n JOIN pose_raw.cameras c USING (camera_no)
LEFT JOIN LATERAL (SELECT s.ts, s.reason FROM pose_raw.camera_status s
                   WHERE s.camera_no = n.camera_no AND s.reason <> '' ORDER BY s.ts DESC LIMIT 1) e ON true
ORDER BY c.name
"""


class DatabaseCameras:
    """Implements `CameraStore`. Safe to use from any thread.

    Raises SinkUnavailable and DatabaseError.
    """

    def __init__(self, address: Address, registry: CameraRegistry) -> None:
        self._session = Session(address, "writer")
        self._registry = registry

    def camera_no(self, name: str) -> int:
        """The number of a camera, issued when it is new."""
        return self._registry.camera_no(name)

    def cameras(self) -> Sequence[CameraSpec]:
        """All of them, by name."""
        rows = self._session.run(lambda connection: connection.execute(_SELECT).fetchall())
        return [CameraSpec(*row) for row in rows]

    def put(self, spec: CameraSpec) -> None:
        """Add a camera, or change it."""
        values = tuple(clean(value) if isinstance(value, str) else value for value in astuple(spec)[1:])
        assert len(values) == len(fields(CameraSpec)) - 1
        self._session.run(lambda connection: connection.execute(_PUT, values))

    def remove(self, name: str) -> bool:
        """Take a camera out; its history and its number stay."""
        return self._session.run(lambda connection: connection.execute(_REMOVE, (clean(name),)).rowcount > 0)

    def note(self, statuses: Sequence[CameraStatus]) -> None:
        """Keep how cameras are: the last word on each, and each change of state or reason as history."""
        self._session.run(lambda connection: _note(connection, statuses))

    def statuses(self) -> Sequence[CameraStatus]:
        """How each camera was when it was last heard of, with the newest error of the history."""
        rows = self._session.run(lambda connection: connection.execute(_STATUSES).fetchall())
        return [CameraStatus(*row) for row in rows]

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _note(connection: Connection, statuses: Sequence[CameraStatus]) -> None:
    with connection.transaction():
        for status in statuses:
            values = {
                "ts": moment(status.at_us),
                "no": status.camera_no,
                "state": status.state,
                "reason": clean(status.reason),
                "fps": status.fps,
                "age_ms": status.age_ms,
                "restarts": status.restarts,
            }
            connection.execute(_CHANGED, values)
            connection.execute(_NOW, values)
