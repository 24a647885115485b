"""The bus in memory: makes topics, producers and consumers, and does by hand what a broker does with time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence

from pipeline.bus.memory.broker import Broker
from pipeline.bus.memory.consumer import MemoryConsumer
from pipeline.bus.memory.faults import Faults
from pipeline.bus.memory.producer import MemoryProducer
from pipeline.core.errors import ConfigError
from pipeline.core.ports import BusRecord, TopicPartition, TopicSpec

_LEGAL_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")  # Kafka's rule
_READ_CHUNK = 1000


class MemoryBus:
    """Topics within this process, with Kafka's guarantees and its failures.

    One licence: where a topic has `max_bytes`, a send waits while its partition holds that many bytes (attachments
    with their `nbytes`) that some group has not committed, and then until half of it is committed. Groups count from
    their first member on, or from `expect` on; where none counts nothing waits. A topic with `transient` drops what
    all these groups have committed, but only after `expect`, so that a group that joins late finds all it should.

    Threads may share the bus and its producers; a consumer belongs to one thread. With `poll(0)` nothing ever waits,
    so one thread can play all parts, in an order that is its own.

    Args:
        clock: Seconds, for the sessions of consumers.
        session_timeout_s: A consumer that did not poll for longer loses its partitions. None: never, which fits
            where all live and die in one process.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, session_timeout_s: float | None = None) -> None:
        self._broker = Broker(clock, session_timeout_s)

    @property
    def faults(self) -> Faults:
        """What shall go wrong."""
        return self._broker.faults

    def ensure(self, specs: Sequence[TopicSpec]) -> None:
        """Make the topics that are missing. Raises ConfigError where one exists with another partition count."""
        with self._broker.lock:
            for spec in specs:
                if not _LEGAL_NAME.fullmatch(spec.name) or spec.partitions < 1:
                    raise ConfigError(
                        f"a topic named {spec.name!r} with {spec.partitions} partitions cannot be made",
                        hint="letters, digits, dot, dash and underscore, and one partition at least",
                    )
                known = self._broker.topics.get(spec.name)
                if known is None:
                    self._broker.add(spec)
                elif len(known.logs) != spec.partitions:
                    raise ConfigError(
                        f"{spec.name} has {len(known.logs)} partitions, expected {spec.partitions}",
                        hint="the count of a topic never changes: delete it, or keep the old count",
                    )

    def delete(self, topic: str) -> None:
        """Remove the topic, its records and what groups committed on it."""
        with self._broker.lock:
            self._broker.remove(topic)

    def topic_id(self, topic: str) -> str:
        """Identity of the topic: another one after it was deleted and made anew."""
        with self._broker.lock:
            return self._broker.topic(topic).id

    def producer(self, client: str) -> MemoryProducer:
        """A new producer."""
        return MemoryProducer(self._broker, client)

    def consumer(self, client: str, group: str, topics: Sequence[str]) -> MemoryConsumer:
        """A new member of the group."""
        with self._broker.lock:
            self._broker.check_open()
            for topic in topics:
                self._broker.topic(topic)
            return MemoryConsumer(self._broker, client, group, topics)

    def read(self, topic: str, partitions: frozenset[int]) -> Iterator[BusRecord]:
        """What lies in these partitions, from the earliest up to the end at the first call."""
        with self._broker.lock:
            logs = [self._broker.log(TopicPartition(topic, number)) for number in sorted(partitions)]
            ends = [log.end for log in logs]
        for log, end in zip(logs, ends, strict=True):
            position = 0
            while position < end:
                with self._broker.lock:
                    chunk = log.read(position, _READ_CHUNK)
                yield from (record for record in chunk if record.offset < end)
                position = chunk[-1].offset + 1 if chunk else end

    def close(self) -> None:
        """Wake whoever waits; every later call on its producers and consumers raises BusUnavailable."""
        with self._broker.lock:
            self._broker.close()

    def expect(self, topic: str, groups: Sequence[str]) -> None:
        """These groups will read the topic; so do those that have joined, or will join.

        Where the topic is `transient`, what all of them have committed is dropped from now on; with no group at all,
        everything is.
        """
        with self._broker.lock:
            known = self._broker.topic(topic)
            known.readers.update(self._broker.group(name) for name in groups)
            known.announced = True
            self._broker.update_floors(known)

    def forget_group(self, group: str) -> None:
        """The group is gone for good: its offsets are dropped and nothing waits for it. Its members are expired."""
        with self._broker.lock:
            gone = self._broker.groups.pop(group, None)
            if gone is None:
                return
            for member in list(gone.members):
                gone.leave(member)
            for topic in self._broker.topics.values():
                topic.readers.discard(gone)
                self._broker.update_floors(topic)

    def expire(self, client: str) -> None:
        """The consumers of this client are taken for dead, as when their process was killed or stalled for too long."""
        with self._broker.lock:
            for group in self._broker.groups.values():
                for member in [m for m in group.members if m.client == client]:
                    group.leave(member)

    def compact(self, topic: str) -> None:
        """Drop what a later record of the same key replaces; tombstones go at the second compaction.

        A compacted topic also does this by itself each time its log has doubled.
        """
        with self._broker.lock:
            for log in self._broker.topic(topic).logs:
                log.compact()

    def truncate(self, place: TopicPartition, offset: int) -> None:
        """Retention: nothing below `offset` stays, read or not."""
        with self._broker.lock:
            self._broker.log(place).drop_below(offset)

    def held_bytes(self, topic: str) -> int:
        """Bytes of all records of the topic, attachments included."""
        with self._broker.lock:
            return sum(log.nbytes for log in self._broker.topic(topic).logs)
