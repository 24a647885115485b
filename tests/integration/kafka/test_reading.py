"""Consumers on a real broker: shares, pauses, positions, restores."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress

import pytest

from pipeline.bus.kafka import KafkaBus
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import Outgoing, TopicPartition, TopicSpec
from tests.integration.kafka.members import poll_for, poll_while, send


def test_a_backlog_does_not_hold_up_its_neighbour(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t", 2)])
    send(kafka_bus, "t", 0, [bytes(700)] * 20_000)
    send(kafka_bus, "t", 1, [bytes(700)] * 200)
    consumer = kafka_bus.consumer("c", "g", ["t"])

    records = poll_for(consumer, lambda records: sum(r.partition for r in records) == 200, 60.0)

    # kafka-python hands out 1472 of one partition before it begins with the other; by shares it is as many of each,
    # and what came before the first fetch of the neighbour was back.
    assert len(records) < 200 * 10


def test_a_live_neighbour_of_a_backlog_is_heard_at_once(kafka_bus: KafkaBus) -> None:
    """No partition waits for the long poll of another one."""
    kafka_bus.ensure([TopicSpec("t", 2)])
    consumer = kafka_bus.consumer("c", "g", ["t"])
    poll_for(consumer, lambda _: consumer.generation() > 0, 20.0)
    send(kafka_bus, "t", 0, [bytes(700)] * 5000)
    backlog = poll_for(consumer, lambda records: len(records) >= 5000, 30.0)
    producer = kafka_bus.producer("p")
    late = []
    for i in range(20):
        producer.send(Outgoing("t", i % 2, b"k", b"now"))
        producer.flush(10.0)
        sent = time.monotonic()
        poll_for(consumer, lambda records: len(records) == 1, 10.0)
        late.append(time.monotonic() - sent)

    assert len(backlog) == 5000
    assert sorted(late)[10] < 0.05


def test_where_nothing_comes_fetches_are_few_and_the_first_record_is_heard_at_once(
    kafka_bus: KafkaBus, caplog: pytest.LogCaptureFixture
) -> None:
    kafka_bus.ensure([TopicSpec("t", 2)])
    producer = kafka_bus.producer("p")
    consumer = kafka_bus.consumer("c", "g", ["t"])
    poll_for(consumer, lambda _: consumer.generation() > 0, 20.0)
    heard = []
    with caplog.at_level(logging.DEBUG, "kafka.consumer.fetcher"):
        for _ in range(3):
            poll_while(consumer, 2.0)
            caplog.clear()
            poll_while(consumer, 2.0)
            fetches = sum("Sending FetchRequest" in message for message in caplog.messages)
            assert 1 <= fetches <= 16  # of 40 with waits of 50 ms
            sender = threading.Thread(target=lambda: (producer.send(Outgoing("t", 1, b"k", b"v")), producer.flush(10)))
            sender.start()
            began = time.monotonic()
            poll_for(consumer, lambda records: len(records) == 1, 10.0)
            heard.append(time.monotonic() - began)
            sender.join()
        caplog.clear()
        for _ in range(10):
            producer.send(Outgoing("t", 1, b"k", b"v"))
            producer.flush(10)
            poll_while(consumer, 0.1)
        assert sum("Sending FetchRequest" in message for message in caplog.messages) > 12

    assert sorted(heard)[1] < 0.2


def test_what_waits_in_a_paused_partition_comes_at_once_after_resume(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t", 2)])
    place = frozenset({TopicPartition("t", 0)})
    consumer = kafka_bus.consumer("c", "g", ["t"])
    poll_for(consumer, lambda _: consumer.generation() > 0, 20.0)
    for _ in range(40):
        consumer.poll(0.02)
    consumer.pause(place)
    send(kafka_bus, "t", 0, [b"a", b"b"])
    for _ in range(20):
        assert not consumer.poll(0.02).records

    began = time.monotonic()
    consumer.resume(place)
    records = poll_for(consumer, lambda records: len(records) == 2, 10.0)

    assert [record.value for record in records] == [b"a", b"b"]
    assert time.monotonic() - began < 0.1


def test_what_a_slow_reader_has_fetched_is_bounded(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("frames", 2, pixels=True, max_message_bytes=5 * 2**20, retention_bytes=2**28)])
    send(kafka_bus, "frames", 0, [bytes(4_000_000)] * 12)
    send(kafka_bus, "frames", 1, [bytes(4_000_000)] * 3)
    consumer = kafka_bus.consumer("c", "g", ["frames"])
    records, most = [], 0
    deadline = time.monotonic() + 60

    while len(records) < 15 and time.monotonic() < deadline:
        records += [record.offset for record in consumer.poll(0.05, max_records=1).records]
        most = max(most, consumer.buffered_bytes)

    assert len(records) == 15
    assert most < 32 * 2**20 + 2 * 6 * 2**20  # the bound, and one fetch of each partition


def test_all_states_are_read_back(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("changelog", 4, compacted=True)])
    producer = kafka_bus.producer("p")
    for i in range(1000):
        producer.send(Outgoing("changelog", i % 4, b"camera-%d" % i, bytes(20_000)))
    producer.flush(60.0)

    records = list(kafka_bus.read("changelog", frozenset({1, 3})))

    assert {record.key for record in records} == {b"camera-%d" % i for i in range(1000) if i % 2}


def test_reading_nothing_ends(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t", 3)])

    assert list(kafka_bus.read("t", frozenset())) == []
    assert list(kafka_bus.read("t", frozenset({0, 2}))) == []


def test_closing_the_bus_wakes_whoever_polls(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec("t")])
    consumer = kafka_bus.consumer("c", "g", ["t"])
    ended = threading.Event()

    def work() -> None:
        with suppress(BusUnavailable):
            while True:
                consumer.poll(60.0)
        ended.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    time.sleep(0.5)
    kafka_bus.close()

    assert ended.wait(5.0)
    thread.join(5.0)
