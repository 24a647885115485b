"""Snapshots in a compacted topic of a stage, on any bus.

A record's value is the snapshot's content, its header says how far it goes, its key is `<key>@<generation>`. With the
generation in the key, compaction never lets the late snapshot of a worker that lost its partition take the place of the
newer one; a worker's first snapshot of a generation sends tombstones for the older ones.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from pipeline.core.errors import BusUnavailable, ConfigError, StateError
from pipeline.core.ports import Bus, BusRecord, Outgoing, Producer, Snapshot, TopicPartition
from pipeline.state.rank import rank

_HEADER = "snapshot"


class ChangelogStore:
    """Keeps snapshots in the changelogs of stages. Each worker has its own.

    Args:
        bus: Holds the changelogs; they exist, with as many partitions as the stages' input topics.
        client: Name of the worker.
        topics: Changelog of each stage, a compacted topic.
        flush_timeout_s: How long a save may take before it is given up with BusUnavailable.
    """

    def __init__(self, bus: Bus, client: str, topics: Mapping[str, str], *, flush_timeout_s: float = 10.0) -> None:
        self._bus = bus
        self._client = client
        self._topics = dict(topics)
        self._flush_timeout_s = flush_timeout_s
        self._producer: Producer | None = None
        # Generations in the log of each stage and key, as far as this worker knows.
        self._generations: dict[tuple[str, str], set[int]] = defaultdict(set)

    def load(self, stage: str, partitions: frozenset[int]) -> Mapping[str, Snapshot]:
        """Latest snapshot of each key whose camera lies in these partitions. Raises StateError."""
        latest: dict[str, Snapshot] = {}
        generations: dict[tuple[str, str], set[int]] = defaultdict(set)
        for snapshot in self._living(stage, partitions):
            generations[stage, snapshot.key].add(snapshot.generation)
            kept = latest.get(snapshot.key)
            if kept is None or rank(snapshot) >= rank(kept):
                latest[snapshot.key] = snapshot
        self._generations.update(generations)
        return latest

    def save(self, snapshots: Sequence[Snapshot]) -> None:
        """Durable when it returns. Raises BusUnavailable; some may be durable even then."""
        if self._producer is None:
            self._producer = self._bus.producer(f"{self._client}-changelog")
        producer = self._producer
        try:
            for snapshot in snapshots:
                for outgoing in self._records(snapshot):
                    producer.send(outgoing)
            producer.flush(self._flush_timeout_s)
        except BusUnavailable:
            producer.close()
            self._producer = None
            raise
        for snapshot in snapshots:
            known = self._generations[snapshot.stage, snapshot.key]
            known.difference_update(_older(known, snapshot))
            known.add(snapshot.generation)

    def close(self) -> None:
        """Let the producer go."""
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    def _living(self, stage: str, partitions: frozenset[int]) -> Iterator[Snapshot]:
        """The last snapshot of each key and generation, in the order of the log."""
        living: dict[bytes, BusRecord] = {}
        for record in self._bus.read(self._topic(stage), partitions):
            living.pop(record.key, None)
            if record.value is not None:
                living[record.key] = record
        for record in living.values():
            yield _snapshot(stage, record)

    def _records(self, snapshot: Snapshot) -> Iterator[Outgoing]:
        """The snapshot, then tombstones for those of older generations: same partition, so never in another order."""
        topic = self._topic(snapshot.stage)
        header = json.dumps(
            {
                "topic_ids": dict(snapshot.topic_ids),
                "offsets": [[place.topic, place.partition, offset] for place, offset in snapshot.offsets.items()],
            }
        ).encode()
        yield Outgoing(
            topic,
            snapshot.partition,
            _key(snapshot.key, snapshot.generation),
            snapshot.content,
            ((_HEADER, header),),
        )
        for generation in sorted(_older(self._generations[snapshot.stage, snapshot.key], snapshot)):
            yield Outgoing(topic, snapshot.partition, _key(snapshot.key, generation), None)

    def _topic(self, stage: str) -> str:
        if stage not in self._topics:
            raise ConfigError(f"no changelog for the stage {stage}", hint=f"there are: {', '.join(self._topics)}")
        return self._topics[stage]


def _older(generations: set[int], snapshot: Snapshot) -> set[int]:
    return {generation for generation in generations if generation < snapshot.generation}


def _key(key: str, generation: int) -> bytes:
    return f"{key}@{generation}".encode()


def _snapshot(stage: str, record: BusRecord) -> Snapshot:
    """The snapshot that the record holds. Raises StateError."""
    try:
        key, generation = record.key.decode().rsplit("@", 1)
        header = json.loads(dict(record.headers)[_HEADER])
        return Snapshot(
            stage=stage,
            key=key,
            partition=record.partition,
            topic_ids=dict(header["topic_ids"]),
            generation=int(generation),
            offsets={TopicPartition(topic, partition): offset for topic, partition, offset in header["offsets"]},
            content=record.value or b"",
        )
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{record.topic}/{record.partition} at {record.offset}: no snapshot, but a record with the key "
            f"{record.key!r}: {error!r}",
            hint="only workers of posebus may write to a changelog: delete the topic to begin anew",
        ) from error
