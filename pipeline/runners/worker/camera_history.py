"""Brings how cameras are from the bus to where it rests, beside the sink of their frames."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from pipeline.core.cameras import CameraStatus
from pipeline.core.errors import StateError
from pipeline.core.ports import BusRecord, Consumer, StateCodec
from pipeline.runners.worker.aside import read_on

log = logging.getLogger(__name__)

GROUP = "posebus-camera-history"
_POLL_S = 0.5


class CameraHistory:
    """Reads the topic of statuses. What was noted and not committed is noted again, which changes nothing.

    Args:
        consumer: Makes a member of `GROUP`.
        statuses: Codec of a status.
        note: Keeps statuses; raises SinkUnavailable to be called again.
    """

    def __init__(
        self,
        consumer: Callable[[], Consumer],
        statuses: StateCodec,
        note: Callable[[Sequence[CameraStatus]], None],
    ) -> None:
        self._make = consumer
        self._statuses = statuses
        self._note = note
        self._waiting: list[BusRecord] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Work on a thread of its own while the block lasts."""
        stop = threading.Event()
        work = partial(read_on, self._make, self.step, stop, "how cameras are is not kept")
        thread = threading.Thread(target=work, name="camera-history", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(5)

    def step(self, consumer: Consumer) -> None:
        """Poll once and keep what came. Raises TransientError: call it again."""
        if not self._waiting:
            self._waiting = list(consumer.poll(_POLL_S).records)
        if not self._waiting:
            return
        self._note([status for raw in self._waiting if (status := self._decoded(raw)) is not None])
        done, self._waiting = self._waiting, []
        consumer.commit({raw.place: raw.offset + 1 for raw in done})

    def _decoded(self, raw: BusRecord) -> CameraStatus | None:
        if raw.value is None:
            return None
        try:
            status: CameraStatus = self._statuses.decode(raw.value)
        except StateError as error:
            log.error("a status of camera %s cannot be read: %s", raw.key.decode(errors="replace"), error.message)
            return None
        return status
