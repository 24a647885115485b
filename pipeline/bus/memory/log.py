"""The log of one partition: records by growing offset, dropped from below (retention) or in between (compaction)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from operator import attrgetter

from pipeline.core.ports import BusRecord, Outgoing, TopicPartition, TopicSpec

_OFFSET = attrgetter("offset")
_COMPACT_FROM = 1024
_KEPT_BY_RETENTION = 7 / 8  # a log drops an eighth at a time, as Kafka drops whole segments


def message_bytes(record: Outgoing | BusRecord) -> int:
    """Bytes that the record would take on a wire: key, value and headers."""
    size = len(record.key or b"") + len(record.value or b"")
    for name, content in record.headers:
        size += len(name) + len(content)
    return size


class PartitionLog:
    """Records of one partition. Its callers hold the lock.

    Attributes:
        start: The earliest offset that retention has left.
        end: The offset that the next record will get.
        nbytes: Bytes of all records, attachments included.
        floor: Every group that counts has committed up to here; None when no group counts.
        unread: Bytes of the records from `floor` on; 0 when no group counts.
        space: Notified when `unread` has shrunk to half of what the topic is bounded to, or less.
    """

    def __init__(self, spec: TopicSpec, partition: int, lock: threading.Lock) -> None:
        self.place = TopicPartition(spec.name, partition)
        self.start = 0
        self.end = 0
        self.nbytes = 0
        self.floor: int | None = None
        self.unread = 0
        self.space = threading.Condition(lock)
        self._bound = spec.max_bytes
        self._compacted = spec.compacted
        self._retention_bytes = spec.retention_bytes
        self._records: list[BusRecord] = []
        self._sizes: list[int] = []
        self._compact_at = _COMPACT_FROM
        self._cleaned_to = 0

    def __len__(self) -> int:
        return len(self._records)

    def append(self, outgoing: Outgoing, size: int) -> None:
        """Add a record of `size` bytes, attachment included."""
        self._records.append(
            BusRecord(
                outgoing.topic,
                outgoing.partition,
                self.end,
                outgoing.key,
                outgoing.value,
                outgoing.headers,
                outgoing.attachment,
            )
        )
        self._sizes.append(size)
        self.end += 1
        self.nbytes += size
        if self.floor is not None:
            self.unread += size
        if self._compacted and len(self._records) >= self._compact_at:
            self.compact()
            self._compact_at = max(_COMPACT_FROM, 2 * len(self._records))
        if self._retention_bytes is not None and self.nbytes > self._retention_bytes:
            self._retain(int(self._retention_bytes * _KEPT_BY_RETENTION))

    def read(self, offset: int, limit: int) -> list[BusRecord]:
        """At most `limit` records from `offset` on."""
        first = self._index(offset)
        return self._records[first : first + limit]

    def drop_below(self, offset: int) -> None:
        """Retention: nothing below `offset` stays."""
        offset = min(offset, self.end)
        if offset <= self.start:
            return
        count = self._index(offset)
        if self.floor is not None and self.floor < offset:
            self._shrink_unread(sum(self._sizes[self._index(self.floor) : count]))
        self.nbytes -= sum(self._sizes[:count])
        del self._records[:count], self._sizes[:count]
        self.start = offset

    def compact(self) -> None:
        """Keep the last record of each key; a tombstone goes the second time, so that readers nearby still see it."""
        latest = {record.key: record.offset for record in self._records}
        kept = [
            (record, size)
            for record, size in zip(self._records, self._sizes, strict=True)
            if latest[record.key] == record.offset and not (record.value is None and record.offset < self._cleaned_to)
        ]
        self._records = [record for record, _ in kept]
        self._sizes = [size for _, size in kept]
        self.nbytes = sum(self._sizes)
        self._cleaned_to = self.end
        if self.floor is not None:
            self._shrink_unread(self.unread - sum(self._sizes[self._index(self.floor) :]))

    def set_floor(self, floor: int | None) -> None:
        """Every group that counts has committed up to `floor`."""
        if floor is None:
            shrunk = self.unread
        elif self.floor is not None and floor >= self.floor:
            shrunk = sum(self._sizes[self._index(self.floor) : self._index(floor)])
        else:
            shrunk = self.unread - sum(self._sizes[self._index(floor) :])
        self.floor = floor
        self._shrink_unread(shrunk)

    def _shrink_unread(self, size: int) -> None:
        self.unread -= size
        # A writer that was woken for each record would work in step with the reader, and both would mostly switch.
        if size > 0 and (self._bound is None or self.unread <= self._bound // 2):
            self.space.notify_all()

    def _retain(self, nbytes: int) -> None:
        rest, count = self.nbytes, 0
        while rest > nbytes and count < len(self._sizes):
            rest -= self._sizes[count]
            count += 1
        self.drop_below(self.end if count == len(self._records) else self._records[count].offset)

    def _index(self, offset: int) -> int:
        """Index of the first record at or behind `offset`."""
        records = self._records
        if not records:
            return 0
        first = records[0].offset
        if records[-1].offset - first == len(records) - 1:  # no holes
            return min(max(offset - first, 0), len(records))
        return bisect_left(records, offset, key=_OFFSET)
