"""Small real stages and builders that tests of drivers and runners share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.core.driver import Driver
from pipeline.core.ends import Input, Output
from pipeline.core.errors import InvalidRecord
from pipeline.core.numbering import Progress
from pipeline.core.ports import BusRecord
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.values import DeadLetter, Motions, Poses, Tracks
from tests.samples import stamp

BOOK = SchemaBook()
PARTITIONS = 4


@dataclass(slots=True)
class CounterState:
    seen: int = 0


class CounterStates:
    """The state as text; what the driver needs of a codec."""

    def encode(self, state: CounterState) -> bytes:
        return str(state.seen).encode()

    def decode(self, content: bytes) -> CounterState:
        return CounterState(int(content))


class CountingStage:
    """Gives everyone the number of frames seen so far as identity; refuses frames of width 13."""

    def initial_state(self, camera: str) -> CounterState:
        return CounterState()

    def step(self, state: CounterState, record: Record[Poses]) -> tuple[CounterState, Sequence[Tracks]]:
        if record.value.width == 13:
            raise InvalidRecord("a width of 13")
        state = CounterState(state.seen + 1)
        ids = np.full(len(record.value), state.seen, dtype=np.int64)
        return state, [Tracks(record.value, ids)]

    def tick(self, state: CounterState, record: Record[Tick]) -> tuple[CounterState, Sequence[Tracks]]:
        return state, []


class AddingStage:
    """Adds to each identity a hundred times the number of frames that it has seen itself."""

    def initial_state(self, camera: str) -> CounterState:
        return CounterState()

    def step(self, state: CounterState, record: Record[Tracks]) -> tuple[CounterState, Sequence[Motions]]:
        state = CounterState(state.seen + 1)
        tracks = record.value
        flags = np.zeros(tracks.poses.keypoint_score.shape, dtype=np.uint8)
        return state, [Motions(tracks.poses, tracks.track_id + 100 * state.seen, flags)]

    def tick(self, state: CounterState, record: Record[Tick]) -> tuple[CounterState, Sequence[Motions]]:
        return state, []


POSES, TRACKS, LETTERS = AvroCodec(BOOK, "poses"), AvroCodec(BOOK, "tracks"), AvroCodec(BOOK, "dead_letter")


def driver(
    stage: Any = None,
    *,
    pixels: bool = False,
    limit: int = 100,
    counts: list[str] | None = None,
    whole: bool = False,
    once: bool = False,
) -> Driver:
    return Driver(
        "track",
        stage or CountingStage(),
        inputs=[Input("poses", POSES, pixels)],
        outputs=[Output("tracks", TRACKS, Tracks, per_frame=True)],
        states=CounterStates(),
        progress=AvroStateCodec(BOOK, "progress", Progress),
        dead_letters=Output("dead-letters", LETTERS, DeadLetter),
        partitions=PARTITIONS,
        count=lambda name, _: counts.append(name) if counts is not None else None,
        whole=whole,
        once=once,
        dead_letter_limit=limit,
    )


MOTIONS = AvroCodec(BOOK, "motions")


def next_driver() -> Driver:
    """Of a stage that reads what `driver` writes."""
    return Driver(
        "smooth",
        AddingStage(),
        inputs=[Input("tracks", TRACKS)],
        outputs=[Output("motions", MOTIONS, Motions, per_frame=True)],
        states=CounterStates(),
        progress=AvroStateCodec(BOOK, "progress", Progress),
        dead_letters=Output("dead-letters", LETTERS, DeadLetter),
        partitions=PARTITIONS,
    )


def on_bus(value: Any, n: int, *, offset: int | None = None, **of_stamp: Any) -> BusRecord:
    mark: Stamp = stamp(n, **of_stamp)
    content = POSES.encode(Record(mark, value)).value
    return BusRecord(
        "poses", mark.camera_no % PARTITIONS, n if offset is None else offset, mark.camera.encode(), content
    )
