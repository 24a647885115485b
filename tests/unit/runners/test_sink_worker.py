from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import count

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.errors import BusUnavailable, SinkUnavailable, TransientError
from pipeline.core.headers import ARRIVED
from pipeline.core.ports import Outgoing, TopicPartition, TopicSpec
from pipeline.core.records import Record
from pipeline.core.values import DeadLetter
from pipeline.metrics import Metrics
from pipeline.runners.worker import SinkWorker
from pipeline.runners.worker.sink import GROUP
from pipeline.runners.worker.watch import Watch
from tests.fakes import POSES, on_bus
from tests.samples import poses
from tests.unit.runners.shelf import Shelf, ShelfSink

TOPIC = "poses"
CAMERAS = {"door": 0, "gym": 1}
"""Camera numbers; each in a partition of its own."""


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    bus = MemoryBus()
    bus.ensure([TopicSpec(TOPIC, 2)])
    yield bus
    bus.close()


def send(bus: MemoryBus, start: int, stop: int, *cameras: str, live: bool = False) -> None:
    producer = bus.producer("sender")
    headers = ((ARRIVED, b"1"),) if live else ()
    for n in range(start, stop):
        for camera in cameras or CAMERAS:
            value = on_bus(poses(1), n, camera=camera, camera_no=CAMERAS[camera]).value
            producer.send(Outgoing(TOPIC, CAMERAS[camera], camera.encode(), value, headers))
    producer.flush(1)


def sink_worker(
    bus: MemoryBus, shelf: Shelf, client: str = "one", *, clock: Callable[[], float] | None = None, most: int = 2000
) -> SinkWorker:
    """Its clock goes a second with each look, so that nothing waits for company."""
    seconds = count()
    return SinkWorker(
        {TOPIC: POSES},
        bus.consumer(client, GROUP, [TOPIC]),
        ShelfSink(shelf),
        topic_id=bus.topic_id,
        clock=clock or (lambda: float(next(seconds))),
        max_records=most,
    )


def work_off(*workers: SinkWorker) -> None:
    """Until nobody finds anything in some rounds."""
    idle = 0
    while idle < 4:
        took = 0
        for worker in workers:
            try:
                took += worker.step(0)
            except TransientError:
                took += 1
        idle = 0 if took else idle + 1
    for worker in workers:
        worker.write()


def work_until_it_fails(worker: SinkWorker) -> None:
    for _ in range(5):
        worker.step(0)


def all_of(stop: int) -> list[tuple[str, int]]:
    return sorted((camera, n) for camera in CAMERAS for n in range(stop))


def test_the_offsets_beside_the_rows_say_where_to_read_on_not_those_of_the_group(bus: MemoryBus) -> None:
    send(bus, 0, 10)
    shelf = Shelf()
    work_off(sink_worker(bus, shelf))
    bus.forget_group(GROUP)  # the group knows nothing any more
    send(bus, 10, 12)

    work_off(sink_worker(bus, shelf, "two"))

    assert shelf.numbers() == all_of(12)


@pytest.mark.parametrize("far", [3, 10])
def test_a_group_that_is_behind_or_ahead_is_not_believed(bus: MemoryBus, far: int) -> None:
    send(bus, 0, 10)
    shelf = Shelf()
    shelf.offsets = {TopicPartition(f"{TOPIC}@{bus.topic_id(TOPIC)}", 0): 5}
    other = bus.consumer("other", GROUP, [TOPIC])
    other.poll(0)
    other.commit({TopicPartition(TOPIC, number): far for number in (0, 1)})
    other.close()

    work_off(sink_worker(bus, shelf))

    assert shelf.numbers() == sorted([("door", n) for n in range(5, 10)] + [("gym", n) for n in range(10)])


def test_a_worker_that_dies_between_the_rows_and_the_groups_offsets_writes_nothing_twice(bus: MemoryBus) -> None:
    class Crash(BaseException):
        pass

    def die(operation: str, client: str) -> None:
        if operation == "commit" and client == "first":
            raise Crash

    send(bus, 0, 10)
    shelf = Shelf()
    bus.faults.before = die
    with pytest.raises(Crash):
        work_off(sink_worker(bus, shelf, "first", most=7))
    bus.expire("first")

    work_off(sink_worker(bus, shelf, "second"))

    assert shelf.numbers() == all_of(10)


def test_a_commit_that_fails_is_only_a_lag_that_shows_too_much(bus: MemoryBus) -> None:
    send(bus, 0, 10)
    shelf = Shelf()
    bus.faults.fail_next_commits(GROUP, 3)

    work_off(sink_worker(bus, shelf, most=6))

    assert shelf.numbers() == all_of(10)


def test_a_zombie_writes_nothing_after_another_sink_has_claimed(bus: MemoryBus) -> None:
    send(bus, 0, 10)
    shelf = Shelf()
    zombie = sink_worker(bus, shelf, "zombie", clock=lambda: 0.0)  # for it no time passes: it waits for company
    while not zombie._records:
        zombie.step(0)
    bus.expire("zombie")
    second = sink_worker(bus, shelf, "second")
    work_off(second)

    with pytest.raises(BusUnavailable, match="another sink has taken over"):
        zombie.write()
    send(bus, 10, 20)
    work_off(zombie, second)

    assert shelf.numbers() == all_of(20)


def test_a_zombie_that_is_told_to_end_leaves_all_the_same(bus: MemoryBus) -> None:
    send(bus, 0, 10)
    shelf = Shelf()
    zombie = sink_worker(bus, shelf, "zombie", clock=lambda: 0.0)
    while not zombie._records:
        zombie.step(0)
    bus.expire("zombie")
    work_off(sink_worker(bus, shelf, "second"))

    zombie.close()

    assert shelf.numbers() == all_of(10)


@pytest.mark.parametrize("linger", [False, True], ids=["written at once", "written later"])
def test_what_was_read_and_not_written_is_read_again_when_a_neighbour_is_taken_away(
    bus: MemoryBus, linger: bool
) -> None:
    send(bus, 0, 10)
    shelf = Shelf()
    now = 0.0
    first = sink_worker(bus, shelf, "first", clock=lambda: now)
    while not first._records:
        first.step(0)
    send(bus, 10, 20)  # comes with the very poll that tells of the loss
    second = sink_worker(bus, shelf, "second")
    now = 0.0 if linger else 99.0

    work_off(first, second)

    assert shelf.numbers() == all_of(20)


def test_a_partition_that_comes_while_the_sink_is_away_costs_no_record_of_the_others(bus: MemoryBus) -> None:
    shelf = Shelf()
    first, second = sink_worker(bus, shelf, "first"), sink_worker(bus, shelf, "second")
    work_off(first, second)
    send(bus, 0, 10)
    second.close()
    shelf.away = True
    for _ in range(5):
        with pytest.raises(SinkUnavailable):
            first.step(0)
    shelf.away = False

    work_off(first)

    assert shelf.numbers() == all_of(10)


def test_a_topic_that_is_deleted_and_made_anew_is_read_from_its_beginning(bus: MemoryBus) -> None:
    send(bus, 0, 10)
    shelf = Shelf()
    worker = sink_worker(bus, shelf)
    work_off(worker)

    bus.delete(TOPIC)
    bus.ensure([TopicSpec(TOPIC, 2)])
    send(bus, 10, 30)  # more than there were, or an old offset would lie behind the end
    work_off(worker)

    assert shelf.numbers() == all_of(30)


def test_what_cannot_be_decoded_rests_as_a_dead_letter_of_the_sink(bus: MemoryBus) -> None:
    send(bus, 0, 2)
    producer = bus.producer("sender")
    good = on_bus(poses(1), 2, camera="door", camera_no=0).value
    assert good is not None
    for bad in (b"rubbish", good[:-5], None):
        producer.send(Outgoing(TOPIC, 0, b"door", bad))
    producer.flush(1)
    send(bus, 2, 4)
    shelf = Shelf()

    work_off(sink_worker(bus, shelf))

    letters = [record.value for record in shelf.records if isinstance(record.value, DeadLetter)]
    rest = [record for record in shelf.records if not isinstance(record.value, DeadLetter)]
    assert [(each.stage, each.topic, each.offset, each.key) for each in letters] == [
        ("sink", TOPIC, offset, b"door") for offset in (2, 3, 4)
    ]
    assert [each.content for each in letters] == [b"rubbish", good[:-5], b""]
    assert sorted((r.stamp.camera, r.stamp.n) for r in rest) == all_of(4)


def test_an_absent_sink_gets_the_same_records_later_and_no_more_than_the_bound_is_held(bus: MemoryBus) -> None:
    shelf = Shelf()
    worker = sink_worker(bus, shelf, most=8)
    work_off(worker)
    shelf.away = True
    held = 0
    for number in range(10):
        send(bus, number * 10, number * 10 + 10)
        with pytest.raises(SinkUnavailable, match="out of reach"):
            worker.step(0)
        held = max(held, len(worker._records))
    tried = list(shelf.writes)
    shelf.away = False

    work_off(worker)

    assert held == 8
    assert tried
    assert max(shelf.writes) == 8
    assert shelf.numbers() == all_of(100)


def test_its_loop_says_what_it_waits_for_once_and_stays_alive(bus: MemoryBus, caplog: pytest.LogCaptureFixture) -> None:
    send(bus, 0, 5)
    shelf = Shelf(away=True)
    worker = sink_worker(bus, shelf)
    stop = threading.Event()
    beats = count()

    def beat() -> None:
        number = next(beats)
        if number == 20:
            assert worker.waiting == "the shelf is out of reach"
            shelf.away = False
        if number > 20 and len(shelf.records) == 10:
            stop.set()

    with caplog.at_level("WARNING"):
        worker.run(stop, beat)

    assert shelf.numbers() == all_of(5)
    assert [record.getMessage() for record in caplog.records] == [
        "the sink waits: the shelf is out of reach",
        "the sink goes on",
    ]


def test_whoever_watches_hears_of_what_has_come_to_rest_and_only_of_that(bus: MemoryBus) -> None:
    send(bus, 0, 5)
    shelf = Shelf(away=True)
    heard: list[Record[object]] = []
    worker = SinkWorker(
        {TOPIC: POSES},
        bus.consumer("one", GROUP, [TOPIC]),
        ShelfSink(shelf),
        topic_id=bus.topic_id,
        clock=lambda: 0.0,
        linger_s=0.0,
        wrote=heard.extend,
    )
    with pytest.raises(SinkUnavailable):
        work_until_it_fails(worker)
    assert heard == []
    shelf.away = False

    work_off(worker)

    assert len(heard) == len(shelf.records) == 10


def test_recordings_wait_for_company_until_something_live_comes(bus: MemoryBus) -> None:
    shelf, now = Shelf(), 0.0
    worker = SinkWorker(
        {TOPIC: POSES},
        bus.consumer("one", GROUP, [TOPIC]),
        ShelfSink(shelf),
        topic_id=bus.topic_id,
        clock=lambda: now,
        linger_s=1.0,
        recorded_linger_s=10.0,
    )

    def written_at(seconds: float) -> int:
        nonlocal now
        now = seconds
        while worker.step(0):
            pass
        return len(shelf.numbers())

    work_until_it_fails(worker)  # it has its partitions
    send(bus, 0, 1)
    assert [written_at(0.0), written_at(9.9), written_at(10.0)] == [0, 0, 2]
    send(bus, 1, 2)
    assert written_at(11.0) == 2
    send(bus, 2, 3, live=True)
    assert [written_at(12.0), written_at(12.9), written_at(13.0)] == [2, 2, 6]


def test_what_retention_deleted_before_it_was_taken_is_counted(
    bus: MemoryBus, caplog: pytest.LogCaptureFixture
) -> None:
    shelf, metrics, seconds = Shelf(), Metrics(), count()
    send(bus, 0, 5)
    work_off(before := sink_worker(bus, shelf))
    before.close()
    send(bus, 5, 12)
    bus.truncate(TopicPartition(TOPIC, CAMERAS["gym"]), 8)
    after = SinkWorker(
        {TOPIC: POSES},
        bus.consumer("two", GROUP, [TOPIC]),
        ShelfSink(shelf),
        topic_id=bus.topic_id,
        clock=lambda: float(next(seconds)),
        watch=Watch(metrics, "sink"),
    )

    work_off(after)

    assert shelf.numbers() == [row for row in all_of(12) if row[0] == "door" or row[1] not in (5, 6, 7)]
    assert metrics.counts("records_lost") == [({"stage": "sink", "topic": TOPIC}, 3)]
    assert "3 records of poses (partition 1) were deleted" in caplog.text


def test_a_sink_that_is_new_has_lost_nothing(bus: MemoryBus, caplog: pytest.LogCaptureFixture) -> None:
    send(bus, 0, 5)
    bus.truncate(TopicPartition(TOPIC, CAMERAS["gym"]), 2)
    shelf = Shelf()

    work_off(sink_worker(bus, shelf))

    assert len(shelf.records) == 8
    assert "deleted" not in caplog.text
