"""The consumer of a bus in memory: a member of its group that is told of changes by its next poll."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.bus.memory.broker import Broker
from pipeline.bus.memory.group import Member, Places
from pipeline.bus.memory.log import PartitionLog
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import BusRecord, Polled, TopicPartition

_NONE: Places = frozenset()
_EMPTY = Polled()


@dataclass(eq=False, slots=True)
class _Cursor:
    log: PartitionLog
    position: int
    paused: bool = False


class MemoryConsumer:
    """Reads the partitions that its group gives it. For one thread, as Kafka's.

    A poll may bring records of a partition together with the news that it was assigned, as Kafka's does.
    """

    def __init__(self, broker: Broker, client: str, group: str, topics: Sequence[str]) -> None:
        self._broker = broker
        self._client = client
        self._topics = frozenset(topics)
        self._ready = threading.Condition(broker.lock)
        self._cursors: dict[TopicPartition, _Cursor] = {}
        self._turn = 0
        self._overtaken = 0
        self._closed = False
        self._group = broker.group(group)
        self._member = self._join()

    @property
    def overtaken(self) -> int:
        """Records that retention dropped before they were polled."""
        return self._overtaken

    def poll(self, timeout_s: float, max_records: int = 500) -> Polled:
        """What is at hand, in equal shares of the partitions that have something; `timeout_s` 0 never waits."""
        broker = self._broker
        broker.faults.before("poll", self._client)
        deadline = time.monotonic() + timeout_s
        with broker.lock:
            while True:
                self._check_open()
                revoked, assigned = self._settle()
                records = self._fetch(max_records)
                if records or revoked or assigned:
                    return Polled(records, revoked, assigned)
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    return _EMPTY
                self._wait(remaining)

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Raises BusUnavailable, with nothing committed, when a place is not ours or the group is rebalancing."""
        broker = self._broker
        broker.faults.before("commit", self._client)
        with broker.lock:
            self._check_open()
            fault = broker.faults.take_commit(self._group.name)
            if fault is None or fault.delivered:
                broker.commit(self._group, self._member, offsets)
            if fault is not None:
                raise BusUnavailable(f"{self._client}: {fault.error}") from fault.error

    def committed(self, place: TopicPartition) -> int | None:
        """The group's committed offset, or None."""
        with self._broker.lock:
            self._check_open()
            return self._group.committed.get(place)

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Read on from `offset`; from the earliest record if there is none such. Raises ValueError if not ours."""
        with self._broker.lock:
            self._check_open()
            if place not in self._cursors:
                raise ValueError(f"seek on {place.topic}/{place.partition}, which {self._client} does not hold")
            self._cursors[place].position = offset

    def pause(self, places: frozenset[TopicPartition]) -> None:
        """Poll gives nothing of these until `resume`, as long as they stay ours."""
        self._set_paused(places, True)

    def resume(self, places: frozenset[TopicPartition]) -> None:
        """Undo `pause`."""
        self._set_paused(places, False)

    def generation(self) -> int:
        """The group's generation at our last poll."""
        return self._member.generation

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records not yet polled, of each partition that is ours."""
        with self._broker.lock:
            self._check_open()
            return {
                place: max(cursor.log.end - max(cursor.position, cursor.log.start), 0)
                for place, cursor in self._cursors.items()
            }

    def close(self) -> None:
        """Leave the group."""
        with self._broker.lock:
            self._closed = True
            self._cursors.clear()
            self._group.leave(self._member)
            self._ready.notify()

    def _join(self) -> Member:
        member = Member(self._client, self._topics, self._ready, self._broker.clock())
        self._broker.join(self._group, member)
        return member

    def _settle(self) -> tuple[Places, Places]:
        """Hear what the group decided: what is gone, what is new."""
        group = self._group
        now = self._broker.expire(group)
        lost = _NONE
        if self._member.gone:
            lost = frozenset(self._cursors)
            self._cursors.clear()
            self._group = group = self._broker.group(group.name)
            self._member = self._join()
        member = self._member
        member.seen = now
        if member.generation == group.generation:
            return lost, _NONE
        revoked, assigned = group.sync(member)
        for place in revoked:
            del self._cursors[place]
        for place in sorted(assigned):
            log = self._broker.log(place)
            self._cursors[place] = _Cursor(log, group.committed.get(place, log.start))
        return lost | revoked, assigned

    def _fetch(self, max_records: int) -> list[BusRecord]:
        """At most `max_records`; each partition that has something gets its share before one gets more."""
        cursors = list(self._cursors.values())
        if not cursors:
            return []
        turn = self._turn % len(cursors)
        full = [c for c in cursors[turn:] + cursors[:turn] if not c.paused and self._has_more(c)][:max_records]
        if not full:
            return []
        # The next poll begins behind the first that is served now.
        self._turn = cursors.index(full[-1] if len(full) == max_records else full[0]) + 1
        chunks: list[list[BusRecord]] = [[] for _ in full]
        hungry = list(zip(full, chunks, strict=True))
        rest = max_records
        while rest > 0 and hungry:
            share = max(rest // len(hungry), 1)
            for cursor, chunk in hungry[:rest]:
                taken = cursor.log.read(cursor.position, share)
                cursor.position = taken[-1].offset + 1 if taken else cursor.log.end
                chunk += taken
                rest -= len(taken)
            hungry = [(cursor, chunk) for cursor, chunk in hungry if cursor.position < cursor.log.end]
        return [record for chunk in chunks for record in chunk]

    def _has_more(self, cursor: _Cursor) -> bool:
        log = cursor.log
        if cursor.position < log.start:
            self._overtaken += log.start - cursor.position
            cursor.position = log.start
        elif cursor.position > log.end:
            cursor.position = log.start  # Kafka: out of range, begin at the earliest
        return cursor.position < log.end

    def _wait(self, timeout_s: float) -> None:
        for name in self._topics:
            topic = self._broker.topics.get(name)
            if topic is not None:
                topic.waiters.add(self._ready)
        member = self._member
        member.polling = True
        try:
            self._ready.wait(timeout_s)
        finally:
            member.polling = False
            member.seen = self._broker.clock()

    def _set_paused(self, places: frozenset[TopicPartition], paused: bool) -> None:
        with self._broker.lock:
            self._check_open()
            for place in places & self._cursors.keys():
                self._cursors[place].paused = paused

    def _check_open(self) -> None:
        self._broker.check_open()
        if self._closed:
            raise BusUnavailable(f"the consumer {self._client} is closed")
