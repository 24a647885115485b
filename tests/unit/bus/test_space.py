"""What the bus in memory holds: blocked producers, records that are dropped once read, retention, compaction."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.errors import BusUnavailable, ConfigError, PosebusError
from pipeline.core.ports import Outgoing, TopicPartition, TopicSpec

PLACE = TopicPartition("t", 0)
VALUE = b"nine more"  # with the key: 10 bytes


def bus_with_topic(**settings: Any) -> MemoryBus:
    bus = MemoryBus()
    bus.ensure([TopicSpec("t", **settings)])
    return bus


def send(bus: MemoryBus, count: int = 1, value: bytes | None = VALUE, key: bytes = b"k") -> None:
    producer = bus.producer("p")
    for _ in range(count):
        producer.send(Outgoing("t", 0, key, value))
    producer.flush(1.0)


def offsets(bus: MemoryBus) -> list[int]:
    return [record.offset for record in bus.read("t", frozenset({0}))]


class Sending:
    """A thread that sends, and what became of it."""

    def __init__(self, bus: MemoryBus, count: int, attachment: Any = None) -> None:
        self.sent = 0
        self.error: PosebusError | None = None
        self.progress = Event()
        self._bus, self._count, self._attachment = bus, count, attachment
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        producer = self._bus.producer("p")
        try:
            for _ in range(self._count):
                producer.send(Outgoing("t", 0, b"k", VALUE, attachment=self._attachment))
                self.sent += 1
                self.progress.set()
        except PosebusError as error:
            self.error = error

    def wait_for(self, sent: int) -> None:
        while self.sent < sent and self._thread.is_alive():
            assert self.progress.wait(10)
            self.progress.clear()

    def is_blocked(self) -> bool:
        self._thread.join(0.05)
        return self._thread.is_alive()

    def join(self) -> None:
        self._thread.join(10)
        assert not self._thread.is_alive()


def test_a_full_partition_blocks_the_producer_until_the_group_commits() -> None:
    bus = bus_with_topic(max_bytes=30)
    consumer = bus.consumer("c", "g", ["t"])
    sending = Sending(bus, 5)
    sending.wait_for(3)
    assert sending.is_blocked()
    consumer.poll(0.0)
    assert sending.is_blocked()  # polled is not committed

    consumer.commit({PLACE: 2})
    sending.join()

    assert (sending.sent, sending.error) == (5, None)


def test_the_slowest_group_decides() -> None:
    bus = bus_with_topic(max_bytes=30)
    fast, slow = bus.consumer("c1", "fast", ["t"]), bus.consumer("c2", "slow", ["t"])
    send(bus, 3)
    for consumer in (fast, slow):
        consumer.poll(0.0)
    fast.commit({PLACE: 3})
    sending = Sending(bus, 1)
    assert sending.is_blocked()

    slow.commit({PLACE: 2})
    sending.join()

    assert sending.sent == 1


def test_a_writer_that_waits_goes_on_when_half_is_free() -> None:
    bus = bus_with_topic(max_bytes=40)
    consumer = bus.consumer("c", "g", ["t"])
    send(bus, 4)
    consumer.poll(0.0)
    sending = Sending(bus, 1)
    assert sending.is_blocked()

    consumer.commit({PLACE: 1})
    assert sending.is_blocked()
    consumer.commit({PLACE: 2})
    sending.join()

    assert sending.sent == 1


def test_attachments_count_with_their_bytes() -> None:
    bus = bus_with_topic(max_bytes=3000)
    bus.expect("t", ["g"])
    sending = Sending(bus, 3, np.zeros((10, 40, 3), np.uint8))

    sending.wait_for(2)
    assert sending.is_blocked()
    assert bus.held_bytes("t") == 2 * (1200 + 10)
    bus.close()
    sending.join()


def test_one_record_larger_than_the_bound_passes_when_nothing_is_unread() -> None:
    bus = bus_with_topic(max_bytes=5)
    consumer = bus.consumer("c", "g", ["t"])

    send(bus)
    consumer.poll(0.0)
    consumer.commit({PLACE: 1})
    send(bus)

    assert offsets(bus) == [0, 1]


def test_without_a_group_nothing_blocks() -> None:
    bus = bus_with_topic(max_bytes=30)

    send(bus, 100)

    assert len(offsets(bus)) == 100


@pytest.mark.parametrize(
    ("wake", "error"),
    [
        (lambda bus: bus.close(), BusUnavailable),
        (lambda bus: bus.delete("t"), ConfigError),
        (lambda bus: bus.truncate(PLACE, 2), None),
        (lambda bus: bus.forget_group("g"), None),
    ],
    ids=["close", "delete", "truncate", "forget_group"],
)
def test_a_blocked_producer_wakes(wake: Callable[[MemoryBus], None], error: type[PosebusError] | None) -> None:
    bus = bus_with_topic(max_bytes=30)
    bus.expect("t", ["g"])
    sending = Sending(bus, 5)
    sending.wait_for(3)
    assert sending.is_blocked()

    wake(bus)
    sending.join()

    assert (type(sending.error) if sending.error else None, sending.sent) == (error, 3 if error else 5)


def test_a_transient_topic_drops_what_all_groups_committed_once_they_are_known() -> None:
    bus = bus_with_topic(transient=True)
    first = bus.consumer("c1", "first", ["t"])
    send(bus, 10)
    first.poll(0.0)
    first.commit({PLACE: 10})
    kept_before = len(offsets(bus))
    bus.expect("t", ["second"])
    second = bus.consumer("c2", "second", ["t"])

    polled = second.poll(0.0)
    second.commit({PLACE: 4})

    assert kept_before == 10
    assert len(polled.records) == 10
    assert offsets(bus) == [4, 5, 6, 7, 8, 9]
    assert bus.held_bytes("t") == 60
    second.commit({PLACE: 10})
    assert (offsets(bus), bus.held_bytes("t")) == ([], 0)


def test_a_transient_topic_that_nobody_reads_holds_nothing() -> None:
    bus = bus_with_topic(transient=True)
    send(bus, 3)
    bus.expect("t", [])

    send(bus, 3)

    assert bus.held_bytes("t") == 0
    late = bus.consumer("c", "g", ["t"])
    send(bus)
    assert [record.offset for record in late.poll(0.0).records] == [6]


def test_dropped_attachments_are_not_held() -> None:
    class Pixels:
        nbytes = 1

        def __del__(self) -> None:
            freed.append(True)

    freed: list[bool] = []
    bus = bus_with_topic(transient=True)
    bus.expect("t", ["g"])
    consumer = bus.consumer("c", "g", ["t"])
    producer = bus.producer("p")
    producer.send(Outgoing("t", 0, b"k", b"", attachment=Pixels()))
    consumer.poll(0.0)

    consumer.commit({PLACE: 1})

    assert freed == [True]


def test_a_consumer_that_retention_overtook_goes_on_at_the_earliest_and_it_is_counted() -> None:
    bus = bus_with_topic()
    consumer = bus.consumer("c", "g", ["t"])
    send(bus, 10)
    consumer.poll(0.0, max_records=2)

    bus.truncate(PLACE, 7)
    lag = consumer.lag()[PLACE]
    polled = consumer.poll(0.0)

    assert lag == 3
    assert [record.offset for record in polled.records] == [7, 8, 9]
    assert consumer.overtaken == 5


def test_what_retention_took_is_counted_once() -> None:
    bus = bus_with_topic()
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)
    send(bus, 10)

    bus.truncate(PLACE, 10)
    for _ in range(3):
        assert consumer.poll(0.0).records == ()

    assert consumer.overtaken == 10


def test_retention_by_bytes_drops_the_oldest_read_or_not() -> None:
    bus = bus_with_topic(retention_bytes=100)
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)

    for _ in range(200):
        send(bus)
        assert bus.held_bytes("t") <= 100
    polled = consumer.poll(0.0)

    left = [record.offset for record in polled.records]
    assert left == list(range(left[0], 200))
    assert len(left) >= 8
    assert consumer.overtaken == left[0]


def test_compaction_keeps_the_last_of_each_key_and_a_tombstone_once() -> None:
    bus = bus_with_topic(compacted=True, partitions=1)
    for key in (b"a", b"b", b"a", b"c"):
        send(bus, key=key)
    send(bus, key=b"b", value=None)

    bus.compact("t")
    first = offsets(bus)
    bus.compact("t")

    assert first == [2, 3, 4]
    assert offsets(bus) == [2, 3]
    send(bus, key=b"d")
    assert offsets(bus) == [2, 3, 5]


def test_a_consumer_gets_over_a_tombstone_that_went() -> None:
    bus = bus_with_topic(compacted=True)
    consumer = bus.consumer("c", "g", ["t"])
    consumer.poll(0.0)
    send(bus, value=None)
    for _ in range(2):
        bus.compact("t")

    polled = consumer.poll(0.0)

    assert (offsets(bus), polled.records, consumer.lag()[PLACE]) == ([], (), 0)


def test_a_long_compacted_log_compacts_by_itself() -> None:
    bus = bus_with_topic(compacted=True)

    for i in range(20):
        send(bus, 500, key=b"%d" % (i % 3))

    assert len(offsets(bus)) < 2000
    assert bus.held_bytes("t") == 10 * len(offsets(bus))
    assert offsets(bus)[-1] == 9999


def test_unread_bytes_stay_right_over_compaction_and_retention() -> None:
    bus = bus_with_topic(compacted=True, max_bytes=50)
    consumer = bus.consumer("c", "g", ["t"])
    send(bus, 5)
    bus.compact("t")
    send(bus, 4)
    sending = Sending(bus, 1)
    assert sending.is_blocked()
    bus.truncate(PLACE, 7)
    sending.join()
    consumer.poll(0.0)

    consumer.commit({PLACE: 10})

    send(bus, 5)
    assert Sending(bus, 0).is_blocked() is False
    assert sending.sent == 1
