from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.errors import BusUnavailable, ConfigError
from pipeline.core.headers import ARRIVED
from pipeline.core.ports import BusRecord, Consumer, Outgoing, Polled, TopicPartition, TopicSpec
from pipeline.runners.worker.prefetch import PrefetchingConsumer

TOPIC, GROUP = "poses", "g"
PLACES = [TopicPartition(TOPIC, number) for number in range(2)]


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    bus = MemoryBus()
    bus.ensure([TopicSpec(TOPIC, 2)])
    yield bus
    bus.close()


def send(bus: MemoryBus, count: int, *, partition: int = 0, size: int = 1) -> None:
    producer = bus.producer("sender")
    for number in range(count):
        producer.send(Outgoing(TOPIC, partition, b"k", b"%d" % number + b" " * (size - 1)))
    producer.flush(1)


def prefetching(bus: MemoryBus, client: str = "one", **bounds: int) -> PrefetchingConsumer:
    return PrefetchingConsumer(lambda: bus.consumer(client, GROUP, [TOPIC]), **bounds)


def poll_until(consumer: PrefetchingConsumer, reached: Callable[[list[BusRecord]], bool]) -> list[BusRecord]:
    found: list[BusRecord] = []
    deadline = time.monotonic() + 10
    while not reached(found):
        assert time.monotonic() < deadline, f"{len(found)} records"
        found += consumer.poll(0.05, 3).records
    return found


def test_records_come_in_order_after_the_news_of_their_partition(bus: MemoryBus) -> None:
    send(bus, 10)
    consumer = prefetching(bus)

    first = consumer.poll(5)
    found = poll_until(consumer, lambda found: len(found) == 10)
    consumer.close()

    assert first.assigned == frozenset(PLACES)
    assert not first.records
    assert [record.offset for record in found] == list(range(10))


@pytest.mark.parametrize("bounds", [{"max_records": 4}, {"max_bytes": 400}])
def test_no_more_waits_than_the_bounds_say_and_the_rest_comes_later(bus: MemoryBus, bounds: dict[str, int]) -> None:
    consumer = prefetching(bus, **bounds)
    poll_until(consumer, lambda _: bool(consumer.lag()))
    for _ in range(10):
        send(bus, 5, size=100)
        time.sleep(0.03)  # it polls all the while

    waiting = len(consumer._records)
    found = poll_until(consumer, lambda found: len(found) == 50)
    consumer.close()

    assert waiting < 30
    assert len(found) == 50


def test_a_slow_stage_keeps_its_partitions(bus: MemoryBus) -> None:
    slow = MemoryBus(session_timeout_s=0.3)
    slow.ensure([TopicSpec(TOPIC, 2)])
    send(slow, 3)
    consumer = prefetching(slow)
    found = poll_until(consumer, lambda found: len(found) == 3)

    time.sleep(1.0)  # thinks

    consumer.commit({PLACES[0]: 3})
    assert consumer.committed(PLACES[0]) == 3
    assert len(found) == 3
    consumer.close()
    slow.close()


def test_what_waits_of_a_partition_goes_with_it(bus: MemoryBus) -> None:
    send(bus, 5, partition=0)
    send(bus, 5, partition=1)
    first = prefetching(bus)
    first.poll(5)
    deadline = time.monotonic() + 10
    while len(first._records) < 10:
        assert time.monotonic() < deadline
        time.sleep(0.01)

    second = prefetching(bus, "two")
    taken = second.poll(5).assigned
    news = first.poll(5)
    rest = poll_until(first, lambda found: len(found) == 5)
    first.close()
    second.close()

    assert news.revoked == taken
    assert {record.place for record in rest} == set(PLACES) - taken


def test_after_a_seek_nothing_of_before_comes(bus: MemoryBus) -> None:
    send(bus, 10)
    consumer = prefetching(bus)
    poll_until(consumer, lambda found: len(found) >= 3)

    consumer.seek(PLACES[0], 8)
    found = poll_until(consumer, lambda found: len(found) == 2)
    consumer.close()

    assert [record.offset for record in found] == [8, 9]


def test_paused_partitions_stay_paused_however_full_it_was(bus: MemoryBus) -> None:
    consumer = prefetching(bus, max_records=2)
    consumer.poll(5)
    consumer.pause(frozenset(PLACES[:1]))
    send(bus, 5, partition=0)
    send(bus, 50, partition=1)

    found = poll_until(consumer, lambda found: len(found) == 50)
    assert {record.place for record in found} == {PLACES[1]}
    consumer.resume(frozenset(PLACES[:1]))
    more = poll_until(consumer, lambda found: len(found) == 5)
    consumer.close()

    assert {record.place for record in more} == {PLACES[0]}


def test_questions_one_after_the_other_wait_for_one_poll_at_most(bus: MemoryBus) -> None:
    polls: list[float] = []

    class Counting:
        def __init__(self) -> None:
            self._inner = bus.consumer("one", GROUP, [TOPIC])

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

        def poll(self, timeout_s: float, max_records: int = 500) -> Polled:
            polls.append(timeout_s)
            return self._inner.poll(timeout_s, max_records)

    send(bus, 1)
    consumer = PrefetchingConsumer(lambda: cast(Consumer, Counting()))
    poll_until(consumer, lambda found: len(found) == 1)
    before = len(polls)
    for _ in range(200):
        consumer.seek(PLACES[0], 0)
    between = len(polls) - before
    consumer.close()

    assert between < 50  # on a busy machine a question may come too late for the last answer


def test_an_error_of_the_bus_is_raised_where_the_stage_works(bus: MemoryBus) -> None:
    consumer = prefetching(bus)
    consumer.poll(5)
    bus.close()

    with pytest.raises(BusUnavailable):
        poll_until(consumer, lambda _: False)


def test_a_consumer_that_cannot_be_made_says_why(bus: MemoryBus) -> None:
    with pytest.raises(ConfigError, match="nothing"):
        PrefetchingConsumer(lambda: bus.consumer("one", GROUP, ["nothing"]))


def test_a_defect_of_the_thread_that_polls_is_told_at_each_call(bus: MemoryBus) -> None:
    class Broken:
        """A consumer that cannot be paused."""

        def __init__(self) -> None:
            self._inner = bus.consumer("one", GROUP, [TOPIC])

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        def pause(self, places: object) -> None:
            raise RuntimeError("a defect")

    consumer = PrefetchingConsumer(Broken, max_records=3)  # type: ignore[arg-type]
    consumer.poll(5)
    send(bus, 20)

    for _ in range(2):
        with pytest.raises(RuntimeError, match="a defect"):
            poll_until(consumer, lambda _: False)
    with pytest.raises(RuntimeError, match="a defect"):
        consumer.commit({PLACES[0]: 1})
    consumer.close()


class Flowing:
    """A bus on which there is always one more record, with these headers."""

    def __init__(self, headers: tuple[tuple[str, bytes], ...] = (), value: bytes = b"") -> None:
        self.polls = 0
        self._headers, self._value = headers, value

    def poll(self, timeout_s: float, max_records: int = 500) -> Polled:
        self.polls += 1
        time.sleep(0.001)
        return Polled([BusRecord(TOPIC, 0, self.polls, b"k", self._value, self._headers)])

    def generation(self) -> int:
        return 7

    def close(self) -> None: ...


def test_while_records_keep_coming_it_rests_between_polls_and_answers_meanwhile() -> None:
    flowing = Flowing()
    consumer = PrefetchingConsumer(lambda: cast(Consumer, flowing), rest_s=60.0)
    while not flowing.polls:
        time.sleep(0.001)

    assert consumer.generation() == 7  # and then it polls again, once
    time.sleep(0.1)
    consumer.close()

    assert flowing.polls <= 3


def test_records_of_recordings_may_gather_for_longer_than_those_of_live_cameras_unless_there_are_many() -> None:
    recorded, many, live = Flowing(), Flowing(value=bytes(2000)), Flowing(((ARRIVED, b"1"),))

    def prefetching(flowing: Flowing) -> PrefetchingConsumer:
        return PrefetchingConsumer(lambda: cast(Consumer, flowing), recorded_rest_s=60.0, enough_bytes=2000)

    consumers = [prefetching(each) for each in (recorded, many, live)]
    deadline = time.monotonic() + 10
    while min(live.polls, many.polls) < 20 and time.monotonic() < deadline:
        time.sleep(0.001)
    for consumer in consumers:
        consumer.close()

    assert min(live.polls, many.polls) >= 20
    assert recorded.polls <= 2
