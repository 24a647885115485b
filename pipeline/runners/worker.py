"""The worker: one loop that runs one stage over any bus, and can be killed at any moment.

A checkpoint is always: flush the outputs, save the snapshots, commit the offsets. A crash before the snapshots sends
the same bytes again; one between snapshots and commit is skipped over by the snapshots' offsets.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pipeline.core.driver import Driver
from pipeline.core.errors import TransientError
from pipeline.core.ports import Bus, Polled, StateStore, TopicPartition

log = logging.getLogger(__name__)


class Worker:
    """Runs one stage over a bus.

    Args:
        driver: Of the stage, made for this worker alone.
        bus: Where it reads and writes.
        store: Where its snapshots are kept.
        client: Name of this worker.
        checkpoint_s: Time between checkpoints.
        clock: Monotonic seconds.
        flush_timeout_s: How long outputs may take to leave before the producer is thrown away.
    """

    def __init__(
        self,
        driver: Driver,
        bus: Bus,
        store: StateStore,
        *,
        client: str,
        checkpoint_s: float,
        clock: Callable[[], float],
        flush_timeout_s: float = 10.0,
    ) -> None:
        self._driver = driver
        self._bus = bus
        self._store = store
        self._client = client
        self._checkpoint_s = checkpoint_s
        self._clock = clock
        self._flush_timeout_s = flush_timeout_s
        self._topic_ids = {topic: bus.topic_id(topic) for topic in driver.topics}
        self._producer = bus.producer(client)
        self._consumer = bus.consumer(client, f"posebus-{driver.name}", driver.topics)
        self._next: dict[TopicPartition, int] = {}
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._checkpoint_at = clock() + checkpoint_s

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set, then checkpoint and leave the group."""
        while not stop.is_set():
            try:
                self.step(timeout_s=0.1)
            except TransientError as error:
                log.warning("waits for the bus", extra={"stage": self._driver.name, "error": error.message})
                stop.wait(error.retry_after_s)
                self.recover()
        self.close()

    def step(self, timeout_s: float, max_records: int = 500) -> int:
        """Poll once, work, and checkpoint when it is time. Gives the number of records taken.

        Raises TransientError: call `recover` before the next step.
        """
        polled = self._consumer.poll(timeout_s, max_records)
        self._follow_assignment(polled)
        for outgoing in self._driver.feed(polled.records):
            self._producer.send(outgoing)
        for record in polled.records:
            self._next[record.place] = record.offset + 1
        if self._clock() >= self._checkpoint_at:
            self.checkpoint()
        return len(polled.records)

    def checkpoint(self) -> None:
        """Outputs, then snapshots, then offsets. Raises TransientError."""
        # Outputs first: a snapshot that names an offset promises that its outputs are out.
        self._producer.flush(self._flush_timeout_s)
        snapshots = self._driver.snapshots(self._topic_ids, self._consumer.generation())
        if snapshots:
            self._store.save(snapshots)
        if self._next:
            self._consumer.commit(self._next)
            self._next = {}
        self._checkpoint_at = self._clock() + self._checkpoint_s

    def recover(self) -> None:
        """Go back to the last checkpoint with a new producer. Raises TransientError when the bus is still away."""
        self._producer.close()
        self._producer = self._bus.producer(self._client)
        self._driver.forget({place.partition for place in self._assigned})
        self._next = {}
        self._restore(self._assigned)
        for place in self._assigned:
            self._consumer.seek(place, self._consumer.committed(place) or 0)
        self._checkpoint_at = self._clock() + self._checkpoint_s

    def close(self) -> None:
        """Checkpoint what is done and leave."""
        try:
            self.checkpoint()
        except TransientError as error:
            log.warning("left without a checkpoint", extra={"stage": self._driver.name, "error": error.message})
        self._consumer.close()
        self._producer.close()

    def _follow_assignment(self, polled: Polled) -> None:
        if polled.revoked:
            # Forget, do not checkpoint: whoever has the partition now reads on from our last one.
            self._driver.forget({place.partition for place in polled.revoked})
            self._next = {place: offset for place, offset in self._next.items() if place not in polled.revoked}
        self._assigned = (self._assigned - polled.revoked) | polled.assigned
        if polled.assigned:
            self._restore(polled.assigned)

    def _restore(self, places: frozenset[TopicPartition]) -> None:
        partitions = frozenset(place.partition for place in places)
        if not partitions:
            return
        for snapshot in self._store.load(self._driver.name, partitions).values():
            self._driver.restore_snapshot(snapshot, self._topic_ids)
