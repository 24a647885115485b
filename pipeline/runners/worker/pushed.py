"""A consumer whose records are pushed into it by another framework, for the same loops that otherwise poll one."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

from pipeline.core.ports import BusRecord, Polled, TopicPartition

Places = frozenset[TopicPartition]


class PushedConsumer:
    """Implements `ports.Consumer`; belongs to the one thread that pushes and works.

    Offsets are committed by whoever pushes, once a batch is done. A batch that failed is pushed again: `seek` only
    raises the floor below which records are left out.
    """

    def __init__(self) -> None:
        self._changes: deque[Polled] = deque()
        self._records: deque[BusRecord] = deque()
        self._floors: dict[TopicPartition, int] = {}
        self._generation = 0

    def push(self, records: Sequence[BusRecord]) -> None:
        """These are next, instead of what was left of the last batch."""
        self._records = deque(records)

    def assign(self, places: Places) -> None:
        """These are ours now."""
        # Nothing tells the framework's generation; seconds grow just as well, and a zombie's are older.
        self._generation = max(self._generation + 1, int(time.time()))
        self._changes.append(Polled((), frozenset(), places))

    def revoke(self, places: Places) -> None:
        """These are no longer ours."""
        self._floors = {place: floor for place, floor in self._floors.items() if place not in places}
        self._changes.append(Polled((), places, frozenset()))

    @property
    def drained(self) -> bool:
        """All that was pushed was polled."""
        return not self._changes and not self._records

    def waiting(self) -> Sequence[BusRecord]:
        """What was pushed and not polled, in order."""
        return list(self._records)

    def poll(self, timeout_s: float, max_records: int = 500) -> Polled:
        """Changes first, then records; never waits."""
        if self._changes:
            return self._changes.popleft()
        taken = [self._records.popleft() for _ in range(min(max_records, len(self._records)))]
        return Polled([record for record in taken if record.offset >= self._floors.get(record.place, 0)])

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Whoever pushes commits."""

    def committed(self, place: TopicPartition) -> int | None:
        """Not known here."""
        return None

    def seek(self, place: TopicPartition, offset: int) -> None:
        """What lies below is left out."""
        self._floors[place] = offset

    def pause(self, places: Places) -> None:
        """Nothing comes by itself."""

    def resume(self, places: Places) -> None:
        """Nothing comes by itself."""

    def generation(self) -> int:
        """Grows with each assignment, in all processes."""
        return self._generation

    def lag(self) -> Mapping[TopicPartition, int]:
        """Not known here."""
        return {}

    def close(self) -> None:
        """Nothing is held."""
