"""The table of topics and stages, and how they are wired: the only place that knows all stages by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.config import Config
from pipeline.config.exercises import load_exercises
from pipeline.core.driver import Driver, Input, Output
from pipeline.core.numbering import Count, Progress, count_nothing
from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.core.ports import Bus, RecordCodec, TopicSpec
from pipeline.core.types import U8
from pipeline.core.values import (
    DeadLetter,
    Detections,
    Event,
    Frame,
    Image,
    Measures,
    Motions,
    Poses,
    Tracks,
    Transition,
)
from pipeline.runners.embedded.collect import COLLECT_GROUP
from pipeline.runners.embedded.loop import group_of
from pipeline.runners.embedded.run import Pipeline
from pipeline.video.jpeg import packed, pixels
from stages.alert import AlertStage, AlertState
from stages.analyze import AnalyzeStage, AnalyzeState
from stages.detect import DetectStage, DetectState
from stages.ingest import IngestStage, IngestState
from stages.pose import PoseStage, PoseState
from stages.smooth import SmoothStage, SmoothState
from stages.track import TrackStage, TrackState

PARTITIONS = 24
"""Of every topic keyed by camera; a camera's partition is camera_no % PARTITIONS."""

_MIB = 2**20


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
    max_bytes: int = 64 * _MIB


TOPICS: Mapping[str, Topic] = {
    topic.name: topic
    for topic in (
        Topic("frames", "frame", Frame, pixels=True, max_bytes=16 * _MIB),
        Topic("detections", "detections", Detections, pixels=True, max_bytes=16 * _MIB),
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


@dataclass(frozen=True)
class Parts:
    """What stages need from outside.

    Attributes:
        detector, estimator: The models; each is used by one stage only.
        pixels: Gives the pixels of an image.
    """

    detector: PersonDetector
    estimator: PoseEstimator
    pixels: Callable[[Image], U8] = pixels


@dataclass(frozen=True)
class StageRow:
    """A stage and its place.

    Attributes:
        reads: Topics; none for ingest, which reads a camera.
        writes: Topics.
        state: Class of its state.
        build: Makes the stage.
    """

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    state: type
    build: Callable[[Config, Parts], Any]


STAGES: Mapping[str, StageRow] = {
    row.name: row
    for row in (
        StageRow("ingest", (), ("frames",), IngestState, lambda config, _: IngestStage(config.ingest)),
        StageRow(
            "detect",
            ("frames",),
            ("detections",),
            DetectState,
            lambda config, parts: DetectStage(config.detect, parts.detector, parts.pixels),
        ),
        StageRow(
            "pose",
            ("detections",),
            ("poses",),
            PoseState,
            lambda config, parts: PoseStage(config.pose, parts.estimator, parts.pixels),
        ),
        StageRow("track", ("poses",), ("tracks",), TrackState, lambda config, _: TrackStage(config.track)),
        StageRow("smooth", ("tracks",), ("motions",), SmoothState, lambda config, _: SmoothStage(config.smooth)),
        StageRow(
            "analyze",
            ("motions",),
            ("measures", "events"),
            AnalyzeState,
            lambda config, _: AnalyzeStage(
                config.analyze,
                load_exercises(config.analyze.exercises),
                {name: camera.scene for name, camera in config.cameras.items()},
            ),
        ),
        StageRow("alert", ("measures",), ("alerts",), AlertState, lambda config, _: AlertStage(config.alert)),
    )
}

EMBEDDED_THREADS = (("detect",), ("pose",), ("track", "smooth", "analyze", "alert"))
"""Stages that share a thread in an embedded run: each model has one of its own, arithmetic shares one."""


class Topology:
    """Builds drivers, codecs and topics out of the tables.

    Args:
        config: Options of the stages.
        parts: Models and the like; not needed for codecs and topics alone.
        strict: Pixels are packed into the bytes, as they are between processes; else they travel by reference.
        count: Called for records left out, holes and dead letters.
    """

    def __init__(
        self, config: Config, parts: Parts | None, *, strict: bool = False, count: Count = count_nothing
    ) -> None:
        self._config = config
        self._parts = parts
        self._count = count
        self._book = SchemaBook()
        self._codecs: dict[str, RecordCodec] = {
            topic.name: AvroCodec(self._book, topic.schema, packed if strict else None) for topic in TOPICS.values()
        }

    def codec(self, topic: str) -> RecordCodec:
        """The codec of a topic."""
        return self._codecs[topic]

    def driver(self, stage: str) -> Driver:
        """A new driver of a stage."""
        row = STAGES[stage]
        if self._parts is None:
            raise ValueError("a topology without parts has codecs only")
        return Driver(
            stage,
            row.build(self._config, self._parts),
            inputs=[Input(topic, self._codecs[topic], TOPICS[topic].pixels) for topic in row.reads],
            outputs=[self._output(topic) for topic in row.writes],
            states=AvroStateCodec(self._book, stage, row.state),
            progress=AvroStateCodec(self._book, "progress", Progress),
            dead_letters=self._output("dead-letters"),
            partitions=PARTITIONS,
            count=self._count,
        )

    def embedded(self, bus: Bus) -> Pipeline:
        """All stages on a bus in memory."""
        return Pipeline(
            bus=bus,
            ingest=lambda: self.driver("ingest"),
            frames=STAGES["ingest"].writes[0],
            threads=[[self.driver(stage) for stage in thread] for thread in EMBEDDED_THREADS],
            stored={topic: self._codecs[topic] for topic in STORED},
            unmarked=("dead-letters",),
            partitions=PARTITIONS,
        )

    def _output(self, topic: str) -> Output:
        entry = TOPICS[topic]
        return Output(topic, self._codecs[topic], entry.value, entry.per_frame)


def embedded_topics() -> list[TopicSpec]:
    """The topics of an embedded run: what every reader has taken is freed."""
    return [
        TopicSpec(topic.name, PARTITIONS, pixels=topic.pixels, max_bytes=topic.max_bytes, transient=True)
        for topic in TOPICS.values()
    ]


def embedded_groups() -> Mapping[str, Sequence[str]]:
    """Who reads each topic of an embedded run."""
    return {
        topic: [group_of(row.name) for row in STAGES.values() if topic in row.reads]
        + ([COLLECT_GROUP] if topic in STORED else [])
        for topic in TOPICS
    }
