"""What the producers and consumers of a bus in memory share: topics, groups, and the one lock around them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from pipeline.bus.memory.faults import Faults
from pipeline.bus.memory.group import Group, Member
from pipeline.bus.memory.log import PartitionLog, message_bytes
from pipeline.core.errors import BusUnavailable, ConfigError, InvalidRecord
from pipeline.core.ports import Outgoing, TopicPartition, TopicSpec


@dataclass(eq=False, slots=True)
class Topic:
    """A topic and its logs.

    Attributes:
        id: Another one for each topic ever made.
        waiters: Conditions of the consumers that wait for a record of this topic.
        readers: Groups that count when it is asked what was read: those that were announced or ever joined.
        announced: All groups are known, so that what they have committed may be dropped.
    """

    spec: TopicSpec
    id: str
    logs: list[PartitionLog]
    waiters: set[threading.Condition] = field(default_factory=set)
    readers: set[Group] = field(default_factory=set)
    announced: bool = False


class Broker:
    """Topics and groups. `lock` is held by whoever calls anything here.

    Args:
        clock: Seconds; for the sessions of members only.
        session_timeout_s: A member that did not poll for longer is taken for dead. None: never.
    """

    def __init__(self, clock: Callable[[], float], session_timeout_s: float | None) -> None:
        self.lock = threading.Lock()
        self.faults = Faults()
        self.clock = clock
        self.topics: dict[str, Topic] = {}
        self.groups: dict[str, Group] = {}
        self.closed = False
        self._session_timeout_s = session_timeout_s

    def check_open(self) -> None:
        """Raises BusUnavailable once the bus is closed."""
        if self.closed:
            raise BusUnavailable("the bus is closed")

    def topic(self, name: str) -> Topic:
        """Raises ConfigError where there is none."""
        topic = self.topics.get(name)
        if topic is None:
            raise ConfigError(f"no topic named {name}", hint=f"there are: {', '.join(sorted(self.topics)) or 'none'}")
        return topic

    def log(self, place: TopicPartition) -> PartitionLog:
        """Raises ConfigError where there is none."""
        topic = self.topic(place.topic)
        if not 0 <= place.partition < len(topic.logs):
            raise ConfigError(f"{place.topic} has {len(topic.logs)} partitions, no number {place.partition}")
        return topic.logs[place.partition]

    def add(self, spec: TopicSpec) -> None:
        """Make a topic."""
        topic = Topic(spec, uuid4().hex, [PartitionLog(spec, number, self.lock) for number in range(spec.partitions)])
        self.topics[spec.name] = topic
        for group in self.groups.values():
            if group.reads(spec.name):
                topic.readers.add(group)
                group.rebalance()
        self.update_floors(topic)

    def remove(self, name: str) -> None:
        """Remove a topic with all that is known of it."""
        topic = self.topic(name)
        del self.topics[name]
        for group in self.groups.values():
            group.forget(name)
        for log in topic.logs:
            log.space.notify_all()

    def group(self, name: str) -> Group:
        """The group of this name, new or known."""
        if name not in self.groups:
            self.groups[name] = Group(name, self._partitions_of)
        return self.groups[name]

    def join(self, group: Group, member: Member) -> None:
        """Take the member in; from now on its group counts for the topics it reads."""
        for name in sorted(member.topics):
            topic = self.topics.get(name)
            if topic is not None and group not in topic.readers:
                topic.readers.add(group)
                self.update_floors(topic)
        group.join(member)

    def expire(self, group: Group) -> float:
        """Go on without the members that are overdue; the time now."""
        now = self.clock()
        if self._session_timeout_s is not None:
            group.expire(now, self._session_timeout_s)
        return now

    def append(self, outgoing: Outgoing, deadline: float | None = None) -> None:
        """Add the record to its log, once there is space; raises BusUnavailable at `deadline` (time.monotonic)."""
        log = self.log(TopicPartition(outgoing.topic, outgoing.partition))
        topic = self.topics[outgoing.topic]
        size = message_bytes(outgoing) + getattr(outgoing.attachment, "nbytes", 0)
        bound = topic.spec.max_bytes
        # One record always fits, or a large one would wait for ever.
        while bound is not None and log.unread and log.unread + size > bound:
            if not log.space.wait(None if deadline is None else max(deadline - time.monotonic(), 0.0)):
                raise BusUnavailable(
                    f"{outgoing.topic}/{outgoing.partition} holds {log.unread} unread bytes for too long"
                )
            self.check_open()
            if self.topics.get(outgoing.topic) is not topic:
                raise ConfigError(f"the topic {outgoing.topic} was deleted")
        log.append(outgoing, size)
        if topic.waiters:
            for waiter in topic.waiters:
                waiter.notify()
            topic.waiters.clear()
        if topic.announced and not topic.readers and topic.spec.transient:
            log.drop_below(log.end)

    def commit(self, group: Group, member: Member, offsets: Mapping[TopicPartition, int]) -> None:
        """Take the offsets of a member. Raises BusUnavailable when the places are not its own."""
        self.expire(group)
        group.check(member, offsets)
        for place, offset in offsets.items():
            end = self.log(place).end
            if not 0 <= offset <= end:
                raise ValueError(f"{place.topic}/{place.partition}: commit of {offset}, the log ends at {end}")
        group.committed.update(offsets)
        for place in offsets:
            self._update_floor(self.topics[place.topic], self.log(place))

    def update_floors(self, topic: Topic) -> None:
        """Find anew what all groups that count have committed."""
        for log in topic.logs:
            self._update_floor(topic, log)

    def close(self) -> None:
        """Wake whoever waits."""
        self.closed = True
        for topic in self.topics.values():
            for log in topic.logs:
                log.space.notify_all()
        for group in self.groups.values():
            for member in group.members:
                member.ready.notify()

    def _update_floor(self, topic: Topic, log: PartitionLog) -> None:
        floors = [group.committed.get(log.place, log.start) for group in topic.readers]
        log.set_floor(min(floors, default=None))
        if topic.spec.transient and topic.announced:
            log.drop_below(log.end if log.floor is None else log.floor)

    def _partitions_of(self, name: str) -> int:
        topic = self.topics.get(name)
        return 0 if topic is None else len(topic.logs)


def check_record(topic: Topic, outgoing: Outgoing) -> None:
    """Raises InvalidRecord for a record that the topic does not take."""
    spec = topic.spec
    if spec.compacted and not outgoing.key:
        raise InvalidRecord(f"{spec.name} is compacted, and the record has no key", hint="give it one")
    if spec.max_message_bytes is not None:
        size = message_bytes(outgoing)
        if size > spec.max_message_bytes:
            raise InvalidRecord(
                f"{spec.name} takes records of {spec.max_message_bytes} bytes, this one has {size}",
                hint="make the pictures smaller, or raise the topic's max_message_bytes",
            )
