"""The sink: records into rows, each batch in one transaction, as often as it is offered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from psycopg import errors

from pipeline.core.ports import TopicPartition
from pipeline.core.records import Record
from pipeline.database.connect import Address, Connection
from pipeline.database.rows import Rows, rows_of
from pipeline.database.session import Session
from pipeline.database.write import ensure_days, write_rows

_OFFSETS = """
INSERT INTO pose_raw.stream_offsets AS o (consumer, topic, part, next_offset) VALUES (%s, %s, %s, %s)
ON CONFLICT (consumer, topic, part) DO UPDATE SET next_offset = excluded.next_offset
WHERE o.next_offset < excluded.next_offset
"""


class PostgresSink:
    """Writes records into the tables of history; implements `ports.Sink`.

    Args:
        address: Where.
        consumer: Whose offsets are kept, for a sink that reads topics.
    """

    def __init__(self, address: Address, consumer: str = "sink") -> None:
        self._consumer = consumer
        self._days: set[date] = set()
        self._session = Session(address, "writer", on_connect=lambda _: self._days.clear())

    def write(self, records: Sequence[Record[Any]], offsets: Mapping[TopicPartition, int] | None = None) -> None:
        """All or nothing; the same records twice leave the same rows once.

        Args:
            records: See `rows.rows_of`.
            offsets: The next offset to read of each partition, committed with the rows. They never go back.

        Raises:
            SinkUnavailable: Call again with the same records.
            InvalidRecord: The database refuses a value; nothing was written.
            DatabaseError: It refuses for good.
        """
        rows = rows_of(records)
        self._session.run(lambda connection: self._write(connection, rows, offsets or {}))

    def offsets(self, topic: str) -> Mapping[TopicPartition, int]:
        """The offsets committed with the rows: where to read on."""
        found = self._session.run(
            lambda connection: connection.execute(
                "SELECT part, next_offset FROM pose_raw.stream_offsets WHERE consumer = %s AND topic = %s",
                (self._consumer, topic),
            ).fetchall()
        )
        return {TopicPartition(topic, part): offset for part, offset in found}

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _write(self, connection: Connection, rows: Rows, offsets: Mapping[TopicPartition, int]) -> None:
        def once() -> None:
            ensure_days(connection, rows, self._days)
            with connection.transaction():
                write_rows(connection, rows)
                if offsets:
                    connection.cursor().executemany(
                        _OFFSETS, [(self._consumer, *place, offset) for place, offset in sorted(offsets.items())]
                    )

        retry_without_partition(once, self._days)


def retry_without_partition(once: Any, known: set[date]) -> None:
    """Run `once`, and again when a partition that was known is gone (retention dropped it meanwhile)."""
    try:
        once()
    except errors.CheckViolation:
        known.clear()
        once()
