"""Where a camera's records enter the embedded pipeline: through ingest into the bus, with a barrier now and then."""

from __future__ import annotations

import time
from typing import Any

from pipeline.core.driver import Driver
from pipeline.core.ports import Bus, Position
from pipeline.core.records import Record
from pipeline.core.values import Captured
from pipeline.metrics import Metrics
from pipeline.runners.embedded.barrier import Barrier
from pipeline.runners.embedded.loop import FLUSH_TIMEOUT_S


class Outlet:
    """Sends the records of one camera.

    Args:
        run, name, number: Whose they are.
        cut: Number of the last cut.
        ingest: Driver of ingest; cameras do not share one.
        bus: Where frames go; sending blocks while the stages are behind.
        topic: The topic that ingest writes.
        partition: Of this camera.
    """

    def __init__(
        self,
        run: int,
        name: str,
        number: int,
        cut: int,
        ingest: Driver,
        bus: Bus,
        *,
        topic: str,
        partition: int,
        metrics: Metrics,
    ) -> None:
        self._run = run
        self._name = name
        self._number = number
        self._cut = cut
        self._ingest = ingest
        self._producer = bus.producer(f"ingest-{name}")
        self._topic = topic
        self._partition = partition
        self._metrics = metrics

    def send(self, record: Record[Any]) -> None:
        """Take one record through ingest."""
        started = time.perf_counter()
        outgoing = self._ingest.feed_values([record])
        if isinstance(record.value, Captured):
            self._metrics.observe("stage_s", time.perf_counter() - started, stage=self._ingest.name)
        for each in outgoing:
            self._producer.send(each)

    def barrier(self, position: Position, *, last: bool = False) -> int:
        """Begin a cut: everything before it is in, nothing after it. Gives its number."""
        self._cut += 1
        barrier = Barrier(self._run, self._name, self._number, self._cut, position, last)
        barrier.snapshots[self._ingest.name] = self._ingest.content(self._name, self._number)
        self._producer.send(barrier.to(self._topic, self._partition))
        return self._cut

    def close(self) -> None:
        """Send what waits, and leave."""
        self._producer.flush(FLUSH_TIMEOUT_S)
        self._producer.close()
