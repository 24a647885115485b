"""A consumer group: members, generations, cooperative rebalance, committed offsets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.bus.memory.assignor import sticky_assignment
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import TopicPartition

Places = frozenset[TopicPartition]


@dataclass(eq=False, slots=True)
class Member:
    """One consumer in its group.

    Attributes:
        seen: Clock time of its last poll.
        ready: Notified when it should look at its assignment.
        generation: The group's, when the member last polled; 0 before the first poll.
        owned: What it holds; a partition that moves stays here until the member polls.
        target: What it should hold.
        lost: What was taken from it without asking, not yet told.
        polling: It waits in a poll now, so it is alive.
        gone: The group goes on without it.
    """

    client: str
    topics: frozenset[str]
    ready: threading.Condition
    seen: float
    generation: int = 0
    owned: set[TopicPartition] = field(default_factory=set)
    target: set[TopicPartition] = field(default_factory=set)
    lost: set[TopicPartition] = field(default_factory=set)
    polling: bool = False
    gone: bool = False


class Group:
    """The coordinator of one group. Its callers hold the lock.

    A rebalance takes two rounds, as Kafka's cooperative protocol does: in the first each member, at its next poll,
    gives up what moves; when all have polled the generation grows again and the free partitions go to their new
    members. So a partition has one member a generation, and what does not move is read without a break. From the
    start of a round to its own next poll a member cannot commit (Kafka refuses for a part of that time only).

    Args:
        partitions_of: Number of partitions of a topic, 0 where there is none.
    """

    def __init__(self, name: str, partitions_of: Callable[[str], int]) -> None:
        self.name = name
        self.generation = 0
        self.members: list[Member] = []
        self.committed: dict[TopicPartition, int] = {}
        self._partitions_of = partitions_of

    def join(self, member: Member) -> None:
        """Take the member in."""
        self.members.append(member)
        self.rebalance()

    def leave(self, member: Member) -> None:
        """Go on without the member: it closed, or was not heard of for too long."""
        if not member.gone:
            member.gone = True
            self.members.remove(member)
            self.rebalance()

    def expire(self, now: float, timeout_s: float) -> None:
        """Go on without the members that did not poll for `timeout_s`."""
        for member in [m for m in self.members if not m.polling and now - m.seen > timeout_s]:
            self.leave(member)

    def forget(self, topic: str) -> None:
        """The topic is gone: so are the offsets on it and everybody's hold of it."""
        self.committed = {place: offset for place, offset in self.committed.items() if place.topic != topic}
        for member in self.members:
            gone = {place for place in member.owned if place.topic == topic}
            member.lost |= gone
            member.owned -= gone
        if self.reads(topic):
            self.rebalance()

    def reads(self, topic: str) -> bool:
        """Some member reads this topic."""
        return any(topic in member.topics for member in self.members)

    def rebalance(self) -> None:
        """Say who should hold what, and let everyone know."""
        topics = frozenset[str]().union(*(member.topics for member in self.members))
        targets = sticky_assignment(
            [member.topics for member in self.members],
            [member.owned for member in self.members],
            {topic: self._partitions_of(topic) for topic in topics},
        )
        for member, target in zip(self.members, targets, strict=True):
            member.target = target
        self._next_round()

    def sync(self, member: Member) -> tuple[Places, Places]:
        """The member polls: what it gives up (or lost), then what it gets."""
        revoked = frozenset(member.lost | (member.owned - member.target))
        member.lost = set()
        member.owned -= revoked
        held = {place for other in self.members for place in other.owned}
        assigned = frozenset(member.target - held)
        member.owned |= assigned
        member.generation = self.generation
        if all(m.generation == self.generation for m in self.members) and any(
            m.target != m.owned for m in self.members
        ):
            self._next_round()
        return revoked, assigned

    def check(self, member: Member, places: Mapping[TopicPartition, int]) -> None:
        """Raises BusUnavailable unless the member may commit on these places now."""
        if member.gone:
            raise BusUnavailable(
                f"group {self.name} goes on without {member.client}: nothing was committed",
                hint="poll: it joins again and tells what was lost",
            )
        if member.generation != self.generation:
            raise BusUnavailable(
                f"group {self.name} is rebalancing to generation {self.generation}, {member.client} is at "
                f"{member.generation}: nothing was committed",
                hint="poll, and forget what was revoked",
            )
        foreign = sorted(place for place in places if place not in member.owned)
        if foreign:
            raise BusUnavailable(
                f"{member.client} does not hold {foreign[0].topic}/{foreign[0].partition}: nothing was committed",
                hint="forget what a poll tells as revoked",
            )

    def _next_round(self) -> None:
        self.generation += 1
        for member in self.members:
            member.ready.notify()
