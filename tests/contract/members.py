"""Consumers as tests play them: each keeps what its polls told, all are polled in turn by one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import uuid4

from pipeline.core.ports import BusRecord, Outgoing, Polled, TopicPartition
from tests.contract.buses import BusUnderTest


class Member:
    """A consumer, with all that it was told."""

    def __init__(self, under: BusUnderTest, group: str, *topics: str) -> None:
        self.client = f"c-{uuid4().hex[:8]}"
        self.consumer = under.bus.consumer(self.client, group, topics)
        self.owned: set[TopicPartition] = set()
        self.records: list[BusRecord] = []
        self.revoked: set[TopicPartition] = set()
        self.following: dict[TopicPartition, int] = {}
        self._poll_s = under.poll_s

    @property
    def values(self) -> list[bytes | None]:
        return [record.value for record in self.records]

    def poll(self, max_records: int = 500) -> Polled:
        polled = self.consumer.poll(self._poll_s, max_records)
        assert polled.revoked <= self.owned
        self.owned -= polled.revoked
        self.revoked |= polled.revoked
        for place in polled.revoked:
            self.following.pop(place, None)
        assert not polled.assigned & self.owned
        self.owned |= polled.assigned
        for record in polled.records:
            assert record.place in self.owned
            self.following[record.place] = record.offset + 1
        self.records += polled.records
        return polled

    def commit(self) -> None:
        self.consumer.commit(self.following)


def poll_until(
    under: BusUnderTest, members: Sequence[Member], reached: Callable[[], bool], what: str, max_records: int = 500
) -> None:
    """Poll all in turn until `reached`; fails when so many rounds bring nothing new that nothing more can come."""
    idle = 0
    while not reached():
        polled = [member.poll(max_records) for member in members]
        idle = 0 if any(p.records or p.revoked or p.assigned for p in polled) else idle + 1
        assert idle < under.patience, f"not reached: {what}"


def drain(under: BusUnderTest, *members: Member) -> None:
    """Poll all in turn until nothing comes; a member that has not joined yet is waited for."""
    idle = rounds = 0
    while idle < under.polls:
        polled = [member.poll() for member in members]
        rounds += 1
        waiting = rounds < under.patience and not all(member.consumer.generation() for member in members)
        idle = 0 if waiting or any(p.records or p.revoked or p.assigned for p in polled) else idle + 1


def settled(members: Sequence[Member], places: set[TopicPartition]) -> bool:
    """All partitions have one owner, and the counts of any two members differ by one at most."""
    counts = [len(member.owned) for member in members]
    return sum(counts) == len(places) == len(set().union(*(m.owned for m in members))) and max(counts) - min(counts) < 2


def send(under: BusUnderTest, topic: str, *values: bytes | None, partition: int = 0, key: bytes = b"k") -> None:
    """Send and flush."""
    producer = under.bus.producer("sender")
    for value in values:
        producer.send(Outgoing(topic, partition, key, value))
    producer.flush(10.0)
    producer.close()


def places(topic: str, count: int) -> set[TopicPartition]:
    return {TopicPartition(topic, number) for number in range(count)}


def numbers(start: int, stop: int) -> list[bytes]:
    return [b"%d" % i for i in range(start, stop)]
