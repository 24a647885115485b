"""The notify worker and dead letters on a real broker."""

from __future__ import annotations

import time

from pipeline.bus.kafka import KafkaBus
from pipeline.config import Config
from pipeline.core.errors import SchemaError
from pipeline.core.letters import letter_of
from pipeline.core.numbering import Mark, Progress
from pipeline.core.ports import BusRecord, Outgoing, Snapshot, TopicSpec
from pipeline.core.records import Record
from pipeline.core.values import DeadLetter
from pipeline.database.letters import Letter
from pipeline.metrics import Metrics
from pipeline.notify import Notifier
from pipeline.redeliver import plan, send
from pipeline.runners.worker.notify import GROUP, TOPIC, NotifyWorker
from pipeline.runners.worker.prefetch import PrefetchingConsumer
from pipeline.runners.worker.watch import Watch
from pipeline.state.changelog import ChangelogStore
from pipeline.topology import CHANGELOGS, Topology
from tests.integration.notify.builders import START_US, key, webhook
from tests.samples import poses, stamp
from tests.unit.notify.receiver import receiver
from tests.unit.runners.test_notify_worker import CODEC, Notes, live, until


def test_steps_reach_their_receiver_and_another_worker_goes_on(kafka_bus: KafkaBus) -> None:
    kafka_bus.ensure([TopicSpec(TOPIC, 2)])
    notes, metrics = Notes(), Metrics()
    watch = Watch(metrics, "alert")

    def worker(client: str) -> NotifyWorker:
        return NotifyWorker(
            CODEC,
            PrefetchingConsumer(lambda: kafka_bus.consumer(client, GROUP, [TOPIC])),
            Notifier([webhook(web.url)]),
            notes,
            clock=time.monotonic,
            now_us=lambda: START_US,
            first_wait_s=0.05,
        )

    def tell(*versions: int) -> None:
        producer = kafka_bus.producer("alert")
        for version in versions:
            record = live(version)
            out = Outgoing(TOPIC, 1, record.stamp.camera.encode(), CODEC.encode(record).value)
            producer.send(watch.sends(out))
        producer.flush(10)
        producer.close()

    with receiver(503) as web:
        tell(1, 2)
        first = worker("first")
        until(lambda: len(notes.noted) == 2, first, timeout_s=40)
        first.step(0.1)
        first.close()
        tell(3)
        second = worker("second")
        until(lambda: len(notes.noted) == 3, second, timeout_s=40)
        second.close()

    assert web.keys == [key(1), key(1), key(2), key(3)]
    watch.took(list(kafka_bus.read(TOPIC, frozenset({0, 1}))))  # the times of sending came along
    assert metrics.total("hop_s", stage="alert") == 3
    assert metrics.total("clock_skews") == 0


def test_a_dead_letter_goes_back_where_it_is_next(kafka_bus: KafkaBus) -> None:
    topology = Topology(Config(), None)
    changelogs = [TopicSpec(CHANGELOGS[stage], 2, compacted=True) for stage in ("pose", "track")]
    kafka_bus.ensure([TopicSpec("poses", 2), *changelogs])
    store = ChangelogStore(kafka_bus, "track", CHANGELOGS)
    progress = Progress(last_in={"poses": Mark(1, 4)})
    content = topology.state_codec("progress", Progress).encode(progress)
    store.save([Snapshot("track", "gym", 1, {}, 1, {}, content)])
    store.close()

    def letter(n: int) -> Letter:
        value = topology.codec("poses").encode(Record(stamp(n), poses(1, seed=n))).value
        raw = BusRecord("poses", 1, n, b"gym", value)
        buried: DeadLetter = letter_of("track", raw, SchemaError("no schema")).value
        told = (buried.stage, buried.reason, buried.error, buried.topic, buried.partition, buried.offset)
        return Letter(buried.letter_id, None, "gym", *told, buried.key, buried.sha256, buried.content, None)

    made = plan(topology, ChangelogStore(kafka_bus, "dead-letters", CHANGELOGS), [letter(5), letter(4)])
    send(kafka_bus, "dead-letters", made.sent)

    assert [each.letter.offset for each in made.refused] == [4]
    (found,) = kafka_bus.read("poses", frozenset({1}))
    assert (found.key, found.value) == (b"gym", letter(5).content)
