"""The worker: one loop that runs a chain of stages over any bus, and can be killed at any moment.

A checkpoint is always: flush the outputs, save the snapshots, commit the offsets. A crash before the snapshots sends
the same bytes again; one between snapshots and commit is skipped over by the snapshots' offsets.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from pipeline.core.chain import Chain
from pipeline.core.errors import BusUnavailable, ConfigError, TransientError
from pipeline.core.ports import Bus, BusRecord, Consumer, Polled, StateStore, TopicPartition
from pipeline.metrics import Metrics
from pipeline.runners.worker.outputs import Outputs
from pipeline.runners.worker.shares import Shares
from pipeline.runners.worker.waiting import DRAIN_S, wait
from pipeline.runners.worker.watch import Watch

log = logging.getLogger(__name__)


class Worker:
    """Runs a chain of stages over a bus.

    Args:
        chain: Made for this worker alone.
        bus: Where it reads and writes.
        store: Where its snapshots are kept.
        client: Name of this worker.
        checkpoint_s: Time between checkpoints.
        clock: Monotonic seconds.
        flush_timeout_s: How long outputs may take to leave before the producer is thrown away.
        max_records: At most so many are taken at once; few where the stages hold pixels.
        consume: Makes the consumer; by default the bus does, and this loop polls it itself.
        watch: Notes how long records take and how many wait.
        shares: Says which live frames are given up where there are too many; None: none is.
    """

    def __init__(
        self,
        chain: Chain,
        bus: Bus,
        store: StateStore,
        *,
        client: str,
        checkpoint_s: float,
        clock: Callable[[], float],
        flush_timeout_s: float = 10.0,
        max_records: int = 500,
        consume: Callable[[], Consumer] | None = None,
        watch: Watch | None = None,
        shares: Shares | None = None,
    ) -> None:
        self._shares = shares
        self._chain = chain
        self._bus = bus
        self._store = store
        self._client = client
        self._checkpoint_s = checkpoint_s
        self._clock = clock
        self._flush_timeout_s = flush_timeout_s
        self._max_records = max_records
        self._watch = watch or Watch(Metrics(), chain.name)
        self._topic_ids = {topic: bus.topic_id(topic) for topic in chain.topics}
        self._producer = Outputs(bus, client)
        group = group_of(chain)
        self._consumer = consume() if consume is not None else bus.consumer(client, group, chain.topics)
        self._next: dict[TopicPartition, int] = {}
        self._epochs: dict[int, int] = {}
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._checkpoint_at = clock() + checkpoint_s

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """The partitions that it works on."""
        return self._assigned

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records that wait, of each partition that is ours."""
        return self._consumer.lag()

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set, then checkpoint and leave the group. Calls `alive` once in each round."""
        waiting = ""
        while not stop.is_set():
            alive()
            self._watch.waits(self.lag, getattr(self._consumer, "queue", None))
            try:
                self.step(timeout_s=0.1)
            except TransientError as error:
                if error.message != waiting:  # once, however long it lasts
                    waiting = error.message
                    log.warning("waits: %s", error.message, extra={"stage": self._chain.name})
                wait(stop, error.retry_after_s, alive)
                self._recover_until(stop, alive)
            else:
                if waiting:
                    waiting = ""
                    log.warning("goes on", extra={"stage": self._chain.name})
        self.close()

    def step(self, timeout_s: float, max_records: int | None = None) -> int:
        """Poll once, work, and checkpoint when it is time. Gives the number of records taken.

        Raises TransientError: call `recover` before the next step.
        """
        polled = self._consumer.poll(timeout_s, max_records or self._max_records)
        self._follow_assignment(polled)
        self._watch.took(polled.records)
        given_up = self._given_up(polled.records)
        with self._watch.working(len(polled.records)):
            produced = self._chain.feed(polled.records, given_up)
        for outgoing in produced:
            self._producer.send(self._watch.sends(outgoing))
        for record in polled.records:
            self._next[record.place] = record.offset + 1
        if self._clock() >= self._checkpoint_at:
            self.checkpoint()
        return len(polled.records)

    def checkpoint(self, flush_timeout_s: float | None = None) -> None:
        """Outputs, then snapshots, then offsets. Raises TransientError."""
        # Outputs first: a snapshot that names an offset promises that its outputs are out.
        self._producer.flush(self._flush_timeout_s if flush_timeout_s is None else flush_timeout_s)
        for snapshots in self._chain.snapshots(self._topic_ids, self._epochs):
            if snapshots:
                self._store.save(snapshots)
        if self._next:
            try:
                self._consumer.commit(self._next)
            except BusUnavailable as error:
                # Nothing is lost nor has to be done again: the snapshots say how far we are. The next checkpoint
                # commits more; where the partition is no longer ours, the next poll says so.
                log.debug("offsets not committed", extra={"stage": self._chain.name, "error": error.message})
            else:
                self._next = {}
        self._checkpoint_at = self._clock() + self._checkpoint_s

    def recover(self) -> None:
        """Go back to the last checkpoint with a new producer. Raises TransientError when the bus is still away."""
        self._producer.close()
        self._producer = Outputs(self._bus, self._client)
        self._chain.forget({place.partition for place in self._assigned})
        self._next = {}
        self._restore(self._assigned)
        for place in self._assigned:
            committed = self._consumer.committed(place) or 0
            try:
                self._consumer.seek(place, committed)
            except ValueError:
                continue  # taken from us meanwhile: the next poll says so
        self._checkpoint_at = self._clock() + self._checkpoint_s

    def close(self) -> None:
        """Checkpoint what is done and leave."""
        try:
            self.checkpoint(DRAIN_S)
        except TransientError as error:
            log.warning("left without a checkpoint: %s", error.message, extra={"stage": self._chain.name})
        self._consumer.close()
        self._producer.close()

    def _given_up(self, records: Sequence[BusRecord]) -> frozenset[int]:
        if self._shares is None:
            return frozenset()
        return self._shares.late(records, getattr(self._consumer, "waiting", tuple)())

    def _recover_until(self, stop: threading.Event, alive: Callable[[], None]) -> None:
        while not stop.is_set():
            alive()
            try:
                self.recover()
                return
            except TransientError as error:
                wait(stop, error.retry_after_s, alive)

    def _follow_assignment(self, polled: Polled) -> None:
        if polled.revoked:
            # Forget, do not checkpoint: whoever has the partition now reads on from our last one.
            self._chain.forget({place.partition for place in polled.revoked})
            self._next = {place: offset for place, offset in self._next.items() if place not in polled.revoked}
        self._assigned = (self._assigned - polled.revoked) | polled.assigned
        if polled.assigned:
            self._restore(polled.assigned)

    def _restore(self, places: frozenset[TopicPartition]) -> None:
        """Take up the latest snapshots, and the epoch after theirs.

        An epoch is above all that were saved before, also those of a group that has expired since, whose generations
        begin anew; and above that of a zombie that has not saved yet, whose generation is older.
        """
        partitions = frozenset(place.partition for place in places)
        if not partitions:
            return
        for topic in {place.topic for place in places}:
            with suppress(ConfigError):  # deleted, and not yet there again
                self._topic_ids = self._topic_ids | {topic: self._bus.topic_id(topic)}  # snapshots hold the old one
        generation = self._consumer.generation()
        epochs = dict.fromkeys(partitions, generation)
        for driver in self._chain.drivers:
            for snapshot in self._store.load(driver.name, partitions).values():
                driver.restore_snapshot(snapshot, self._topic_ids)
                epochs[snapshot.partition] = max(epochs[snapshot.partition], snapshot.generation + 1)
        self._epochs.update(epochs)


def group_of(chain: Chain) -> str:
    """Name of the consumer group: of the first stage, whatever follows it, so that its offsets outlive a new layout."""
    return f"posebus-{chain.drivers[0].name}"
