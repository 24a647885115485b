"""Waits that a supervisor does not take for a standstill."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

DRAIN_S = 3.0
"""A worker that is told to end gives its outputs so long to leave; what does not is sent again by the next one."""

_SLICE_S = 1.0


def wait(stop: threading.Event, seconds: float, alive: Callable[[], None]) -> bool:
    """Wait until `stop` is set, or so long; calls `alive` every second. Tells whether it was set."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if stop.wait(min(left, _SLICE_S)):
            return True
        alive()
    return stop.is_set()
