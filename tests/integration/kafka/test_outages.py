"""A broker goes away under load: no record is lost, and after dedup each is there once, in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pipeline.bus.kafka import KafkaBus, KafkaProducer
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import Outgoing, TopicPartition, TopicSpec
from tests.broker.fixtures import NewCluster, bus_on
from tests.integration.kafka.members import until

PARTITIONS = 3
PER_S = 200


class Writer:
    """Sends numbers at a steady rate; flushes each 0.2 s, and goes back to the last flush when one fails."""

    def __init__(self, bus: KafkaBus) -> None:
        self.flushed = 0
        self.failures = 0
        self._bus = bus

    def run(self, stop: threading.Event) -> None:
        producer, n = None, 0
        while not (stop.is_set() and producer is not None and n == self.flushed):
            try:
                producer = producer or self._bus.producer("writer")
                n = self._batch(producer, n)
            except BusUnavailable:
                self.failures += 1
                if producer is not None:
                    producer.close()
                producer, n = None, self.flushed
        producer.close()

    def _batch(self, producer: KafkaProducer, n: int) -> int:
        for _ in range(PER_S // 5):
            producer.send(Outgoing("t", n % PARTITIONS, b"k", b"%d" % n))
            n += 1
            time.sleep(1 / PER_S)
        producer.flush(5.0)
        self.flushed = n
        return n


class Reader:
    """Takes each number once, and commits each 0.2 s."""

    def __init__(self, bus: KafkaBus) -> None:
        self.taken: list[int] = []
        self.repeated = 0
        self.skipped: list[tuple[int, int]] = []
        self._bus = bus
        self._last = {partition: partition - PARTITIONS for partition in range(PARTITIONS)}

    def run(self, stop: threading.Event) -> None:
        consumer = self._bus.consumer("reader", "g", ["t"])
        offsets: dict[TopicPartition, int] = {}
        committed_at = time.monotonic()
        while not stop.is_set():
            polled = consumer.poll(0.05)
            for place in polled.revoked:
                offsets.pop(place, None)
            for record in polled.records:
                self._take(record.partition, int(record.value or b"-1"))
                offsets[record.place] = record.offset + 1
            if time.monotonic() - committed_at > 0.2:
                try:
                    consumer.commit(offsets)
                    offsets.clear()
                except BusUnavailable:
                    pass
                committed_at = time.monotonic()
        consumer.close()

    def _take(self, partition: int, number: int) -> None:
        last = self._last[partition]
        if number <= last:
            self.repeated += 1
            return
        if number != last + PARTITIONS:
            self.skipped.append((last, number))
        self._last[partition] = number
        self.taken.append(number)


def load(bus: KafkaBus, trouble: Callable[[], None]) -> tuple[Writer, Reader]:
    """Write and read while the trouble lasts, and until all is through."""
    bus.ensure([TopicSpec("t", PARTITIONS)])
    writer, reader = Writer(bus), Reader(bus)
    stops = threading.Event(), threading.Event()
    threads = [
        threading.Thread(target=end.run, args=(stop,), daemon=True)
        for end, stop in zip((writer, reader), stops, strict=True)
    ]
    for thread in threads:
        thread.start()
    trouble()
    before = writer.flushed
    until(lambda: writer.flushed >= before + PER_S, 120.0, "the writer goes on")
    stops[0].set()
    threads[0].join(120)
    until(lambda: len(reader.taken) >= writer.flushed, 120.0, "the reader has everything")
    stops[1].set()
    threads[1].join(60)
    assert not any(thread.is_alive() for thread in threads)
    return writer, reader


def check(writer: Writer, reader: Reader) -> None:
    assert not reader.skipped
    assert sorted(reader.taken) == list(range(writer.flushed))


def test_a_broker_is_killed_and_hangs_under_load(new_cluster: NewCluster, long: bool) -> None:
    cluster = new_cluster()
    bus = bus_on(cluster)

    def trouble() -> None:
        time.sleep(1.5)
        cluster[0].kill()
        time.sleep(30.0 if long else 3.0)
        cluster[0].start()
        time.sleep(2.0)
        cluster[0].pause()
        time.sleep(20.0 if long else 3.0)
        cluster[0].resume()
        time.sleep(1.0)

    check(*load(bus, trouble))
    bus.close()


def test_one_of_three_brokers_is_killed_under_load(new_cluster: NewCluster) -> None:
    cluster = new_cluster(nodes=3)
    bus = bus_on(cluster)

    def trouble() -> None:
        time.sleep(1.5)
        cluster[1].kill()
        time.sleep(3.0)

    check(*load(bus, trouble))
    bus.close()
