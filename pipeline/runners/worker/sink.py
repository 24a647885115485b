"""The sink worker: records of several topics into rows, with the offsets in the database's own transaction."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.core.errors import BusUnavailable, InvalidRecord, TransientError
from pipeline.core.headers import is_live
from pipeline.core.letters import letter_of
from pipeline.core.ports import BusRecord, Consumer, OffsetSink, Polled, RecordCodec, TopicPartition
from pipeline.core.records import Dropped, Record, Tick
from pipeline.metrics import Metrics
from pipeline.runners.worker.waiting import wait
from pipeline.runners.worker.watch import Watch

log = logging.getLogger(__name__)

NAME = "sink"
GROUP = "posebus-sink"


class SinkWorker:
    """Moves records from topics into a sink. Not the group's offsets say what is in, but those beside the rows.

    The offsets are committed to the group as well, for whoever looks at its lag.

    Args:
        codecs: Of each topic that it reads.
        consumer: A member of `GROUP` for these topics.
        sink: Where rows and offsets rest.
        topic_id: Identity of a topic (`Bus.topic_id`): offsets of one that was deleted mean nothing in the next.
        clock: Monotonic seconds.
        linger_s: Records wait so long for others to share their transaction.
        recorded_linger_s: The same where all are of recordings, whose age nobody minds; None: as long as others.
        max_records: No more than so many are written at once.
        wrote: Called with what has come to rest.
        watch: Notes how long records take and how many wait.
        written: What is written of a record, given also as it lay on the bus.
        outcomes: The one topic whose dropped frames and ticks count, where they pass through several; None: all do.
    """

    def __init__(
        self,
        codecs: Mapping[str, RecordCodec],
        consumer: Consumer,
        sink: OffsetSink,
        *,
        topic_id: Callable[[str], str],
        clock: Callable[[], float],
        linger_s: float = 0.02,
        recorded_linger_s: float | None = None,
        max_records: int = 2000,
        wrote: Callable[[Sequence[Record[Any]]], None] = lambda _: None,
        watch: Watch | None = None,
        written: Callable[[Record[Any], BusRecord], Record[Any]] = lambda record, _: record,
        outcomes: str | None = None,
    ) -> None:
        self._codecs = codecs
        self._consumer = consumer
        self._sink = sink
        self._topic_id = topic_id
        self._ids: dict[str, str] = {}
        self._clock = clock
        self._linger_s = linger_s
        self._recorded_linger_s = linger_s if recorded_linger_s is None else recorded_linger_s
        self._max_records = max_records
        self._wrote = wrote
        self._watch = watch or Watch(Metrics(), NAME)
        self._written = written
        self._outcomes = outcomes
        self._records: list[Record[Any]] = []
        self._offsets: dict[TopicPartition, int] = {}
        self._write_at = 0.0
        self._next: dict[TopicPartition, int] = {}
        """What is read next of each partition, as far as anything of it was ever read."""
        self._claim: frozenset[TopicPartition] = frozenset()
        """Assigned, and not yet asked for at the sink."""
        self.waiting = ""
        """What it waits for, or nothing."""

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set, then write what is at hand and leave the group."""
        while not stop.is_set():
            alive()
            self._watch.waits(self._consumer.lag, getattr(self._consumer, "queue", None))
            try:
                self.step(timeout_s=0.1)
            except TransientError as error:
                self._tell(error)
                wait(stop, error.retry_after_s, alive)
            else:
                self._tell(None)
        self.close()

    def step(self, timeout_s: float) -> int:
        """Poll once and write when it is time. Gives the number of records taken.

        Raises SinkUnavailable, BusUnavailable: nothing is lost, call again.
        """
        if self._claim:
            self._follow_assignment(self._consumer.poll(0.0, 0))  # news first: it may be gone
            self._take_up()
        if len(self._records) >= self._max_records:
            self.write()
        wait = timeout_s if not self._offsets else max(min(self._write_at - self._clock(), timeout_s), 0.0)
        polled = self._consumer.poll(wait, self._max_records - len(self._records))
        records = self._follow_assignment(polled)
        if records:
            due = self._clock() + (self._linger_s if any(map(is_live, records)) else self._recorded_linger_s)
            self._write_at = min(self._write_at, due) if self._offsets else due
        self._watch.took(records)
        self._mind_gaps(records)
        try:
            decoded = [self._written(record, raw) for raw in records if (record := self._decoded(raw)) is not None]
        except TransientError:  # of a schema registry: all of it is read again
            self._forget(frozenset())
            self._claim |= frozenset(raw.place for raw in records)
            raise
        self._records += decoded
        for raw in records:
            self._offsets[raw.place] = raw.offset + 1
        if self._offsets and (self._clock() >= self._write_at or len(self._records) >= self._max_records):
            self.write()
        return len(records)

    def write(self) -> None:
        """Bring what is at hand to rest. Raises SinkUnavailable; BusUnavailable when another sink has taken over."""
        if not self._offsets:
            return
        try:
            self._sink.write(self._records, {self._named(place): offset for place, offset in self._offsets.items()})
        except BusUnavailable:
            # The next poll says which are gone. What is still ours is claimed again.
            self._forget(frozenset())
            raise
        written, offsets = self._records, self._offsets
        self._records, self._offsets = [], {}
        self._watch.wrote(written)
        self._wrote(written)
        try:
            self._consumer.commit(offsets)
        except TransientError as error:
            log.debug("offsets not shown to the group", extra={"error": error.message})

    def checkpoint(self) -> None:
        """The same, by the name that it has in workers of stages."""
        self.write()

    def recover(self) -> None:
        """Leave out what was read and not written; it is read again from where the sink has it."""
        self._forget(frozenset())

    def close(self) -> None:
        """Write what is at hand, and leave."""
        held = len(self._records)
        try:
            self.write()
        except TransientError as error:
            log.warning("left with %d records unwritten, to be read again: %s", held, error.message)
        self._consumer.close()
        self._sink.close()

    def _follow_assignment(self, polled: Polled) -> Sequence[BusRecord]:
        if polled.revoked or polled.assigned:
            # What is not written yet will be read again, by us or by whoever has the partition now.
            if (polled.revoked | polled.assigned) & self._offsets.keys():
                self._forget(polled.revoked | polled.assigned)
            self._claim = (self._claim - polled.revoked) | polled.assigned
        # Taken up by the next step. What comes of them before that would leave a gap behind it, or come twice.
        return [record for record in polled.records if record.place not in self._claim]

    def _take_up(self) -> None:
        """Read the new partitions on from where the sink has them. Raises SinkUnavailable."""
        if not self._claim:
            return
        self._consumer.pause(self._claim)
        self._ids |= {place.topic: self._topic_id(place.topic) for place in self._claim}
        offsets = self._sink.claim(frozenset(map(self._named, self._claim)))
        for place in self._claim:
            self._next.pop(place, None)
            if self._named(place) in offsets:
                self._next[place] = offsets[self._named(place)]
            try:
                self._consumer.seek(place, self._next.get(place, 0))
            except ValueError:
                continue  # taken from us meanwhile: the next poll says so
        self._consumer.resume(self._claim)
        self._claim = frozenset()

    def _mind_gaps(self, records: Sequence[BusRecord]) -> None:
        """Count what is missing between the last record of a partition and the next: retention has overtaken us."""
        for raw in records:
            missing = raw.offset - self._next.get(raw.place, raw.offset)
            if missing > 0:
                self._watch.lost(raw.topic, missing)
                log.error(
                    "%d records of %s (partition %d) were deleted by their retention before they were taken",
                    missing,
                    raw.topic,
                    raw.partition,
                    extra={"topic": raw.topic, "partition": raw.partition, "records": missing},
                )
            self._next[raw.place] = raw.offset + 1

    def _named(self, place: TopicPartition) -> TopicPartition:
        """What the sink calls it."""
        return TopicPartition(f"{place.topic}@{self._ids[place.topic]}", place.partition)

    def _forget(self, places: frozenset[TopicPartition]) -> None:
        """Leave out what was read of these, and of all others with them: a record does not say where it lay."""
        kept = {place: offset for place, offset in self._offsets.items() if place not in places}
        self._records, self._offsets = [], {}
        self._claim |= frozenset(kept)

    def _decoded(self, raw: BusRecord) -> Record[Any] | None:
        """The record, or a dead letter in its place; None for a frame that passes through another topic as well."""
        try:
            if raw.value is None:
                raise InvalidRecord(f"{raw.topic}: a record without a value")
            record = self._codecs[raw.topic].decode(raw.value, raw.attachment)
            repeated = self._outcomes is not None and raw.topic != self._outcomes
            return None if repeated and isinstance(record.value, Dropped | Tick) else record
        except InvalidRecord as error:
            return letter_of(NAME, raw, error)

    def _tell(self, error: TransientError | None) -> None:
        waiting = "" if error is None else error.message
        if waiting != self.waiting:  # once, however long it lasts
            if waiting:
                log.warning("the sink waits: %s", waiting)
            else:
                log.warning("the sink goes on")
            self.waiting = waiting
