"""The table of stages, and how they are wired: the only place that knows all of them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from pipeline.codec.confluent import ConfluentFormat, Registry, subject_of
from pipeline.codec.records import AvroCodec
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.config import Config
from pipeline.config.exercises import load_exercises
from pipeline.core.chain import Chain
from pipeline.core.driver import Driver
from pipeline.core.ends import Input, Output
from pipeline.core.errors import ConfigError
from pipeline.core.numbering import Count, Progress, count_nothing
from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.core.ports import Bus, RecordCodec, TopicSpec
from pipeline.core.records import Stamp
from pipeline.core.types import U8
from pipeline.core.values import Image
from pipeline.own_stages import OwnStages, SpecOf
from pipeline.runners.embedded.collect import COLLECT_GROUP
from pipeline.runners.embedded.loop import group_of
from pipeline.runners.embedded.run import Pipeline
from pipeline.topics import (
    CAMERA_STATUS,
    CAMERAS,
    MIB,
    PARTITIONS,
    REPLAYED,
    STORED,
    TOPICS,
    Retention,
    Topic,
    max_message_bytes,
)
from pipeline.video.jpeg import packed, pixels
from stages.alert import AlertStage, AlertState
from stages.analyze import AnalyzeStage, AnalyzeState
from stages.detect import DetectStage, DetectState
from stages.ingest import IngestStage, IngestState
from stages.pose import PoseStage, PoseState
from stages.smooth import SmoothStage, SmoothState
from stages.track import TrackStage, TrackState

_BESIDE_VALUE = 4096
"""Bytes of a message that are left for its key and headers."""


class StageParts(Protocol):
    """What stages need from outside, made when a stage is built that needs it."""

    @property
    def detector(self) -> PersonDetector:
        """Finds people; used by one stage only."""
        ...

    @property
    def estimator(self) -> PoseEstimator:
        """Finds keypoints; used by one stage only."""
        ...

    @property
    def lighter(self) -> PoseEstimator | None:
        """Finds keypoints of frames for which less is to be done; None: `estimator` does."""
        ...

    @property
    def pixels(self) -> Callable[[Image], U8]:
        """Gives the pixels of an image."""
        ...

    @property
    def models(self) -> str:
        """What tells these models from others (`pipeline.models.identity`)."""
        ...


@dataclass(frozen=True)
class Parts:
    """What stages need from outside, all made already.

    Attributes:
        detector, estimator: The models; each is used by one stage only.
        pixels: Gives the pixels of an image.
        models: What tells these models from others.
        lighter: Takes the place of the estimator where less is to be done; None: nothing does.
    """

    detector: PersonDetector
    estimator: PoseEstimator
    pixels: Callable[[Image], U8] = pixels
    models: str = ""
    lighter: PoseEstimator | None = None


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
    build: Callable[[Config, StageParts], Any]


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
            lambda config, parts: PoseStage(config.pose, parts.estimator, parts.pixels, parts.models, parts.lighter),
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
                config.scenes,
            ),
        ),
        StageRow(
            "alert", ("measures",), ("alerts",), AlertState, lambda config, _: AlertStage(config.alert, config.scenes)
        ),
    )
}

CHANGELOGS: Mapping[str, str] = {stage: f"changelog-{stage}" for stage in STAGES}
"""The compacted topic that keeps the snapshots of each stage."""


PACING = "pose"
"""The stage that reading a recording waits for: what it lacks is sent again."""


EMBEDDED_THREADS = (("detect",), ("pose",), ("track", "smooth", "analyze", "alert"))
"""Stages that share a thread in an embedded run: each model has one of its own, arithmetic shares one."""


class Topology:
    """Builds drivers, codecs and topics out of the tables.

    Args:
        config: Options of the stages.
        parts: Models and the like; not needed for codecs and topics alone.
        strict: Pixels are packed into the bytes, as they are between processes; else they travel by reference.
        count: Called for records left out, holes and dead letters.
        late: Whether a live frame is too old to look at; None: none is.
        registry: Gives the ids that records on Kafka begin with; None: they begin with the schema's fingerprint.
        specs: What the registry says of a camera; None: there is none, cameras are those of the configuration.
    """

    def __init__(
        self,
        config: Config,
        parts: StageParts | None,
        *,
        strict: bool = False,
        count: Count = count_nothing,
        late: Callable[[Stamp], bool] | None = None,
        registry: Registry | None = None,
        specs: SpecOf | None = None,
    ) -> None:
        self._config = config
        self._parts = parts
        self._own = OwnStages(config, specs) if specs is not None else None
        self._count = count
        self._strict = strict
        self._late = late
        self._book = SchemaBook()
        self._codecs = {
            topic.name: AvroCodec(
                self._book, topic.schema, packed if strict else None, self._confluent(topic, registry)
            )
            for topic in TOPICS.values()
        }

    def prepare(self) -> Topology:
        """Ask the registry for all that writing needs, where there is one. Raises ConfigError, TransientError."""
        for codec in self._codecs.values():
            codec.prepare()
        return self

    def _confluent(self, topic: Topic, registry: Registry | None) -> ConfluentFormat | None:
        if registry is None:
            return None
        subject = subject_of(self._config.kafka.prefix, topic.name)
        return ConfluentFormat(registry, self._book, topic.schema, subject)

    def codec(self, topic: str) -> RecordCodec:
        """The codec of a topic."""
        return self._codecs[topic]

    def driver(self, stage: str) -> Driver:
        """A new driver of a stage."""
        row = STAGES[stage]
        if self._parts is None:
            raise ValueError("a topology without parts has codecs only")
        built = row.build(self._config, self._parts)
        short_lived = any(TOPICS[topic].pixels for topic in row.reads)
        return Driver(
            stage,
            built if self._own is None else self._own.around(stage, built),
            inputs=[Input(topic, self._codecs[topic], TOPICS[topic].pixels) for topic in row.reads],
            outputs=[self._output(topic) for topic in row.writes],
            states=AvroStateCodec(self._book, stage, row.state),
            progress=AvroStateCodec(self._book, "progress", Progress),
            dead_letters=self._output("dead-letters"),
            partitions=PARTITIONS,
            count=self._count,
            late=self._late if short_lived else None,
            whole=short_lived,
            once=stage == PACING,
        )

    def chain(self, stages: Sequence[str]) -> Chain:
        """A new chain of neighbouring stages. Raises ConfigError for stages that are not neighbours in this order."""
        check_neighbours(stages)
        return Chain([self.driver(stage) for stage in stages], sent=(*STORED, *REPLAYED))

    def state_codec(self, name: str, kind: type) -> AvroStateCodec:
        """The codec of what is kept under `schemas/state/<name>`."""
        return AvroStateCodec(self._book, name, kind)

    def models_of(self, snapshots: Mapping[str, bytes]) -> str:
        """Which models have found the people in these states. Raises StateError."""
        if "pose" not in snapshots:
            return ""
        progress: Progress = self.state_codec("progress", Progress).decode(snapshots["pose"])
        state: PoseState = self.state_codec("pose", PoseState).decode(progress.state)
        return state.models

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
            last_model="pose",
        )

    def _output(self, topic: str) -> Output:
        entry = TOPICS[topic]
        most = max_message_bytes(entry) - _BESIDE_VALUE if self._strict else None
        return Output(topic, self._codecs[topic], entry.value, entry.per_frame, most)


def check_neighbours(stages: Sequence[str]) -> None:
    """Raises ConfigError unless each of these stages reads what the one before it writes."""
    for stage in stages:
        if stage not in STAGES:
            raise ConfigError(f"no stage is named {stage!r}", hint=f"the stages: {', '.join(STAGES)}")
    for before, after in pairwise(stages):
        if not set(STAGES[before].writes) & set(STAGES[after].reads):
            following = next((row.name for row in STAGES.values() if set(row.reads) & set(STAGES[before].writes)), None)
            raise ConfigError(
                f"{after} does not read what {before} writes: only neighbours can share a process",
                hint=f"{before}+{following}" if following else f"nothing follows {before}",
            )


def kafka_topics(retention: Retention | None = None) -> list[TopicSpec]:
    """The topics of an installation on a broker."""
    keep = retention or Retention()
    found = [
        TopicSpec(
            topic.name,
            PARTITIONS,
            pixels=topic.pixels,
            max_message_bytes=max_message_bytes(topic),
            retention_bytes=keep.pixel_bytes if topic.pixels else keep.bytes,
            retention_s=keep.pixels_s if topic.pixels else keep.s,
        )
        for topic in TOPICS.values()
    ]
    compacted = (CAMERAS, CAMERA_STATUS, *CHANGELOGS.values())
    return found + [TopicSpec(name, PARTITIONS, compacted=True, max_message_bytes=MIB) for name in compacted]


def embedded_groups() -> Mapping[str, Sequence[str]]:
    """Who reads each topic of an embedded run."""
    return {
        topic: [group_of(row.name) for row in STAGES.values() if topic in row.reads]
        + ([COLLECT_GROUP] if topic in STORED else [])
        for topic in TOPICS
    }
