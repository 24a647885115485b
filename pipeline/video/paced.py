"""A recorded source or a simulated scene played as a live camera."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from pipeline.core.errors import SourceError
from pipeline.core.ports import CameraChange, LivePicture, Picture, Source

_AGAIN_S = 1.0


class PacedCamera:
    """Gives the pictures of a source at its own times, and begins it anew at its end. Implements `ports.LiveCamera`.

    Args:
        source: What to play.
        now_us: The clock, microseconds since the epoch.
    """

    def __init__(self, source: Source, now_us: Callable[[], int] = lambda: time.time_ns() // 1000) -> None:
        self._source = source
        self._now_us = now_us
        self._connection = 0
        self._pictures: Iterator[Picture] | None = None
        self._next: Picture | None = None
        self._begin_us = now_us()

    def take(self, timeout_s: float) -> Sequence[LivePicture | CameraChange]:
        """What is due; of several pictures that are, only the last has pixels."""
        due_us = None if self._next is None else self._begin_us + self._next.pts_us
        if timeout_s > 0 and due_us is not None:
            time.sleep(min(max((due_us - self._now_us()) / 1e6, 0.0), timeout_s))
        found: list[LivePicture | CameraChange] = []
        now_us = self._now_us()
        if self._pictures is None:
            if now_us < self._begin_us:
                return found
            self._connection += 1
            self._pictures = self._source.pictures()
            self._begin_us = now_us
            found.append(CameraChange("live", "", now_us))
            self._advance(found)
        while self._next is not None and self._begin_us + self._next.pts_us <= now_us:
            picture, at_us = self._next, self._begin_us + self._next.pts_us
            self._advance(found)
            late = self._next is not None and self._begin_us + self._next.pts_us <= now_us
            found.append(
                LivePicture(
                    self._connection, picture.seq, at_us, None, picture.pts_us, None if late else picture.pixels, False
                )
            )
        return found

    def close(self) -> None:
        """Play no more."""
        self._pictures = self._next = None

    def _advance(self, found: list[LivePicture | CameraChange]) -> None:
        assert self._pictures is not None
        try:
            self._next = next(self._pictures, None)
        except SourceError as error:
            self._next = None
            found.append(CameraChange("waiting", error.message, self._now_us(), _AGAIN_S))
        if self._next is None:
            self._pictures = None
            self._begin_us = self._now_us() + round(_AGAIN_S * 1e6)
