"""One stage's loop in the embedded runner: records through the driver, barriers with the state added."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipeline.core.driver import Driver
from pipeline.core.ports import Bus, BusRecord, TopicPartition
from pipeline.metrics import Metrics
from pipeline.runners.embedded.barrier import Barrier, barrier_of

FLUSH_TIMEOUT_S = 600.0


class StageLoop:
    """Moves records from a stage's input topic through its driver to its output topics.

    Args:
        driver: Of the stage.
        bus: In memory; offsets are committed only so that it can free what was read.
        metrics: Gets the time that the stage works on a frame.
        max_records: At most so many are taken at once; small for stages that hold pixels.
        passed: Called with a camera's name for each of its records that is done.
    """

    def __init__(
        self,
        driver: Driver,
        bus: Bus,
        metrics: Metrics,
        *,
        max_records: int = 64,
        passed: Callable[[str], None] | None = None,
    ) -> None:
        self._passed = passed
        self._driver = driver
        self._metrics = metrics
        self._max_records = max_records
        self._producer = bus.producer(driver.name)
        self._consumer = bus.consumer(driver.name, group_of(driver.name), driver.topics)
        self._feeding_since: float | None = None

    def busy_s(self) -> float:
        """Seconds that the stage has worked on what it took last, 0 while it waits; from any thread."""
        since = self._feeding_since
        return 0.0 if since is None else time.perf_counter() - since

    def step(self, timeout_s: float) -> int:
        """Take what is there, waiting for the first record at most `timeout_s`. Gives how many there were."""
        polled = self._consumer.poll(timeout_s, self._max_records)
        batch: list[BusRecord] = []
        for record in polled.records:
            barrier = barrier_of(record)
            if barrier is None:
                batch.append(record)
                continue
            self._feed(batch)
            batch = []
            self._pass(barrier, record.partition)
        self._feed(batch)
        if polled.records:
            self._producer.flush(FLUSH_TIMEOUT_S)
            self._consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in polled.records})
        return len(polled.records)

    def close(self) -> None:
        """Leave the bus."""
        self._consumer.close()
        self._producer.close()

    def _feed(self, batch: list[BusRecord]) -> None:
        if not batch:
            return
        self._feeding_since = started = time.perf_counter()
        outgoing = self._driver.feed(batch)
        self._feeding_since = None
        took = (time.perf_counter() - started) / len(batch)
        for record in outgoing:
            self._producer.send(record)
        if self._passed is not None:
            for taken in batch:
                self._passed(taken.key.decode())
        for _ in batch:
            self._metrics.observe("stage_s", took, stage=self._driver.name)

    def _pass(self, barrier: Barrier, partition: int) -> None:
        barrier.snapshots[self._driver.name] = self._driver.content(barrier.camera, barrier.camera_no)
        for topic in self._driver.output_topics:
            self._producer.send(barrier.to(topic, partition))


def group_of(stage: str) -> str:
    """Name of the consumer group of a stage."""
    return f"posebus-{stage}"
