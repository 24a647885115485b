from __future__ import annotations

import logging
import threading
import time

import pytest

from pipeline.bus.memory import MemoryBus
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.cameras import CameraStatus
from pipeline.core.errors import SinkUnavailable
from pipeline.core.ports import Outgoing, TopicSpec
from pipeline.runners.worker.aside import again_and_again
from pipeline.runners.worker.camera_history import GROUP, CameraHistory

TOPIC = "camera-status"
CODEC = AvroStateCodec(SchemaBook(), "camera_status", CameraStatus)


def test_work_is_done_again_and_again_and_what_fails_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    enough = threading.Event()

    def work() -> None:
        calls.append(1)
        if len(calls) == 5:
            enough.set()
        if len(calls) in (2, 3):
            raise SinkUnavailable("the database is away")

    with caplog.at_level(logging.WARNING), again_and_again("upkeep", work, 0.01):
        assert enough.wait(5)
    ended = len(calls)
    time.sleep(0.05)

    assert len(calls) == ended
    assert [record.getMessage() for record in caplog.records] == ["upkeep is not done: the database is away"]


def status(at_us: int, state: str = "live") -> CameraStatus:
    return CameraStatus(name="gym", camera_no=1, at_us=at_us, state=state, reason="", fps=10.0, age_ms=5, restarts=0)


def bus_with(*contents: bytes | None) -> MemoryBus:
    bus = MemoryBus()
    bus.ensure([TopicSpec(TOPIC, 2)])
    producer = bus.producer("ingest")
    for content in contents:
        producer.send(Outgoing(TOPIC, 1, b"gym", content))
    producer.flush(1)
    return bus


def test_statuses_are_noted_again_until_the_database_takes_them_and_what_cannot_be_read_is_left_out() -> None:
    bus = bus_with(CODEC.encode(status(1)), b"nonsense", None, CODEC.encode(status(2, "stalled")))
    noted: list[CameraStatus] = []
    tries: list[int] = []

    def note(statuses: list[CameraStatus]) -> None:
        tries.append(len(statuses))
        if len(tries) == 1:
            raise SinkUnavailable("the database is away")
        noted.extend(statuses)

    history = CameraHistory(lambda: bus.consumer("sink", GROUP, [TOPIC]), CODEC, note)
    consumer = bus.consumer("sink", GROUP, [TOPIC])
    with pytest.raises(SinkUnavailable):
        history.step(consumer)
    history.step(consumer)

    assert tries == [2, 2]
    assert [each.state for each in noted] == ["live", "stalled"]
    assert consumer.committed(next(iter(consumer.lag()))) in (None, 4)
    assert sum(consumer.lag().values()) == 0
