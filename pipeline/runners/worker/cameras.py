"""What an ingest worker reads: cameras, each giving records whenever it is asked, never waited for."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from pipeline.core.cameras import CameraStatus
from pipeline.core.errors import SourceError
from pipeline.core.ports import CameraChange, LiveCamera, Picture, Position, Source
from pipeline.core.records import Record
from pipeline.runners.live import LiveRecords
from pipeline.runners.recorded import RecordedCamera

log = logging.getLogger(__name__)

_TELL_US = 2_000_000
_AHEAD = 4
"""Decoded pictures that wait: a picture of 4K is 25 MB."""


class CameraFeed(Protocol):
    """One camera of an ingest worker, for one thread."""

    @property
    def start_us(self) -> int:
        """Event time of the picture at 0 of a recorded source; 0 for a live one."""
        ...

    @property
    def position(self) -> Position:
        """Behind the last record that was taken."""
        ...

    def take(self, most: int) -> Sequence[Record[Any]]:
        """Records that are at hand, at most so many frames of them; waits for none."""
        ...

    def close(self) -> None:
        """Stop reading."""
        ...


class RecordedFeed:
    """A source that can be read again, decoded on a thread of its own.

    Args:
        name, number: Of the camera.
        source: What to read; opened already.
        start_us: Event time of its picture at 0.
        position: Where to begin.
        wake: Called when there is something to take.
    """

    def __init__(
        self, name: str, number: int, source: Source, start_us: int, position: Position, wake: Callable[[], None]
    ) -> None:
        self.start_us = start_us
        self._name = name
        self._source = source
        self._wake = wake
        self._frames = RecordedCamera(0, name, number, start_us, position)
        self._pictures: queue.Queue[Picture | None] = queue.Queue(_AHEAD)
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None
        if not position.finished:
            self._thread = threading.Thread(target=self._read, args=(position.seq,), name=f"read-{name}", daemon=True)
            self._thread.start()

    @property
    def position(self) -> Position:
        """Behind the last record that was taken."""
        return self._frames.position

    def take(self, most: int) -> Sequence[Record[Any]]:
        """Frames and ticks, at most so many frames."""
        records: list[Record[Any]] = []
        for _ in range(most):
            try:
                picture = self._pictures.get_nowait()
            except queue.Empty:
                break
            records += self._frames.end() if picture is None else self._frames.take(picture)
        return records

    def close(self) -> None:
        """Stop reading."""
        self._closed.set()
        while self._thread is not None and self._thread.is_alive():
            with suppress(queue.Empty):  # it may wait for room; what it has read is not taken: the position stays
                while True:
                    self._pictures.get_nowait()
            self._thread.join(0.01)

    def _read(self, start: int) -> None:
        try:
            for picture in self._source.pictures(start):
                self._pictures.put(picture)
                self._wake()
                if self._closed.is_set():
                    return
        except SourceError as error:
            log.error("camera %s: the source breaks off here: %s", self._name, error.message)
        except Exception:  # the outermost loop of a thread
            log.exception("camera %s: a defect has stopped it; the next start of the worker tries again", self._name)
            return
        self._pictures.put(None)
        self._wake()


class LiveFeed:
    """A live camera: what is not taken in time is lost, and said to be.

    Args:
        camera: What gives the pictures.
        records: Makes records of them.
        told: Called with how the camera is, at each change and every two seconds.
    """

    start_us = 0

    def __init__(
        self, camera: LiveCamera, records: LiveRecords, told: Callable[[CameraStatus], None] = lambda _: None
    ) -> None:
        self._camera = camera
        self._records = records
        self._told = told
        self._tell_us = 0

    @property
    def position(self) -> Position:
        """Behind the last record that was taken."""
        return self._records.position

    def take(self, most: int) -> Sequence[Record[Any]]:
        """All that is at hand: a live camera does not wait."""
        seen = self._camera.take(0.0)
        now_us = time.time_ns() // 1000
        records = self._records.take(seen, now_us)
        if now_us >= self._tell_us or any(isinstance(each, CameraChange) for each in seen):
            self._tell_us = now_us + _TELL_US
            self._told(self._records.status(now_us))
        return records

    def close(self) -> None:
        """Stop reading."""
        self._camera.close()
