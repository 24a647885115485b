"""Members of a group that poll on threads of their own, and one that runs as a process to be killed."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from pipeline.bus.kafka import KafkaBus, KafkaConsumer
from pipeline.core.errors import BusUnavailable, PosebusError
from pipeline.core.ports import BusRecord, Outgoing, TopicPartition


class Polling:
    """A consumer that a thread polls until the block ends. `owned` and `records` grow as its polls tell."""

    def __init__(self, consumer: KafkaConsumer, poll_s: float = 0.05) -> None:
        self.consumer = consumer
        self.owned: frozenset[TopicPartition] = frozenset()
        self.records: list[BusRecord] = []
        self.revoked: list[frozenset[TopicPartition]] = []
        self.failure: PosebusError | None = None
        self._poll_s = poll_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Polling:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(30)
        self.consumer.close()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                polled = self.consumer.poll(self._poll_s)
                if polled.revoked:
                    self.revoked.append(polled.revoked)
                self.owned = (self.owned - polled.revoked) | polled.assigned
                self.records += polled.records
        except PosebusError as error:
            self.failure = error


def until(reached: Callable[[], bool], timeout_s: float, what: str) -> float:
    """Wait until it is so; how long that took. Fails after `timeout_s`."""
    began = time.monotonic()
    while not reached():
        if time.monotonic() - began > timeout_s:
            raise AssertionError(f"not within {timeout_s} s: {what}")
        time.sleep(0.01)
    return time.monotonic() - began


def send(bus: KafkaBus, topic: str, partition: int, values: Sequence[bytes]) -> None:
    producer = bus.producer("sender")
    for value in values:
        producer.send(Outgoing(topic, partition, b"k", value))
    producer.flush(60.0)
    producer.close()


def poll_while(consumer: KafkaConsumer, seconds: float) -> None:
    """Poll for so long."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        consumer.poll(0.05)


def poll_for(consumer: KafkaConsumer, enough: Callable[[list[BusRecord]], bool], timeout_s: float) -> list[BusRecord]:
    """Poll until the records that came are enough."""
    records: list[BusRecord] = []
    deadline = time.monotonic() + timeout_s
    while not enough(records):
        assert time.monotonic() < deadline, f"only {len(records)} records within {timeout_s} s"
        records += consumer.poll(0.05).records
    return records


def commit(consumer: KafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    """Commit, and again as long as the group rebalances."""
    for _ in range(100):
        try:
            consumer.commit(offsets)
        except BusUnavailable:
            assert not consumer.poll(0.1).revoked
        else:
            return
    raise AssertionError("the group does not come to rest")


def main() -> None:
    """A member as a process: tells on standard output what it owns, until it is killed."""
    servers, prefix, group, topic = sys.argv[1:]
    consumer = KafkaBus(servers.split(","), prefix=prefix).consumer("victim", group, [topic])
    owned: frozenset[TopicPartition] = frozenset()
    while True:
        polled = consumer.poll(0.05)
        if polled.assigned or polled.revoked:
            owned = (owned - polled.revoked) | polled.assigned
            sys.stdout.write(f"{len(owned)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
