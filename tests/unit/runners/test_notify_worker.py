from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import SchemaBook
from pipeline.core.deliveries import Delivery
from pipeline.core.errors import SinkUnavailable
from pipeline.core.ports import Outgoing, TopicSpec
from pipeline.core.records import Record
from pipeline.core.values import Transition
from pipeline.notify import Notifier
from pipeline.notify.base import key_of
from pipeline.runners.worker.notify import GROUP, TOPIC, NotifyWorker
from tests.integration.notify.builders import START_US, key, step, webhook
from tests.unit.notify.receiver import receiver

CODEC = AvroCodec(SchemaBook(), "transition")
PARTITIONS = 4


@dataclass
class Notes:
    """A `SettledStore` in memory.

    Attributes:
        away: Nobody can reach it.
    """

    noted: list[Delivery] = field(default_factory=list)
    away: bool = False
    asked: int = 0

    def settled(self, records: Sequence[Record[Transition]]) -> frozenset[str]:
        self.asked += 1
        self._reach()
        steps = {(r.stamp.run, r.value.incident_id, r.value.version) for r in records}
        return frozenset(d.key for d in self.noted if (d.run, d.incident_id, d.version) in steps)

    def note(self, deliveries: Sequence[Delivery]) -> None:
        self._reach()
        self.noted += deliveries

    def _reach(self) -> None:
        if self.away:
            raise SinkUnavailable("the notes are out of reach", retry_after_s=0.01)


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    bus = MemoryBus()
    bus.ensure([TopicSpec(TOPIC, PARTITIONS)])
    yield bus
    bus.close()


def live(version: int = 1, **other: Any) -> Record[Transition]:
    """A step of a live camera."""
    record = step(version, **other)
    return replace(record, stamp=replace(record.stamp, clock="rtcp"))


def send(bus: MemoryBus, *records: Record[Transition]) -> None:
    producer = bus.producer("alert")
    for record in records:
        stamp = record.stamp
        value = CODEC.encode(record).value
        producer.send(Outgoing(TOPIC, stamp.camera_no % PARTITIONS, stamp.camera.encode(), value))
    producer.flush(1)


def worker(bus: MemoryBus, notifier: Notifier, notes: Notes, client: str = "one", **other: Any) -> NotifyWorker:
    options = {"first_wait_s": 0.01, "now_us": lambda: START_US} | other
    consumer = bus.consumer(client, GROUP, [TOPIC])
    return NotifyWorker(CODEC, consumer, notifier, notes, clock=time.monotonic, **options)  # type: ignore[arg-type]


def until(reached: Callable[[], bool], *workers: NotifyWorker, timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not reached():
        assert time.monotonic() < deadline, "it did not come to that"
        for each in workers:
            each.step(0.01)


def committed(bus: MemoryBus, partition: int = 1) -> int | None:
    from pipeline.core.ports import TopicPartition

    return bus._broker.group(GROUP).committed.get(TopicPartition(TOPIC, partition))


def test_steps_are_delivered_once_and_in_order_noted_and_then_committed(bus: MemoryBus) -> None:
    notes = Notes()
    with receiver(None, 503) as web:
        under_test = worker(bus, Notifier([webhook(web.url)]), notes)
        send(bus, *(live(version) for version in range(1, 6)))
        until(lambda: committed(bus) == 5, under_test)
        under_test.close()

    assert web.keys == [key(1)] * 3 + [key(version) for version in range(2, 6)]
    assert [(d.key, d.state) for d in notes.noted] == [(key(version), "delivered") for version in range(1, 6)]


def test_a_slow_channel_holds_up_no_other_and_its_offset_waits(bus: MemoryBus) -> None:
    notes = Notes()
    with receiver() as slow, receiver() as quick:
        slow.answering.clear()
        under_test = worker(bus, Notifier([webhook(slow.url, "slow"), webhook(quick.url, "quick")]), notes)
        send(bus, live(1), live(2))
        until(lambda: len(notes.noted) == 2, under_test)
        assert quick.keys == [key(1, channel="quick"), key(2, channel="quick")]
        assert committed(bus) is None

        slow.answering.set()
        until(lambda: committed(bus) == 2, under_test)
        under_test.close()

    assert slow.keys == [key(1, channel="slow"), key(2, channel="slow")]


def test_a_step_that_fails_holds_up_its_camera_alone(bus: MemoryBus) -> None:
    class Picky:
        name = "picky"

        def __init__(self) -> None:
            self.got: list[tuple[str, int]] = []
            self.down = True

        def deliver(self, record: Record[Transition], key: str) -> None:
            from pipeline.core.errors import TransientError

            if self.down and record.stamp.camera == "camera1":
                raise TransientError("not now")
            self.got.append((record.stamp.camera, record.value.version))

    picky, notes = Picky(), Notes()
    under_test = worker(bus, Notifier([picky]), notes)
    send(bus, live(1), live(2), live(1, camera_no=5), live(2, camera_no=5))  # one partition
    until(lambda: len(notes.noted) == 2, under_test)
    assert picky.got == [("camera5", 1), ("camera5", 2)]
    assert committed(bus) is None

    picky.down = False
    until(lambda: committed(bus) == 4, under_test)
    under_test.close()

    assert picky.got[2:] == [("camera1", 1), ("camera1", 2)]


def test_what_was_noted_is_not_delivered_again_after_a_crash(bus: MemoryBus) -> None:
    notes = Notes()
    with receiver() as web:
        first = worker(bus, Notifier([webhook(web.url)]), notes, "first")
        send(bus, live(1), live(2), live(3))
        bus.faults.fail_next_commits(GROUP, 100)
        until(lambda: len(notes.noted) == 3, first)
        bus.faults._commits.clear()
        bus.expire("first")  # killed: nothing was ever committed

        second = worker(bus, Notifier([webhook(web.url)]), notes, "second")
        send(bus, live(4))
        until(lambda: committed(bus) == 4, second)
        second.close()

    assert web.keys == [key(version) for version in (1, 2, 3, 4)]


def test_what_was_delivered_and_not_noted_comes_again_under_the_same_key(bus: MemoryBus) -> None:
    notes = Notes()
    with receiver() as web:
        first = worker(bus, Notifier([webhook(web.url)]), notes, "first")
        send(bus, live(1), live(2))
        until(lambda: len(notes.noted) == 2, first)
        notes.noted.pop()  # as if it had died before the second was noted
        bus.forget_group(GROUP)

        second = worker(bus, Notifier([webhook(web.url)]), notes, "second")
        until(lambda: committed(bus) == 2, second)
        second.close()

    assert web.keys == [key(1), key(2), key(2)]
    assert [d.key for d in notes.noted] == [key(1), key(2)]


def test_a_refused_step_is_noted_with_its_reason_and_passed_over(bus: MemoryBus) -> None:
    notes = Notes()
    with receiver(404) as web:
        under_test = worker(bus, Notifier([webhook(web.url)]), notes)
        send(bus, live(1), live(2))
        until(lambda: committed(bus) == 2, under_test)
        under_test.close()

    assert web.keys == [key(1), key(2)]
    assert [(d.state, "404" in (d.error or "")) for d in notes.noted] == [("refused", True), ("delivered", False)]


def test_without_its_notes_it_goes_on_delivering_and_notes_later(
    bus: MemoryBus, caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes(away=True)
    with receiver() as web:
        under_test = worker(bus, Notifier([webhook(web.url)]), notes)
        send(bus, *(live(version) for version in range(1, 8)))
        until(lambda: len(web.got) == 7, under_test)
        for _ in range(10):
            under_test.step(0.01)
        assert (notes.noted, committed(bus)) == ([], None)

        notes.away = False
        until(lambda: committed(bus) == 7, under_test)
        under_test.close()

    assert [d.key for d in notes.noted] == web.keys == [key(version) for version in range(1, 8)]
    assert sum("deliveries are noted later" in message for message in caplog.messages) == 1


def test_no_more_is_read_than_the_bound_while_nothing_can_be_noted(bus: MemoryBus) -> None:
    notes = Notes(away=True)
    with receiver() as web:
        under_test = worker(bus, Notifier([webhook(web.url)]), notes, most=5)
        send(bus, *(live(version) for version in range(1, 21)))
        until(lambda: len(web.got) == 5, under_test)
        for _ in range(20):
            under_test.step(0.01)
        assert (len(web.got), under_test.waiting) == (5, 5)

        notes.away = False
        until(lambda: committed(bus) == 20, under_test)
        under_test.close()

    assert web.keys == [key(version) for version in range(1, 21)]


@pytest.mark.parametrize("recorded", [False, True])
def test_recorded_sources_and_replays_tell_nobody_unless_it_is_wanted(bus: MemoryBus, recorded: bool) -> None:
    notes = Notes()
    with receiver() as web:
        under_test = worker(bus, Notifier([webhook(web.url)]), notes, recorded=recorded)
        replay = live(2, run=3)
        send(bus, step(1), replay, live(3))
        until(lambda: committed(bus) == 3, under_test)
        under_test.close()

    assert web.keys == ([key(1)] if recorded else []) + [key(3)]
    assert key_of(replay.value, "webhook:nurse") not in web.keys


@pytest.mark.parametrize("known", [False, True])
def test_a_group_that_never_was_tells_no_old_story_and_one_that_was_away_tells_all(bus: MemoryBus, known: bool) -> None:
    notes = Notes()
    if known:
        before = bus.consumer("before", GROUP, [TOPIC])
        before.poll(0)
        from pipeline.core.ports import TopicPartition

        before.commit({TopicPartition(TOPIC, 1): 0})
        before.close()
    with receiver() as web:
        send(bus, live(1), live(2, at_s=5000.0))
        under_test = worker(bus, Notifier([webhook(web.url)]), notes, now_us=lambda: START_US + 5_001_000_000)
        until(lambda: committed(bus) == 2, under_test)
        under_test.close()

    assert web.keys == ([key(1)] if known else []) + [key(2)]


def test_what_cannot_be_read_tells_nobody_and_stops_nobody(bus: MemoryBus, caplog: pytest.LogCaptureFixture) -> None:
    notes = Notes()
    with receiver() as web:
        under_test = worker(bus, Notifier([webhook(web.url)]), notes)
        producer = bus.producer("somebody")
        producer.send(Outgoing(TOPIC, 1, b"camera1", b"rubbish"))
        producer.flush(1)
        send(bus, live(1))
        with caplog.at_level(logging.ERROR):
            until(lambda: committed(bus) == 2, under_test)
        under_test.close()

    assert web.keys == [key(1)]
    assert "alerts/1 at 0 tells nobody" in caplog.text


def test_two_workers_share_the_cameras_and_one_takes_over(bus: MemoryBus) -> None:
    notes = Notes()
    with receiver() as web:
        first = worker(bus, Notifier([webhook(web.url)]), notes, "first")
        send(bus, *(live(1, camera_no=number) for number in range(4)))
        # What is delivered and not yet noted, whoever takes the camera over delivers again.
        until(lambda: len(web.got) == 4 and not first.waiting, first)
        second = worker(bus, Notifier([webhook(web.url)]), notes, "second")
        until(lambda: len(first._open) == len(second._open) == 2, first, second)
        send(bus, *(live(2, camera_no=number) for number in range(4)))
        until(lambda: len(web.got) == 8 and not (first.waiting or second.waiting), first, second)
        first.close()
        send(bus, *(live(3, camera_no=number) for number in range(4)))
        until(lambda: len(web.got) == 12, second)
        second.close()

    assert len(set(web.keys)) == len(web.keys) == 12


def test_a_defect_of_a_channel_ends_the_worker_loudly(bus: MemoryBus) -> None:
    class Broken:
        name = "broken"

        def deliver(self, record: Record[Transition], key: str) -> None:
            raise RuntimeError("a defect")

    under_test = worker(bus, Notifier([Broken()]), Notes())
    send(bus, live(1))
    with pytest.raises(RuntimeError, match="a defect"):
        until(lambda: False, under_test)
