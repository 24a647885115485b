"""The whole pipeline in one process: cameras, stages and database each on threads of their own."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pipeline.core.driver import Driver
from pipeline.core.errors import BusUnavailable, SourceError, StateError
from pipeline.core.ports import Bus, Cut, CutStore, RecordCodec
from pipeline.metrics import Metrics
from pipeline.runners.embedded.collect import COLLECTED_RECORDS, Collector
from pipeline.runners.embedded.cutting import every_s
from pipeline.runners.embedded.feed import Camera, CameraFeed, feed_of
from pipeline.runners.embedded.live import LiveFeed, Told, tell_nobody
from pipeline.runners.embedded.loop import StageLoop
from pipeline.runners.embedded.turns import Turns
from pipeline.runners.ladder import Ladder
from pipeline.runners.worker.watch import Watch

log = logging.getLogger(__name__)

IDLE_WAIT_S = 0.05
STUCK_S = 5.0
"""A stage that has worked on one batch for so long stands still: its slowest model takes a fraction of it."""

GATHER_S, RECORDED_GATHER_S = 0.02, 0.1
"""Threads without a model let records gather for so long: taken one by one, switching costs more than the work. Of
recordings alone for longer, as nobody waits for their results. Where as many are there as are taken at once they do not
wait."""

MODEL_RECORDS, LIGHT_RECORDS = 8, 64
"""So many records are taken at once by stages with a model, and by others: a live camera's frame waits for no more of a
recorded one's than these."""

SWITCH_S = 0.0001
"""How long a thread may keep the interpreter while others want it. With Python's own 5 ms a model's thread, back from
an inference of 5 ms, waits for up to as long again; it comes back some ten times for each frame."""


@dataclass(frozen=True)
class Pipeline:
    """The stages of an embedded run, wired to a bus.

    Attributes:
        bus: In memory; its topics exist.
        ingest: Makes a driver of ingest, one for each camera's thread.
        frames: Topic that ingest writes.
        threads: Drivers by the thread that they share, upstream first. Stages with a model have one of their own.
        stored: Codec of each topic that the database takes.
        unmarked: Topics among them that no barrier passes.
        partitions: Of every topic keyed by camera.
        last_model: The stage behind which nothing costs much: whose live frames have had their turn.
    """

    bus: Bus
    ingest: Callable[[], Driver]
    frames: str
    threads: Sequence[Sequence[Driver]]
    stored: Mapping[str, RecordCodec]
    unmarked: Sequence[str]
    partitions: int
    last_model: str


class EmbeddedRun:
    """Runs cameras through a pipeline until their sources end.

    Cameras may come and go while it runs: see `add` and `remove`.

    Args:
        pipeline: Made for this run alone.
        cameras: What to read.
        snapshots: State of each stage at the last cut, by camera name; empty for a camera never seen before.
        store: Where cuts rest.
        metrics: Gets the times that stages work.
        committed: Called with each cut after it rests, from the collecting thread.
        cut_s: Time between cuts.
        told: Called with how live cameras are, from their threads.
        ladder: Makes the ladder of a live camera, by which less is done while too much is late; None: there is none.
        open_end: Go on without cameras, for those that may be added: until `stop`.
        alive: Called all the time while no stage stands still, from the collecting thread.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        cameras: Sequence[Camera],
        snapshots: Mapping[str, Mapping[str, bytes]],
        store: CutStore,
        *,
        metrics: Metrics,
        committed: Callable[[Cut], None],
        cut_s: float = 1.0,
        told: Told = tell_nobody,
        open_end: bool = False,
        ladder: Callable[[], Ladder] | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._bus = pipeline.bus
        self._alive = alive
        self._watch = Watch(metrics, "sink")
        self._pipeline = pipeline
        self._metrics = metrics
        self._cut_s = cut_s
        self._told = told
        self._turns = Turns()
        self._committed = committed
        self._numbers: dict[int, str] = {}
        self._open_end = open_end
        self._ladder = ladder
        self._cameras: set[str] = set()
        self._reading: set[str] = set()
        self._lock = threading.Lock()
        self._running = False
        self._stop = threading.Event()
        self._abort = threading.Event()
        self._all_read = threading.Event()
        self._failure: BaseException | None = None
        self._feeds: dict[str, CameraFeed | LiveFeed] = {}
        self._feeding: dict[str, threading.Thread] = {}
        for camera in cameras:
            self.add(camera, snapshots.get(camera.name, {}))
        self._loops = [[self._loop(driver, len(thread)) for driver in thread] for thread in pipeline.threads]
        self._collector = Collector(
            pipeline.bus, pipeline.stored, pipeline.unmarked, store, self._rested, self._look_alive
        )

    def _loop(self, driver: Driver, sharing: int) -> StageLoop:
        passed = self._turns.passed if driver.name == self._pipeline.last_model else None
        most = MODEL_RECORDS if sharing == 1 else LIGHT_RECORDS
        return StageLoop(driver, self._bus, self._metrics, max_records=most, passed=passed)

    def _look_alive(self) -> None:
        if all(loop.busy_s() < STUCK_S for thread in self._loops for loop in thread):
            self._alive()

    def _live_cut_s(self) -> float:
        return every_s(self._cut_s, len(self._cameras), self._collector.took_s)

    def _rested(self, cut: Cut) -> None:
        feed = self._feeds[self._numbers[cut.camera_no]]
        if isinstance(feed, LiveFeed):
            feed.cutting.rested(cut.number)
            self._watch.wrote(cut.records)
        self._committed(cut)

    def add(self, camera: Camera, snapshots: Mapping[str, bytes]) -> None:
        """Read this camera too, from any thread; one that was removed before only after its last cut rests.

        Raises StateError.
        """
        pipeline = self._pipeline
        ingest = pipeline.ingest()
        partition = camera.number % pipeline.partitions
        for driver in (ingest, *(driver for thread in pipeline.threads for driver in thread)):
            content = snapshots.get(driver.name)
            if content is not None:
                _restore(driver, camera, partition, content)
        feed = feed_of(
            camera,
            ingest,
            pipeline.bus,
            topic=pipeline.frames,
            partition=partition,
            metrics=self._metrics,
            cut_s=self._cut_s,
            live_cut_s=self._live_cut_s,
            turns=self._turns,
            told=self._told,
            ladder=self._ladder,
        )
        with self._lock:
            self._cameras.add(camera.name)
            self._numbers[camera.number] = camera.name
            self._feeds[camera.name] = feed
            if self._running:
                self._collector.done.discard(camera.name)
                self._feed(camera.name)

    def remove(self, name: str) -> None:
        """Stop reading this camera, from any thread; returns at once, see `has_left`."""
        with self._lock:
            self._feeds[name].leave()

    def has_left(self, name: str) -> bool:
        """Whether the last cut of this camera rests."""
        return name in self._collector.done

    def stop(self) -> None:
        """Read no more; what is in flight is stored, then `run` returns."""
        self._stop.set()

    def abort(self) -> None:
        """Leave at once; everything since the last cut is redone by the next run."""
        self._abort.set()
        self._bus.close()

    def run(self) -> Mapping[str, SourceError]:
        """Run to the end. Gives the sources that broke in the middle, by camera.

        Raises what a stage raised; all cuts before it rest.
        """
        threads = [self._thread(f"stages-{i}", partial(self._stages, loops)) for i, loops in enumerate(self._loops)]
        threads.append(self._thread("collect", self._collect))
        sys.setswitchinterval(SWITCH_S)
        for thread in threads:
            thread.start()
        with self._lock:
            self._running = True
            for name in self._feeds:
                self._feed(name)
        for thread in threads:
            thread.join()
        for thread in list(self._feeding.values()):
            thread.join()
        self._bus.close()
        if self._failure is not None:
            raise self._failure
        return {name: feed.damage for name, feed in self._feeds.items() if feed.damage is not None}

    def _stages(self, loops: Sequence[StageLoop]) -> None:
        while not self._finished():
            most = max(loop.step(0.0) for loop in loops)
            if not most:
                loops[0].step(IDLE_WAIT_S)
            elif len(loops) > 1 and most < LIGHT_RECORDS:
                self._gather()

    def _collect(self) -> None:
        while not self._finished():
            if 0 < self._collector.step(IDLE_WAIT_S, self._abort) < COLLECTED_RECORDS:
                self._gather()

    def _gather(self) -> None:
        live = self._open_end or any(isinstance(feed, LiveFeed) for feed in list(self._feeds.values()))
        if live:
            time.sleep(GATHER_S)
        else:
            self._all_read.wait(RECORDED_GATHER_S)

    def _finished(self) -> bool:
        if self._abort.is_set():
            return True
        with self._lock:
            return self._collector.done >= self._cameras and (self._stop.is_set() or not self._open_end)

    def _feed(self, name: str) -> None:
        """Start to read a camera; the lock is held."""
        thread = self._thread(f"feed-{name}", partial(self._read, name))
        self._feeding[name] = thread
        self._reading.add(name)
        self._all_read.clear()
        thread.start()

    def _read(self, name: str) -> None:
        try:
            self._feeds[name].run(self._stop)
        finally:
            with self._lock:
                self._reading.discard(name)
                if not self._reading:
                    self._all_read.set()

    def _thread(self, name: str, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except BusUnavailable as error:
                if not self._abort.is_set():
                    self._fail(error)
            except BaseException as error:  # noqa: BLE001  the outermost loop of a thread: `run` raises it again
                self._fail(error)

        return threading.Thread(target=guarded, name=name, daemon=True)

    def _fail(self, error: BaseException) -> None:
        if self._failure is None:
            self._failure = error
        self.abort()


def _restore(driver: Driver, camera: Camera, partition: int, content: bytes) -> None:
    try:
        driver.restore(camera.name, partition, content)
    except StateError as error:
        raise StateError(f"camera {camera.name}, stage {driver.name}: {error.message}", hint=error.hint) from error
