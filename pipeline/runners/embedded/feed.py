"""Reads one camera's source, stamps its pictures and sends them through ingest, with a barrier now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pipeline.core.driver import Driver
from pipeline.core.errors import SourceError
from pipeline.core.ports import Bus, LiveSource, Position, Source
from pipeline.metrics import Metrics
from pipeline.runners.embedded.cutting import Cutting
from pipeline.runners.embedded.live import LiveFeed, Told, tell_nobody
from pipeline.runners.embedded.outlet import Outlet
from pipeline.runners.embedded.turns import Turns
from pipeline.runners.ladder import Ladder, Rung
from pipeline.runners.live import LiveRecords
from pipeline.runners.recorded import RecordedCamera
from pipeline.video.live import EventClock


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera of an embedded run and where its source is taken up.

    Attributes:
        run: 0 for the live system.
        start_us: Event time of the source's picture at 0, microseconds since the epoch.
        position: Where to begin.
        cut: Number of the last cut.
        limit_us: Stop after so much event time since the beginning, or None.
    """

    run: int
    name: str
    number: int
    source: Source | LiveSource
    start_us: int
    position: Position
    cut: int
    limit_us: int | None = None


class CameraFeed:
    """Moves one recorded source into the bus.

    Args:
        name: Of the camera.
        source: What to read.
        records: Makes records of its pictures.
        outlet: Takes these.
        limit_us: Stop after so much event time since the beginning, or None.
        cut_s: Time between barriers.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        records: RecordedCamera,
        outlet: Outlet,
        *,
        limit_us: int | None,
        metrics: Metrics,
        cut_s: float,
    ) -> None:
        self._name = name
        self._source = source
        self._records = records
        self._outlet = outlet
        self._limit_us = limit_us
        self._metrics = metrics
        self._cut_s = cut_s
        self._leaving = threading.Event()
        self.damage: SourceError | None = None

    def leave(self) -> None:
        """Stop this camera alone."""
        self._leaving.set()

    def run(self, stop: threading.Event) -> None:
        """Read to the end, the limit, `stop` or `leave`; the last barrier carries the position then.

        A source that breaks in the middle ends there: what was read stays, `damage` says why.
        """
        cut_at = time.monotonic() + self._cut_s
        finished = False
        try:
            finished = self._read_pictures(stop, cut_at)
        except SourceError as error:
            self.damage = error
            finished = True
        if finished:
            for record in self._records.end():
                self._outlet.send(record)
        self._outlet.barrier(self._records.position, last=True)
        self._outlet.close()

    def _read_pictures(self, stop: threading.Event, cut_at: float) -> bool:
        reading = time.perf_counter()
        for picture in self._source.pictures(self._records.position.seq):
            self._metrics.observe("decode_s", time.perf_counter() - reading, camera=self._name)
            if stop.is_set() or self._leaving.is_set():
                return False
            if self._limit_us is not None and picture.pts_us >= self._limit_us:
                return False
            for record in self._records.take(picture):
                self._outlet.send(record)
            if time.monotonic() >= cut_at:
                self._outlet.barrier(self._records.position)
                cut_at = time.monotonic() + self._cut_s
            reading = time.perf_counter()
        return True


def feed_of(
    camera: Camera,
    ingest: Driver,
    bus: Bus,
    *,
    topic: str,
    partition: int,
    metrics: Metrics,
    cut_s: float,
    live_cut_s: Callable[[], float],
    turns: Turns,
    told: Told = tell_nobody,
    ladder: Callable[[], Ladder] | None = None,
) -> CameraFeed | LiveFeed:
    """What moves this camera into the bus.

    Args:
        ingest: Driver of ingest; cameras do not share one.
        bus: Where frames go; sending blocks while the stages are behind.
        topic: The topic that ingest writes.
        partition: Of this camera.
        cut_s: Time between barriers of a recorded camera.
        live_cut_s: Least time between barriers of a live camera, at this moment.
        turns: Shared by all live cameras.
        told: Called with how a live camera is.
        ladder: Makes the ladder of a live camera, by which less is done while too much is late; None: there is none.
    """
    whose = camera.run, camera.name, camera.number
    outlet = Outlet(*whose, camera.cut, ingest, bus, topic=topic, partition=partition, metrics=metrics)
    if isinstance(camera.source, LiveSource):
        last_us = camera.position.last_captured_at_us
        eased = partial(_gauge, metrics, camera.name)
        steps = ladder() if ladder else None
        if steps is not None:
            eased(steps.rung)
        live = LiveRecords(*whose, camera.position.session, EventClock(last_us), last_us, camera.source.deadline_us)
        return LiveFeed(
            camera.name,
            camera.source,
            live,
            outlet,
            limit_us=camera.limit_us,
            cutting=Cutting(live_cut_s),
            turns=turns,
            told=told,
            ladder=steps,
            eased=eased,
        )
    recorded = RecordedCamera(*whose, camera.start_us, camera.position)
    return CameraFeed(
        camera.name, camera.source, recorded, outlet, limit_us=camera.limit_us, metrics=metrics, cut_s=cut_s
    )


def _gauge(metrics: Metrics, camera: str, rung: Rung) -> None:
    metrics.gauge("kept_share", rung.share, camera=camera)
    metrics.gauge("ease", rung.ease, camera=camera)
