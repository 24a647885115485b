"""A resting place with offsets and claims in memory: what a database does for a sink worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.errors import BusUnavailable, SinkUnavailable
from pipeline.core.ports import TopicPartition
from pipeline.core.records import Record


@dataclass
class Shelf:
    """What has come to rest, in the order of writing.

    Attributes:
        away: Nobody can reach it.
        writes: Number of records of each write, also of those that failed.
    """

    records: list[Record[Any]] = field(default_factory=list)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    epochs: dict[TopicPartition, int] = field(default_factory=dict)
    away: bool = False
    writes: list[int] = field(default_factory=list)

    def numbers(self) -> list[tuple[str, int]]:
        """Camera and number of what rests, sorted: twice where it was written twice."""
        return sorted((record.stamp.camera, record.stamp.n) for record in self.records)


class ShelfSink:
    """An `OffsetSink` that is not idempotent, so that what is written twice shows."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._epochs: dict[TopicPartition, int] = {}

    def claim(self, places: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        shelf = self._reached()
        for place in places:
            self._epochs[place] = shelf.epochs[place] = shelf.epochs.get(place, 0) + 1
        return {place: shelf.offsets[place] for place in places if place in shelf.offsets}

    def write(self, records: Sequence[Record[Any]], offsets: Mapping[TopicPartition, int] | None = None) -> None:
        self._shelf.writes.append(len(records))
        shelf = self._reached()
        for place in offsets or {}:
            if self._epochs.get(place) != shelf.epochs.get(place):
                raise BusUnavailable(f"another sink has taken over {place}", retry_after_s=0.01)
        shelf.records += records
        shelf.offsets |= offsets or {}

    def close(self) -> None:
        return

    def _reached(self) -> Shelf:
        if self._shelf.away:
            raise SinkUnavailable("the shelf is out of reach", retry_after_s=0.01)
        return self._shelf
