"""The sink: records into rows, each batch in one transaction, as often as it is offered."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar

from psycopg import errors

from pipeline.core.errors import BusUnavailable, InvalidRecord, SinkUnavailable
from pipeline.core.ids import make_id
from pipeline.core.ports import TopicPartition
from pipeline.core.records import Record
from pipeline.core.values import DeadLetter
from pipeline.database.connect import Address, Connection
from pipeline.database.rows import Rows, rows_of
from pipeline.database.session import Session
from pipeline.database.write import ensure_days, write_rows

log = logging.getLogger(__name__)

LONGEST_WAIT_S = 5.0
"""An outage that lasts is asked about less and less often, but at least so often: for so long rows may wait when it is
over. A full disk and the like, which somebody has to mend, may take longer."""

_CLAIM = """
INSERT INTO pose_raw.stream_offsets AS o (consumer, topic, part, next_offset, epoch)
SELECT %s, topic, part, 0, 1 FROM unnest(%s::text[], %s::int[]) AS p (topic, part) ORDER BY topic, part
ON CONFLICT (consumer, topic, part) DO UPDATE SET epoch = o.epoch + 1
RETURNING topic, part, next_offset, epoch
"""
_EPOCHS = """
SELECT topic, part, epoch FROM pose_raw.stream_offsets
WHERE consumer = %s AND (topic, part) IN (SELECT * FROM unnest(%s::text[], %s::int[]))
ORDER BY topic, part FOR UPDATE
"""
_OFFSETS = """
INSERT INTO pose_raw.stream_offsets AS o (consumer, topic, part, next_offset) VALUES (%s, %s, %s, %s)
ON CONFLICT (consumer, topic, part) DO UPDATE SET next_offset = excluded.next_offset
WHERE o.next_offset < excluded.next_offset
"""
_EARLIEST_US, _LATEST_US = -62_135_596_800_000_000, 253_402_300_799_000_000
"""The years 1 to 9999."""

T = TypeVar("T")


class PostgresSink:
    """Writes records into the tables of history; implements `ports.OffsetSink`.

    Args:
        address: Where.
        consumer: Whose offsets are kept, for a sink that reads topics.
        world: Whether the metres of keypoints rest too.
    """

    def __init__(self, address: Address, consumer: str = "sink", *, world: bool = True) -> None:
        self._consumer = consumer
        self._world = world
        self._days: set[date] = set()
        self._repeated: set[str] = set()
        self._epochs: dict[TopicPartition, int] = {}
        self._failures = 0
        self._session = Session(address, "writer", on_connect=lambda _: self._days.clear())
        self.refused = 0
        """Records that became dead letters here."""

    def claim(self, places: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """From now on these are ours: whoever had them before can write no more. Gives where to read each on.

        A place never written is left out.

        Raises:
            SinkUnavailable: Call again.
        """
        topics, parts = _split(places)
        found = self._try(
            lambda connection: connection.execute(_CLAIM, (self._consumer, topics, parts)).fetchall() if parts else []
        )
        self._epochs |= {TopicPartition(topic, part): epoch for topic, part, _, epoch in found}
        return {TopicPartition(topic, part): offset for topic, part, offset, _ in found if offset}

    def write(self, records: Sequence[Record[Any]], offsets: Mapping[TopicPartition, int] | None = None) -> None:
        """All or nothing; the same records twice leave the same rows once.

        With `offsets`, what the database refuses for its value is written as a dead letter in the place of its row, so
        that the rest of the batch lands and the stream goes on; without them nobody would read on, and it is raised.

        Args:
            records: See `rows.rows_of`.
            offsets: The next offset to read of each partition, committed with the rows. They never go back.

        Raises:
            SinkUnavailable: Call again with the same records.
            BusUnavailable: Another sink has claimed one of the partitions since; nothing was written.
            InvalidRecord: The database refuses a value; nothing was written.
            DatabaseError: It refuses for good.
        """
        taken = dict(offsets or {})
        try:
            self._write_all(records, taken)
        except InvalidRecord:
            if offsets is None:
                raise
            usable, refused = self._sorted_out(records)
            self._write_all([*usable, *(_letter_of(record, error) for record, error in refused)], taken)
            self.refused += len(refused)
            for record, error in refused:
                log.warning("a record of camera %s is a dead letter: %s", record.stamp.camera, error.message)

    def offsets(self, topic: str) -> Mapping[TopicPartition, int]:
        """The offsets committed with the rows: where to read on."""
        found = self._try(
            lambda connection: connection.execute(
                "SELECT part, next_offset FROM pose_raw.stream_offsets WHERE consumer = %s AND topic = %s",
                (self._consumer, topic),
            ).fetchall()
        )
        return {TopicPartition(topic, part): offset for part, offset in found}

    def cancel(self) -> None:
        """End what another thread is writing; it raises there, and nothing of it is in."""
        self._session.cancel()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _write_all(self, records: Sequence[Record[Any]], offsets: Mapping[TopicPartition, int]) -> None:
        rows = rows_of(records, world=self._world)
        self._try(lambda connection: self._write(connection, rows, offsets))

    def _write(self, connection: Connection, rows: Rows, offsets: Mapping[TopicPartition, int]) -> None:
        def once() -> None:
            ensure_days(connection, rows, self._days)
            with connection.transaction():
                self._check_epochs(connection, offsets)
                write_rows(connection, rows, self._repeated)
                if offsets:
                    connection.cursor().executemany(
                        _OFFSETS, [(self._consumer, *place, offset) for place, offset in sorted(offsets.items())]
                    )

        retry_without_partition(once, self._days)

    def _check_epochs(self, connection: Connection, offsets: Mapping[TopicPartition, int]) -> None:
        """The rows stay locked until the end of the transaction: a claim waits for it and sees what it wrote."""
        ours = {place: self._epochs[place] for place in offsets if place in self._epochs}
        if not ours:
            return
        found = connection.execute(_EPOCHS, (self._consumer, *_split(frozenset(ours)))).fetchall()
        epochs = {TopicPartition(topic, part): epoch for topic, part, epoch in found}
        lost = sorted(place for place, epoch in ours.items() if epochs.get(place) != epoch)
        if lost:
            for place in lost:
                del self._epochs[place]
            names = ", ".join(f"{topic}[{part}]" for topic, part in lost)
            raise BusUnavailable(f"another sink has taken over {names}", retry_after_s=0.1)

    def _sorted_out(self, records: Sequence[Record[Any]]) -> tuple[list[Record[Any]], list[tuple[Any, InvalidRecord]]]:
        """What can be written, and what is refused with the reason: by halves, in transactions that are undone."""
        try:
            rows = rows_of(records, world=self._world)
            self._try(lambda connection: self._rehearse(connection, rows))
        except InvalidRecord as error:
            if len(records) == 1:
                return [], [(records[0], error)]
            middle = len(records) // 2
            halves = self._sorted_out(records[:middle]), self._sorted_out(records[middle:])
            return [*halves[0][0], *halves[1][0]], [*halves[0][1], *halves[1][1]]
        return list(records), []

    def _rehearse(self, connection: Connection, rows: Rows) -> None:
        def once() -> None:
            ensure_days(connection, rows, self._days)
            with connection.transaction(force_rollback=True):
                write_rows(connection, rows, self._repeated)

        retry_without_partition(once, self._days)

    def _try(self, work: Callable[[Connection], T]) -> T:
        """Outages in a row are waited for longer and longer."""
        try:
            result = self._session.run(work)
        except SinkUnavailable as error:
            self._failures += 1
            longest_s = max(error.retry_after_s, LONGEST_WAIT_S)
            error.retry_after_s = min(error.retry_after_s * 2 ** min(self._failures - 1, 10), longest_s)
            raise
        self._failures = 0
        return result


def retry_without_partition(once: Any, known: set[date]) -> None:
    """Run `once`, and again when a partition that was known is gone (retention dropped it meanwhile)."""
    try:
        once()
    except errors.CheckViolation:
        known.clear()
        once()


def _split(places: frozenset[TopicPartition]) -> tuple[list[str], list[int]]:
    ordered = sorted(places)
    return [place.topic for place in ordered], [place.partition for place in ordered]


def _letter_of(record: Record[Any], error: InvalidRecord) -> Record[DeadLetter]:
    """The dead letter of a record that was read but cannot be stored; it keeps what the record says of itself."""
    stamp, kind = record.stamp, type(record.value).__name__
    content = repr(record.value).encode(errors="backslashreplace")[:10_000]
    letter = DeadLetter(
        letter_id=make_id("dead-letter", "sink", kind, stamp.run, stamp.camera, stamp.session, stamp.n, stamp.seq),
        stage="sink",
        reason=type(error).__name__,
        error=error.message,
        topic=kind,
        partition=0,
        offset=stamp.n,
        key=stamp.camera.encode(errors="backslashreplace"),
        sha256=hashlib.sha256(content).digest(),
        content=content,
    )
    safe = replace(
        stamp,
        run=_within(stamp.run, 2**31 - 1),
        camera_no=_within(stamp.camera_no, 2**15 - 1),
        session=_within(stamp.session, 2**31 - 1),
        seq=_within(stamp.seq, 2**31 - 1),
        captured_at_us=max(min(stamp.captured_at_us, _LATEST_US), _EARLIEST_US),
    )
    return Record(safe, letter)


def _within(value: int, most: int) -> int:
    return min(max(value, 0), most)
