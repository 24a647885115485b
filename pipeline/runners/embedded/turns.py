"""Whose frame is looked at next, where live cameras have more of them than the models can do."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.runners.fairness import Fairness

ROOM = 2
"""Frames on their way through the models: one that is looked at, and one that waits, so that they never do. With three
about as many are looked at, and results are a third older."""

LOST_S = 10.0
"""A frame that has not come out after so long never will: its turn is given back."""


@dataclass(slots=True)
class _Camera:
    asks: bool = False
    sent: int = 0
    passed: int = 0
    under_way: deque[tuple[int, float]] = field(default_factory=deque)
    """Of each frame that has its turn: which record of the camera it is, and since when."""


class Turns:
    """Gives turns to live cameras, one after another, as `Fairness` says.

    A camera asks for a turn for its newest frame alone, so that what is looked at is as new as it can be, whatever the
    load; what is overtaken meanwhile is dropped before anything was spent on it. Safe to use from any thread.

    Args:
        room: Frames that may be under way at once.
        clock: Monotonic seconds.
    """

    def __init__(self, room: int = ROOM, clock: Callable[[], float] = time.monotonic) -> None:
        self._room = room
        self._clock = clock
        self._lock = threading.Lock()
        self._fairness = Fairness()
        self._cameras: dict[str, _Camera] = {}

    def join(self, name: str, weight: float = 1.0) -> None:
        """A camera takes part from now on, or has another weight."""
        with self._lock:
            self._fairness.join(name, weight)
            self._cameras.setdefault(name, _Camera())

    def leave(self, name: str) -> None:
        """A camera takes no part any more."""
        with self._lock:
            self._fairness.leave(name)
            self._cameras.pop(name, None)

    def ask(self, name: str) -> bool:
        """Whether the camera's newest frame may go now; if not it waits, and asks again soon."""
        with self._lock:
            camera, now_s = self._cameras[name], self._clock()
            camera.asks = True
            asking = [name for name, each in self._cameras.items() if each.asks]
            if self._under_way(now_s) >= self._room or self._fairness.first(asking, now_s) != name:
                return False
            camera.asks = False
            self._fairness.serve(name, now_s)
            camera.under_way.append((camera.sent, now_s))
            return True

    def waive(self, name: str) -> None:
        """The frame that waited is gone."""
        with self._lock:
            self._cameras[name].asks = False

    def sent(self, name: str) -> None:
        """A record of the camera went on its way: a frame that has its turn, or any other."""
        with self._lock:
            self._cameras[name].sent += 1

    def passed(self, name: str, count: int = 1) -> None:
        """So many records of a camera have come out of the models; each came as one."""
        with self._lock:
            camera = self._cameras.get(name)
            if camera is None:
                return
            camera.passed += count
            while camera.under_way and camera.under_way[0][0] < camera.passed:
                camera.under_way.popleft()

    def _under_way(self, now_s: float) -> int:
        for camera in self._cameras.values():
            while camera.under_way and now_s - camera.under_way[0][1] > LOST_S:
                camera.under_way.popleft()
        return sum(len(camera.under_way) for camera in self._cameras.values())
