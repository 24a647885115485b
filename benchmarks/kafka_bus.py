"""Our bus over Kafka beside kafka-python alone, and what a hop costs, on a broker of the tests."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import kafka

from pipeline.bus.kafka import KafkaBus
from pipeline.core.ports import Outgoing, TopicSpec
from tests.broker import Cluster

SIZES = {64 * 2**10: 1200, 256 * 2**10: 500, 2**20: 160}
"""Bytes of a record, and how many are sent in a round."""
ROUNDS = 3
SMALL_COUNT = 8000
COMPRESSIONS = (None, "gzip")


def shares(cluster: Cluster) -> list[dict[str, float]]:
    """For each size: records a second through ours, and ours over bare, written and read; medians of rounds that took
    turns.
    """
    rows = []
    for size, count in SIZES.items():
        times: dict[str, list[float]] = {"send": [], "read": [], "bare send": [], "bare read": []}
        for number in range(ROUNDS):
            bus = KafkaBus(cluster.servers, prefix=f"bench.{size}.{number}.")
            names = ["ours", "bare"]
            bus.ensure([TopicSpec(name, max_message_bytes=5 * 2**20) for name in names])
            full = f"{bus.prefix}bare"
            work: dict[str, Callable[[], None]] = {
                "send": lambda bus=bus, s=size, c=count: produce(bus, "ours", s, c),
                "bare send": lambda full=full, s=size, c=count: produce_bare(cluster, full, s, c),
                "read": lambda bus=bus, c=count: consume(bus, "ours", c),
                "bare read": lambda full=full, c=count: consume_bare(cluster, full, c),
            }
            for what, each in work.items():
                times[what].append(timed(each)[0])
            for name in names:
                bus.delete(name)
            bus.close()
        median = {what: statistics.median(each) for what, each in times.items()}
        rows.append(
            {
                "bytes": size,
                "sent_per_s": count / median["send"],
                "read_per_s": count / median["read"],
                "send_share": median["bare send"] / median["send"],
                "read_share": median["bare read"] / median["read"],
            }
        )
    return rows


def hops(cluster: Cluster, value: bytes) -> dict[str, dict[str, float]]:
    """CPU microseconds of this process to send and to read one record of keypoints, by compression.

    Args:
        value: Of the record.
    """
    found = {}
    for compression in COMPRESSIONS:
        bus = KafkaBus(cluster.servers, prefix=f"bench.{compression}.", compression=compression)
        bus.ensure([TopicSpec("t")])
        sent = timed(lambda bus=bus: produce(bus, "t", len(value), SMALL_COUNT, value))[1]  # type: ignore[misc]
        read = timed(lambda bus=bus: consume(bus, "t", SMALL_COUNT))[1]  # type: ignore[misc]
        found[compression or "none"] = {
            "send_us": sent / SMALL_COUNT * 1e6,
            "read_us": read / SMALL_COUNT * 1e6,
        }
        bus.close()
    return found


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU in this process."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def produce(bus: KafkaBus, topic: str, size: int, count: int, value: bytes | None = None) -> None:
    """Send through our bus."""
    producer, value = bus.producer("bench"), value or bytes(size)
    for i in range(count):
        producer.send(Outgoing(topic, 0, b"k", value))
        if i % 500 == 499:
            producer.flush(60.0)
    producer.flush(60.0)
    producer.close()


def produce_bare(cluster: Cluster, topic: str, size: int, count: int) -> None:
    """Send with kafka-python, set as ours."""
    producer: Any = kafka.KafkaProducer(
        bootstrap_servers=cluster.servers, batch_size=262144, max_request_size=6 * 2**20, metrics_enabled=False
    )
    value = bytes(size)
    for i in range(count):
        producer.send(topic, value, b"k", partition=0)
        if i % 500 == 499:
            producer.flush(60.0)
    producer.flush(60.0)
    producer.close()


def consume(bus: KafkaBus, topic: str, count: int) -> None:
    """Read through our bus, in a group."""
    consumer, got = bus.consumer("bench", f"g-{topic}", [topic]), 0
    while got < count:
        got += len(consumer.poll(0.2).records)
    consumer.close()


def consume_bare(cluster: Cluster, topic: str, count: int) -> None:
    """Read with kafka-python as it is by default, in a group."""
    consumer: Any = kafka.KafkaConsumer(
        topic, bootstrap_servers=cluster.servers, group_id=f"bare-{topic}", auto_offset_reset="earliest"
    )
    got = 0
    while got < count:
        got += sum(map(len, consumer.poll(200).values()))
    consumer.close()
