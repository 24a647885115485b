"""What every bus does with topics and records."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest

from pipeline.core.errors import BusUnavailable, ConfigError, InvalidRecord
from pipeline.core.ports import BusRecord, Outgoing, TopicPartition, TopicSpec
from tests.contract.buses import BusUnderTest
from tests.contract.members import Member, drain, numbers, send


def stored(under: BusUnderTest, topic: str, *partitions: int) -> list[BusRecord]:
    return list(under.bus.read(topic, frozenset(partitions or (0,))))


def test_records_keep_their_order_within_a_partition(under: BusUnderTest) -> None:
    topic = under.topic(partitions=3)
    producer = under.bus.producer("p")
    for i in range(60):
        producer.send(Outgoing(topic, i % 3, b"k", b"%d" % i))
        if i % 7 == 0:
            producer.flush(10.0)
    producer.flush(10.0)
    member = Member(under, "g", topic)

    drain(under, member)

    for partition in range(3):
        own = [record for record in member.records if record.partition == partition]
        assert [record.value for record in own] == [b"%d" % i for i in range(partition, 60, 3)]
        assert [record.offset for record in own] == sorted({record.offset for record in own})


def test_key_value_and_headers_come_as_they_were_sent(under: BusUnderTest) -> None:
    topic = under.topic()
    headers = (("hop", b"1"), ("hop", b"2"), ("other", b""), ("hop", b"1"))
    producer = under.bus.producer("p")
    producer.send(Outgoing(topic, 0, b"\x00key\xff", bytes(range(256)), headers))
    producer.send(Outgoing(topic, 0, b"key", b""))
    producer.flush(10.0)
    member = Member(under, "g", topic)

    drain(under, member)

    first, second = member.records
    assert (first.topic, first.partition, first.key, first.value) == (topic, 0, b"\x00key\xff", bytes(range(256)))
    assert tuple(first.headers) == headers
    assert (second.value, tuple(second.headers)) == (b"", ())
    assert first.place == TopicPartition(topic, 0)


def test_a_tombstone_is_not_an_empty_value(under: BusUnderTest) -> None:
    topic = under.topic(compacted=True)
    send(under, topic, b"", None)

    assert [record.value for record in stored(under, topic)] == [b"", None]


def test_a_picture_of_four_megabytes_passes(under: BusUnderTest) -> None:
    topic = under.topic(max_message_bytes=5 * 2**20)
    picture = bytes(4_000_000)

    send(under, topic, b"before", picture, b"after")

    assert [record.value for record in stored(under, topic)] == [b"before", picture, b"after"]


def test_a_record_that_is_too_large_is_refused_and_the_producer_goes_on(under: BusUnderTest) -> None:
    topic = under.topic(max_message_bytes=1000)
    producer = under.bus.producer("p")
    producer.send(Outgoing(topic, 0, b"k", b"before"))

    with pytest.raises(InvalidRecord, match="1000 bytes"):
        producer.send(Outgoing(topic, 0, b"k", bytes(1000)))

    producer.send(Outgoing(topic, 0, b"k", bytes(700)))
    producer.flush(10.0)
    assert [record.value for record in stored(under, topic)] == [b"before", bytes(700)]


def test_a_compacted_topic_refuses_a_record_without_key_and_the_producer_goes_on(under: BusUnderTest) -> None:
    topic = under.topic(compacted=True)
    producer = under.bus.producer("p")

    with pytest.raises(InvalidRecord, match="no key"):
        producer.send(Outgoing(topic, 0, b"", b"x"))

    producer.send(Outgoing(topic, 0, b"k", b"y"))
    producer.flush(10.0)
    assert [record.value for record in stored(under, topic)] == [b"y"]


def test_an_unknown_topic_is_a_config_error_everywhere(under: BusUnderTest) -> None:
    producer = under.bus.producer("p")
    for call in (
        lambda: producer.send(Outgoing("nowhere", 0, b"k", b"v")),
        lambda: under.bus.consumer("c", "g", ["nowhere"]),
        lambda: under.bus.topic_id("nowhere"),
        lambda: under.bus.delete("nowhere"),
        lambda: next(under.bus.read("nowhere", frozenset({0}))),
    ):
        with pytest.raises(ConfigError, match="nowhere"):
            call()


def test_a_partition_that_is_not_there_is_a_config_error(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    producer = under.bus.producer("p")

    with pytest.raises(ConfigError, match="2 partitions"):
        producer.send(Outgoing(topic, 2, b"k", b"v"))


def test_ensure_leaves_what_is_there_and_refuses_another_partition_count(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    before = under.bus.topic_id(topic)
    send(under, topic, b"kept")

    under.bus.ensure([TopicSpec(topic, partitions=2)])
    with pytest.raises(ConfigError, match="2 partitions, expected 3"):
        under.bus.ensure([TopicSpec(topic, partitions=3)])

    assert under.bus.topic_id(topic) == before
    assert [record.value for record in stored(under, topic)] == [b"kept"]


def test_a_topic_made_anew_is_empty_and_has_another_identity(under: BusUnderTest) -> None:
    topic = under.topic()
    before = under.bus.topic_id(topic)
    send(under, topic, b"old")

    under.bus.delete(topic)
    under.bus.ensure([TopicSpec(topic)])

    assert under.bus.topic_id(topic) != before
    assert stored(under, topic) == []


def test_a_failed_send_is_heard_of_at_the_flush_and_nothing_follows_it(under: BusUnderTest) -> None:
    topic = under.topic()
    producer = under.bus.producer("p")
    producer.send(Outgoing(topic, 0, b"k", b"before"))
    producer.flush(10.0)
    under.break_next_send(topic)

    for value in (b"lost", b"lost too"):
        producer.send(Outgoing(topic, 0, b"k", value))
    with pytest.raises(BusUnavailable):
        producer.flush(10.0)
    producer.close()
    send(under, topic, b"from a new one")

    assert [record.value for record in stored(under, topic)] == [b"before", b"from a new one"]


def test_many_producers_keep_each_its_order(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)

    def produce(name: int) -> None:
        producer = under.bus.producer(f"p{name}")
        for i in range(100):
            producer.send(Outgoing(topic, i % 2, b"%d" % name, b"%d" % i))
        producer.flush(10.0)
        producer.close()

    threads = [Thread(target=produce, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    records = stored(under, topic, 0, 1)
    assert len(records) == 400
    for name in range(4):
        for partition in range(2):
            own = [r.value for r in records if r.key == b"%d" % name and r.partition == partition]
            assert own == [b"%d" % i for i in range(partition, 100, 2)]


def test_read_ends_where_the_topic_ended_at_its_first_record(under: BusUnderTest) -> None:
    topic = under.topic(partitions=2)
    send(under, topic, *numbers(0, 5))
    send(under, topic, *numbers(5, 8), partition=1)
    reading: Iterator[BusRecord] = under.bus.read(topic, frozenset({0, 1}))

    first = next(reading)
    for partition in (0, 1):
        send(under, topic, b"later", partition=partition)
    rest = list(reading)

    values = {partition: [r.value for r in [first, *rest] if r.partition == partition] for partition in (0, 1)}
    assert values == {0: numbers(0, 5), 1: numbers(5, 8)}
    assert len(stored(under, topic, 1)) == 4


def test_compaction_keeps_the_last_of_each_key_at_its_offset(under: BusUnderTest) -> None:
    topic = under.topic(compacted=True)
    producer = under.bus.producer("p")
    for i in range(30):
        producer.send(Outgoing(topic, 0, b"%d" % (i % 3), b"%d" % i))
    producer.send(Outgoing(topic, 0, b"1", None))
    producer.flush(10.0)
    before = {record.key: record for record in stored(under, topic)}

    under.compact(topic)

    assert {record.key: record for record in stored(under, topic)} == before
    offsets = [record.offset for record in stored(under, topic)]
    assert offsets == sorted(set(offsets))
    assert before[b"1"].value is None


def test_a_consumer_reads_on_over_the_holes_of_compaction(under: BusUnderTest) -> None:
    topic = under.topic(compacted=True)
    member = Member(under, "g", topic)
    send(under, topic, *numbers(0, 10), key=b"a")
    drain(under, member)
    send(under, topic, *numbers(10, 20), key=b"b")
    send(under, topic, *numbers(20, 30), key=b"c")

    under.compact(topic)
    drain(under, member)

    read = {record.key: record.value for record in member.records}
    assert read == {b"a": b"9", b"b": b"19", b"c": b"29"}
    assert sum(member.consumer.lag().values()) == 0


def test_a_closed_bus_raises_for_whoever_calls(under: BusUnderTest) -> None:
    topic = under.topic()
    producer = under.bus.producer("p")
    consumer = under.bus.consumer("c", "g", [topic])

    under.bus.close()

    with pytest.raises(BusUnavailable):
        consumer.poll(10.0)
    with pytest.raises(BusUnavailable):
        producer.flush(10.0)
