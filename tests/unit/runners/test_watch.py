from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.core.chain import Chain
from pipeline.core.ports import BusRecord, Outgoing, TopicPartition, TopicSpec
from pipeline.core.records import Record
from pipeline.metrics import MetricName, Metrics
from pipeline.runners.worker import SinkWorker, Worker
from pipeline.runners.worker.watch import SENT, Watch
from pipeline.state.memory import MemoryStore
from tests.fakes import PARTITIONS, POSES, TRACKS, driver, next_driver, on_bus
from tests.samples import poses, stamp
from tests.unit.runners.shelf import Shelf, ShelfSink

START_US = stamp().captured_at_us


def live(n: int) -> BusRecord:
    """A record of a live camera, whose picture arrived at the start."""
    mark = replace(stamp(n, at_us=START_US), clock="rtcp")
    return BusRecord("poses", 1, n, b"gym", POSES.encode(Record(mark, poses(1))).value)


def test_hops_and_ages_are_timed_from_worker_to_worker() -> None:
    now_us = START_US
    bus, metrics, shelf = MemoryBus(), Metrics(), Shelf()
    bus.ensure([TopicSpec(name, PARTITIONS) for name in ("poses", "tracks", "motions", "dead-letters")])

    def watch(stage: str) -> Watch:
        return Watch(metrics, stage, now_us=lambda: now_us)

    def worker(stage: str) -> Worker:
        chain, seconds = Chain([{"track": driver, "smooth": next_driver}[stage]()]), count()
        return Worker(
            chain,
            bus,
            MemoryStore(),
            client=stage,
            checkpoint_s=1,
            clock=lambda: float(next(seconds)),
            watch=watch(stage),
        )

    def seen(name: MetricName, stage: str) -> float:
        found = metrics.percentile(name, 0.5, stage=stage)
        assert found is not None
        return found

    track, smooth = worker("track"), worker("smooth")
    sink = SinkWorker(
        {"tracks": TRACKS},
        bus.consumer("sink", "sink", ["tracks"]),
        ShelfSink(shelf),
        topic_id=bus.topic_id,
        clock=lambda: 0.0,
        linger_s=0.0,
        watch=watch("sink"),
    )
    producer = bus.producer("pose")
    for n in range(3):
        raw = live(n)
        out = Outgoing("poses", 1, raw.key, raw.value, (("a", b"%d" % START_US),))
        producer.send(watch("pose").sends(out))
    producer.flush(1)
    now_us += 20_000
    track.step(0)
    now_us += 100_000
    smooth.step(0)
    while not shelf.records:
        sink.step(0)

    assert seen("hop_s", "track") == pytest.approx(0.020, rel=0.02)
    assert seen("age_s", "track") == pytest.approx(0.020, rel=0.02)
    assert seen("hop_s", "smooth") == pytest.approx(0.100, rel=0.02)
    assert seen("age_s", "smooth") == pytest.approx(0.120, rel=0.02)
    assert seen("hop_s", "sink") == pytest.approx(0.100, rel=0.02)
    assert seen("age_s", "sink") == pytest.approx(0.120, rel=0.02)
    assert metrics.total("hop_s", stage="track") == 3
    assert metrics.total("stage_s", stage="track") == 1  # a batch
    bus.close()


def test_a_recorded_frame_has_hops_but_no_age() -> None:
    metrics = Metrics()
    (made,) = driver().feed([on_bus(poses(1), 0)])

    stamped = Watch(metrics, "track", now_us=lambda: 5).sends(made)

    assert (made.headers, stamped.headers) == ((), ((SENT, b"5"),))
    assert metrics.total("age_s") == 0


def test_values_are_the_same_whatever_is_in_the_headers() -> None:
    record = live(0)
    (one,), (other,) = driver().feed([record]), driver().feed([record])

    early = Watch(Metrics(), "track", now_us=lambda: 1).sends(one)
    late = Watch(Metrics(), "track", now_us=lambda: 2).sends(other)

    assert early.headers != late.headers
    assert early.value == late.value


def test_records_from_the_future_tell_of_clocks_that_differ() -> None:
    metrics = Metrics()
    watch = Watch(metrics, "track", now_us=lambda: START_US)

    for ahead_us in (40_000, 60_000):
        watch.took([BusRecord("poses", 1, 0, b"gym", b"", ((SENT, b"%d" % (START_US + ahead_us)),))])
    watch.took([BusRecord("poses", 1, 0, b"gym", b"", ((SENT, text),)) for text in (b"", b"x", b"-5")])
    watch.took([BusRecord("poses", 1, 0, b"gym", b"")])

    assert metrics.total("clock_skews", stage="track") == 1
    assert metrics.total("hop_s") == 2


def test_what_waits_is_noted_now_and_then_and_goes_back_to_nothing() -> None:
    metrics, now = Metrics(), 0.0
    watch = Watch(metrics, "track", clock=lambda: now)
    behind = {TopicPartition("poses", 1): 4, TopicPartition("poses", 2): 6}

    watch.waits(lambda: behind, lambda: (3, 1000), lambda: {"gym": 64})
    watch.waits(dict, lambda: (0, 0))  # too soon
    assert metrics.gauges("lag_records") == [({"stage": "track", "topic": "poses"}, 10)]
    assert metrics.gauges("queue_records") == [({"stage": "track"}, 3)]
    assert metrics.gauges("frames_ahead") == [({"camera": "gym"}, 64)]
    now = 6.0
    watch.waits(dict, lambda: (0, 0))

    assert metrics.gauges("lag_records") == [({"stage": "track", "topic": "poses"}, 0)]
