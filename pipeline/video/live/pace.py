"""How far apart the pictures of a camera are: what silence is too long for it."""

from __future__ import annotations

from collections import deque

_KEPT = 5
_LEAST = 3


class Pace:
    """Learns the interval between two pictures as the camera sends them: the median of the last five.

    A gap is as long as the stream's own clock says, or as it took to arrive if that is shorter: what has waited in a
    network, or for a busy machine, says nothing about the camera. One gap among five, such as a stall that passed, does
    not change the median; a camera that really is slow is known after three pictures, over its connections too.
    """

    def __init__(self) -> None:
        self._gaps_s: deque[float] = deque(maxlen=_KEPT)
        self._last: tuple[float, int | None, int] | None = None

    def begin(self) -> None:
        """A connection begins: the time since the last picture is none of the camera's intervals."""
        self._last = None

    def note(self, at_s: float, media_us: int | None, count: int) -> None:
        """A picture came.

        Args:
            at_s: When, on any clock that does not jump.
            media_us: Its time in the stream, if it has one.
            count: Of the pictures of this connection up to this one, with those that were left out before it.
        """
        last, self._last = self._last, (at_s, media_us, count)
        if last is None:
            return
        gap_s = at_s - last[0]
        if media_us is not None and last[1] is not None and media_us > last[1]:
            gap_s = min(gap_s, (media_us - last[1]) / 1e6)
        self._gaps_s.append(gap_s / max(count - last[2], 1))

    @property
    def interval_s(self) -> float:
        """Between two pictures; 0 while it is not known."""
        if len(self._gaps_s) < _LEAST:
            return 0.0
        return sorted(self._gaps_s)[(len(self._gaps_s) - 1) // 2]
