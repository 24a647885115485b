from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from pipeline.bus.memory import MemoryBus
from pipeline.core.ports import BusRecord, Outgoing, TopicSpec
from pipeline.metrics import Metrics
from pipeline.runners.embedded.loop import StageLoop


class Slow:
    """A driver whose model answers when it is told to."""

    name = "pose"
    topics = ("frames",)
    output_topics = ("poses",)

    def __init__(self) -> None:
        self.began, self.go_on = threading.Event(), threading.Event()

    def feed(self, records: Sequence[BusRecord]) -> Sequence[Outgoing]:
        self.began.set()
        assert self.go_on.wait(30)
        return ()


def test_a_stage_says_for_how_long_its_model_has_not_answered() -> None:
    bus, driver = MemoryBus(), Slow()
    bus.ensure([TopicSpec("frames"), TopicSpec("poses")])
    loop = StageLoop(driver, bus, Metrics())  # type: ignore[arg-type]
    producer = bus.producer("test")
    loop.step(0.0)
    producer.send(Outgoing("frames", 0, b"gym", b"picture"))
    producer.flush(5.0)

    def work() -> None:
        while not loop.step(1.0):
            pass

    thread = threading.Thread(target=work)

    assert loop.busy_s() == 0
    thread.start()
    assert driver.began.wait(30)
    time.sleep(0.05)
    busy_s = loop.busy_s()
    driver.go_on.set()
    thread.join(30)

    assert 0.05 <= busy_s < 30
    assert loop.busy_s() == 0
