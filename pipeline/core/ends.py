"""The topics at both ends of a stage."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.core.ports import RecordCodec


@dataclass(frozen=True, slots=True)
class Input:
    """A topic that a stage reads.

    Attributes:
        codec: Of its records.
        pixels: Its records hold pixels: dead letters keep a hash of them only.
    """

    topic: str
    codec: RecordCodec
    pixels: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """A topic that a stage writes.

    Attributes:
        codec: Of its records.
        value: Class of the values that go there.
        per_frame: It gets exactly one record a frame: dropped frames and ticks pass through to it.
        max_bytes: A larger value is not sent: its frame lives on as a dropped one. None: no bound.
    """

    topic: str
    codec: RecordCodec
    value: type
    per_frame: bool = False
    max_bytes: int | None = None
