"""The registry of cameras as an ingest worker follows it: its share, read from the beginning wherever it is new."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.cameras import CameraSpec
from pipeline.core.errors import StateError
from pipeline.core.ports import Consumer, StateCodec, TopicPartition

log = logging.getLogger(__name__)


class Heard(NamedTuple):
    """What came since the last time.

    Attributes:
        lost: Partitions that belong to another worker now.
        gained: Partitions that are ours from now on.
        cameras: Name, partition and spec of each camera that was added, changed or, with None, removed; in order.
    """

    lost: frozenset[int]
    gained: frozenset[int]
    cameras: Sequence[tuple[str, int, CameraSpec | None]]


class Registry:
    """Follows the topic of cameras.

    Args:
        consumer: Of the topic, in the group that shares the cameras out.
        specs: Codec of its values.
    """

    def __init__(self, consumer: Consumer, specs: StateCodec) -> None:
        self._consumer = consumer
        self._specs = specs
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._catching_up = True

    @property
    def partitions(self) -> frozenset[int]:
        """Those that are ours."""
        return frozenset(place.partition for place in self._assigned)

    def hear(self) -> Heard:
        """What there is, without waiting. A record that cannot be read is told, and left out."""
        polled = self._consumer.poll(0.0)
        self._assigned = (self._assigned - polled.revoked) | polled.assigned
        if polled.assigned:
            self._catching_up = True
        for place in polled.assigned:
            self._consumer.seek(place, 0)
        cameras: list[tuple[str, int, CameraSpec | None]] = []
        for raw in polled.records:
            if raw.place in polled.assigned:
                continue  # comes once more, from the beginning
            name = raw.key.decode(errors="replace")
            try:
                cameras.append((name, raw.partition, None if raw.value is None else self._specs.decode(raw.value)))
            except StateError as error:
                log.error("camera %s: its record cannot be read: %s", name, error.message)
        lost, gained = (frozenset(place.partition for place in each) for each in (polled.revoked, polled.assigned))
        return Heard(lost, gained, cameras)

    def is_catching_up(self) -> bool:
        """It has not been read to its end since the last assignment: it may still say what was once."""
        if self._catching_up:
            self._catching_up = any(self._consumer.lag().values())
        return self._catching_up

    def begin_again(self) -> None:
        """Hear all of it once more, as at an assignment: whoever heard it may not have acted upon it."""
        self._catching_up = True
        for place in self._assigned:
            try:
                self._consumer.seek(place, 0)
            except ValueError:
                continue  # taken from us meanwhile: the next time says so

    def generation(self) -> int:
        """Of the group."""
        return self._consumer.generation()

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
