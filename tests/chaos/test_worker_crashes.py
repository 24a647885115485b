"""A worker that dies at any point of its checkpoint leaves the same records behind as one that never died."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import count

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.chain import Chain
from pipeline.core.errors import TransientError
from pipeline.core.ports import Outgoing, Snapshot, TopicSpec
from pipeline.runners.worker import Worker
from pipeline.state.memory import MemoryStore
from tests.fakes import PARTITIONS, TRACKS, driver, on_bus
from tests.samples import poses

FRAMES = 30
CAMERAS = {"gym": 1, "ward": 2}


class Crash(BaseException):
    """The process is gone."""


class CrashingStore(MemoryStore):
    """Dies before or after the n-th save."""

    def __init__(self) -> None:
        super().__init__()
        self.dies_before: int | None = None
        self.dies_after: int | None = None
        self.saves = 0

    def save(self, snapshots: Sequence[Snapshot]) -> None:
        self.saves += 1
        if self.saves == self.dies_before:
            raise Crash
        super().save(snapshots)
        if self.saves == self.dies_after:
            raise Crash


def bus_with_frames() -> MemoryBus:
    bus = MemoryBus()
    bus.ensure([TopicSpec(name, PARTITIONS) for name in ("poses", "tracks", "dead-letters")])
    producer = bus.producer("camera")
    for n in range(FRAMES):
        for camera, number in CAMERAS.items():
            record = on_bus(poses(1, seed=n), n, camera=camera, camera_no=number)
            producer.send(Outgoing(record.topic, record.partition, record.key, record.value))
    producer.flush(1)
    return bus


def worker(bus: MemoryBus, store: MemoryStore, client: str) -> Worker:
    clock = count()
    # Each step takes a second of this clock: a checkpoint at every second one.
    return Worker(Chain([driver()]), bus, store, client=client, checkpoint_s=2, clock=lambda: float(next(clock)))


def work_off(bus: MemoryBus, store: MemoryStore, client: str) -> None:
    under_test = worker(bus, store, client)
    while under_test.step(0, max_records=7):
        pass
    under_test.checkpoint()
    under_test.close()


def sent(bus: MemoryBus) -> Mapping[tuple[str, int, int], set[bytes]]:
    """Value bytes of each record on `tracks` by camera, session and n: more than one where they differ."""
    found = defaultdict(set)
    for record in bus.read("tracks", frozenset(range(PARTITIONS))):
        stamp = TRACKS.decode(record.value or b"").stamp
        found[stamp.camera, stamp.session, stamp.n].add(record.value or b"")
    return dict(found)


@pytest.fixture(scope="module")
def undisturbed() -> Mapping[tuple[str, int, int], set[bytes]]:
    bus = bus_with_frames()
    work_off(bus, MemoryStore(), "one")
    result = sent(bus)
    assert len(result) == FRAMES * len(CAMERAS)
    return result


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
@pytest.mark.parametrize("point", ["send", "flush", "before save", "after save", "commit", "poll"])
@pytest.mark.parametrize("held", [False, True], ids=["sent at once", "sent at the flush"])
def test_a_crash_at_any_point_leaves_the_same_bytes(
    point: str, nth: int, held: bool, undisturbed: Mapping[tuple[str, int, int], set[bytes]]
) -> None:
    bus, store = bus_with_frames(), CrashingStore()
    bus.faults.hold_sends = held
    calls = count(1)

    def die(operation: str, client: str) -> None:
        if client == "first" and operation == point and next(calls) == nth:
            raise Crash

    bus.faults.before = die
    store.dies_before, store.dies_after = (nth if point == p else None for p in ("before save", "after save"))
    with pytest.raises(Crash):
        work_off(bus, store, "first")
    bus.expire("first")

    work_off(bus, store, "second")

    assert sent(bus) == undisturbed


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_send_or_commit_that_fails_goes_back_to_the_last_checkpoint(
    nth: int, undisturbed: Mapping[tuple[str, int, int], set[bytes]]
) -> None:
    bus, store = bus_with_frames(), MemoryStore()
    under_test = worker(bus, store, "one")
    failures = 0
    for step in count(1):
        if step == nth:
            bus.faults.fail_next_sends("tracks", delivered=nth % 2 == 0)
        if step == nth + 3:
            bus.faults.fail_next_commits("posebus-track", delivered=nth % 2 == 1)
        try:
            took = under_test.step(0, max_records=7)
            if took == 0 and step > nth + 3:
                under_test.checkpoint()
                break
        except TransientError:
            failures += 1
            under_test.recover()
    under_test.close()

    assert failures >= 1
    assert sent(bus) == undisturbed


def test_a_zombie_that_comes_back_cannot_commit_nor_take_state_back(
    undisturbed: Mapping[tuple[str, int, int], set[bytes]],
) -> None:
    bus, store = bus_with_frames(), MemoryStore()
    zombie = worker(bus, store, "zombie")
    zombie.step(0, max_records=7)
    bus.expire("zombie")
    work_off(bus, store, "second")
    saved = dict(store.load("track", frozenset(range(PARTITIONS))))

    zombie.checkpoint()
    late = worker(bus, store, "third")
    took = late.step(0, max_records=7)

    assert took == 0  # nothing was committed in its name
    assert store.load("track", frozenset(range(PARTITIONS))) == saved
    assert sent(bus) == undisturbed


def test_a_group_whose_generations_begin_anew_still_has_the_last_word(
    undisturbed: Mapping[tuple[str, int, int], set[bytes]],
) -> None:
    bus, store = bus_with_frames(), MemoryStore()
    for name in ("a", "b", "c"):  # generations 1 to 3 and more
        passing = worker(bus, store, name)
        passing.step(0, max_records=7)
        passing.checkpoint()
        passing.close()
    bus.forget_group("posebus-track")  # as a broker does after a week without members

    work_off(bus, store, "later")
    late = worker(bus, store, "last")
    late.step(0, max_records=7)
    late.checkpoint()

    assert sent(bus) == undisturbed


def test_a_second_worker_takes_over_half_of_the_cameras_with_their_state(
    undisturbed: Mapping[tuple[str, int, int], set[bytes]],
) -> None:
    bus, store = bus_with_frames(), MemoryStore()
    first = worker(bus, store, "first")
    first.step(0, max_records=20)
    first.checkpoint()
    second = worker(bus, store, "second")
    idle = 0
    while idle < 5:
        took = 0
        for each in (first, second):
            try:
                took += each.step(0, max_records=3)
            except TransientError:
                each.recover()
        idle = 0 if took else idle + 1
    first.close()
    second.close()

    assert sent(bus) == undisturbed
