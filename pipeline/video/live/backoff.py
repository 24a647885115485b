"""How long to wait before a lost camera is tried again."""

from __future__ import annotations

import random
from collections.abc import Callable

_FIRST_S = 0.25
# (lost for less than, longest wait): a camera that boots is back within a minute.
_CAPS_S = ((60.0, 1.0), (600.0, 2.0), (float("inf"), 5.0))
# Cameras lock an account after three to ten wrong passwords within minutes to half an hour.
_UNAUTHORIZED_S = (30.0, 60.0, 300.0, 900.0)


class Backoff:
    """Waits that double up to a cap; the cap grows with the time that the camera is lost.

    Each wait is shortened by up to 30 % by chance, so that cameras lost together do not come back together.

    Args:
        uniform: Gives a random number between two.
    """

    def __init__(self, uniform: Callable[[float, float], float] = random.uniform) -> None:
        self._uniform = uniform
        self._lost_at: float | None = None
        self._tries = 0
        self._refusals = 0

    def lived(self) -> None:
        """A picture came: the next loss is a new one."""
        self._lost_at, self._tries, self._refusals = None, 0, 0

    def wait_s(self, now_s: float) -> float:
        """Before the next try after a loss at `now_s`."""
        if self._lost_at is None:
            self._lost_at = now_s
        lost_s = now_s - self._lost_at
        cap = next(longest for until, longest in _CAPS_S if lost_s < until)
        wait = min(_FIRST_S * 2.0 ** min(self._tries, 10), cap)
        self._tries += 1
        return wait * self._uniform(0.7, 1.0)

    def refused_s(self) -> float:
        """Before the next try of a user and password that were refused."""
        wait = _UNAUTHORIZED_S[min(self._refusals, len(_UNAUTHORIZED_S) - 1)]
        self._refusals += 1
        return wait * self._uniform(0.9, 1.1)
