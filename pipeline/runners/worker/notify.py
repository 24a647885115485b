"""The notify worker: steps of incidents from their topic to all channels, remembered beside the steps themselves."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pipeline.core.deliveries import Delivery, SettledStore
from pipeline.core.errors import BusUnavailable, InvalidRecord, SinkUnavailable, TransientError
from pipeline.core.ports import BusRecord, Consumer, Polled, RecordCodec, TopicPartition
from pipeline.core.records import Record
from pipeline.core.values import Transition
from pipeline.notify import Notifier
from pipeline.notify.base import key_of
from pipeline.runners.worker.waiting import wait

log = logging.getLogger(__name__)

NAME = "notify"
TOPIC = "alerts"
GROUP = "posebus-notify"

LONGEST_WAIT_S = 60.0
NEW_GROUP_S = 600.0
"""A group that never committed tells of no step that arrived longer ago: nobody was to be told then."""
_AT_ONCE = 100
_DRAIN_S = 3.0

Told = Callable[[str, str], None]
"""Called with channel and state of each delivery."""


@dataclass(frozen=True, slots=True)
class _Step:
    place: TopicPartition
    offset: int
    record: Record[Transition]


@dataclass(slots=True)
class _Camera:
    """Steps of one camera on one channel.

    Attributes:
        try_at: Not before; monotonic seconds.
        wait_s: After the next failure.
    """

    wait_s: float
    try_at: float = 0.0
    steps: deque[_Step] = field(default_factory=deque)


class NotifyWorker:
    """Delivers each step at least once, and in order for a camera and channel.

    Every channel has a thread: a slow one holds up no other. What fails is tried again after a wait that doubles, and
    holds up the later steps of its camera on that channel alone. The offset of a step is committed when every channel
    has it, or has refused it, and that is noted; so a crash repeats at most what was not noted, under the same keys.
    While the database is away steps are delivered all the same, and noted later.

    Args:
        codec: Of the topic.
        consumer: A member of `GROUP` for `TOPIC`.
        notifier: Whom to tell.
        store: Remembers what was delivered or refused.
        clock: Monotonic seconds.
        now_us: Microseconds since the epoch.
        recorded: Steps of recorded sources are delivered too.
        first_wait_s: After the first failure; doubles up to a minute.
        most: So many steps at most wait to be delivered or noted; then no more are read.
        told: Called with channel and state of each delivery.
    """

    def __init__(
        self,
        codec: RecordCodec,
        consumer: Consumer,
        notifier: Notifier,
        store: SettledStore,
        *,
        clock: Callable[[], float],
        now_us: Callable[[], int],
        recorded: bool = False,
        first_wait_s: float = 1.0,
        most: int = 10_000,
        told: Told = lambda channel, state: None,
    ) -> None:
        self._codec = codec
        self._consumer = consumer
        self._notifier = notifier
        self._store = store
        self._clock = clock
        self._now_us = now_us
        self._recorded = recorded
        self._first_wait_s = first_wait_s
        self._most = most
        self._told = told
        self._news = threading.Event()
        self._done: deque[tuple[_Step, Delivery]] = deque()
        self._routes = [
            _Route(name, notifier.only(name), clock, first_wait_s, self._settled_by) for name in notifier.channels
        ]
        self._open: dict[TopicPartition, dict[int, set[str]]] = {}
        self._since_us: dict[TopicPartition, int] = {}
        self._ask_at = self._note_at = 0.0
        self._wait_s = first_wait_s

    @property
    def waiting(self) -> int:
        """Steps that are not yet delivered everywhere and noted."""
        return sum(map(len, self._open.values()))

    def lag(self) -> Mapping[TopicPartition, int]:
        """Steps that were not read yet, of each partition that is ours."""
        return self._consumer.lag()

    def run(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set, then note what was delivered and leave the group."""
        while not stop.is_set():
            alive()
            try:
                self.step(timeout_s=0.1)
            except TransientError as error:
                log.warning("notify waits: %s", error.message)
                wait(stop, error.retry_after_s, alive)
        self.close()

    def step(self, timeout_s: float) -> int:
        """Hand new steps to the channels, note and commit what they have settled. Gives the number of records taken.

        Raises BusUnavailable: nothing is lost, call again.
        """
        if self.waiting < self._most:
            polled = self._consumer.poll(timeout_s, min(_AT_ONCE, self._most - self.waiting))
        else:
            polled = self._consumer.poll(0.0, 0)
            self._news.wait(timeout_s)
        self._news.clear()
        self._follow_assignment(polled)
        self._take(polled.records)
        self._note()
        self._commit()
        for route in self._routes:
            route.check()
        return len(polled.records)

    def close(self) -> None:
        """Let what is on its way arrive, note it, and leave."""
        for route in self._routes:
            route.end()
        for route in self._routes:
            route.join(_DRAIN_S / len(self._routes))
        self._note_at = 0.0
        self._note()
        self._commit()
        if self._done:
            log.warning("%d deliveries are not noted: they will be made again", len(self._done))
        self._consumer.close()

    # -- which steps -------------------------------------------------------------------------------------------------

    def _follow_assignment(self, polled: Polled) -> None:
        if polled.revoked:
            for place in polled.revoked:
                self._open.pop(place, None)
            for route in self._routes:
                route.drop(polled.revoked)
        for place in polled.assigned:
            self._open[place] = {}
            began = self._consumer.committed(place) is not None
            self._since_us[place] = 0 if began else self._now_us() - round(NEW_GROUP_S * 1e6)

    def _take(self, records: Sequence[BusRecord]) -> None:
        try:
            steps = [step for raw in records if (step := self._read(raw)) is not None]
        except TransientError:  # of a schema registry: all of them are read again
            for raw in reversed(records):
                self._open[raw.place].pop(raw.offset, None)
                with suppress(ValueError):  # taken from us meanwhile
                    self._consumer.seek(raw.place, raw.offset)
            raise
        settled = self._settled([step.record for step in steps])
        for step in steps:
            left = {c for c in self._notifier.channels if key_of(step.record.value, c) not in settled}
            self._open[step.place][step.offset] = left
            for route in self._routes:
                if route.channel in left:
                    route.add(step)

    def _read(self, raw: BusRecord) -> _Step | None:
        """The step of a record that somebody has to be told of."""
        held = self._open.setdefault(raw.place, {})
        held[raw.offset] = set()
        try:
            if raw.value is None:
                raise InvalidRecord("a record without a value")
            record = self._codec.decode(raw.value)
        except InvalidRecord as error:  # the sink keeps it as a dead letter
            log.error("%s/%d at %d tells nobody: %s", raw.topic, raw.partition, raw.offset, error.message)
            return None
        stamp = record.stamp
        wanted = (
            isinstance(record.value, Transition)
            and self._notifier.takes(stamp.run)
            and (self._recorded or stamp.clock != "file")
            and (stamp.clock == "file" or stamp.arrived_at_us >= self._since_us.get(raw.place, 0))
        )
        return _Step(raw.place, raw.offset, record) if wanted else None

    def _settled(self, records: Sequence[Record[Transition]]) -> frozenset[str]:
        """Keys of these that need nothing more. While the database is away: none; twice is better than never."""
        if not records or self._clock() < self._ask_at:
            return frozenset()
        try:
            return self._store.settled(records)
        except SinkUnavailable as error:
            self._ask_at = self._clock() + error.retry_after_s
            log.warning("what was delivered before cannot be told, it may come twice: %s", error.message)
            return frozenset()

    # -- what became of them -----------------------------------------------------------------------------------------

    def _settled_by(self, step: _Step, delivery: Delivery) -> None:
        """On the thread of a channel."""
        self._done.append((step, delivery))
        self._told(delivery.channel, delivery.state)
        self._news.set()

    def _note(self) -> None:
        if not self._done or self._clock() < self._note_at:
            return
        batch = list(self._done)
        try:
            self._store.note([delivery for _, delivery in batch])
        except SinkUnavailable as error:
            self._note_at = self._clock() + self._wait_s
            if self._wait_s == self._first_wait_s:  # once, however long it lasts
                log.warning("deliveries are noted later: %s", error.message)
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
            return
        self._wait_s = self._first_wait_s
        for step, delivery in batch:
            self._done.popleft()
            self._open.get(step.place, {}).get(step.offset, set()).discard(delivery.channel)

    def _commit(self) -> None:
        offsets = {}
        for place, held in self._open.items():
            while held and not held[first := next(iter(held))]:
                del held[first]
                offsets[place] = first + 1
        if offsets:
            try:
                self._consumer.commit(offsets)
            except BusUnavailable as error:
                # They are noted: whoever reads them again finds that nothing is to be done.
                log.debug("offsets not committed", extra={"error": error.message})


class _Route:
    """One channel on a thread of its own."""

    def __init__(
        self,
        channel: str,
        notifier: Notifier,
        clock: Callable[[], float],
        first_wait_s: float,
        settled: Callable[[_Step, Delivery], None],
    ) -> None:
        self.channel = channel
        self._notifier = notifier
        self._clock = clock
        self._first_wait_s = first_wait_s
        self._settled = settled
        self._changed = threading.Condition()
        self._cameras: dict[str, _Camera] = {}
        self._ending = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"notify-{channel}", daemon=True)
        self._thread.start()

    def add(self, step: _Step) -> None:
        """One more to deliver."""
        with self._changed:
            camera = self._cameras.setdefault(step.record.stamp.camera, _Camera(self._first_wait_s))
            camera.steps.append(step)
            self._changed.notify()

    def drop(self, places: frozenset[TopicPartition]) -> None:
        """These belong to another worker now."""
        with self._changed:
            kept = {
                name: camera
                for name, camera in self._cameras.items()
                if camera.steps and camera.steps[0].place not in places
            }
            self._cameras = kept

    def check(self) -> None:
        """Raises what has stopped it."""
        if self._failure is not None:
            raise self._failure

    def end(self) -> None:
        """Finish what is on its way, and no more."""
        with self._changed:
            self._ending = True
            self._changed.notify()

    def join(self, timeout_s: float) -> None:
        """Wait for that."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while (camera := self._next()) is not None:
                self._deliver(camera, camera.steps[0])
        except Exception as error:  # noqa: BLE001  the outermost loop of a thread: raised where the worker looks
            self._failure = error

    def _next(self) -> _Camera | None:
        """The camera whose turn it is, once there is one; None at the end."""
        with self._changed:
            while not self._ending:
                now = self._clock()
                busy = [camera for camera in self._cameras.values() if camera.steps]
                due = min(busy, key=lambda camera: camera.try_at, default=None)
                if due is not None and due.try_at <= now:
                    return due
                self._changed.wait(None if due is None else due.try_at - now)
            return None

    def _deliver(self, camera: _Camera, step: _Step) -> None:
        (delivery,) = self._notifier([step.record])
        with self._changed:
            if delivery.state == "failed":
                camera.try_at = self._clock() + camera.wait_s
                camera.wait_s = min(2 * camera.wait_s, LONGEST_WAIT_S)
                return
            camera.steps.popleft()
            camera.try_at, camera.wait_s = self._clock(), self._first_wait_s  # behind the others
        self._settled(step, delivery)
