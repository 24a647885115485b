"""The end of the embedded pipeline: gathers what the stages give between two barriers and commits it as one cut."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.core.errors import SinkUnavailable
from pipeline.core.ports import Bus, BusRecord, Cut, CutStore, RecordCodec, TopicPartition
from pipeline.core.records import Dropped, Record, Tick
from pipeline.runners.embedded.barrier import Barrier, barrier_of

log = logging.getLogger(__name__)

_Closed = deque[tuple[Barrier, list[Record[Any]]]]


class Collector:
    """Reads the topics that end in the database and commits consistent cuts.

    Args:
        bus: In memory.
        codecs: Codec of each topic that is stored; barriers pass through all of them but `unmarked`. Dropped frames
            and ticks pass through several: they count once, in the first.
        unmarked: Topics without barriers (dead letters): they go with the next cut of their camera.
        store: Where cuts rest.
        committed: Called with each cut after it rests.
        alive: Called each time that it looks or tries again: an outage is waited for.
    """

    def __init__(
        self,
        bus: Bus,
        codecs: Mapping[str, RecordCodec],
        unmarked: Sequence[str],
        store: CutStore,
        committed: Callable[[Cut], None],
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._alive = alive
        self._codecs = codecs
        self._unmarked = frozenset(unmarked)
        self._marked = [topic for topic in codecs if topic not in self._unmarked]
        self._outcomes = self._marked[0]
        self._store = store
        self._committed = committed
        self.done: set[str] = set()
        self.took_s = 0.0
        """How long a cut takes to rest, smoothed."""
        self._consumer = bus.consumer("collect", COLLECT_GROUP, list(codecs))
        self._open: dict[str, dict[str, list[Record[Any]]]] = defaultdict(lambda: defaultdict(list))
        self._closed: dict[str, dict[str, _Closed]] = defaultdict(lambda: defaultdict(deque))

    def step(self, timeout_s: float, abort: threading.Event) -> int:
        """Take what is there and commit the cuts that it completes. Gives how many records there were."""
        self._alive()
        polled = self._consumer.poll(timeout_s, COLLECTED_RECORDS)
        for record in polled.records:
            self._take(record, abort)
        if polled.records:
            self._consumer.commit({TopicPartition(r.topic, r.partition): r.offset + 1 for r in polled.records})
        return len(polled.records)

    def close(self) -> None:
        """Leave the bus."""
        self._consumer.close()

    def _take(self, raw: BusRecord, abort: threading.Event) -> None:
        camera = raw.key.decode()
        barrier = barrier_of(raw)
        if barrier is None:
            record = self._codecs[raw.topic].decode(raw.value or b"", raw.attachment)
            if isinstance(record.value, Dropped | Tick) and raw.topic != self._outcomes:
                return
            self._open[camera][raw.topic].append(record)
            return
        self._closed[camera][raw.topic].append((barrier, self._open[camera].pop(raw.topic, [])))
        if all(self._closed[camera][topic] for topic in self._marked):
            self._commit(camera, abort)

    def _commit(self, camera: str, abort: threading.Event) -> None:
        heads = [self._closed[camera][topic].popleft() for topic in self._marked]
        barrier = heads[0][0]
        records = [record for _, own in heads for record in own]
        for topic in self._unmarked:
            records += self._open[camera].pop(topic, [])
        cut = Cut(
            run=barrier.run,
            camera_no=barrier.camera_no,
            number=barrier.number,
            position=barrier.position,
            snapshots=dict(barrier.snapshots),
            records=records,
        )
        told = ""
        while not abort.is_set():
            began = time.perf_counter()
            try:
                self._store.commit(cut)
            except SinkUnavailable as error:
                if error.message != told:  # once, however long it lasts
                    told = error.message
                    log.warning("the database takes no rows: %s; %s", told, error.hint or "posebus tries again")
                self._alive()
                abort.wait(error.retry_after_s)
            else:
                if told:
                    log.warning("the database takes rows again")
                self.took_s += 0.2 * (time.perf_counter() - began - self.took_s)
                self._committed(cut)
                if barrier.last:
                    self.done.add(camera)
                return


COLLECT_GROUP = "posebus-sink"

COLLECTED_RECORDS = 500
"""Records that are taken at once."""
