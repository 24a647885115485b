"""The outbox: steps of incidents that some channel has not been told of, read from where the steps rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.core.deliveries import Delivery
from pipeline.core.records import Record, Stamp
from pipeline.core.values import Transition
from pipeline.database.connect import Address, Connection
from pipeline.database.rows import clean, moment
from pipeline.database.session import Session

# Rule, person and beginning never change in the life of an incident, so they are kept once.
_PENDING = """
SELECT c.name, s.incident_id, s.version, s.state, i.rule, s.severity, i.track_id,
       (extract(epoch FROM i.started) * 1000000)::bigint, (extract(epoch FROM s.ts) * 1000000)::bigint,
       s.event_id, s.text, s.payload
FROM pose_raw.incident_steps s
JOIN pose_raw.incidents i USING (run, incident_id)
JOIN pose_raw.cameras c ON c.camera_no = s.camera_no
WHERE s.run = %s AND s.camera_no = %s AND s.ts >= %s AND EXISTS (
    SELECT FROM unnest(%s::text[]) AS wanted (channel) WHERE NOT EXISTS (
        SELECT FROM pose_raw.deliveries d
        WHERE d.run = s.run AND d.incident_id = s.incident_id AND d.version = s.version AND d.channel = wanted.channel))
ORDER BY s.ts, s.incident_id, s.version
"""
_NOTE = """
INSERT INTO pose_raw.deliveries (run, incident_id, version, channel, key, state, error)
VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_SETTLED = """
SELECT d.key FROM pose_raw.deliveries d
JOIN unnest(%s::int[], %s::uuid[], %s::int[]) AS w (run, incident_id, version) USING (run, incident_id, version)
"""


class Outbox:
    """What is still to be delivered; implements `deliveries.DeliveryStore`. Safe to use from any thread.

    A step is in it from the transaction that stores it, so none is lost between storing and telling.
    """

    def __init__(self, address: Address) -> None:
        self._session = Session(address, "writer")

    def pending(self, run: int, camera_no: int, since_us: int, channels: Sequence[str]) -> list[Record[Transition]]:
        """Steps of this camera from event time `since_us` on that some of the channels has not settled, in order.

        Their stamps tell run, camera and time; session, n and seq, which are not kept with a step, are 0.

        Raises:
            SinkUnavailable: Call again later.
            DatabaseError: The database refuses for good.
        """
        parameters = (run, camera_no, moment(since_us), list(channels))
        rows = self._session.run(lambda connection: connection.execute(_PENDING, parameters).fetchall())
        return [_record(run, camera_no, row) for row in rows]

    def settled(self, records: Sequence[Record[Transition]]) -> frozenset[str]:
        """Keys of these steps, of any channel, that were delivered or refused.

        Raises:
            SinkUnavailable: Call again later.
            DatabaseError: The database refuses for good.
        """
        columns = (
            [record.stamp.run for record in records],
            [record.value.incident_id for record in records],
            [record.value.version for record in records],
        )
        rows = self._session.run(lambda connection: connection.execute(_SETTLED, columns).fetchall())
        return frozenset(key for (key,) in rows)

    def note(self, deliveries: Sequence[Delivery]) -> None:
        """Settle what was delivered or refused; what failed stays pending. The same twice is there once.

        Raises:
            SinkUnavailable: Call again with the same deliveries.
            DatabaseError: The database refuses for good.
        """
        rows = [
            (d.run, d.incident_id, d.version, d.channel, d.key, d.state, None if d.error is None else clean(d.error))
            for d in deliveries
            if d.state != "failed"
        ]
        if rows:
            self._session.run(lambda connection: _insert(connection, rows))

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _insert(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    with connection.transaction():
        connection.cursor().executemany(_NOTE, rows)


def _record(run: int, camera_no: int, row: tuple[Any, ...]) -> Record[Transition]:
    camera, *fields, payload = row
    zone = payload.pop("zone", "")
    step = replace(Transition(*fields), evidence=_evidence(payload), zone=zone)
    return Record(Stamp(run, camera, camera_no, 0, 0, 0, step.at_us, step.at_us, "file"), step)


def _evidence(payload: Mapping[str, Any]) -> dict[str, float]:
    """The inverse of how evidence is stored: null is NaN, a text is an infinity."""
    return {name: math.nan if value is None else float(value) for name, value in payload.items()}
