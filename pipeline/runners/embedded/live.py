"""Reads one live camera into the embedded pipeline: as a recorded one, but that it never ends by itself."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from pipeline.core.cameras import CameraStatus
from pipeline.core.ports import CameraChange, LiveSource
from pipeline.runners.embedded.outlet import Outlet
from pipeline.runners.live import LiveRecords

log = logging.getLogger(__name__)

Told = Callable[[CameraStatus], None]

TELL_S = 2.0
_WAIT_S = 0.1


def tell_nobody(status: CameraStatus) -> None:
    """For whoever does not want to know how cameras are."""


class LiveFeed:
    """Moves one live camera into the bus, until it is told to stop.

    Ticks come every second, also when no picture does; so do barriers. While the stages are behind, sending waits, and
    what comes meanwhile is overwritten by newer pictures: dropped as late.

    Args:
        source: Of the pictures.
        records: Makes records of them.
        outlet: Takes these.
        limit_us: Stop after so long by our own clock, or None.
        cut_s: Time between barriers.
        told: Called with how the camera is, at each change and every `TELL_S`.
    """

    damage = None

    def __init__(
        self,
        source: LiveSource,
        records: LiveRecords,
        outlet: Outlet,
        *,
        limit_us: int | None,
        cut_s: float,
        told: Told = tell_nobody,
    ) -> None:
        self._source = source
        self._records = records
        self._outlet = outlet
        self._limit_s = None if limit_us is None else limit_us / 1e6
        self._cut_s = cut_s
        self._told = told
        self._leaving = threading.Event()
        self._tell_at = 0.0

    def leave(self) -> None:
        """Stop this camera alone."""
        self._leaving.set()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop`, `leave` or the limit; the last barrier ends it then."""
        began = time.monotonic()
        cut_at = began + self._cut_s
        camera = self._source.open()
        try:
            while not (stop.is_set() or self._leaving.is_set()):
                seen = camera.take(_WAIT_S)
                changes = [each for each in seen if isinstance(each, CameraChange)]
                for change in changes:
                    self._log(change)
                for record in self._records.take(seen, _now_us()):
                    self._outlet.send(record)
                now = time.monotonic()
                self._tell(now, bool(changes))
                if now >= cut_at:
                    self._outlet.barrier(self._records.position)
                    cut_at = time.monotonic() + self._cut_s
                if self._limit_s is not None and now >= began + self._limit_s:
                    break
        finally:
            camera.close()
        self._outlet.barrier(self._records.position, last=True)
        self._outlet.close()

    def _tell(self, now: float, changed: bool) -> None:
        if changed or now >= self._tell_at:
            self._tell_at = now + TELL_S
            self._told(self._records.status(_now_us()))

    def _log(self, change: CameraChange) -> None:
        level = logging.INFO if change.state in ("live", "connecting", "paused") else logging.WARNING
        said = f"{change.state}: {change.reason}" if change.reason else change.state
        log.log(level, "camera %s is %s", self._source.info.name, said, extra={"retry_in_s": change.retry_in_s})


def _now_us() -> int:
    return time.time_ns() // 1000
