"""The table of topics that records travel on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.core.ports import TopicSpec
from pipeline.core.values import (
    DeadLetter,
    Detections,
    Event,
    Frame,
    Measures,
    Motions,
    Poses,
    Tracks,
    Transition,
)

PARTITIONS = 24
"""Of every topic keyed by camera; a camera's partition is camera_no % PARTITIONS."""

CAMERAS = "cameras"
"""The compacted topic of the cameras, in the partitions of their frames."""

CAMERA_STATUS = "camera-status"
"""The compacted topic of how live cameras are."""

MIB = 2**20


@dataclass(frozen=True)
class Topic:
    """A topic of records.

    Attributes:
        schema: Name of its Avro schema.
        value: Class of what it carries beside dropped frames and ticks.
        per_frame: It gets exactly one record a frame.
        pixels: Its records hold pixels.
        max_bytes: In memory: bound of what waits in one partition. Where writer and reader share a thread it has to
            be far above what one step writes (64 records), or the thread would wait for itself.
    """

    name: str
    schema: str
    value: type
    per_frame: bool = True
    pixels: bool = False
    max_bytes: int = 64 * MIB


TOPICS: Mapping[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic("frames", "frame", Frame, pixels=True, max_bytes=16 * MIB),
        Topic("detections", "detections", Detections, pixels=True, max_bytes=16 * MIB),
        Topic("poses", "poses", Poses),
        Topic("tracks", "tracks", Tracks),
        Topic("motions", "motions", Motions),
        Topic("measures", "measures", Measures),
        Topic("events", "event", Event, per_frame=False),
        Topic("alerts", "transition", Transition, per_frame=False),
        Topic("dead-letters", "dead_letter", DeadLetter, per_frame=False),
    )
}

STORED = ("motions", "measures", "events", "alerts", "dead-letters")
"""Topics that end in the database."""

REPLAYED = ("poses",)
"""Topics that are written although the next stage gets them by hand: a replay of the live run starts from them."""


@dataclass(frozen=True)
class Retention:
    """How long records stay on a broker, and how many bytes a partition may hold, whichever is reached first.

    Attributes:
        s, bytes: Of topics without pixels.
        pixels_s, pixel_bytes: Of topics with pixels.
    """

    s: int = 3 * 86400
    bytes: int = 128 * MIB
    pixels_s: int = 300
    pixel_bytes: int = 128 * MIB


def max_message_bytes(topic: Topic) -> int:
    """Bound of key, value and headers of a message on a broker."""
    return (5 if topic.pixels else 1) * MIB


def embedded_topics() -> list[TopicSpec]:
    """The topics of an embedded run: what every reader has taken is freed."""
    return [
        TopicSpec(topic.name, PARTITIONS, pixels=topic.pixels, max_bytes=topic.max_bytes, transient=True)
        for topic in TOPICS.values()
    ]
