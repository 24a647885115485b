"""Numbers at evenly spaced times, out of numbers at the times of frames, a bounded piece at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.core.types import F64, I64

LONGEST_GAP_S = 0.5
"""Between frames farther apart nothing is put: the stage `smooth` fills 0.3 s, a frame may be missing beside that."""

_PIECE = 8192
_EXACT_US = 1.0
"""Event time is rounded to microseconds, and so are the times that it is compared with."""


class Uniform:
    """Interpolates linearly between neighbouring frames; what is unknown in one of them is unknown between them.

    Args:
        fps: Times a second; None: what the first frames have, by the median of their distances.
    """

    def __init__(self, fps: float | None = None) -> None:
        self.fps = fps
        self.rows = 0
        self._start_us = 0
        self._times: I64 = np.zeros(0, np.int64)
        self._values: F64 | None = None

    def add(self, at_us: I64, values: F64) -> Iterator[tuple[F64, F64]]:
        """Take frames, (n,) times that grow and (n, C) values; gives (m,) seconds since the first and (m, C) values."""
        if len(at_us) == 0:
            return
        if self._values is None:
            self._start_us, self._values = int(at_us[0]), np.zeros((0, values.shape[1]))
        times, rows = np.concatenate((self._times, at_us)), np.concatenate((self._values, values))
        if len(times) > 1:
            if self.fps is None:
                self.fps = round(1e6 / float(np.median(np.diff(times))), 2)
            yield from self._between(times, rows)
        self._times, self._values = times[-1:], rows[-1:]

    def end(self) -> Iterator[tuple[F64, F64]]:
        """What is left: a frame that stands alone."""
        if self._values is not None and self.rows == 0:
            self.rows = 1
            self.fps = self.fps or 1.0
            yield np.zeros(1), self._values

    def _between(self, times: I64, values: F64) -> Iterator[tuple[F64, F64]]:
        assert self.fps is not None
        step_us = 1e6 / self.fps
        stop = int((times[-1] - self._start_us + _EXACT_US) / step_us) + 1
        for first in range(self.rows, stop, _PIECE):
            number = np.arange(first, min(first + _PIECE, stop))
            wanted_us: F64 = (self._start_us + number * step_us).astype(np.float64)
            yield number / self.fps, _at(wanted_us, times, values)
            self.rows = int(number[-1]) + 1


def _at(wanted_us: F64, times: I64, values: F64) -> F64:
    """(m, C) the values at the wanted times; NaN far from any frame."""
    before = np.clip(np.searchsorted(times, wanted_us + _EXACT_US, side="right") - 1, 0, len(times) - 2)
    length = (times[before + 1] - times[before]).astype(np.float64)
    since = wanted_us - times[before]
    on_first, on_second = np.abs(since) <= _EXACT_US, np.abs(length - since) <= _EXACT_US
    part = np.where(on_first, 0.0, np.where(on_second, 1.0, since / length))[:, None]
    left, right = values[before], values[before + 1]
    mixed = left + (right - left) * part
    mixed = np.where(part == 0, left, np.where(part == 1, right, mixed))
    mixed[(length > LONGEST_GAP_S * 1e6) & ~on_first & ~on_second] = np.nan
    return mixed
