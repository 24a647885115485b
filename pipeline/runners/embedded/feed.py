"""Reads one camera's source, stamps its pictures and sends them through ingest, with a barrier now and then."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

from pipeline.core.driver import Driver
from pipeline.core.errors import SourceError
from pipeline.core.ports import Bus, Outgoing, Picture, Position, Source
from pipeline.core.records import Record, Stamp, Tick
from pipeline.core.values import Captured
from pipeline.metrics import Metrics
from pipeline.runners.embedded.barrier import Barrier
from pipeline.runners.embedded.loop import FLUSH_TIMEOUT_S

TICK_US = 1_000_000


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
    source: Source
    start_us: int
    position: Position
    cut: int
    limit_us: int | None = None


class CameraFeed:
    """Moves one source into the bus.

    Args:
        camera: What to read, and from where.
        ingest: Driver of ingest; feeds of several cameras do not share one.
        bus: Where frames go; sending blocks while the stages are behind.
        topic: The topic that ingest writes.
        partition: Of this camera.
        cut_s: Time between barriers.
    """

    def __init__(
        self,
        camera: Camera,
        ingest: Driver,
        bus: Bus,
        *,
        topic: str,
        partition: int,
        metrics: Metrics,
        cut_s: float,
    ) -> None:
        self._camera = camera
        self._ingest = ingest
        self._producer = bus.producer(f"ingest-{camera.name}")
        self._topic = topic
        self._partition = partition
        self._metrics = metrics
        self._cut_s = cut_s
        self._position = camera.position
        self._cut = camera.cut
        self.damage: SourceError | None = None

    def run(self, stop: threading.Event) -> None:
        """Read to the end, the limit or `stop`; the last barrier carries the position then.

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
            self._send_tick("ended", self._position.last_captured_at_us + 1)
            self._position = replace(
                self._position, finished=True, last_captured_at_us=self._position.last_captured_at_us + 1
            )
        self._send_barrier(last=True)
        self._producer.flush(FLUSH_TIMEOUT_S)
        self._producer.close()

    def _read_pictures(self, stop: threading.Event, cut_at: float) -> bool:
        camera = self._camera
        reading = time.perf_counter()
        for picture in camera.source.pictures(self._position.seq):
            self._metrics.observe("decode_s", time.perf_counter() - reading, camera=camera.name)
            if stop.is_set():
                return False
            if camera.limit_us is not None and picture.pts_us >= camera.limit_us:
                return False
            self._send_picture(picture)
            if time.monotonic() >= cut_at:
                self._send_barrier()
                cut_at = time.monotonic() + self._cut_s
            reading = time.perf_counter()
        return True

    def _send_picture(self, picture: Picture) -> None:
        last = self._position.last_captured_at_us
        captured_at = max(self._camera.start_us + picture.pts_us, last + 1)
        if last and captured_at // TICK_US > last // TICK_US and picture.seq > 0:
            self._send_tick("live", captured_at)
        stamp = self._stamp(picture.seq, captured_at)
        started = time.perf_counter()
        outgoing = self._ingest.feed_values([Record(stamp, Captured(picture.pixels))])
        self._metrics.observe("stage_s", time.perf_counter() - started, stage=self._ingest.name)
        self._send(outgoing)
        self._position = replace(self._position, seq=picture.seq + 1, last_captured_at_us=captured_at)

    def _send_tick(self, state: str, at_us: int) -> None:
        self._send(self._ingest.feed_values([Record(self._stamp(self._position.seq, at_us), Tick(state))]))

    def _send_barrier(self, *, last: bool = False) -> None:
        camera = self._camera
        self._cut += 1
        barrier = Barrier(camera.run, camera.name, camera.number, self._cut, self._position, last)
        barrier.snapshots[self._ingest.name] = self._ingest.content(camera.name, camera.number)
        self._send([barrier.to(self._topic, self._partition)])

    def _send(self, records: list[Outgoing]) -> None:
        for record in records:
            self._producer.send(record)

    def _stamp(self, seq: int, at_us: int) -> Stamp:
        camera = self._camera
        # A file has no arrival: its event time stands for it, so that the same file gives the same bytes.
        return Stamp(camera.run, camera.name, camera.number, camera.position.session, 0, seq, at_us, at_us, "file")
