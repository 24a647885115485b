"""The doors to the world outside: bus, state store, sink, source, codec; each has a suite in tests/contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pipeline.core.records import Record

Headers = tuple[tuple[str, bytes], ...]


class TopicPartition(NamedTuple):
    """A partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic is kept.

    Attributes:
        partitions: Number of partitions.
        compacted: Only the last value of each key is kept; a None value removes the key.
        pixels: Values hold pixels: minutes of retention, and dead letters keep a hash instead of the content.
        max_bytes: Bound of unread bytes a partition; a bus in memory blocks the producer there. None: no bound.
        max_message_bytes: Bound of key, value and headers of one record; `send` refuses a larger one. None: no bound.
        retention_bytes: A partition drops its oldest records, read or not, to stay below it. None: no bound.
        transient: A bus in memory may drop what all groups have committed (see `MemoryBus.expect`).
    """

    name: str
    partitions: int = 1
    compacted: bool = False
    pixels: bool = False
    max_bytes: int | None = None
    max_message_bytes: int | None = None
    retention_bytes: int | None = None
    transient: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record on its way to the bus.

    Attributes:
        attachment: Pixels handed on by reference; only a bus within the process takes them.
    """

    topic: str
    partition: int
    key: bytes
    value: bytes | None
    headers: Headers = ()
    attachment: Any = None


@dataclass(frozen=True, slots=True)
class BusRecord:
    """A record as it lies on the bus."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes | None
    headers: Headers = ()
    attachment: Any = None

    @property
    def place(self) -> TopicPartition:
        """The partition it lies in."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought. Changes of the assignment happened before the records.

    Attributes:
        revoked: Partitions no longer ours: forget their state, do not checkpoint.
        assigned: Partitions newly ours: load their state before their records.
    """

    records: Sequence[BusRecord] = ()
    revoked: frozenset[TopicPartition] = frozenset()
    assigned: frozenset[TopicPartition] = frozenset()


class Producer(Protocol):
    """Sends records; a send may fail later."""

    def send(self, outgoing: Outgoing) -> None:
        """Queue one record, in order within its partition.

        Raises ConfigError for an unknown topic or partition, InvalidRecord for a record that the topic does not take
        (too large, or no key where it is compacted); after either the producer is as good as before.
        """
        ...

    def flush(self, timeout_s: float) -> None:
        """Wait for all sends. Raises BusUnavailable if any since the last flush failed; build a new one then."""
        ...

    def close(self) -> None:
        """Give up what was not flushed."""
        ...


class Consumer(Protocol):
    """Reads the partitions that its group gives it."""

    def poll(self, timeout_s: float, max_records: int = 500) -> Polled:
        """Records that are at hand, in order within a partition; waits for the first at most `timeout_s`."""
        ...

    def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """The next offset to read, for whoever gets the partition next. Raises BusUnavailable when no longer ours."""
        ...

    def committed(self, place: TopicPartition) -> int | None:
        """The group's committed offset, or None."""
        ...

    def seek(self, place: TopicPartition, offset: int) -> None:
        """Read on from `offset`."""
        ...

    def pause(self, places: frozenset[TopicPartition]) -> None:
        """Poll gives nothing of these until `resume`."""
        ...

    def resume(self, places: frozenset[TopicPartition]) -> None:
        """Undo `pause`."""
        ...

    def generation(self) -> int:
        """Grows with each rebalance of the group."""
        ...

    def lag(self) -> Mapping[TopicPartition, int]:
        """Records not yet polled, of each partition that is ours."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class Bus(Protocol):
    """Partitioned, ordered, durable topics. A group that never committed begins at the earliest record."""

    def ensure(self, specs: Sequence[TopicSpec]) -> None:
        """Make the topics that are missing. Raises ConfigError where one exists with another partition count."""
        ...

    def topic_id(self, topic: str) -> str:
        """Identity of the topic: another one after it was deleted and made anew."""
        ...

    def delete(self, topic: str) -> None:
        """Remove the topic, its records and what groups committed on it. Raises ConfigError for an unknown topic."""
        ...

    def producer(self, client: str) -> Producer:
        """A new producer."""
        ...

    def consumer(self, client: str, group: str, topics: Sequence[str]) -> Consumer:
        """A new member of the group. Raises ConfigError for an unknown topic."""
        ...

    def read(self, topic: str, partitions: frozenset[int]) -> Iterator[BusRecord]:
        """What lies in these partitions, from the earliest up to the end at the first call; outside of any group.

        In order within a partition. Raises ConfigError for an unknown topic or partition.
        """
        ...

    def close(self) -> None:
        """Whoever waits for it, now or later, gets BusUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State of one stage and key, and how far in its inputs it goes.

    Attributes:
        partition: Of the camera, in every topic keyed by camera.
        topic_ids: Identity of each input topic; under another one the offsets mean nothing and the state is kept.
        generation: Of the consumer group when it was taken. Loaders take the highest (generation, offsets).
        offsets: The next offset of each input partition that holds this key.
        content: The state and the numbering, encoded.
    """

    stage: str
    key: str
    partition: int
    topic_ids: Mapping[str, str]
    generation: int
    offsets: Mapping[TopicPartition, int]
    content: bytes


class StateStore(Protocol):
    """Keeps the latest snapshot of each stage and key."""

    def load(self, stage: str, partitions: frozenset[int]) -> Mapping[str, Snapshot]:
        """Latest snapshot of each key whose camera lies in these partitions."""
        ...

    def save(self, snapshots: Sequence[Snapshot]) -> None:
        """Durable when it returns. Raises BusUnavailable or SinkUnavailable."""
        ...


class Sink(Protocol):
    """Takes records to where they rest. Idempotent: the same records twice leave the same rows once."""

    def write(self, records: Sequence[Record[Any]]) -> None:
        """All or nothing. Raises SinkUnavailable to be called again with the same records."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source of one camera has been read: enough to go on exactly there.

    Attributes:
        session: Of the connection.
        seq: The next frame's number.
        last_captured_at_us: Event time of the last frame, 0 before the first.
        fingerprint: Of the source's content (`SourceInfo.fingerprint`).
        finished: The source has ended and all of it is in.
    """

    session: int
    seq: int
    last_captured_at_us: int
    fingerprint: str
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """A consistent cut of one camera's run: where its source stood, the stages' states there, all rows up to it."""

    run: int
    camera_no: int
    number: int
    position: Position
    snapshots: Mapping[str, bytes]
    records: Sequence[Record[Any]] = field(default=())


class CutStore(Protocol):
    """Keeps cuts: rows, states and position in one transaction."""

    def load(self, run: int, camera_no: int) -> Cut | None:
        """The last cut of this camera, without its records."""
        ...

    def commit(self, cut: Cut) -> None:
        """All or nothing. Raises SinkUnavailable to be called again with the same cut."""
        ...


class Encoded(NamedTuple):
    """A record as bytes, with what travels beside them."""

    value: bytes
    attachment: Any


class RecordCodec(Protocol):
    """Records to bytes and back."""

    def encode(self, record: Record[Any]) -> Encoded:
        """The record as bytes; pixels may be put into the attachment."""
        ...

    def decode(self, value: bytes, attachment: Any = None) -> Record[Any]:
        """Raises DecodeError, SchemaError."""
        ...


class StateCodec(Protocol):
    """States of stages to bytes and back."""

    def encode(self, state: Any) -> bytes:
        """The state as bytes."""
        ...

    def decode(self, content: bytes) -> Any:
        """Raises StateError."""
        ...


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        seq: Its number in the source, from 0, without holes.
        pts_us: Microseconds since the source began; strictly grows.
        pixels: (H, W, 3) uint8, BGR.
    """

    seq: int
    pts_us: int
    pixels: Any


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before its pictures are read.

    Attributes:
        fingerprint: The same content has the same fingerprint, wherever it lies.
        frames: Number of pictures if known, for the progress display only.
        fps: Nominal pictures a second.
    """

    name: str
    kind: str
    fingerprint: str
    width: int
    height: int
    fps: float
    frames: int | None


class Source(Protocol):
    """Something that gives pictures again and again: picture k is a function of (source, k) alone."""

    @property
    def info(self) -> SourceInfo:
        """What is known before reading. Raises SourceError."""
        ...

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """All pictures from number `start` on. Raises SourceError, after what can be read before the damage."""
        ...
