"""Who is next where live cameras have more frames than the models can do: each by what it had, over its weight."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

LEAST_FPS = 1.0
"""What a camera gets whatever the others weigh, as long as the models can do so much for all."""


@dataclass(slots=True)
class _Share:
    weight: float
    served: float
    """Frames that it had, over its weight."""
    last_s: float | None = None


class Fairness:
    """Start-time fair queueing (Goyal, Vin and Chen, 1996, section 2), with frames as packets of equal length.

    Cameras are served in proportion to their weights; who had nothing for a second comes first. Not for two threads.
    """

    def __init__(self) -> None:
        self._shares: dict[str, _Share] = {}
        self._now = 0.0

    def join(self, name: str, weight: float = 1.0) -> None:
        """A camera takes part from now on, or has another weight."""
        known = self._shares.get(name)
        if known is None:
            self._shares[name] = _Share(weight, self._now)
        else:
            known.weight = weight

    def leave(self, name: str) -> None:
        """A camera takes no part any more."""
        self._shares.pop(name, None)

    def first(self, names: Collection[str], now_s: float) -> str:
        """Whose frame is the next one, of these."""
        return min(names, key=lambda name: self._order(name, now_s))

    def round(self, names: Collection[str], now_s: float) -> list[str]:
        """Those of these who are served together in one round, in order: the next one, and who is as near to a turn."""
        if not names:
            return []
        first, *others = sorted(names, key=lambda name: self._order(name, now_s))
        until = self._start(self._shares[first]) + 1.0 / self._shares[first].weight
        return [
            first,
            *(
                name
                for name in others
                if self._start(self._shares[name]) < until or self._overdue(self._shares[name], now_s)
            ),
        ]

    def serve(self, name: str, now_s: float) -> None:
        """A frame of this camera is looked at."""
        share = self._shares[name]
        start = self._start(share)
        self._now = max(start, self._now)
        share.served = start + 1.0 / share.weight
        share.last_s = now_s

    def _start(self, share: _Share) -> float:
        # Between two of its frames a camera has none to ask for: one turn is kept for it, so that it has its share.
        return max(share.served, self._now - 1.0 / share.weight)

    def _overdue(self, share: _Share, now_s: float) -> bool:
        return share.last_s is None or now_s - share.last_s > 1.0 / LEAST_FPS

    def _order(self, name: str, now_s: float) -> tuple[bool, float]:
        share = self._shares[name]
        if self._overdue(share, now_s):
            return False, float("-inf") if share.last_s is None else share.last_s - now_s
        return True, self._start(share)
