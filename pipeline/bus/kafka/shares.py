"""What was fetched and not yet handed out, by partition: each gets its share of a poll."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Set
from dataclasses import dataclass, field

from pipeline.core.ports import BusRecord, TopicPartition


@dataclass(eq=False, slots=True)
class _Waiting:
    records: deque[BusRecord] = field(default_factory=deque)
    nbytes: int = 0


class Shares:
    """Records of each partition, in order.

    kafka-python hands out what it fetched of one partition to its end before it begins with another, so that one with
    a backlog makes its neighbours wait.
    """

    def __init__(self) -> None:
        self._waiting: dict[TopicPartition, _Waiting] = {}

    def add(self, place: TopicPartition, records: Iterable[BusRecord]) -> None:
        """These came, behind what is there."""
        waiting = self._waiting.setdefault(place, _Waiting())
        for record in records:
            waiting.records.append(record)
            waiting.nbytes += _size(record)

    def drop(self, place: TopicPartition) -> None:
        """The partition's records are not wanted any more."""
        self._waiting.pop(place, None)

    def nbytes(self, place: TopicPartition) -> int:
        """Bytes that wait in a partition."""
        waiting = self._waiting.get(place)
        return 0 if waiting is None else waiting.nbytes

    def first(self, place: TopicPartition) -> int | None:
        """Offset of the next record of the partition, if one waits."""
        waiting = self._waiting.get(place)
        return waiting.records[0].offset if waiting is not None and waiting.records else None

    def any(self, but: Set[TopicPartition]) -> bool:
        """Something waits outside of these partitions."""
        return any(waiting.records and place not in but for place, waiting in self._waiting.items())

    def take(self, most: int, but: Set[TopicPartition]) -> list[BusRecord]:
        """At most so many, none of these partitions; each has its share before one gets more."""
        hungry = [p for p, waiting in self._waiting.items() if waiting.records and p not in but][:most]
        for place in hungry:  # behind those that are not served now
            self._waiting[place] = self._waiting.pop(place)
        taken: dict[TopicPartition, list[BusRecord]] = {place: [] for place in hungry}
        rest = most
        while rest > 0 and hungry:
            share = max(rest // len(hungry), 1)
            for place in hungry[:rest]:
                rest -= self._move(place, share, taken[place])
            hungry = [place for place in hungry if self._waiting[place].records]
        return [record for records in taken.values() for record in records]

    def _move(self, place: TopicPartition, count: int, to: list[BusRecord]) -> int:
        waiting = self._waiting[place]
        count = min(count, len(waiting.records))
        for _ in range(count):
            record = waiting.records.popleft()
            waiting.nbytes -= _size(record)
            to.append(record)
        return count


def _size(record: BusRecord) -> int:
    return len(record.key) + len(record.value or b"") + 64
