"""The driver: everything that a runner does around a stage that is not I/O.

It decodes, leaves out what was taken before, calls the stage, numbers and encodes what comes out, turns invalid records
into dead letters, and keeps the state of each camera for snapshots. Runners move bytes between it and a bus.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.core.burial import Burial
from pipeline.core.ends import Input, Output
from pipeline.core.errors import InvalidRecord
from pipeline.core.headers import headers_of
from pipeline.core.numbering import Count, Progress, count_nothing
from pipeline.core.ports import HANDED_ON, BusRecord, Outgoing, Snapshot, StateCodec, TopicPartition
from pipeline.core.records import Dropped, Record, Stamp, Tick
from pipeline.core.stage import ModelStage, StretchStage
from pipeline.core.stretches import stretches

_MAX_KEY_BYTES = 255
"""Names of cameras have 63 letters at most."""


@dataclass(slots=True)
class _Camera:
    state: Any
    progress: Progress
    partition: int
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    touched: bool = False
    unread: int = 0
    """Records since the last one taken that could not be read."""


_Work = tuple[_Camera, Record[Any], BusRecord | None]

_LONGEST_STRETCH = 64
"""Records that a stage takes at once: with more of them arrays leave the cache, and little is gained."""


class Driver:
    """Runs one stage over the records of many cameras.

    Args:
        name: Of the stage.
        stage: A KeyedStage, a StretchStage or a ModelStage.
        inputs, outputs: Topics and codecs.
        states: Codec of the stage's state.
        progress: Codec of `Progress`.
        dead_letters: Where invalid records go.
        partitions: Of every topic keyed by camera; a camera's partition is camera_no % partitions.
        count: Called for records left out, holes and dead letters.
        late: Whether a frame with this stamp is too old to work on; it lives on as a dropped one. None: none is.
        whole: Nothing of a recording may be missing on its topics: what is, will be sent again.
        once: What is sent again of a recording is left out, where it was taken; else the stage begins anew with it.
        dead_letter_limit: So many invalid records in a row stop the stage.
    """

    def __init__(
        self,
        name: str,
        stage: Any,
        *,
        inputs: Sequence[Input],
        outputs: Sequence[Output],
        states: StateCodec,
        progress: StateCodec,
        dead_letters: Output,
        partitions: int,
        count: Count = count_nothing,
        late: Callable[[Stamp], bool] | None = None,
        whole: bool = False,
        once: bool = False,
        dead_letter_limit: int = 100,
    ) -> None:
        self.name = name
        self._stage = stage
        self._batched: ModelStage[Any, Any, Any, Any, Any] | None = stage if isinstance(stage, ModelStage) else None
        self._at_once: StretchStage[Any, Any, Any] | None = stage if isinstance(stage, StretchStage) else None
        self._inputs = {entry.topic: entry for entry in inputs}
        self._outputs = {entry.value: entry for entry in outputs}
        self._per_frame = [entry for entry in outputs if entry.per_frame]
        self._states = states
        self._progress = progress
        self._burial = Burial(name, dead_letters, dead_letter_limit, count)
        self._partitions = partitions
        self._count = count
        self._late = late
        self._whole = whole
        self._once = once
        self._cameras: dict[str, _Camera] = {}

    @property
    def topics(self) -> list[str]:
        """The topics that it reads."""
        return list(self._inputs)

    @property
    def output_topics(self) -> list[str]:
        """The topics that it writes, dead letters left out."""
        return [entry.topic for entry in self._outputs.values()]

    def feed(self, records: Sequence[BusRecord], given_up: Container[int] = ()) -> list[Outgoing]:
        """Take records off the bus, in order within each partition, and give what has to be sent, in order.

        Args:
            records: Of its topics.
            given_up: Places in `records` of frames that live on as dropped ones: they would be too late.

        Raises DeadLetterLimit, ModelError, StateError.
        """
        out: list[Outgoing] = []
        work: list[_Work] = []
        for place, raw in enumerate(records):
            accepted = self._accept(raw, out, given_up=place in given_up)
            if accepted is None:
                continue
            item, anew = accepted
            if anew:
                self._run(work, out)
                work.clear()
                item[0].state = self._stage.initial_state(raw.key.decode())
            work.append(item)
        self._run(work, out)
        return out

    def feed_values(self, records: Sequence[Record[Any]]) -> list[Outgoing]:
        """The same for records that were never on a bus, as a camera's pictures are."""
        out: list[Outgoing] = []
        work: list[_Work] = []
        for record in records:
            held = self._camera(record.stamp.camera, record.stamp.camera_no % self._partitions)
            held.touched = True
            work.append((held, record, None))
        self._run(work, out)
        return out

    # -- state -------------------------------------------------------------------------------------------------------

    def content(self, camera: str, camera_no: int) -> bytes:
        """State and numbering of one camera, for a snapshot."""
        held = self._camera(camera, camera_no % self._partitions)
        progress = held.progress
        return self._progress.encode(replace(progress, state=self._states.encode(held.state)))

    def restore(self, camera: str, partition: int, content: bytes) -> None:
        """Take up what `content` gave. Raises StateError."""
        progress = self._progress.decode(content)
        self._cameras[camera] = _Camera(self._states.decode(progress.state), progress, partition)

    def snapshots(self, topic_ids: Mapping[str, str], epochs: Mapping[int, int]) -> list[Snapshot]:
        """A snapshot of each camera that got a record since the last call.

        Args:
            topic_ids: Identity of each input topic.
            epochs: Of each partition, how often it has changed hands: `Snapshot.generation`.
        """
        touched = [(name, held) for name, held in self._cameras.items() if held.touched]
        for _, held in touched:
            held.touched = False
        return [
            Snapshot(
                stage=self.name,
                key=name,
                partition=held.partition,
                topic_ids=topic_ids,
                generation=epochs.get(held.partition, 0),
                offsets=dict(held.offsets),
                content=self.content(name, held.partition),
            )
            for name, held in touched
        ]

    def restore_snapshot(self, snapshot: Snapshot, topic_ids: Mapping[str, str]) -> None:
        """Take up a snapshot; its offsets count only for the very topics that they were taken on."""
        self.restore(snapshot.key, snapshot.partition, snapshot.content)
        self._cameras[snapshot.key].offsets = {
            place: offset
            for place, offset in snapshot.offsets.items()
            if snapshot.topic_ids.get(place.topic) == topic_ids.get(place.topic)
        }

    def forget(self, partitions: Iterable[int]) -> None:
        """Drop the state of all cameras in these partitions: they belong to another worker now."""
        gone = set(partitions)
        self._cameras = {name: held for name, held in self._cameras.items() if held.partition not in gone}

    # -- one record --------------------------------------------------------------------------------------------------

    def _camera(self, name: str, partition: int) -> _Camera:
        held = self._cameras.get(name)
        if held is None:
            held = self._cameras[name] = _Camera(self._stage.initial_state(name), Progress(), partition)
        return held

    def _accept(self, raw: BusRecord, out: list[Outgoing], *, given_up: bool) -> tuple[_Work, bool] | None:
        """The decoded record, or None for one that was taken before or cannot be read.

        With it, whether its recording is sent again from before what the camera's state has seen.
        """
        entry = self._inputs[raw.topic]
        if len(raw.key) > _MAX_KEY_BYTES:  # no camera is named so: nothing is kept under such a key
            error = InvalidRecord(f"{raw.topic}: a key of {len(raw.key)} bytes, expected the name of a camera")
            self._bury(replace(raw, key=raw.key[:_MAX_KEY_BYTES]), None, error, out)
            return None
        name = raw.key.decode(errors="replace")
        held = self._camera(name, raw.partition)
        if raw.offset != HANDED_ON:
            place = raw.place
            if raw.offset < held.offsets.get(place, 0):
                self._count("records_skipped", self.name)
                return None
            held.offsets[place] = raw.offset + 1
        held.touched = True
        try:
            if raw.value is None:
                raise InvalidRecord(f"{raw.topic}: a record without a value")
            record = entry.codec.decode(raw.value, raw.attachment)
            stamp = record.stamp
            if stamp.camera != name or stamp.camera_no % self._partitions != raw.partition:
                raise InvalidRecord(  # it would change the state of another camera, or that of its own elsewhere
                    f"{raw.topic}: a record of {stamp.camera} ({stamp.camera_no}) under the key {name!r} "
                    f"in partition {raw.partition}"
                )
        except InvalidRecord as error:
            held.unread += 1
            self._bury(raw, None, error, out)
            return None
        verdict = held.progress.take(
            raw.topic,
            stamp,
            is_frame=not isinstance(record.value, Tick),
            whole=self._whole and raw.offset != HANDED_ON,
            once=self._once,
            unread=held.unread,
        )
        if verdict in ("repeated", "early"):
            self._count("records_skipped", self.name)
            return None
        held.unread = 0
        if verdict == "hole":
            self._count("numbering_gaps", self.name)
        if not isinstance(record.value, Dropped | Tick) and (given_up or self._is_late(record.stamp)):
            # Before the expensive work: its image is not even decoded.
            record = Record(record.stamp, Dropped(self.name, "late"))
        return (held, record, raw), verdict == "anew"

    def _is_late(self, stamp: Stamp) -> bool:
        return self._late is not None and self._late(stamp)

    def _run(self, work: Sequence[_Work], out: list[Outgoing]) -> None:
        if self._batched is not None:
            self._run_batched(self._batched, work, out)
            return
        for stretch in stretches(work, _LONGEST_STRETCH) if self._at_once is not None else ([item] for item in work):
            if not self._took_at_once(stretch, out):
                for item in stretch:
                    self._run_one(item, out)

    def _run_one(self, item: _Work, out: list[Outgoing]) -> None:
        held, record, raw = item
        if isinstance(record.value, Dropped):
            self._pass_on(held, record, out)
            return
        take = self._stage.tick if isinstance(record.value, Tick) else self._stage.step
        try:
            held.state, values = take(held.state, record)
        except InvalidRecord as error:
            self._refuse(held, record, raw, error, out)
        else:
            self._taken(held, record, values, out)

    def _took_at_once(self, stretch: Sequence[_Work], out: list[Outgoing]) -> bool:
        """Whether the stage took these records of a camera together."""
        if self._at_once is None or len(stretch) == 1:
            return False
        held = stretch[0][0]
        try:
            held.state, results = self._at_once.steps(held.state, [record for _, record, _ in stretch])
        except InvalidRecord:
            return False
        for (_, record, _), values in zip(stretch, results, strict=True):
            self._taken(held, record, values, out)
        return True

    def _run_batched(
        self, stage: ModelStage[Any, Any, Any, Any, Any], work: Sequence[_Work], out: list[Outgoing]
    ) -> None:
        """In rounds: a camera's next record is planned when its last one is folded; a round is one batch."""
        queues: dict[str, deque[_Work]] = {}
        for item in work:
            queues.setdefault(item[1].stamp.camera, deque()).append(item)
        while queues:
            planned: list[tuple[_Work, Sequence[Any]]] = []
            for item in [queue.popleft() for queue in queues.values()]:
                held, record, raw = item
                if isinstance(record.value, Dropped | Tick):
                    self._pass_on(held, record, out)
                    continue
                try:
                    planned.append((item, stage.plan(held.state, record)))
                except InvalidRecord as error:
                    self._refuse(held, record, raw, error, out)
            requests = [request for _, own in planned for request in own]
            results = stage.infer(requests) if requests else []
            start = 0
            for (held, record, raw), own in planned:
                mine, start = results[start : start + len(own)], start + len(own)
                try:
                    held.state, values = stage.fold(held.state, record, mine)
                except InvalidRecord as error:
                    self._refuse(held, record, raw, error, out)
                else:
                    self._taken(held, record, values, out)
            queues = {name: queue for name, queue in queues.items() if queue}

    def _taken(self, held: _Camera, record: Record[Any], values: Sequence[Any], out: list[Outgoing]) -> None:
        """Send what a stage made of a record. A tick goes on, behind what came of it."""
        for value in values:
            self._emit(held, self._outputs[type(value)], Record(record.stamp, value), out)
        if isinstance(record.value, Tick):
            self._pass_on(held, record, out)
        else:
            self._burial.one_was_valid()

    def _pass_on(self, held: _Camera, record: Record[Any], out: list[Outgoing]) -> None:
        for output in self._per_frame:
            self._emit(held, output, record, out)

    def _emit(self, held: _Camera, output: Output, record: Record[Any], out: list[Outgoing]) -> None:
        stamp = held.progress.number(output.topic, record.stamp)
        if stamp is not record.stamp:
            record = Record(stamp, record.value)
        value, attachment = output.codec.encode(record)
        if output.per_frame and output.max_bytes is not None and len(value) > output.max_bytes:
            # A bus refuses it each time that it is sent: the worker would never come past it.
            self._count("records_too_large", self.name)
            record = Record(stamp, Dropped(self.name, "too large"))
            value, attachment = output.codec.encode(record)
        partition = stamp.camera_no % self._partitions
        out.append(Outgoing(output.topic, partition, stamp.camera.encode(), value, headers_of(record), attachment))

    # -- invalid records ---------------------------------------------------------------------------------------------

    def _refuse(
        self, held: _Camera, record: Record[Any], raw: BusRecord | None, error: InvalidRecord, out: list[Outgoing]
    ) -> None:
        """The frame lives on as a dropped one, so that later stages see no hole."""
        if raw is not None:
            self._bury(raw, record.stamp, error, out)
        self._pass_on(held, Record(record.stamp, Dropped(self.name, "invalid")), out)

    def _bury(self, raw: BusRecord, stamp: Stamp | None, error: InvalidRecord, out: list[Outgoing]) -> None:
        out.append(self._burial.bury(raw, stamp, error, pixels=self._inputs[raw.topic].pixels))
