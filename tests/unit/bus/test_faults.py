"""Failures that are made on the bus in memory."""

from __future__ import annotations

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import Outgoing, TopicPartition, TopicSpec

PLACE = TopicPartition("t", 0)


def bus_with_topic(max_bytes: int | None = None) -> MemoryBus:
    bus = MemoryBus()
    bus.ensure([TopicSpec("t", max_bytes=max_bytes), TopicSpec("other")])
    return bus


def stored(bus: MemoryBus, topic: str = "t") -> list[bytes | None]:
    return [record.value for record in bus.read(topic, frozenset({0}))]


def out(value: bytes, topic: str = "t") -> Outgoing:
    return Outgoing(topic, 0, b"k", value)


def test_a_send_that_fails_later_poisons_its_producer_for_good() -> None:
    bus = bus_with_topic()
    bus.faults.fail_next_sends("t", error=OSError("record refused"))
    producer = bus.producer("p")
    producer.send(out(b"elsewhere", "other"))
    producer.send(out(b"lost"))
    producer.send(out(b"refused", "other"))

    for _ in range(2):
        with pytest.raises(BusUnavailable, match="2 sends failed: record refused") as caught:
            producer.flush(1.0)
    assert isinstance(caught.value.__cause__, OSError)

    assert (stored(bus), stored(bus, "other")) == ([], [b"elsewhere"])


def test_a_count_of_failures_meets_as_many_producers() -> None:
    bus = bus_with_topic()
    bus.faults.fail_next_sends("t", 2)

    failed = 0
    for _ in range(4):
        producer = bus.producer("p")
        producer.send(out(b"x"))
        try:
            producer.flush(1.0)
        except BusUnavailable:
            failed += 1

    assert (failed, stored(bus)) == (2, [b"x", b"x"])


def test_a_lost_answer_leaves_the_record_in_the_log() -> None:
    bus = bus_with_topic()
    bus.faults.fail_next_sends("t", delivered=True)
    producer = bus.producer("p")
    producer.send(out(b"there"))
    producer.send(out(b"refused"))

    with pytest.raises(BusUnavailable):
        producer.flush(1.0)

    assert stored(bus) == [b"there"]


def test_held_sends_are_there_after_the_flush_and_in_order() -> None:
    bus = bus_with_topic()
    bus.faults.hold_sends = True
    producer = bus.producer("p")
    producer.send(out(b"1"))
    bus.faults.hold_sends = False
    producer.send(out(b"2"))
    before = stored(bus)

    producer.flush(1.0)

    assert (before, stored(bus)) == ([], [b"1", b"2"])


def test_held_sends_go_with_their_producer() -> None:
    bus = bus_with_topic()
    bus.faults.hold_sends = True
    producer = bus.producer("p")
    producer.send(out(b"1"))

    producer.close()

    assert stored(bus) == []
    with pytest.raises(BusUnavailable, match="closed"):
        producer.send(out(b"2"))


def test_a_flush_that_finds_no_space_in_time_ends_the_producer() -> None:
    bus = bus_with_topic(max_bytes=10)
    bus.expect("t", ["g"])
    bus.faults.hold_sends = True
    producer = bus.producer("p")
    for _ in range(3):
        producer.send(out(b"eight by"))

    for _ in range(2):
        with pytest.raises(BusUnavailable, match="2 sends failed"):
            producer.flush(0.0)

    assert stored(bus) == [b"eight by"]


@pytest.mark.parametrize("delivered", [False, True])
def test_a_commit_without_answer_counts_or_not(delivered: bool) -> None:
    bus = bus_with_topic()
    producer = bus.producer("p")
    producer.send(out(b"1"))
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)
    bus.faults.fail_next_commits("g", error=TimeoutError("no answer"), delivered=delivered)

    with pytest.raises(BusUnavailable, match="no answer"):
        consumer.commit({PLACE: 1})
    after = consumer.committed(PLACE)
    consumer.commit({PLACE: 1})

    assert after == (1 if delivered else None)
    assert consumer.committed(PLACE) == 1


def test_a_commit_behind_the_end_of_the_log_is_an_error_of_the_caller() -> None:
    bus = bus_with_topic()
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)

    with pytest.raises(ValueError, match="the log ends at 0"):
        consumer.commit({PLACE: 1})


def test_a_crash_can_be_put_ahead_of_each_operation() -> None:
    bus = bus_with_topic()
    calls: list[tuple[str, str]] = []

    def before(operation: str, client: str) -> None:
        calls.append((operation, client))
        if operation == "commit":
            raise KeyboardInterrupt

    producer, consumer = bus.producer("p"), bus.consumer("c", "g", ["t"])
    bus.faults.before = before

    producer.send(out(b"1"))
    producer.flush(1.0)
    consumer.poll(0.0)
    with pytest.raises(KeyboardInterrupt):
        consumer.commit({PLACE: 1})

    assert calls == [("send", "p"), ("flush", "p"), ("poll", "c"), ("commit", "c")]
    assert consumer.committed(PLACE) is None
