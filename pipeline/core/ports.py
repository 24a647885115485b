"""The doors to the world outside: bus, state store, sink, source, codec; each has a suite in tests/contract."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from pipeline.core.cameras import DEADLINE_MS
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
        retention_s: Records older than that may be dropped, read or not. None: they stay.
        transient: A bus in memory may drop what all groups have committed (see `MemoryBus.expect`).
    """

    name: str
    partitions: int = 1
    compacted: bool = False
    pixels: bool = False
    max_bytes: int | None = None
    max_message_bytes: int | None = None
    retention_bytes: int | None = None
    retention_s: int | None = None
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


HANDED_ON = -1
"""Offset of a record that never lay on a bus: one stage handed it to its neighbour in the same process."""


@dataclass(frozen=True, slots=True)
class BusRecord:
    """A record as it lies on the bus, or with the offset `HANDED_ON` as if it did."""

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
        generation: How often the partition has changed hands when it was taken. Loaders take the highest
            (generation, offsets).
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


class OffsetSink(Sink, Protocol):
    """A sink that keeps the offsets of what it took in the same transaction: after any crash they say what is in."""

    def claim(self, places: frozenset[TopicPartition]) -> Mapping[TopicPartition, int]:
        """From now on these are ours: whoever had them before can write no more. Gives where to read each on.

        A place never written is left out. Raises SinkUnavailable.
        """
        ...

    def write(self, records: Sequence[Record[Any]], offsets: Mapping[TopicPartition, int] | None = None) -> None:
        """All or nothing, the next offset to read of each place with it.

        Raises SinkUnavailable to be called again with the same records, BusUnavailable when another one has claimed a
        place since: nothing was written, read on from what the next `claim` says.
        """
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


CameraState = Literal["connecting", "live", "stalled", "waiting", "unauthorized", "failed", "paused"]
"""connecting: asked for pictures for the first time, none yet; live: they come; stalled: they stopped coming; waiting:
lost, tried again soon; unauthorized: wrong user or password, tried again seldom; failed: it answers, but not with
pictures (no such path, no codec), tried again; paused: by the user."""


class LivePicture(NamedTuple):
    """A picture of a live camera.

    Attributes:
        connection: Number of the connection it came over; grows with each one, from 1 in each process.
        seq: Its number in the connection, from 0, without holes; pictures beyond the wished rate have none.
        arrived_at_us: When it arrived by our clock, microseconds since the epoch.
        captured_at_us: When it was taken by the camera's clock (RTCP sender report); None where it does not say.
            As it came: see `EventClock` for the time that frames get.
        media_us: Its time on the stream's own clock, counted from anywhere; None where it has none. Only differences
            within one connection mean anything.
        pixels: (H, W, 3) uint8 BGR; None for a picture that was overwritten by newer ones before it was taken.
        suspect: Parts of it may be damaged: it must neither start nor end an event.
    """

    connection: int
    seq: int
    arrived_at_us: int
    captured_at_us: int | None
    media_us: int | None
    pixels: Any
    suspect: bool


class CameraChange(NamedTuple):
    """A live camera is in another state now, or in the same one for another reason.

    Attributes:
        reason: Why, one short sentence without a password; empty for `live`.
        at_us: When by our clock, microseconds since the epoch.
        retry_in_s: When it is tried again, None where nothing is waited for.
    """

    state: CameraState
    reason: str
    at_us: int
    retry_in_s: float | None = None


class LiveCamera(Protocol):
    """A camera that is read as long as it is not closed, whatever happens to it. For one thread at a time."""

    def take(self, timeout_s: float) -> Sequence[LivePicture | CameraChange]:
        """What came since the last call, in order; waits for the first at most `timeout_s`. Raises nothing.

        Call it at least twice a second: the camera's stall clock runs in it.
        """
        ...

    def close(self) -> None:
        """Stop reading and leave nothing behind."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LiveSource:
    """A live camera as something that can be run: it has no end, and cannot be read again.

    Attributes:
        info: Of its pictures; sizes and rate are 0 as long as it was not opened.
        open: Begins to read it.
        deadline_us: Pictures that have waited longer than this since they arrived are dropped.
        weight: Its share of the models' time beside other live cameras.
    """

    info: SourceInfo
    open: Callable[[], LiveCamera]
    deadline_us: int = DEADLINE_MS * 1000
    weight: float = 1.0
