"""Producers on a real broker: what is refused, what fails, what waits."""

from __future__ import annotations

import time

import pytest

from pipeline.bus.kafka import KafkaBus
from pipeline.bus.kafka.settings import RECORDED_LINGER_MS
from pipeline.core.errors import BusUnavailable, ConfigError, InvalidRecord
from pipeline.core.headers import ARRIVED
from pipeline.core.ports import Outgoing, TopicSpec
from tests.broker import Cluster
from tests.broker.fixtures import NewCluster, bus_on

PICTURE = 5 * 2**20


def values(bus: KafkaBus, topic: str, *partitions: int) -> list[bytes | None]:
    return [record.value for record in bus.read(topic, frozenset(partitions or (0,)))]


def test_four_megabytes_pass_and_six_are_refused_before_they_are_sent(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("frames", pixels=True, max_message_bytes=PICTURE, retention_bytes=2**28)])
    producer = kafka_bus.producer("p")
    four, six = bytes(4_000_000), bytes(6_000_000)

    producer.send(Outgoing("frames", 0, b"k", four))
    with pytest.raises(InvalidRecord, match=f"{PICTURE} bytes, this one has 6000001"):
        producer.send(Outgoing("frames", 0, b"k", six))
    producer.send(Outgoing("frames", 0, b"k", four))
    producer.flush(60.0)

    assert values(kafka_bus, "frames") == [four, four]


def test_the_largest_record_that_passes_our_check_passes_the_broker(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t", max_message_bytes=5000)])
    headers = tuple((f"h{i}", b"%d" % i) for i in range(20))
    taken = 1 + sum(len(name) + len(content) for name, content in headers)
    producer = kafka_bus.producer("p")

    producer.send(Outgoing("t", 0, b"k", bytes(5000 - taken), headers))
    producer.flush(30.0)
    with pytest.raises(InvalidRecord):
        producer.send(Outgoing("t", 0, b"k", bytes(5001 - taken), headers))

    assert len(values(kafka_bus, "t")) == 1


def test_records_go_where_they_are_told_whatever_their_key(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t", 5)])
    producer = kafka_bus.producer("p")
    for i in range(50):
        producer.send(Outgoing("t", i % 5, b"same key", b"%d" % i))
    producer.flush(30.0)

    for partition in range(5):
        assert values(kafka_bus, "t", partition) == [b"%d" % i for i in range(partition, 50, 5)]


def test_pixels_by_reference_do_not_leave_the_process(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t")])

    with pytest.raises(ValueError, match="by reference"):
        kafka_bus.producer("p").send(Outgoing("t", 0, b"k", b"v", attachment=object()))


def test_what_waits_to_be_taken_is_bounded(kafka: Cluster) -> None:
    bus = bus_on(kafka, in_flight_bytes=1_000_000)
    bus.ensure([TopicSpec("t")])
    producer = bus.producer("p")
    most = 0
    for _ in range(60):
        producer.send(Outgoing("t", 0, b"k", bytes(100_000)))
        most = max(most, producer.in_flight_bytes)
    producer.flush(60.0)

    assert most <= 1_000_000
    assert producer.in_flight_bytes == 0
    assert len(values(bus, "t")) == 60
    bus.close()


def test_a_flush_that_takes_too_long_is_the_end_of_the_producer_and_a_new_one_goes_on(new_cluster: NewCluster) -> None:
    cluster = new_cluster()
    bus = bus_on(cluster)
    bus.ensure([TopicSpec("t")])
    producer = bus.producer("p")
    producer.send(Outgoing("t", 0, b"k", b"before"))
    producer.flush(30.0)

    cluster[0].pause()
    producer.send(Outgoing("t", 0, b"k", b"held up"))
    with pytest.raises(BusUnavailable, match="1 sends are not through"):
        producer.flush(0.5)
    producer.send(Outgoing("t", 0, b"k", b"given up"))
    began = time.monotonic()
    with pytest.raises(BusUnavailable):
        producer.flush(10.0)
    producer.close()
    assert time.monotonic() - began < 5.0
    cluster[0].resume()
    another = bus.producer("q")
    another.send(Outgoing("t", 0, b"k", b"after"))
    another.flush(60.0)

    there = values(bus, "t")
    assert there[0] == b"before"
    assert there[-1] == b"after"
    assert b"given up" not in there
    bus.close()


def test_a_broker_that_is_not_there_is_named() -> None:
    bus = KafkaBus(["localhost:1", "localhost:2"], timeout_s=0.5)

    for call in (
        lambda: bus.ensure([TopicSpec("t")]),
        lambda: bus.producer("p"),
        lambda: bus.consumer("c", "g", ["t"]),
        lambda: next(bus.read("t", frozenset({0}))),
        lambda: bus.backlogs(["g"]),
    ):
        with pytest.raises(BusUnavailable, match=r"no Kafka broker answers at localhost:1, localhost:2 within 0\.5 s"):
            call()
    bus.close()


def test_a_codec_whose_package_is_missing_is_a_config_error(kafka: Cluster) -> None:
    bus = bus_on(kafka, compression="snappy")

    with pytest.raises(ConfigError, match="snappy"):
        bus.producer("p")
    bus.close()


def test_compressed_records_come_as_they_were_sent(kafka: Cluster) -> None:
    bus = bus_on(kafka, compression="gzip")
    bus.ensure([TopicSpec("t")])
    producer = bus.producer("p")
    for i in range(100):
        producer.send(Outgoing("t", 0, b"k", b"%d" % i * 100))
    producer.flush(30.0)

    assert values(bus, "t") == [b"%d" % i * 100 for i in range(100)]
    bus.close()


def test_records_of_recordings_share_requests_and_those_of_live_cameras_go_at_once(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t")])

    def seconds_until_through(headers: tuple[tuple[str, bytes], ...]) -> float:
        producer = kafka_bus.producer("p")
        producer.send(Outgoing("t", 0, b"k", b"first", headers))
        producer.flush(30.0)
        taken = []
        for _ in range(5):
            began = time.monotonic()
            producer.send(Outgoing("t", 0, b"k", b"", headers))
            while producer.in_flight_bytes and time.monotonic() < began + 10:
                time.sleep(0.001)
                producer._settle()
            taken.append(time.monotonic() - began)
        producer.close()
        return min(taken)

    recorded_s, live_s = seconds_until_through(()), seconds_until_through(((ARRIVED, b"1"),))

    assert recorded_s >= RECORDED_LINGER_MS / 1000
    assert live_s < recorded_s
