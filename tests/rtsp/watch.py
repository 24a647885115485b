"""Follows a live camera in a thread and remembers what it told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pipeline.core.ports import CameraChange, LivePicture
from pipeline.video.live import EventClock, RtspCamera
from pipeline.video.live.options import LiveOptions

_START_S = 60.0
"""Forty readers that start at the same time need so long on a busy machine."""


class Watch:
    """A camera being read, from the constructor on.

    Attributes:
        pictures: (when, picture without its pixels but for the newest, event time).
        changes: (when, change). Times are of time.monotonic.
    """

    def __init__(self, options: LiveOptions, keep: bool = False) -> None:
        self.camera = RtspCamera(options)
        self.clock = EventClock()
        self.pictures: list[tuple[float, LivePicture, int]] = []
        self.changes: list[tuple[float, CameraChange]] = []
        self.clocks: list[str] = []
        self._keep = keep
        self._stop = threading.Event()
        self._condition = threading.Condition()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="watch")
        self._thread.start()

    @property
    def state(self) -> str:
        return self.changes[-1][1].state if self.changes else "none"

    def states(self, since: float = 0.0) -> list[str]:
        """The states entered since, in order, each once in a row."""
        found = [change.state for when, change in self.changes if when >= since]
        return [state for i, state in enumerate(found) if i == 0 or found[i - 1] != state]

    def reasons(self, since: float = 0.0) -> list[str]:
        return [change.reason for when, change in self.changes if when >= since]

    def wait(self, what: Callable[[], bool], timeout_s: float, named: str = "") -> float:
        """Wait until it holds; how long that took. Raises AssertionError with what was seen instead."""
        began = time.monotonic()
        if self.state in ("none", "connecting"):
            timeout_s += _START_S
        with self._condition:
            if not self._condition.wait_for(what, timeout_s):
                raise AssertionError(
                    f"{named or 'it'} did not happen within {timeout_s} s; changes: {self.changes[-6:]}"
                )
        return time.monotonic() - began

    def wait_state(self, state: str, timeout_s: float = 10.0) -> float:
        return self.wait(lambda: self.state == state, timeout_s, f"state {state}")

    def wait_pictures(self, count: int = 3, timeout_s: float = 10.0, *, suspect: bool = True) -> float:
        """Wait for so many pictures from now on."""
        before = len(self.pictures)

        def enough() -> bool:
            new = self.pictures[before:]
            return sum(suspect or not picture.suspect for _, picture, _ in new) >= count

        return self.wait(enough, timeout_s, f"{count} pictures")

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)
        self.camera.close()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                seen = self.camera.take(0.1)
                now = time.monotonic()
                with self._condition:
                    for each in seen:
                        if isinstance(each, LivePicture):
                            event_us, clock = self.clock.next(each)
                            self.clocks.append(clock)
                            kept = each if self._keep else each._replace(pixels=None)
                            self.pictures.append((now, kept, event_us))
                        else:
                            self.changes.append((now, each))
                    self._condition.notify_all()
        except BaseException as error:  # noqa: BLE001  `close` raises it again
            self.failure = error
