"""Whose picture is taken next, where a worker reads live cameras and does with their pictures what takes long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.core.records import Record
from pipeline.core.values import Captured
from pipeline.runners.fairness import Fairness
from pipeline.runners.live import OVERTAKEN

_BUSY_S = 2.0
"""So long after the last picture that was overtaken cameras take turns by their weights."""


class LiveTurns:
    """All cameras in each round; as long as pictures are overtaken before they are taken, those whose turn it is."""

    def __init__(self) -> None:
        self._fairness = Fairness()
        self._busy_until_s = float("-inf")

    def split(self, weights: Mapping[str, float], now_s: float) -> tuple[Sequence[str], Sequence[str]]:
        """Those whose turn it is, and the others, who have theirs where the first have nothing.

        Args:
            weights: Of each live camera.
            now_s: Monotonic seconds.
        """
        for name, weight in weights.items():
            self._fairness.join(name, weight)
        if now_s >= self._busy_until_s:
            return list(weights), []
        first = self._fairness.round(weights, now_s)
        return first, [name for name in weights if name not in first]

    def took(self, name: str, weight: float, records: Sequence[Record[Any]], now_s: float) -> None:
        """What a camera gave."""
        self._fairness.join(name, weight)
        for record in records:
            if isinstance(record.value, Captured):
                self._fairness.serve(name, now_s)
            elif record.value == OVERTAKEN:
                self._busy_until_s = now_s + _BUSY_S
