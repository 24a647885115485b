"""Times of pictures: made to grow where a file's own do not, and thinned to a rate."""

from __future__ import annotations

_RESTART_US = 1_000_000
_RESTART_PICTURES = 4


class PictureClock:
    """Gives each picture a time that is later than the one before, in microseconds since the first.

    A file's own time is kept wherever it grows. Otherwise:
    no time: one nominal step after the last picture;
    not after the last (pictures out of order, the same time twice): half a nominal step after the last, so that the
    file's times are caught up with;
    more than a second back four times in a row (two recordings joined, a counter that wrapped): one nominal step after
    the last, and all later times are counted from there.

    Args:
        step_us: Nominal time between two pictures, positive.
    """

    def __init__(self, step_us: int) -> None:
        self._step_us = max(step_us, 2)
        self._origin_us: int | None = None
        self._last_us = -1
        self._behind = 0

    def next(self, file_us: int | None) -> int:
        """Time of the next picture, whose own time in the file is `file_us` (None: it has none)."""
        if self._last_us < 0:
            self._origin_us, self._last_us = file_us, 0
        elif file_us is None:
            self._last_us += self._step_us
        else:
            self._last_us = self._after_last(file_us)
        return self._last_us

    def _after_last(self, file_us: int) -> int:
        expected_us = self._last_us + self._step_us
        if self._origin_us is None:
            self._origin_us = file_us - expected_us
        time_us = file_us - self._origin_us
        self._behind = self._behind + 1 if time_us < self._last_us - _RESTART_US else 0
        if self._behind == _RESTART_PICTURES:
            self._origin_us = file_us - expected_us
            self._behind = 0
            return expected_us
        return time_us if time_us > self._last_us else self._last_us + self._step_us // 2


class Thinning:
    """Chooses which pictures to keep so that there are at most `fps` a second, by time and as evenly as they come.

    Kept is the picture nearest to each due time: it may come up to half a nominal step early, so that jittering times
    do not cost every second one.

    Args:
        fps: Pictures a second, positive; None keeps all.
        step_us: Nominal time between two pictures.
    """

    def __init__(self, fps: float | None, step_us: int) -> None:
        self._interval_us = None if fps is None else 1e6 / fps
        self._early_us = step_us / 2
        self._due_us = 0.0

    def keeps(self, time_us: int) -> bool:
        """Whether the picture of this time is kept. Times grow from call to call."""
        if self._interval_us is None:
            return True
        if time_us < self._due_us - min(self._early_us, self._interval_us / 2):
            return False
        self._due_us = max(self._due_us + self._interval_us, time_us + self._interval_us / 2)
        return True
