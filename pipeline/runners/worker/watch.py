"""What a worker notes of its records: how long they took from hop to hop, how old they are, how many wait."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

from pipeline.core.errors import TransientError
from pipeline.core.headers import ARRIVED, number
from pipeline.core.ports import BusRecord, Outgoing, TopicPartition
from pipeline.core.records import Record
from pipeline.metrics import Metrics

SENT = "t"
"""Header: when a worker sent the record, microseconds since the epoch by its host's clock."""

SKEW_S = 0.05
"""A record that comes so long before it was sent tells of clocks that differ; less is the error of a good NTP."""

_EVERY_S = 5.0
"""Between two looks at what waits: the brokers are asked for it."""


class Watch:
    """Notes into the metrics of a process; for one worker.

    Args:
        stage: Label of all that it notes.
        now_us: Microseconds since the epoch.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        metrics: Metrics,
        stage: str,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._stage = stage
        self._now_us = now_us
        self._clock = clock
        self._look_at = 0.0
        self._topics: set[str] = set()

    def took(self, records: Sequence[BusRecord]) -> None:
        """These came off the bus."""
        now_us = self._now_us() if records else 0
        for record in records:
            sent_us = number(record.headers, SENT)
            if sent_us is None:
                continue
            hop_s = (now_us - sent_us) / 1e6
            self._metrics.observe("hop_s", hop_s, stage=self._stage)
            if hop_s < -SKEW_S:
                self._metrics.count("clock_skews", stage=self._stage)

    def lost(self, topic: str, records: int) -> None:
        """So many of a topic are gone before they were taken."""
        self._metrics.count("records_lost", records, stage=self._stage, topic=topic)

    @contextmanager
    def working(self, records: int) -> Iterator[None]:
        """While the block lasts so many records are worked on; each is taken for as long as the others."""
        started = time.perf_counter()
        yield
        if records:
            self._metrics.observe("stage_s", (time.perf_counter() - started) / records, stage=self._stage)

    def sends(self, outgoing: Outgoing) -> Outgoing:
        """The record with the time at which it is sent."""
        now_us = self._now_us()
        arrived_us = number(outgoing.headers, ARRIVED)
        if arrived_us is not None:
            self._metrics.observe("age_s", (now_us - arrived_us) / 1e6, stage=self._stage)
        return replace(outgoing, headers=(*outgoing.headers, (SENT, b"%d" % now_us)))

    def wrote(self, records: Iterable[Record[Any]]) -> None:
        """These have come to rest."""
        now_us = self._now_us()
        for record in records:
            if record.stamp.clock != "file" and record.stamp.arrived_at_us:
                self._metrics.observe("age_s", (now_us - record.stamp.arrived_at_us) / 1e6, stage=self._stage)

    def waits(
        self,
        lag: Callable[[], Mapping[TopicPartition, int]],
        queue: Callable[[], tuple[int, int]] | None = None,
        ahead: Callable[[], Mapping[str, int]] | None = None,
    ) -> None:
        """Call it often: now and then it notes what waits.

        Args:
            lag: Records not yet taken, of each partition.
            queue: Records in memory, and their bytes.
            ahead: Frames that a later stage has not done, by camera.
        """
        if self._clock() < self._look_at:
            return
        self._look_at = self._clock() + _EVERY_S
        if queue is not None:
            records, nbytes = queue()
            self._metrics.gauge("queue_records", records, stage=self._stage)
            self._metrics.gauge("queue_bytes", nbytes, stage=self._stage)
        if ahead is not None:
            for camera, frames in ahead().items():
                self._metrics.gauge("frames_ahead", frames, camera=camera)
        with suppress(TransientError):  # the worker will say so itself
            by_topic: Counter[str] = Counter(dict.fromkeys(self._topics, 0))
            for place, behind in lag().items():
                by_topic[place.topic] += behind
            self._topics |= by_topic.keys()  # a topic that is no longer ours has no lag of ours
            for topic, behind in by_topic.items():
                self._metrics.gauge("lag_records", behind, stage=self._stage, topic=topic)
