"""The ingest worker: reads the cameras that its group gives it, and sends their frames."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.chain import Chain
from pipeline.core.errors import ConfigError, TransientError
from pipeline.core.numbering import Mark
from pipeline.core.ports import Bus, Consumer, Position, Snapshot, StateCodec, StateStore
from pipeline.core.records import Record
from pipeline.core.values import Captured
from pipeline.metrics import Metrics
from pipeline.runners.statuses import not_read
from pipeline.runners.worker.cameras import CameraFeed
from pipeline.runners.worker.flow import Flow
from pipeline.runners.worker.live_turns import LiveTurns
from pipeline.runners.worker.outputs import Outputs
from pipeline.runners.worker.pace import Pace
from pipeline.runners.worker.reading import Reading
from pipeline.runners.worker.registry import Registry
from pipeline.runners.worker.waiting import DRAIN_S, wait
from pipeline.runners.worker.watch import Watch

log = logging.getLogger(__name__)

_IDLE_S = 0.05
_RETRY_S = 10.0
"""Between two attempts to open a source that cannot be read."""
_AT_ONCE = 8
"""Frames of one camera before another one has its turn."""
_ASK_S = 0.25
"""Between two questions to a live camera whose pictures have no room."""


Open = Callable[[CameraSpec, Reading | None, Callable[[], None]], CameraFeed]
"""Opens a camera: its spec, where it stands (None: never read), what to call when there is something to take. Raises
ConfigError."""


@dataclass(slots=True)
class _Camera:
    spec: CameraSpec
    partition: int
    feed: CameraFeed | None = None
    ask_at_s: float = float("-inf")

    @property
    def is_live(self) -> bool:
        """It is read, and waits for nobody."""
        return self.feed is not None and not self.feed.start_us


class IngestWorker:
    """Runs ingest, and the stages chained to it, for a share of the cameras.

    Cameras are spread over all ingest workers by the consumer group of the registry's topic; the registry is read from
    its beginning wherever a partition is assigned. A checkpoint is: flush the outputs, save the snapshots. The source's
    position is in the snapshot of ingest, so that frames sent after the last one are sent again with the same numbers.

    Args:
        chain: Begins with ingest; made for this worker alone.
        bus: Where frames go.
        store: Where snapshots are kept.
        registry: Consumer of the topic of cameras.
        specs: Codec of the values of that topic.
        readings: Codec of `Reading`.
        open_camera: Opens a camera.
        pace: Holds recorded cameras back; None where nothing lies on the bus between ingest and pose.
        client: Name of this worker.
        checkpoint_s: Time between checkpoints.
        clock: Monotonic seconds.
        watch: Notes how old frames are when they leave, and how far they are ahead.
        told: Called with how cameras are that are not read.
        flow: Says how many live frames may be on their way; None: nobody bounds them.
    """

    def __init__(
        self,
        chain: Chain,
        bus: Bus,
        store: StateStore,
        registry: Consumer,
        *,
        specs: StateCodec,
        readings: StateCodec,
        open_camera: Open,
        pace: Pace | None,
        client: str,
        checkpoint_s: float,
        clock: Callable[[], float],
        flush_timeout_s: float = 10.0,
        watch: Watch | None = None,
        told: Callable[[CameraStatus], None] = lambda _: None,
        flow: Flow | None = None,
    ) -> None:
        self._told = told
        self._flow = flow
        self._chain = chain
        self._bus = bus
        self._store = store
        self._registry = Registry(registry, specs)
        self._readings = readings
        self._open = open_camera
        self._pace = pace
        self._client = client
        self._checkpoint_s = checkpoint_s
        self._clock = clock
        self._flush_timeout_s = flush_timeout_s
        self._watch = watch or Watch(Metrics(), chain.name)
        self._producer = Outputs(bus, client)
        self._cameras: dict[str, _Camera] = {}
        self._stored: dict[str, Reading] = {}
        self._epochs: dict[int, int] = {}
        self._something = threading.Event()
        self._checkpoint_at = clock() + checkpoint_s
        self._retry_at: dict[str, float] = {}
        self._live_turns = LiveTurns()
        if flow is not None:
            flow.wake = self._something.set

    @property
    def cameras(self) -> Mapping[str, CameraSpec]:
        """Specs of the cameras that are ours."""
        return {name: camera.spec for name, camera in self._cameras.items()}

    @property
    def finished(self) -> bool:
        """It has cameras, and all of them have ended."""
        feeds = [camera.feed for camera in self._cameras.values() if not camera.spec.paused]
        return bool(feeds) and all(feed is not None and feed.position.finished for feed in feeds)

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Read until `stop` is set, then checkpoint and leave."""
        waiting = ""
        while not stop.is_set():
            alive()
            self._watch.waits(dict, ahead=None if self._pace is None else self._pace.ahead)
            try:
                if not self.step():
                    self._something.wait(_IDLE_S)
                    self._something.clear()
                waiting = ""
            except TransientError as error:
                if error.message != waiting:  # once, however long it lasts
                    waiting = error.message
                    log.warning("waits: %s", error.message, extra={"stage": self._chain.name})
                self._recover_until(stop, error.retry_after_s, alive)
        self.close()

    def step(self) -> bool:
        """Give each camera a turn, and checkpoint when it is time. Tells whether anything was sent.

        Raises TransientError: call `recover` before the next step.
        """
        self._follow_registry()
        if self._registry.is_catching_up():
            return True
        if self._pace is not None:
            self._pace.follow()
        live = {name: camera.spec.weight for name, camera in self._cameras.items() if camera.is_live}
        first, others = self._live_turns.split(live, self._clock())
        busy = self._turns_of(first) or self._turns_of(others)
        busy |= self._turns_of([name for name in self._cameras if name not in live])
        if self._clock() >= self._checkpoint_at:
            self.checkpoint()
        return busy

    def checkpoint(self, flush_timeout_s: float | None = None) -> None:
        """Outputs, then snapshots. Raises TransientError."""
        self._producer.flush(self._flush_timeout_s if flush_timeout_s is None else flush_timeout_s)
        *later, own = self._chain.snapshots({}, self._epochs)
        read = [self._with_reading(snapshot) for snapshot in own if snapshot.key in self._cameras]
        for snapshots in (*later, read):
            if snapshots:
                self._store.save(snapshots)
        self._checkpoint_at = self._clock() + self._checkpoint_s

    def recover(self) -> None:
        """Go back to the last checkpoint with a new producer. Raises TransientError when the bus is still away."""
        self._producer.close()
        self._producer = Outputs(self._bus, self._client)
        # As at an assignment: what was being heard or loaded when it failed is heard and loaded again.
        partitions = self._registry.partitions
        self._leave(partitions)
        self._restore(partitions)
        self._registry.begin_again()
        self._checkpoint_at = self._clock() + self._checkpoint_s

    def close(self) -> None:
        """Stop reading, checkpoint and leave."""
        for camera in self._cameras.values():
            if camera.feed is not None:
                camera.feed.close()
        try:
            self.checkpoint(DRAIN_S)
        except TransientError as error:
            log.warning("left without a checkpoint: %s", error.message, extra={"stage": self._chain.name})
        if self._pace is not None:
            self._pace.close()
        self._registry.close()
        self._producer.close()

    # -- one camera --------------------------------------------------------------------------------------------------

    def _turns_of(self, names: Sequence[str]) -> bool:
        busy = False
        for name in names:
            busy |= self._turn(name, self._cameras[name])
        return busy

    def _turn(self, name: str, camera: _Camera) -> bool:
        if camera.spec.paused:
            return False
        if camera.feed is None:
            if self._clock() < self._retry_at.get(name, 0.0):
                return False
            camera.feed = self._opened(name, camera)
            if camera.feed is None:
                return False
        paced = None if camera.is_live else self._pace
        if paced is not None:
            lost_at = paced.lost(name, camera.feed.start_us, camera.feed.position)
            if lost_at is not None:
                self._read_again(name, camera, lost_at, camera.feed.start_us)
                return True
        busy = False
        for _ in range(1 if camera.is_live else _AT_ONCE):
            if paced is not None and paced.room(name, camera.feed.start_us, camera.feed.position) <= 0:
                break
            records = self._taken_live(camera) if camera.is_live else camera.feed.take(1)
            if not records:
                break
            busy = True
            for record in records:
                if record.stamp.session != self._stored[name].session:
                    begun = replace(camera.feed.position, session=record.stamp.session)
                    self._begin(name, camera, begun, camera.feed.start_us)
                outgoing = self._chain.feed_values([record])
                for each in outgoing:
                    self._producer.send(self._watch.sends(each))
                if paced is not None and isinstance(record.value, Captured):
                    nbytes = sum(len(each.value or b"") for each in outgoing)
                    paced.sent(name, Mark(record.stamp.session, record.stamp.seq), record.stamp.captured_at_us, nbytes)
        return busy

    def _taken_live(self, camera: _Camera) -> Sequence[Record[Any]]:
        """What a live camera gives. Where no picture may go it is asked now and then, for how it is."""
        assert camera.feed is not None
        now_s = self._clock()
        if self._flow is not None and not self._flow.has_room and now_s < camera.ask_at_s:
            return ()
        camera.ask_at_s = now_s + _ASK_S
        records = camera.feed.take(1)
        if self._flow is not None:
            records = [self._flow.admit(record) for record in records]
        self._live_turns.took(camera.spec.name, camera.spec.weight, records, now_s)
        return records

    def _opened(self, name: str, camera: _Camera) -> CameraFeed | None:
        stored = self._stored.get(name)
        try:
            feed = self._open(camera.spec, stored, self._something.set)
        except ConfigError as error:
            log.error("camera %s: %s; %s", name, error.message, error.hint or "tried again in a while")
            self._told(not_read(camera.spec, "failed", error.message))
            self._retry_at[name] = self._clock() + _RETRY_S
            return None
        if stored is None or stored.session != feed.position.session:
            try:
                self._begin(name, camera, feed.position, feed.start_us)
            except BaseException:
                feed.close()
                raise
        return feed

    def _read_again(self, name: str, camera: _Camera, position: Position, start_us: int) -> None:
        """What was sent from this frame on is gone: pictures are not kept for long."""
        log.warning(
            "camera %s: pose has come no further than frame %d for a long time; does a pose worker run? "
            "Frames from there on are sent again, for pictures are not kept for ever (worker.resend_s)",
            name,
            position.seq,
        )
        self._begin(name, camera, position, start_us)
        self._shut(camera)

    def _begin(self, name: str, camera: _Camera, position: Position, start_us: int) -> None:
        """Keep a new session's number and start before its first frame goes out.

        A worker killed right after that would else give the next session the same number, or its frames other times.
        """
        self.checkpoint()
        ingest = self._chain.drivers[0]
        content = ingest.content(name, camera.spec.camera_no)
        begun = Reading.of(position, start_us, content)
        epoch = self._epochs.get(camera.partition, 0)
        self._store.save([Snapshot(ingest.name, name, camera.partition, {}, epoch, {}, self._readings.encode(begun))])
        self._stored[name] = begun

    def _shut(self, camera: _Camera) -> None:
        if camera.feed is not None:
            camera.feed.close()
            camera.feed = None
        if self._pace is not None:
            self._pace.forget(camera.spec.name)

    def _with_reading(self, snapshot: Snapshot) -> Snapshot:
        feed = self._cameras[snapshot.key].feed
        assert feed is not None, "what was touched was read"
        reading = Reading.of(feed.position, feed.start_us, snapshot.content)
        self._stored[snapshot.key] = reading
        return replace(snapshot, content=self._readings.encode(reading))

    # -- which cameras -----------------------------------------------------------------------------------------------

    def _follow_registry(self) -> None:
        heard = self._registry.hear()
        self._leave(heard.lost)
        self._restore(heard.gained)
        for name, partition, spec in heard.cameras:
            self._hear(name, partition, spec)

    def _hear(self, name: str, partition: int, spec: CameraSpec | None) -> None:
        """A camera was added, changed or, with None, removed."""
        known = self._cameras.get(name)
        if spec is None:
            if known is not None:
                self._stop(known)
                del self._cameras[name]
            return
        if known is None:
            self._cameras[name] = _Camera(spec, partition)
        elif known.spec.reads_as(spec):
            known.spec = spec
        else:
            self._stop(known)
            known.spec = spec
            self._retry_at.pop(name, None)
        if spec.paused:
            self._told(not_read(spec, "paused", ""))

    def _stop(self, camera: _Camera) -> None:
        """Read no further; what was sent so far is done for good."""
        if camera.feed is not None:
            self.checkpoint()
        self._shut(camera)

    def _leave(self, partitions: frozenset[int]) -> None:
        if not partitions:
            return
        for name in [name for name, camera in self._cameras.items() if camera.partition in partitions]:
            self._shut(self._cameras.pop(name))
            self._stored.pop(name, None)
        self._chain.forget(partitions)

    def _restore(self, partitions: frozenset[int]) -> None:
        if not partitions:
            return
        epochs = dict.fromkeys(partitions, self._registry.generation())
        for driver in self._chain.drivers:
            for name, snapshot in self._store.load(driver.name, partitions).items():
                epochs[snapshot.partition] = max(epochs[snapshot.partition], snapshot.generation + 1)
                if driver is self._chain.drivers[0]:
                    snapshot = self._taken_up(name, snapshot)
                driver.restore_snapshot(snapshot, {})
        self._epochs.update(epochs)

    def _taken_up(self, name: str, snapshot: Snapshot) -> Snapshot:
        reading: Reading = self._readings.decode(snapshot.content)
        self._stored[name] = reading
        return replace(snapshot, content=reading.ingest)

    def _recover_until(self, stop: threading.Event, wait_s: float, alive: Callable[[], None]) -> None:
        while not wait(stop, wait_s, alive):
            alive()
            try:
                self.recover()
                return
            except TransientError as error:
                wait_s = error.retry_after_s
