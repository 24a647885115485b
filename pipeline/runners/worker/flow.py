"""How many live frames are on their way from ingest to pose: as many as come out of it young."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from pipeline.core.errors import TransientError
from pipeline.core.headers import ARRIVED, FRAME, number
from pipeline.core.ports import BusRecord
from pipeline.core.records import Record
from pipeline.core.values import Captured
from pipeline.runners.live import OVERTAKEN

log = logging.getLogger(__name__)

LEAST, FIRST = 2.0, 4.0
"""Frames: one that is looked at and one that waits; and with how many it begins."""

_SHRINK = 0.7
_LOST_S = 2.0
"""A frame that has not come out after so long never will."""

_SILENT_S = 10.0
"""Pose that has not given anything for so long is not there: nobody can say how much it could do."""


class Flow:
    """A window over all live cameras of an ingest worker, so that what is too much stays with the cameras.

    It grows by a frame for each that comes out, from the first time that it was too large by one for each window of
    them, and shrinks when a frame was given up on its way or came out too old: additive increase, multiplicative
    decrease (Chiu and Jain, 1989), with the slow start of TCP (Jacobson, 1988). While nothing comes out there is no
    bound: workers behind ingest give up what is late by themselves.

    Args:
        old_s: Too old for a live frame that comes out of pose.
        listen: Called before the first live frame: from then on it has to `hear`. Recordings need not pay for that.
        clock: Monotonic seconds.
        now_us: Microseconds since the epoch.
    """

    def __init__(
        self,
        old_s: float,
        *,
        listen: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.wake: Callable[[], None] = lambda: None
        self._listen: Callable[[], None] | None = listen
        self._old_us = old_s * 1e6
        self._clock = clock
        self._now_us = now_us
        self._came: deque[tuple[str, int, bool, int]] = deque()
        self._under_way: dict[str, deque[tuple[int, float]]] = {}
        self._window = FIRST
        self._probing = True
        self._shrunk_s = self._heard_s = float("-inf")

    @property
    def window(self) -> float:
        """Frames that may be under way."""
        return self._window if self._clock() - self._heard_s < _SILENT_S else float("inf")

    @property
    def has_room(self) -> bool:
        """Whether one more may go."""
        if self._listen is not None:
            listen, self._listen = self._listen, None
            listen()
        self._look()
        return self._count() + 1 <= self.window

    def admit(self, record: Record[Any]) -> Record[Any]:
        """The record as it goes on: a picture that there is no room for is dropped."""
        if not isinstance(record.value, Captured):
            return record
        if not self.has_room:
            return Record(record.stamp, OVERTAKEN)
        waiting = self._under_way.setdefault(record.stamp.camera, deque())
        waiting.append((record.stamp.arrived_at_us, self._clock()))
        return record

    def hear(self, raw: BusRecord) -> None:
        """A record of `poses` of any camera. For any thread."""
        arrived_us = number(raw.headers, ARRIVED)
        if arrived_us is not None:
            whole = any(name == FRAME for name, _ in raw.headers)
            self._came.append((raw.key.decode(errors="replace"), arrived_us, whole, self._now_us()))
            self.wake()

    def _look(self) -> None:
        now_s = self._clock()
        while self._came:
            name, arrived_us, whole, at_us = self._came.popleft()
            self._heard_s = now_s
            waiting = self._under_way.get(name, ())
            while waiting and waiting[0][0] <= arrived_us:
                own_us, sent_s = waiting[0]
                full = self._count() + 1 > self._window
                waiting.popleft()
                if own_us == arrived_us:
                    self._judge(whole and at_us - arrived_us <= self._old_us, sent_s, now_s, full=full)
        for waiting in self._under_way.values():
            # Late frames come out dropped, and soon: where none comes a worker is away, and has not got too much.
            while waiting and now_s - waiting[0][1] > _LOST_S:
                waiting.popleft()

    def _judge(self, young: bool, sent_s: float, now_s: float, *, full: bool) -> None:
        if young:
            if full:  # a window that is not used says nothing
                self._window += 1.0 if self._probing else 1.0 / self._window
        elif sent_s > self._shrunk_s:  # once for all that were under way
            self._window = max(LEAST, self._window * _SHRINK)
            self._shrunk_s, self._probing = now_s, False

    def _count(self) -> int:
        return sum(map(len, self._under_way.values()))


class Following:
    """Tells a flow what comes out of pose, on a thread of its own.

    Args:
        records: Makes the records, from now on and without an end; None where nothing came for a while.
    """

    def __init__(self, flow: Flow, records: Callable[[], Iterable[BusRecord | None]]) -> None:
        self._flow = flow
        self._records = records
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more; before the bus is closed."""
        self._ended.set()
        self._thread.join(5)

    def _run(self) -> None:
        told = ""
        while not self._ended.is_set():
            try:
                for record in self._records():
                    if self._ended.is_set():
                        return
                    if record is not None:
                        self._flow.hear(record)
            except TransientError as error:
                if error.message != told and not self._ended.is_set():  # once, however long it lasts
                    told = error.message
                    log.warning("how much pose can do is not known: %s", error.message)
                self._ended.wait(error.retry_after_s)
