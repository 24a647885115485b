"""How a consumer of the bus in memory shares out, waits, and is taken for dead."""

from __future__ import annotations

from collections import Counter
from threading import Barrier, Thread

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.errors import BusUnavailable, ConfigError
from pipeline.core.ports import Outgoing, Polled, TopicPartition, TopicSpec


def bus_with_topic(partitions: int = 2, **settings: float | None) -> MemoryBus:
    bus = MemoryBus(**settings)  # type: ignore[arg-type]
    bus.ensure([TopicSpec("t", partitions)])
    return bus


def send(bus: MemoryBus, partition: int, count: int = 1) -> None:
    producer = bus.producer("p")
    for i in range(count):
        producer.send(Outgoing("t", partition, b"k", b"%d" % i))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_backlogged_partition_does_not_starve_its_neighbour() -> None:
    bus = bus_with_topic()
    consumer = bus.consumer("c", "g", ["t"])
    send(bus, 0, 10_000)
    send(bus, 1, 3)

    polled = consumer.poll(0.0, max_records=100)

    assert Counter(record.partition for record in polled.records) == {0: 97, 1: 3}


def test_more_partitions_than_records_asked_for_take_turns() -> None:
    bus = bus_with_topic(10)
    consumer = bus.consumer("c", "g", ["t"])
    for partition in range(10):
        send(bus, partition, 50)

    seen = Counter(r.partition for _ in range(40) for r in consumer.poll(0.0, max_records=3).records)

    assert sum(seen.values()) == 120
    assert min(seen.values()) >= 11
    assert max(seen.values()) <= 13


def test_what_does_not_divide_evenly_is_still_all_given() -> None:
    bus = bus_with_topic(3)
    consumer = bus.consumer("c", "g", ["t"])
    for partition, count in enumerate((7, 1, 4)):
        send(bus, partition, count)

    sizes = []
    while polled := consumer.poll(0.0, max_records=5).records:
        sizes.append(len(polled))

    assert sizes == [5, 5, 2]


def _poll_in_thread(consumer: object, result: list[Polled | Exception]) -> Thread:
    ready = Barrier(2)

    def run() -> None:
        ready.wait()
        try:
            result.append(consumer.poll(30.0))  # type: ignore[attr-defined]
        except BusUnavailable as error:
            result.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    ready.wait()
    thread.join(0.05)
    return thread


def test_a_waiting_poll_wakes_for_a_record() -> None:
    bus = bus_with_topic()
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)
    result: list[Polled | Exception] = []
    thread = _poll_in_thread(consumer, result)

    send(bus, 1)
    thread.join(10)

    (polled,) = result
    assert isinstance(polled, Polled)
    assert [record.value for record in polled.records] == [b"0"]


def test_a_waiting_poll_wakes_for_a_rebalance() -> None:
    bus = bus_with_topic()
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)
    result: list[Polled | Exception] = []
    thread = _poll_in_thread(consumer, result)

    bus.consumer("other", "g", ["t"])
    thread.join(10)

    (polled,) = result
    assert isinstance(polled, Polled)
    assert len(polled.revoked) == 1


@pytest.mark.parametrize("end", ["bus", "consumer"])
def test_a_waiting_poll_wakes_when_it_is_closed(end: str) -> None:
    bus = bus_with_topic()
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)
    result: list[Polled | Exception] = []
    thread = _poll_in_thread(consumer, result)

    (bus if end == "bus" else consumer).close()
    thread.join(10)

    assert [type(entry) for entry in result] == [BusUnavailable]


def test_a_member_that_does_not_poll_for_a_session_is_taken_for_dead() -> None:
    clock = Clock()
    bus = bus_with_topic(clock=clock, session_timeout_s=6.0)  # type: ignore[arg-type]
    send(bus, 0, 5)
    silent, heir = bus.consumer("silent", "g", ["t"]), bus.consumer("heir", "g", ["t"])
    for _ in range(3):
        silent.poll(0.0)
        heir.poll(0.0)
    clock.now = 5.9
    heir.poll(0.0)
    silent.commit({TopicPartition("t", 0): 2})

    clock.now = 6.1
    with pytest.raises(BusUnavailable, match="goes on without silent"):
        silent.commit({TopicPartition("t", 0): 5})
    polled = heir.poll(0.0)

    assert polled.assigned == {TopicPartition("t", 0)}
    assert [record.offset for record in polled.records] == [2, 3, 4]
    back = silent.poll(0.0)
    assert back.revoked == {TopicPartition("t", 0)}


def test_a_lone_member_that_overslept_reads_again_from_its_commit() -> None:
    clock = Clock()
    bus = bus_with_topic(1, clock=clock, session_timeout_s=6.0)  # type: ignore[arg-type]
    place = TopicPartition("t", 0)
    send(bus, 0, 5)
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)
    consumer.commit({place: 3})

    clock.now = 7.0
    polled = consumer.poll(0.0)

    assert polled.revoked == polled.assigned == {place}
    assert [record.offset for record in polled.records] == [3, 4]


def test_a_partition_on_the_move_waits_for_its_old_owner_and_no_commit_passes_meanwhile() -> None:
    bus = bus_with_topic()
    first = bus.consumer("first", "g", ["t"])
    send(bus, 0)
    send(bus, 1)
    first.poll(0.0)
    second = bus.consumer("second", "g", ["t"])

    early = second.poll(0.0)
    with pytest.raises(BusUnavailable, match="rebalancing"):
        first.commit({TopicPartition("t", 0): 1})
    given_up = first.poll(0.0)
    late = second.poll(0.0)

    assert early == Polled()
    assert len(given_up.revoked) == 1
    assert given_up.assigned == frozenset()
    assert late.assigned == given_up.revoked
    assert [record.place for record in late.records] == list(given_up.revoked)
    first.poll(0.0)
    (kept,) = {TopicPartition("t", 0), TopicPartition("t", 1)} - given_up.revoked
    first.commit({kept: 1})


def test_a_member_of_a_forgotten_group_begins_anew() -> None:
    bus = bus_with_topic(1)
    place = TopicPartition("t", 0)
    send(bus, 0, 3)
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)
    consumer.commit({place: 3})

    bus.forget_group("g")
    polled = consumer.poll(0.0)
    heir = bus.consumer("heir", "g", ["t"])

    assert [record.offset for record in polled.records] == [0, 1, 2]
    assert heir.committed(place) is None
    consumer.poll(0.0)
    consumer.commit({place: 2})
    assert heir.committed(place) == 2


def test_seek_on_a_partition_of_another_is_an_error_of_the_caller() -> None:
    bus = bus_with_topic()
    consumer = bus.consumer("c", "g", ["t"])

    with pytest.raises(ValueError, match="does not hold"):
        consumer.seek(TopicPartition("t", 0), 0)


@pytest.mark.parametrize("spec", [TopicSpec("a b"), TopicSpec(""), TopicSpec("a", 0), TopicSpec("a" * 250)])
def test_a_topic_that_kafka_would_not_make_is_refused(spec: TopicSpec) -> None:
    with pytest.raises(ConfigError, match="a topic named"):
        MemoryBus().ensure([spec])


def test_a_script_in_one_thread_gives_the_same_every_time() -> None:
    def script() -> list[object]:
        bus = bus_with_topic(4)
        told: list[object] = []
        consumers = [bus.consumer(f"c{i}", "g", ["t"]) for i in range(3)]
        for i in range(12):
            send(bus, i % 4, i)
            if i == 6:
                bus.expire("c1")
            polled = consumers[i % 3].poll(0.0, max_records=4)
            told.append(
                (sorted(polled.revoked), sorted(polled.assigned), polled.records, consumers[i % 3].generation())
            )
        return told

    assert script() == script()
