"""Members of a group on a real broker: all start, are killed, get stuck, come back."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from uuid import uuid4

import pytest

from pipeline.bus.kafka import KafkaBus
from pipeline.core.errors import BusUnavailable, ConfigError
from pipeline.core.ports import TopicPartition, TopicSpec
from tests.broker import Cluster
from tests.broker.fixtures import bus_on
from tests.integration.kafka.members import Polling, poll_for, send, until


def test_members_that_start_at_once_all_get_their_partitions(kafka: Cluster) -> None:
    # With kafka-python alone 19 of 23 such groups had a member that waited for ever.
    bus = bus_on(kafka)
    bus.ensure([TopicSpec("t", 4)])
    with ExitStack() as stack:
        stack.callback(bus.close)
        groups = [
            [
                stack.enter_context(Polling(bus.consumer(f"c{i}-{group}", f"g{group}", ["t"])))
                for i in range(2 + group % 2)
            ]
            for group in range(10)
        ]

        def settled(members: list[Polling]) -> bool:
            owned = [place for member in members for place in member.owned]
            return len(owned) == len(set(owned)) == 4 and all(member.owned for member in members)

        # Before a watchdog would have to help: 3 sessions of 6 s.
        until(lambda: all(map(settled, groups)), 17.0, "every member of ten groups has partitions")


def test_partitions_of_a_killed_member_move_within_eight_seconds(kafka: Cluster, kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t", 4)])
    with Polling(kafka_bus.consumer("survivor", "g", ["t"])) as survivor:
        until(lambda: len(survivor.owned) == 4, 20.0, "the first member has all")
        prefix = kafka_bus.prefix
        victim = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.kafka.members", ",".join(kafka.servers), prefix, "g", "t"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert victim.stdout is not None
            until(lambda: len(survivor.owned) == 2, 30.0, "the second member has half")
            assert victim.stdout.readline()
        finally:
            victim.kill()
            victim.communicate()

        took = until(lambda: len(survivor.owned) == 4, 30.0, "the survivor has all again")

    assert took < 8.0


def test_a_member_that_is_stuck_is_built_anew(kafka: Cluster) -> None:
    bus = bus_on(kafka, session_s=1.0)
    bus.ensure([TopicSpec("t", 2)])
    send(bus, "t", 0, [b"a"])
    consumer = bus.consumer("c", "g", ["t"])
    poll_for(consumer, lambda records: len(records) == 1, 20.0)
    for _ in range(20):  # it joins a second time when it has seen the topic's partitions
        consumer.poll(0.05)
    coordinator = consumer._inner._coordinator
    # As kafka-python leaves it: in the middle of a join that nobody goes on with, without heartbeats or an error.
    coordinator.state = "<rebalancing>"
    coordinator._disable_heartbeat()

    changes = []
    deadline = time.monotonic() + 30
    while len(changes) < 2 and time.monotonic() < deadline:
        polled = consumer.poll(0.05)
        if polled.revoked or polled.assigned:
            changes.append(polled)
    again = poll_for(consumer, lambda records: len(records) == 1, 20.0)

    places = {TopicPartition("t", 0), TopicPartition("t", 1)}
    assert set().union(*(polled.revoked for polled in changes)) == places
    assert changes[-1].assigned == places
    assert [record.value for record in again] == [b"a"]
    bus.close()


def test_a_join_that_ends_between_two_polls_counts(kafka: Cluster) -> None:
    """One thread polls two members in turn, so that all joins end while nobody polls: 3 generations. Where kafka-python
    drops what they bring, each joins again and again, 16 generations in 20 s, until it is built anew.
    """
    bus = bus_on(kafka, session_s=3.0)
    bus.ensure([TopicSpec("t", 4)])
    first = bus.consumer("c0", "g", ["t"])
    owned = [frozenset[TopicPartition](), frozenset[TopicPartition]()]
    while not owned[0]:
        owned[0] = first.poll(0.05).assigned
    consumers = [first, bus.consumer("c1", "g", ["t"])]

    for _ in range(10):
        for i, consumer in enumerate(consumers):
            polled = consumer.poll(0.02)
            owned[i] = (owned[i] - polled.revoked) | polled.assigned
            time.sleep(0.4)

    assert [len(each) for each in owned] == [2, 2]
    assert first.generation() <= 5
    bus.close()


def test_what_is_told_as_assigned_can_be_sought_before_its_records_come(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t")])
    send(kafka_bus, "t", 0, [b"%d" % i for i in range(10)])
    consumer = kafka_bus.consumer("c", "g", ["t"])
    polled = consumer.poll(0.05)
    while not polled.assigned:
        polled = consumer.poll(0.05)

    assert not polled.records
    consumer.seek(TopicPartition("t", 0), 7)

    records = poll_for(consumer, lambda records: len(records) == 3, 20.0)
    assert [record.offset for record in records] == [7, 8, 9]


def test_a_static_member_comes_back_to_its_partitions_and_disturbs_nobody(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t", 4)])
    first = kafka_bus.consumer("a", "g", ["t"], instance="worker-0")
    with Polling(kafka_bus.consumer("b", "g", ["t"], instance="worker-1")) as other:
        with Polling(first) as one:
            until(lambda: len(one.owned) == len(other.owned) == 2, 30.0, "both have two")
            had = one.owned
        told = len(other.revoked)

        with Polling(kafka_bus.consumer("a", "g", ["t"], instance="worker-0")) as again:
            until(lambda: bool(again.owned), 20.0, "it is back")

            assert again.owned == had
        assert len(other.revoked) == told


def test_a_process_that_crashed_has_its_partitions_at_once_and_gives_them_up_when_it_ends(kafka: Cluster) -> None:
    # A member of which nothing is heard any more holds its partitions for a session of 6 s.
    prefix = f"{uuid4().hex[:10]}."
    with ExitStack() as stack:

        def bus_of(instance: str) -> KafkaBus:
            bus = KafkaBus(kafka.servers, prefix=prefix, instance=instance)
            stack.callback(bus.close)
            return bus

        crashed = bus_of("worker-0")
        crashed.ensure([TopicSpec("t", 4)])
        silent = crashed.consumer("a", "g", ["t"])
        while not silent.poll(0.05).assigned:
            pass
        with Polling(bus_of("worker-0").consumer("b", "g", ["t"])) as again:
            assert until(lambda: len(again.owned) == 4, 20.0, "it is back") < 4.0

        with Polling(bus_of("worker-1").consumer("c", "g", ["t"])) as other:
            assert until(lambda: len(other.owned) == 4, 20.0, "another one has them") < 4.0


def test_a_second_process_of_the_same_instance_name_stops_the_first(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t")])
    place = TopicPartition("t", 0)
    first = kafka_bus.consumer("a", "g", ["t"], instance="worker-0")
    while not first.poll(0.05).assigned:
        pass

    def work() -> None:
        for _ in range(400):
            with suppress(BusUnavailable):  # as long as the group rebalances
                first.commit({place: 0})
            first.poll(0.05)

    with Polling(kafka_bus.consumer("b", "g", ["t"], instance="worker-0")) as second:
        until(lambda: bool(second.owned), 20.0, "the second has taken over")

        with pytest.raises(ConfigError, match="instance name"):
            work()
