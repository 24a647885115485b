"""A chain of stages that dies anywhere, also between the snapshots of its stages, leaves the same records behind."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from itertools import count

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.chain import Chain
from pipeline.core.errors import TransientError
from pipeline.core.ports import Outgoing, TopicSpec
from pipeline.runners.worker import Worker, loop
from pipeline.state.memory import MemoryStore
from tests.chaos.test_worker_crashes import CAMERAS, FRAMES, Crash, CrashingStore, bus_with_frames
from tests.fakes import MOTIONS, PARTITIONS, TRACKS, driver, next_driver, on_bus
from tests.samples import poses

Sent = Mapping[tuple[str, str, int, int], set[bytes]]

TOPICS = {"tracks": TRACKS, "motions": MOTIONS}


def new_bus() -> MemoryBus:
    bus = bus_with_frames()
    bus.ensure([TopicSpec("motions", PARTITIONS)])
    return bus


def worker(bus: MemoryBus, store: MemoryStore, client: str) -> Worker:
    clock = count()
    chain = Chain([driver(), next_driver()], sent=("tracks",))
    return Worker(chain, bus, store, client=client, checkpoint_s=2, clock=lambda: float(next(clock)))


def work_off(bus: MemoryBus, store: MemoryStore, client: str) -> None:
    under_test = worker(bus, store, client)
    while under_test.step(0, max_records=7):
        pass
    under_test.checkpoint()
    under_test.close()


def sent(bus: MemoryBus) -> Sent:
    """Value bytes of each record by topic, camera, session and n: more than one where they differ."""
    found = defaultdict(set)
    for topic, codec in TOPICS.items():
        for record in bus.read(topic, frozenset(range(PARTITIONS))):
            stamp = codec.decode(record.value or b"").stamp
            found[topic, stamp.camera, stamp.session, stamp.n].add(record.value or b"")
    return dict(found)


@pytest.fixture(scope="module")
def undisturbed() -> Sent:
    bus = new_bus()
    work_off(bus, MemoryStore(), "one")
    result = sent(bus)
    assert len(result) == FRAMES * len(CAMERAS) * len(TOPICS)
    return result


@pytest.mark.parametrize("nth", range(1, 9))
@pytest.mark.parametrize("point", ["before save", "after save"])
@pytest.mark.parametrize("held", [False, True], ids=["sent at once", "sent at the flush"])
def test_a_crash_before_between_and_after_the_snapshots_of_its_stages(
    point: str, nth: int, held: bool, undisturbed: Sent
) -> None:
    bus, store = new_bus(), CrashingStore()
    bus.faults.hold_sends = held
    store.dies_before, store.dies_after = (nth if point == p else None for p in ("before save", "after save"))
    with pytest.raises(Crash):
        work_off(bus, store, "first")
    bus.expire("first")

    work_off(bus, store, "second")

    assert sent(bus) == undisturbed


@pytest.mark.parametrize("nth", [1, 3, 10])
@pytest.mark.parametrize("point", ["send", "flush", "commit"])
def test_a_crash_in_the_middle_of_its_outputs(point: str, nth: int, undisturbed: Sent) -> None:
    bus, store = new_bus(), MemoryStore()
    calls = count(1)
    once = {"flush": 2, "commit": 2}.get(point, nth)  # there are no more than a few

    def die(operation: str, client: str) -> None:
        if client == "first" and operation == point and next(calls) == min(nth, once):
            raise Crash

    bus.faults.before = die
    with pytest.raises(Crash):
        work_off(bus, store, "first")
    bus.expire("first")

    work_off(bus, store, "second")

    assert sent(bus) == undisturbed


def test_stages_that_part_and_join_again_go_on_where_they_were(undisturbed: Sent) -> None:
    bus, store = new_bus(), MemoryStore()
    first = worker(bus, store, "together")
    first.step(0, max_records=20)
    first.checkpoint()
    first.close()
    for name, alone in (("track", driver()), ("smooth", next_driver())):
        clock = count()
        single = Worker(Chain([alone]), bus, store, client=name, checkpoint_s=2, clock=lambda c=clock: float(next(c)))
        # Not all of the frames, but all that the one before has sent: joined stages read no more from the bus.
        for _ in range(3 if name == "track" else 20):
            single.step(0, max_records=9)
        single.checkpoint()
        single.close()

    work_off(bus, store, "together again")

    assert sent(bus) == undisturbed


def test_a_topic_that_is_deleted_and_made_anew_is_read_from_its_beginning() -> None:
    bus, store = new_bus(), MemoryStore()
    under_test = worker(bus, store, "one")
    while under_test.step(0):
        pass
    under_test.checkpoint()
    bus.delete("poses")
    bus.ensure([TopicSpec("poses", PARTITIONS)])
    producer = bus.producer("camera")
    for n in range(FRAMES, 2 * FRAMES):
        record = on_bus(poses(1, seed=n), n, camera="gym", camera_no=CAMERAS["gym"])
        producer.send(Outgoing(record.topic, record.partition, record.key, record.value))
    producer.flush(1)
    for _ in range(20):
        try:
            under_test.step(0)
        except TransientError:
            under_test.recover()
    under_test.checkpoint()
    under_test.close()

    found = sent(bus)

    assert sorted(n for topic, camera, _, n in found if (topic, camera) == ("motions", "gym")) == list(
        range(2 * FRAMES)
    )


def test_a_worker_that_is_told_to_end_does_not_wait_long_for_a_bus_that_takes_nothing(
    monkeypatch: pytest.MonkeyPatch, undisturbed: Sent
) -> None:
    monkeypatch.setattr(loop, "DRAIN_S", 0.2)
    bus, store = bus_with_frames(), MemoryStore()
    bus.ensure([TopicSpec("motions", PARTITIONS, max_bytes=2000)])
    bus.expect("motions", ["nobody"])  # whoever writes waits for somebody who reads
    bus.faults.hold_sends = True
    first = worker(bus, store, "first")
    first.step(0, max_records=20)
    began = time.monotonic()

    first.close()

    assert time.monotonic() - began < 2.0
    bus.forget_group("nobody")
    work_off(bus, store, "second")
    assert sent(bus) == undisturbed
