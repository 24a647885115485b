"""Dead letters as people look through them: found, and marked as handled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pipeline.database.connect import Address, Connection
from pipeline.database.session import Session

Handled = Literal["dropped", "replayed"]

_FIND = """
SELECT d.letter_id, CASE WHEN d.ts > 'epoch' THEN d.ts END, coalesce(c.name, ''), d.stage, d.reason, d.error, d.topic,
       d.topic_part, d.topic_offset, d.key, d.sha256, d.content, d.handled
FROM pose_raw.dead_letters d
LEFT JOIN pose_raw.cameras c USING (camera_no)
WHERE d.run = 0
  AND (%(stage)s::text IS NULL OR d.stage = %(stage)s)
  AND (%(reason)s::text IS NULL OR d.reason = %(reason)s)
  AND (%(camera)s::text IS NULL OR c.name = %(camera)s OR d.key = convert_to(%(camera)s, 'UTF8'))
  AND (%(since)s::timestamptz IS NULL OR d.ts >= %(since)s OR d.ts <= 'epoch')
  AND (%(until)s::timestamptz IS NULL OR d.ts < %(until)s)
  AND (%(id)s::text IS NULL OR replace(d.letter_id::text, '-', '') LIKE replace(lower(%(id)s), '-', '') || '%%')
  AND (%(handled)s OR d.handled IS NULL)
ORDER BY d.ts, d.stage, d.topic, d.topic_part, d.topic_offset, d.letter_id
LIMIT %(limit)s
"""
_HANDLE = """
UPDATE pose_raw.dead_letters SET handled = %s, handled_at = now() WHERE run = 0 AND letter_id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter of the live system.

    Attributes:
        at: Event time; None where the record could not be read.
        camera: Its name; the record's key where the record could not be read.
        content: The record's value; empty for pixels.
        handled: What was done about it, or None.
    """

    letter_id: UUID
    at: datetime | None
    camera: str
    stage: str
    reason: str
    error: str
    topic: str
    partition: int
    offset: int
    key: bytes
    sha256: bytes
    content: bytes
    handled: Handled | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; what is None does not matter.

    Attributes:
        since, until: Event time. Letters without one are in any time.
        letter_id: Beginning of the identity.
        handled: Also those that were handled.
    """

    stage: str | None = None
    reason: str | None = None
    camera: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    letter_id: str | None = None
    handled: bool = False


class Letters:
    """The dead letters of a database."""

    def __init__(self, address: Address) -> None:
        self._session = Session(address, "owner")

    def find(self, wanted: Wanted, limit: int | None = None) -> list[Letter]:
        """Those that are wanted, by time. Raises SinkUnavailable, DatabaseError."""
        parameters: dict[str, Any] = {
            "stage": wanted.stage,
            "reason": wanted.reason,
            "camera": wanted.camera,
            "since": wanted.since,
            "until": wanted.until,
            "id": wanted.letter_id,
            "handled": wanted.handled,
            "limit": limit,
        }
        rows = self._session.run(lambda connection: connection.execute(_FIND, parameters).fetchall())
        return [_letter(row) for row in rows]

    def handle(self, letters: Sequence[Letter], how: Handled) -> int:
        """Mark them. Gives how many there still were. Raises SinkUnavailable, DatabaseError."""

        def mark(connection: Connection) -> int:
            return connection.execute(_HANDLE, (how, [letter.letter_id for letter in letters])).rowcount

        return self._session.run(mark)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()


def _letter(row: Sequence[Any]) -> Letter:
    letter_id, at, camera, stage, reason, error, topic, partition, offset, key, sha256, content, handled = row
    return Letter(
        letter_id,
        at,
        camera or bytes(key).decode(errors="replace"),
        *(stage, reason, error, topic, partition, offset),
        *(bytes(key), bytes(sha256), bytes(content)),
        handled,
    )
