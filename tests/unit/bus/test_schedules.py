"""Any order of sends, polls, commits, crashes and rebalances: nothing lost, nothing out of order, no two owners."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from pipeline.bus.memory import MemoryBus, MemoryConsumer, MemoryProducer
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import Outgoing, TopicPartition, TopicSpec

PARTITIONS = 3
PLACES = [TopicPartition("t", number) for number in range(PARTITIONS)]


@dataclass(eq=False)
class Player:
    """A consumer and what it was told since it got each of its partitions."""

    client: str
    consumer: MemoryConsumer
    following: dict[TopicPartition, int] = field(default_factory=dict)
    alive: bool = True


class Schedules(RuleBasedStateMachine):
    players = Bundle("players")

    def __init__(self) -> None:
        super().__init__()
        self.bus = MemoryBus()
        self.bus.ensure([TopicSpec("t", PARTITIONS)])
        self.producer: MemoryProducer = self.bus.producer("p")
        self.all: list[Player] = []
        self.names = count()
        self.sent = 0
        self.unsure: list[tuple[TopicPartition, bytes]] = []
        self.safe: dict[TopicPartition, list[bytes]] = {place: [] for place in PLACES}
        self.seen: dict[TopicPartition, dict[int, bytes]] = {place: {} for place in PLACES}
        self.committed: dict[TopicPartition, int] = dict.fromkeys(PLACES, 0)

    @initialize(target=players)
    def begin(self) -> Player:
        return self.joined()

    @rule(target=players)
    def join(self) -> Player:
        return self.joined()

    def joined(self) -> Player:
        client = f"c{next(self.names)}"
        player = Player(client, self.bus.consumer(client, "g", ["t"]))
        self.all.append(player)
        return player

    @rule(place=st.sampled_from(PLACES), number=st.integers(1, 5))
    def send(self, place: TopicPartition, number: int) -> None:
        for _ in range(number):
            value = b"%d" % self.sent
            self.sent += 1
            self.producer.send(Outgoing(*place, b"k", value))
            self.unsure.append((place, value))

    @rule()
    def flush(self) -> None:
        try:
            self.producer.flush(1.0)
        except BusUnavailable:
            self.producer.close()
            self.producer = self.bus.producer("p")
        else:
            for place, value in self.unsure:
                self.safe[place].append(value)
        self.unsure.clear()

    @rule(delivered=st.booleans())
    def break_a_send(self, delivered: bool) -> None:
        self.bus.faults.fail_next_sends("t", delivered=delivered)

    @rule(hold=st.booleans())
    def hold_sends(self, hold: bool) -> None:
        self.bus.faults.hold_sends = hold

    @rule(player=players, max_records=st.integers(1, 8))
    def poll(self, player: Player, max_records: int) -> None:
        self.polled(player, max_records)

    def polled(self, player: Player, max_records: int) -> bool:
        polled = player.consumer.poll(0.0, max_records)
        player.alive = True
        assert polled.revoked <= player.following.keys()
        for place in polled.revoked:
            del player.following[place]
        for place in polled.assigned:
            assert place not in player.following
            player.following[place] = self.committed[place]
        assert len(polled.records) <= max_records
        for record in polled.records:
            assert record.offset == player.following[record.place]  # no hole, no repeat while it holds the partition
            player.following[record.place] += 1
            assert record.value is not None
            assert self.seen[record.place].setdefault(record.offset, record.value) == record.value
        return bool(polled.records or polled.revoked or polled.assigned)

    @rule(player=players, back=st.integers(0, 3))
    def commit(self, player: Player, back: int) -> None:
        offsets = {place: max(self.committed[place], n - back) for place, n in player.following.items()}
        try:
            player.consumer.commit(offsets)
        except BusUnavailable:
            return
        assert player.alive
        self.committed.update(offsets)

    @rule(player=players)
    def stall_beyond_the_session(self, player: Player) -> None:
        self.bus.expire(player.client)
        player.alive = False

    @rule(player=consumes(players))
    def die(self, player: Player) -> None:
        self.bus.expire(player.client)
        self.all.remove(player)

    @rule(player=consumes(players))
    def leave(self, player: Player) -> None:
        player.consumer.close()
        self.all.remove(player)

    @invariant()
    def no_partition_has_two_owners(self) -> None:
        held = [place for player in self.all if player.alive for place in player.following]
        assert len(held) == len(set(held))

    @invariant()
    def the_group_knows_what_was_committed_and_no_more_than_was_delivered(self) -> None:
        for place in PLACES:
            if self.all:
                assert (self.all[0].consumer.committed(place) or 0) == self.committed[place]
            assert self.committed[place] <= len(self.seen[place])

    def teardown(self) -> None:
        last = self.all or [self.joined()]
        self.flush()
        idle = 0
        while idle < 4:
            news = [self.polled(player, 8) for player in last]
            idle = 0 if any(news) else idle + 1
        for place in PLACES:
            delivered = [self.seen[place][offset] for offset in sorted(self.seen[place])]
            assert sorted(self.seen[place]) == list(range(len(delivered)))
            numbers = [int(value) for value in delivered]
            assert numbers == sorted(set(numbers))
            assert set(self.safe[place]) <= set(delivered)
        counts = [len(player.following) for player in last]
        assert sum(counts) == PARTITIONS
        assert max(counts) - min(counts) <= 1
        self.bus.close()


TestSchedules = Schedules.TestCase
TestSchedules.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
