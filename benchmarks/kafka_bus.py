"""Our bus over Kafka beside kafka-python alone, on a broker of the tests: `python -m benchmarks.kafka_bus`."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import quantiles
from typing import Any

import kafka

from pipeline.bus.kafka import KafkaBus
from pipeline.core.ports import Outgoing, TopicSpec
from tests.broker import Cluster

SIZES = {700: 40_000, 100_000: 1500}
PER_S, LATENCY_S = 120, 10.0


def main() -> None:
    """Print rates by wall clock and by CPU time of this process, and latencies."""
    with Cluster() as cluster:
        bus = KafkaBus(cluster.servers, prefix="bench.")
        for size, count in SIZES.items():
            names = [f"ours-{size}", f"bare-{size}"]
            bus.ensure([TopicSpec(name, max_message_bytes=5 * 2**20 if size > 10_000 else None) for name in names])
            rows = {
                "produce, ours": timed(lambda n=names[0], s=size, c=count: produce(bus, n, s, c)),
                "produce, bare": timed(lambda n=names[1], s=size, c=count: produce_bare(cluster, n, s, c)),
                "consume, ours": timed(lambda n=names[0], c=count: consume(bus, n, c)),
                "consume, bare": timed(lambda n=names[1], c=count: consume_bare(cluster, n, c)),
            }
            for what, (wall_s, cpu_s) in rows.items():
                print(
                    f"{what:14} {size:7} bytes: {count / wall_s:9.0f}/s, {cpu_s / count * 1e6:7.1f} us of CPU a record"
                )
        latencies(bus)
        bus.close()


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of CPU in this process."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - cpu


def produce(bus: KafkaBus, topic: str, size: int, count: int) -> None:
    """Send through our bus."""
    producer, value = bus.producer("bench"), bytes(size)
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
        producer.send(f"bench.{topic}", value, b"k", partition=0)
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
        f"bench.{topic}", bootstrap_servers=cluster.servers, group_id=f"bare-{topic}", auto_offset_reset="earliest"
    )
    got = 0
    while got < count:
        got += sum(map(len, consumer.poll(200).values()))
    consumer.close()


def latencies(bus: KafkaBus) -> None:
    """From send to poll at the rate of four cameras."""
    bus.ensure([TopicSpec("live", 4)])
    consumer, producer = bus.consumer("bench", "g-live", ["live"]), bus.producer("bench")
    while not consumer.poll(0.2).assigned:
        pass
    took: list[float] = []
    began, cpu, sent = time.perf_counter(), time.process_time(), 0
    while len(took) < PER_S * LATENCY_S:
        due = began + sent / PER_S
        if time.perf_counter() >= due and sent < PER_S * LATENCY_S:
            producer.send(Outgoing("live", sent % 4, b"k", b"%r" % time.perf_counter() + bytes(700)))
            sent += 1
        polled = consumer.poll(max(min(due - time.perf_counter(), 0.005), 0.0))
        now = time.perf_counter()
        took += (now - float((record.value or b"").rstrip(b"\0")) for record in polled.records)
    share = (time.process_time() - cpu) / (time.perf_counter() - began)
    cuts = quantiles(took, n=100)
    print(
        f"{PER_S} a second: p50 {cuts[49] * 1e3:.1f} ms, p95 {cuts[94] * 1e3:.1f} ms, max {max(took) * 1e3:.0f} ms, "
        f"{share:.0%} of a core for both ends"
    )


if __name__ == "__main__":
    main()
