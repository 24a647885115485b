"""Workers whose records have ids of a registry: what they do when it goes away and comes back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.codec.records import AvroCodec
from pipeline.codec.registry import SchemaRegistry
from pipeline.codec.schemas import SchemaBook
from pipeline.config import load_config
from pipeline.core.errors import ConfigError, TransientError
from pipeline.core.ports import Outgoing
from pipeline.core.records import Record
from pipeline.metrics import Metrics
from pipeline.notify import Notifier
from pipeline.runners.worker import SinkWorker, Worker
from pipeline.runners.worker.sink import GROUP as SINK_GROUP
from pipeline.topics import PARTITIONS, STORED, TOPICS
from pipeline.topology import Topology, kafka_topics
from pipeline.workers import Workers
from tests.integration.notify.builders import key, webhook
from tests.registry.fake import FakeRegistry
from tests.registry.test_registry import grown
from tests.samples import poses, records, stamp
from tests.unit.notify.receiver import receiver
from tests.unit.runners.shelf import Shelf, ShelfSink
from tests.unit.runners.test_notify_worker import Notes, live

BOOK = SchemaBook()
CONFIG = load_config(None, {"POSEBUS_HOME": "/dev/null/home"})

WorkersOf = Callable[[str, FakeRegistry], Workers]


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    bus = MemoryBus()
    bus.ensure(kafka_topics())
    yield bus
    bus.close()


@pytest.fixture
def workers_of(bus: MemoryBus) -> Iterator[WorkersOf]:
    """Makes workers on the bus; what goes on beside them ends before it."""
    with ExitStack() as held:

        def make(kind: str, fake: FakeRegistry) -> Workers:
            workers = Workers(CONFIG, bus, kind, Metrics(), quick(fake))
            held.callback(workers.close)
            return workers

        yield make


def publish(fake: FakeRegistry) -> None:
    for topic in TOPICS.values():
        SchemaRegistry(fake.url).publish(f"{topic.name}-value", BOOK.newest(topic.schema))


def quick(fake: FakeRegistry) -> SchemaRegistry:
    return SchemaRegistry(fake.url, attempts=1, timeout_s=5.0)


def send(bus: MemoryBus, topic: str, *values: bytes, key: bytes = b"gym") -> None:
    producer = bus.producer("test")
    for value in values:
        producer.send(Outgoing(topic, 1, key, value))
    producer.flush(1)
    producer.close()


def of_newer(fake: FakeRegistry, schema: str, topic: str, record: Record[Any]) -> bytes:
    """The record as a newer posebus writes it, whose id nobody here has seen."""
    id = SchemaRegistry(fake.url).publish(f"{topic}-value", grown(BOOK.newest(schema)))
    return b"\0" + id.to_bytes(4, "big") + AvroCodec(BOOK, schema).encode(record).value[10:] + b"\0"


def until(reached: Callable[[], bool], step: Callable[[], Any], *, waits: bool = True, timeout_s: float = 20.0) -> None:
    """Step until then, through what passes by itself if it `waits`."""
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "it did not come to that"
        try:
            step()
        except TransientError:
            if not waits:
                raise


def test_stages_write_ids_and_go_on_where_they_were_when_the_registry_was_away(
    bus: MemoryBus, fake_registry: FakeRegistry, workers_of: WorkersOf
) -> None:
    publish(fake_registry)
    workers = workers_of("track", fake_registry)
    worker = workers.stages(["track"])
    assert isinstance(worker, Worker)
    frames = [Record(stamp(n), poses(1, seed=n)) for n in range(12)]
    single = AvroCodec(BOOK, "poses")
    send(bus, "poses", *(single.encode(frame).value for frame in frames[:6]))
    send(bus, "poses", *(of_newer(fake_registry, "poses", "poses", frame) for frame in frames[6:]))
    fake_registry.down = True

    waits = []

    def step() -> None:
        try:
            worker.step(0.02)
        except TransientError as error:
            waits.append(error.message)
            fake_registry.down = len(waits) < 3
            worker.recover()

    out = bus.consumer("reader", "reader", ["tracks"])
    seen: list[bytes] = []

    def collect() -> bool:
        seen.extend(raw.value or b"" for raw in out.poll(0).records)
        return len(set(seen)) >= len(frames)

    until(collect, step)
    worker.close()

    assert all("schema registry" in message for message in waits)
    assert len(waits) == 3
    reader = Topology(CONFIG, None, registry=quick(fake_registry)).codec("tracks")
    assert {value[0] for value in seen} == {0}
    assert sorted({reader.decode(value).stamp.n for value in seen}) == list(range(12))
    assert not list(bus.read("dead-letters", frozenset(range(PARTITIONS))))


def test_the_sink_writes_all_of_it_once_the_registry_answers(bus: MemoryBus, fake_registry: FakeRegistry) -> None:
    publish(fake_registry)
    topology = Topology(CONFIG, None, registry=quick(fake_registry))
    shelf = Shelf()
    consumer = bus.consumer("one", SINK_GROUP, STORED)
    seconds = iter(range(10**9))
    sink = SinkWorker(
        {topic: topology.codec(topic) for topic in STORED},
        consumer,
        ShelfSink(shelf),
        topic_id=bus.topic_id,
        clock=lambda: float(next(seconds)),
    )
    record = records("motions")[0]
    plain = AvroCodec(BOOK, "motions")
    marks = [stamp(n) for n in range(9)]
    send(bus, "motions", *(plain.encode(Record(mark, record.value)).value for mark in marks[:3]))
    send(
        bus,
        "motions",
        *(of_newer(fake_registry, "motions", "motions", Record(mark, record.value)) for mark in marks[3:6]),
        *(plain.encode(Record(mark, record.value)).value for mark in marks[6:]),
    )
    fake_registry.down = True
    with pytest.raises(TransientError, match="schema registry"):
        until(lambda: len(shelf.numbers()) >= 9, lambda: sink.step(0), waits=False)
    fake_registry.down = False

    until(lambda: len(shelf.numbers()) >= 9, lambda: sink.step(0))
    sink.close()

    assert shelf.numbers() == [("gym", n) for n in range(9)]


def test_nobody_is_told_twice_or_never_because_the_registry_was_away(
    bus: MemoryBus, fake_registry: FakeRegistry, workers_of: WorkersOf
) -> None:
    publish(fake_registry)
    steps = [live(version) for version in range(1, 5)]
    own = AvroCodec(BOOK, "transition")
    send(bus, "alerts", own.encode(steps[0]).value, own.encode(steps[1]).value, key=steps[0].stamp.camera.encode())
    send(bus, "alerts", *(of_newer(fake_registry, "transition", "alerts", each) for each in steps[2:]))
    notes = Notes()
    workers = workers_of("notify", fake_registry)
    with receiver() as web:
        under_test = workers.notify(Notifier([webhook(web.url)]), notes)
        under_test._now_us = lambda: 0
        fake_registry.down = True
        with pytest.raises(TransientError, match="schema registry"):
            until(lambda: len(notes.noted) == 4, lambda: under_test.step(0.02), waits=False)
        fake_registry.down = False
        until(lambda: len(notes.noted) == 4, lambda: under_test.step(0.02))
        under_test.close()

    assert web.keys == [key(version) for version in range(1, 5)]


def test_a_worker_whose_schemas_were_not_published_does_not_start(
    bus: MemoryBus, fake_registry: FakeRegistry, workers_of: WorkersOf
) -> None:
    workers = workers_of("track", fake_registry)

    with pytest.raises(ConfigError, match="does not have our schema under frames-value") as refused:
        workers.stages(["track"])
    assert refused.value.hint == "posebus schemas publish"


def test_a_worker_starts_once_the_registry_is_there(
    bus: MemoryBus, fake_registry: FakeRegistry, workers_of: WorkersOf, tmp_path: Path
) -> None:
    publish(fake_registry)
    workers = workers_of("track", fake_registry)
    fake_registry.down = True
    with pytest.raises(TransientError, match=f"the schema registry {fake_registry.url} answered 503"):
        workers.stages(["track"])
    fake_registry.down = False

    made = workers.stages(["track"])

    assert isinstance(made, Worker)
    made.close()
    fake_registry.down = True  # it knows all that it needs to write
    another = workers.stages(["smooth"])
    assert isinstance(another, Worker)
    another.close()
