"""When a live camera is cut: as often as the database takes it, and with few cuts under way."""

from __future__ import annotations

from collections.abc import Callable

SHORTEST_S = 0.05
"""A live camera's results are there to be looked at."""

SHARE = 0.5
"""Of the collecting thread's time that all cuts of live cameras may take."""


UNDER_WAY = 2
"""Cuts of a camera that do not rest yet: one that is stored, and one on its way there."""


class Cutting:
    """The cuts of one camera.

    Args:
        every_s: Least time between two of them at this moment.
    """

    def __init__(self, every_s: Callable[[], float]) -> None:
        self._every_s = every_s
        self._begun = self._rested = -1
        self._at_s = 0.0

    def due(self, now_s: float) -> bool:
        """Whether the next one may begin."""
        return self._begun - self._rested < UNDER_WAY and now_s >= self._at_s + self._every_s()

    def began(self, number: int, now_s: float) -> None:
        """A cut of this number is on its way; numbers follow one another."""
        if self._begun < 0:
            self._rested = number - 1
        self._begun, self._at_s = number, now_s

    def rested(self, number: int) -> None:
        """It rests; from the collecting thread."""
        self._rested = number


def every_s(longest_s: float, cameras: int, took_s: float) -> float:
    """Time between two cuts of a camera, where so many share the thread and the last ones took so long each."""
    return min(longest_s, max(SHORTEST_S, cameras * took_s / SHARE))
