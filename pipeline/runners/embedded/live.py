"""Reads one live camera into the embedded pipeline: as a recorded one, but that it never ends by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from pipeline.core.cameras import CameraStatus
from pipeline.core.ports import CameraChange, LiveSource
from pipeline.runners.embedded.cutting import Cutting
from pipeline.runners.embedded.newest import Newest
from pipeline.runners.embedded.outlet import Outlet
from pipeline.runners.embedded.turns import Turns
from pipeline.runners.ladder import Ladder, Rung
from pipeline.runners.live import LiveRecords

log = logging.getLogger(__name__)

Told = Callable[[CameraStatus], None]

TELL_S = 2.0
_WAIT_S = 0.1
_ASK_S = 0.004
"""Between two questions for a turn: little of what the models take for a frame."""


def tell_nobody(status: CameraStatus) -> None:
    """For whoever does not want to know how cameras are."""


class LiveFeed:
    """Moves one live camera into the bus, until it is told to stop.

    Ticks come every second, also when no picture does. Its newest frame waits for its turn, and
    what that overtakes is dropped as late.

    Args:
        name: Of the camera.
        source: Of the pictures.
        records: Makes records of them.
        outlet: Takes these.
        limit_us: Stop after so long by our own clock, or None.
        cutting: When the next barrier is due.
        told: Called with how the camera is, at each change and every `TELL_S`.
        turns: Shared with the other live cameras.
        ladder: Eases its pictures while too many of them are late; None: nobody does.
        eased: Called with the rung of the ladder, when it is another one.
    """

    damage = None

    def __init__(
        self,
        name: str,
        source: LiveSource,
        records: LiveRecords,
        outlet: Outlet,
        *,
        limit_us: int | None,
        cutting: Cutting,
        turns: Turns,
        told: Told = tell_nobody,
        ladder: Ladder | None = None,
        eased: Callable[[Rung], None] = lambda _: None,
    ) -> None:
        self._ladder = ladder
        self._eased = eased
        self._name = name
        self._turns = turns
        self._source = source
        self._records = records
        self._outlet = outlet
        self._limit_s = None if limit_us is None else limit_us / 1e6
        self.cutting = cutting
        self._told = told
        self._leaving = threading.Event()
        self._tell_at = 0.0

    def leave(self) -> None:
        """Stop this camera alone."""
        self._leaving.set()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop`, `leave` or the limit; the last barrier ends it then."""
        began = time.monotonic()
        self._turns.join(self._name, self._source.weight)
        newest = Newest(self._name, self._turns, self._outlet.send, self._source.deadline_us, self._ladder)
        camera = self._source.open()
        try:
            while not (stop.is_set() or self._leaving.is_set()):
                seen = camera.take(_ASK_S if newest.waits else _WAIT_S)
                changes = [each for each in seen if isinstance(each, CameraChange)]
                for change in changes:
                    self._log(change)
                now_us = _now_us()
                for record in self._records.take(seen, now_us):
                    newest.take(record)
                newest.look(now_us)
                now = time.monotonic()
                self._tell(now, bool(changes))
                self._ease(now)
                if self.cutting.due(now):
                    self.cutting.began(self._outlet.barrier(self._records.position), now)
                if self._limit_s is not None and now >= began + self._limit_s:
                    break
            newest.end()
        finally:
            camera.close()
            self._turns.leave(self._name)
        self._outlet.barrier(self._records.position, last=True)
        self._outlet.close()

    def _tell(self, now: float, changed: bool) -> None:
        if changed or now >= self._tell_at:
            self._tell_at = now + TELL_S
            self._told(self._records.status(_now_us()))

    def _ease(self, now: float) -> None:
        if self._ladder is not None and self._ladder.look(now):
            rung = self._ladder.rung
            self._eased(rung)
            log.warning("camera %s: from here on %s", self._name, rung)

    def _log(self, change: CameraChange) -> None:
        level = logging.INFO if change.state in ("live", "connecting", "paused") else logging.WARNING
        said = f"{change.state}: {change.reason}" if change.reason else change.state
        log.log(level, "camera %s is %s", self._name, said, extra={"retry_in_s": change.retry_in_s})


def _now_us() -> int:
    return time.time_ns() // 1000
