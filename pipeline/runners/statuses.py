"""Keeps how live cameras are, without anyone waiting for the place where that rests."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.errors import PosebusError
from pipeline.core.ports import CameraState

log = logging.getLogger(__name__)

_GATHER_S = 0.3
_RETRY_S = 2.0
_MOST = 10_000


def not_read(spec: CameraSpec, state: CameraState, reason: str) -> CameraStatus:
    """How a camera is that nobody reads now."""
    now_us = time.time_ns() // 1000
    return CameraStatus(
        spec.name, spec.camera_no, now_us, state, reason, 0.0, None, 0, error=reason, error_us=now_us if reason else 0
    )


class StatusKeeper:
    """Takes statuses from any thread and passes them on from one of its own, while its `with` block lasts.

    Args:
        note: Keeps them; what it raises is told once and tried again.
        entered: Called at once when a camera is in another state than before.
    """

    def __init__(
        self,
        note: Callable[[Sequence[CameraStatus]], None],
        entered: Callable[[CameraStatus], None] = lambda _: None,
    ) -> None:
        self._note = note
        self._entered = entered
        self._states: dict[str, str] = {}
        self._waiting: list[CameraStatus] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="statuses", daemon=True)

    def put(self, status: CameraStatus) -> None:
        """Keep this one."""
        with self._lock:
            last = self._waiting[-1] if self._waiting else None
            if last is not None and (last.name, last.state, last.reason) == (status.name, status.state, status.reason):
                self._waiting.pop()
            self._waiting.append(status)
            del self._waiting[:-_MOST]
            changed = self._states.get(status.name) != status.state
            self._states[status.name] = status.state
        if changed:
            self._entered(status)

    def start(self) -> StatusKeeper:
        """Begin, for as long as the process lasts."""
        self._thread.start()
        return self

    def __enter__(self) -> StatusKeeper:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(5)

    def _run(self) -> None:
        told = ""
        while True:
            last = self._stop.wait(_GATHER_S)
            with self._lock:
                batch, self._waiting = self._waiting, []
            try:
                if batch:
                    self._note(batch)
                told = ""
            except PosebusError as error:
                if error.message != told:
                    told = error.message
                    log.warning("how cameras are is not kept: %s", told)
                with self._lock:
                    self._waiting[:0] = batch
                if not last:
                    self._stop.wait(_RETRY_S)
            if last:
                return
