"""Which live frames a worker looks at where more of them come than it can do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pipeline.core.cameras import DEADLINE_MS, CameraSpec
from pipeline.core.headers import frame_arrived_us
from pipeline.core.ports import BusRecord
from pipeline.runners.fairness import Fairness

_BUSY_S = 2.0
"""So long after the last frame that was overtaken only the newest ones are looked at."""


class Shares:
    """Gives up live frames before anything is spent on them, so that those that are looked at are new.

    As long as frames wait for less than half of their camera's deadline, all are looked at, one after another. Where
    one waits longer there are too many: only the newest of each camera is, and of these only whose turn it is, by the
    weights of their cameras, while others wait behind them. Recorded frames are never given up.

    Args:
        spec: What the registry says of a camera, or None.
        now_us: Microseconds since the epoch.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        spec: Callable[[str], CameraSpec | None],
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._spec = spec
        self._now_us = now_us
        self._clock = clock
        self._fairness = Fairness()
        self._busy_until_s = float("-inf")

    def late(self, records: Sequence[BusRecord], waiting: Sequence[BusRecord]) -> frozenset[int]:
        """Which of the records are given up, by their places.

        Args:
            records: What is next, in order.
            waiting: What comes behind them.
        """
        frames = _frames(records)
        if not frames:
            return frozenset()
        now_s = self._clock()
        if max([self._waits(name, at_us) for _, name, at_us in frames]) > 0.5:
            self._busy_until_s = now_s + _BUSY_S
        if now_s >= self._busy_until_s:
            return frozenset()
        behind = {name for _, name, _ in _frames(waiting)}
        newest = {name: place for place, name, _ in frames if name not in behind}
        given_up = frozenset(place for place, name, _ in frames if newest.get(name) != place)
        if given_up:
            self._busy_until_s = now_s + _BUSY_S
            looked = self._fairness.round(newest, now_s)
            given_up |= {place for name, place in newest.items() if name not in looked}
            newest = {name: newest[name] for name in looked}
        for name in newest:
            self._fairness.serve(name, now_s)
        return given_up

    def _waits(self, name: str, at_us: int) -> float:
        """For how many deadlines a frame has; its camera takes part from now on."""
        spec = self._spec(name)
        self._fairness.join(name, 1.0 if spec is None else spec.weight)
        deadline_ms = DEADLINE_MS if spec is None else spec.deadline_ms
        return (self._now_us() - at_us) / (1000 * deadline_ms)


def _frames(records: Sequence[BusRecord]) -> list[tuple[int, str, int]]:
    """Place, camera and arrival of each live frame that is not dropped already."""
    found = ((place, record, frame_arrived_us(record)) for place, record in enumerate(records))
    return [(place, record.key.decode(errors="replace"), at) for place, record, at in found if at is not None]
