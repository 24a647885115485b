"""Puts worker processes together: which parts each kind is made of."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

from pipeline.codec.confluent import Registry
from pipeline.codec.schemas import SchemaBook
from pipeline.codec.states import AvroStateCodec
from pipeline.config import Config
from pipeline.core.cameras import DEADLINE_MS, CameraSpec, CameraStatus
from pipeline.core.chain import Chain
from pipeline.core.deliveries import SettledStore
from pipeline.core.errors import ConfigError
from pipeline.core.numbering import Counted, Progress
from pipeline.core.perception import PersonDetector, PoseEstimator
from pipeline.core.ports import Bus, Consumer, OffsetSink
from pipeline.core.records import Record, Stamp
from pipeline.core.types import U8
from pipeline.core.values import Image
from pipeline.metrics import Metrics
from pipeline.models import identity
from pipeline.models.load import detector_threads, estimator_threads, load_detector, load_estimator
from pipeline.runners.faust_app import Cluster, FaustWorker
from pipeline.runners.statuses import StatusKeeper
from pipeline.runners.worker import IngestWorker, PrefetchingConsumer, SinkWorker, Worker
from pipeline.runners.worker.camera_history import GROUP as HISTORY_GROUP
from pipeline.runners.worker.camera_history import CameraHistory
from pipeline.runners.worker.flow import Flow, Following
from pipeline.runners.worker.known import KnownCameras
from pipeline.runners.worker.loop import group_of
from pipeline.runners.worker.notify import GROUP as NOTIFY_GROUP
from pipeline.runners.worker.notify import TOPIC as ALERTS
from pipeline.runners.worker.notify import NotifyWorker
from pipeline.runners.worker.pace import Pace
from pipeline.runners.worker.pushed import PushedConsumer
from pipeline.runners.worker.reading import Reading
from pipeline.runners.worker.shares import Shares
from pipeline.runners.worker.sink import GROUP as SINK_GROUP
from pipeline.runners.worker.sink import NAME as SINK_NAME
from pipeline.runners.worker.watch import Watch
from pipeline.sinks.archive import Raw
from pipeline.state.changelog import ChangelogStore
from pipeline.topics import CAMERA_STATUS, CAMERAS, PARTITIONS, STORED, TOPICS
from pipeline.topology import CHANGELOGS, PACING, Topology, check_neighbours
from pipeline.video.jpeg import pixels

if TYPE_CHECKING:
    from pipeline.notify import Notifier

_KIB, _MIB = 2**10, 2**20
ARCHIVE_GROUP = "posebus-archive"
INGEST = "ingest"
KNOWING = frozenset(("detect", "pose", "analyze", "alert"))
"""Stages that ask what the registry says of a camera: its deadline, its zones, its rules."""

MODELLED = frozenset(("detect", "pose"))
"""Stages with a model: where live frames are more than it can do, they are shared out."""

_OUT_OF_POSE = "poses"

_RECORDED_LINGER_S = 0.25
"""Of the sink: nobody waits for the rows of a recording one by one."""

_SINK_REST_S = 0.02
"""A fetch of the sink goes through all partitions of five topics, however little comes."""

_RECORDED_REST_S, _PIXELS_REST_S = 0.1, 0.05
"""Records of recordings gather for so long at the broker: what is taken together costs less (`StretchStage`)."""

_FLUSH_S = 30.0
_TELL_S = 60.0

log = logging.getLogger(__name__)


class Runnable(Protocol):
    """A worker of any kind."""

    def run(self, stop: threading.Event, alive: Callable[[], None] = ...) -> None:
        """Work until `stop` is set; calls `alive` again and again."""
        ...


class WorkerParts:
    """Models that are loaded when the stage is built that uses them."""

    pixels: Callable[[Image], U8] = staticmethod(pixels)
    lighter: PoseEstimator | None = None
    """Workers have no ladder, and so no use for one."""

    def __init__(self, config: Config) -> None:
        self.models = identity(config.models)
        self._models = config.models
        self._home = config.home
        self._cores = os.cpu_count() or 1

    @cached_property
    def detector(self) -> PersonDetector:
        """Finds people."""
        threads = self._models.threads or detector_threads(self._cores)
        return load_detector(self._models.detector, self._home, threads=threads)

    @cached_property
    def estimator(self) -> PoseEstimator:
        """Finds keypoints."""
        threads = self._models.threads or estimator_threads(self._cores)
        return load_estimator(self._models.pose, self._home, threads=threads)


@dataclass(frozen=True)
class Workers:
    """Makes workers of an installation.

    Args:
        config: Of the installation.
        bus: Shared by all; its topics exist.
        client: Name of this process, unlike all others.
        metrics: What is counted and timed.
        registry: Gives the ids that records begin with; None: they begin with the schema's fingerprint.
    """

    config: Config
    bus: Bus
    client: str
    metrics: Metrics
    registry: Registry | None = None
    _followings: list[Following] = field(default_factory=list)

    @cached_property
    def _topology(self) -> Topology:
        return Topology(
            self.config,
            WorkerParts(self.config),
            strict=True,
            count=_Counting(self.metrics),
            late=self._late,
            registry=self.registry,
            specs=lambda name: self._known.get(name),
        ).prepare()

    @cached_property
    def _known(self) -> KnownCameras:
        """What the registry says, from now on."""
        specs = AvroStateCodec(SchemaBook(), "camera", CameraSpec)
        return KnownCameras(self.bus, CAMERAS, PARTITIONS, self.client, specs).start()

    def close(self) -> None:
        """End what goes on beside the workers; before the bus is closed."""
        if "_known" in vars(self):  # it was asked for
            self._known.close()
        for following in self._followings:
            following.close()

    def _late(self, stamp: Stamp) -> bool:
        """A live frame that is older than the deadline. What was recorded is never late."""
        if stamp.clock == "file":
            return False
        spec = self._known.get(stamp.camera)
        deadline_ms = DEADLINE_MS if spec is None else spec.deadline_ms
        return time.time_ns() // 1000 - stamp.arrived_at_us > deadline_ms * 1000

    def stages(self, stages: Sequence[str]) -> Runnable:
        """Neighbouring stages in one process. Raises ConfigError, ModelError, BusUnavailable."""
        check_neighbours(stages)
        chain = self._chain(stages)
        store = ChangelogStore(self.bus, self.client, CHANGELOGS)
        if stages[0] == INGEST:
            return self._ingest(chain, store)
        held = any(TOPICS[topic].pixels for topic in chain.topics)

        def polled() -> Consumer:
            return self.bus.consumer(self.client, group_of(chain), chain.topics)

        return self._worker(
            chain,
            store,
            lambda: PrefetchingConsumer(
                polled,
                max_records=32 if held else 2000,
                max_bytes=32 * _MIB,
                recorded_rest_s=_PIXELS_REST_S if held else _RECORDED_REST_S,
                enough_bytes=_MIB if held else 32 * _KIB,
            ),
        )

    def _chain(self, stages: Sequence[str]) -> Chain:
        chain = self._topology.chain(stages)
        if not KNOWING.isdisjoint(stages):
            _ = self._known  # read now: the first record finds the zones of its camera
        return chain

    def _worker(self, chain: Chain, store: ChangelogStore, consume: Callable[[], Consumer]) -> Worker:
        held = any(TOPICS[topic].pixels for topic in chain.topics)
        return Worker(
            chain,
            self.bus,
            store,
            client=self.client,
            checkpoint_s=self.config.worker.checkpoint_s,
            clock=time.monotonic,
            max_records=8 if held else 200,
            consume=consume,
            watch=Watch(self.metrics, chain.name),
            shares=None if MODELLED.isdisjoint(driver.name for driver in chain.drivers) else Shares(self._known.get),
        )

    def _ingest(self, chain: Chain, store: ChangelogStore) -> IngestWorker:
        from pipeline.feeds import open_camera  # decoders are loaded where they are needed: others are back sooner

        names = [driver.name for driver in chain.drivers]
        statuses = self._statuses()
        return IngestWorker(
            chain,
            self.bus,
            store,
            self.bus.consumer(self.client, f"posebus-{INGEST}", [CAMERAS]),
            specs=self._topology.state_codec("camera", CameraSpec),
            readings=self._topology.state_codec("reading", Reading),
            open_camera=partial(open_camera, told=statuses.put, trust=self.config.rtsp.trust),
            told=statuses.put,
            pace=None if PACING in names else self._pace(),
            flow=None if PACING in names else self._flow(),
            client=self.client,
            checkpoint_s=self.config.worker.checkpoint_s,
            clock=time.monotonic,
            watch=Watch(self.metrics, chain.name),
        )

    def _flow(self) -> Flow | None:
        """None over a bus in memory, which cannot be followed."""
        follow = getattr(self.bus, "follow", None)
        if follow is None:
            return None

        def listen() -> None:
            self._followings.append(Following(flow, partial(follow, _OUT_OF_POSE, frozenset(range(PARTITIONS)))))

        flow = Flow(DEADLINE_MS / 2000, listen=listen)
        return flow

    def _pace(self) -> Pace:
        return Pace(
            self.bus,
            CHANGELOGS[PACING],
            PARTITIONS,
            self.client,
            self._topology.state_codec("progress", Progress),
            resend_s=self.config.worker.resend_s,
            clock=time.monotonic,
        )

    def _statuses(self) -> StatusKeeper:
        """Takes how cameras are to their topic, and counts."""
        from pipeline.camera_registry import camera_topic

        return StatusKeeper(
            camera_topic(self.bus, self.client).note,
            lambda status: self.metrics.count("camera_states", camera=status.name, state=status.state),
        ).start()

    def sink(self, sink: OffsetSink) -> SinkWorker:
        """What ends in the database."""

        def polled() -> Consumer:
            return self.bus.consumer(self.client, SINK_GROUP, STORED)

        return self._sink(
            sink,
            PrefetchingConsumer(
                polled,
                max_records=10_000,
                max_bytes=64 * _MIB,
                rest_s=_SINK_REST_S,
                recorded_rest_s=_RECORDED_REST_S,
            ),
        )

    def _sink(self, sink: OffsetSink, consumer: Consumer) -> SinkWorker:
        return SinkWorker(
            {topic: self._topology.codec(topic) for topic in STORED},
            consumer,
            sink,
            topic_id=self.bus.topic_id,
            clock=time.monotonic,
            recorded_linger_s=_RECORDED_LINGER_S,
            outcomes=STORED[0],
            watch=Watch(self.metrics, SINK_NAME),
        )

    def notify(self, notifier: Notifier, store: SettledStore) -> NotifyWorker:
        """What tells people of incidents. Closing the store is up to whoever opened it."""
        return NotifyWorker(
            self._topology.codec(ALERTS),
            PrefetchingConsumer(lambda: self.bus.consumer(self.client, NOTIFY_GROUP, [ALERTS]), max_records=1000),
            notifier,
            store,
            clock=time.monotonic,
            now_us=lambda: time.time_ns() // 1000,
            recorded=self.config.notify.recorded,
            told=lambda channel, state: self.metrics.count("deliveries", channel=channel, state=state),
        )

    def camera_history(self, note: Callable[[Sequence[CameraStatus]], None]) -> CameraHistory:
        """What brings the states of cameras to the database, beside the sink."""
        return CameraHistory(
            lambda: self.bus.consumer(f"{self.client}-cameras", HISTORY_GROUP, [CAMERA_STATUS]),
            self._topology.state_codec("camera_status", CameraStatus),
            note,
        )

    def archive(self, sink: OffsetSink) -> SinkWorker:
        """What keeps records as they came."""
        topics = self.config.archive.topics

        def polled() -> Consumer:
            return self.bus.consumer(self.client, ARCHIVE_GROUP, topics)

        return SinkWorker(
            {topic: self._topology.codec(topic) for topic in topics},
            PrefetchingConsumer(polled, max_records=50_000, max_bytes=64 * _MIB),
            sink,
            topic_id=self.bus.topic_id,
            clock=time.monotonic,
            linger_s=self.config.archive.flush_s,
            watch=Watch(self.metrics, "archive"),
            max_records=20_000,
            written=lambda record, raw: Record(record.stamp, Raw(raw)),
        )

    def faust_stages(self, stages: Sequence[str], cluster: Cluster) -> FaustWorker:
        """The same as `stages` by agents of Faust; not for ingest, which reads no topic. Raises ConfigError."""
        check_neighbours(stages)
        if stages[0] == INGEST:
            raise ConfigError("ingest reads cameras, not a topic: Faust cannot run it", hint="posebus worker ingest")
        chain = self._chain(stages)
        store = ChangelogStore(self.bus, self.client, CHANGELOGS)
        consumer = PushedConsumer()
        return FaustWorker(
            lambda: self._worker(chain, store, lambda: consumer), consumer, cluster, group_of(chain), chain.topics
        )

    def faust_sink(self, sink: OffsetSink, cluster: Cluster) -> FaustWorker:
        """The same as `sink` as agents of Faust."""
        consumer = PushedConsumer()
        return FaustWorker(lambda: self._sink(sink, consumer), consumer, cluster, SINK_GROUP, STORED)


class _Counting:
    """Counts, and tells of records that are missing: once a minute, however many there are."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._tell_at: dict[str, float] = {}

    def __call__(self, name: Counted, stage: str) -> None:
        self._metrics.count(name, stage=stage)
        now_s = time.monotonic()
        if name == "numbering_gaps" and now_s >= self._tell_at.get(stage, 0.0):
            self._tell_at[stage] = now_s + _TELL_S
            log.warning(
                "%s: records are missing in what it reads, as where retention has overtaken a worker that was behind",
                stage,
                extra={"stage": stage},
            )
