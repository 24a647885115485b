"""Event time of a live camera's pictures: by the camera's clock where it is sane, and never back."""

from __future__ import annotations

from pipeline.core.ports import LivePicture
from pipeline.core.records import Clock

SANE_US = 1_000_000
"""A camera's clock that is off by more than this is not believed."""

_SANE_AGAIN_US = 500_000
_PATIENCE_US = 3_000_000
_SLEW = 0.05
"""Corrections make time run at most so much faster or slower: less than what is seen in anyone's speed."""

_STEP_US = 2_000_000
_BEHIND_US = 5_000_000
_EARLY_US = 1_000_000
_AHEAD_US = 500_000
"""The stream's own steps lead no further ahead of the clock that is believed: when the pictures of a stall come in a
burst, ticks have told of its time already."""


class EventClock:
    """Turns the times of one camera's pictures into event time, which grows from picture to picture.

    Time advances as the stream's own clock does (it has no jitter), else by arrival. What that differs from the
    camera's clock, or from arrival where that one is more than a second off, is corrected slowly. Only who is more than
    two seconds behind for five seconds steps forward; nobody steps back.

    Args:
        last_us: Event time of the camera's last frame, in whichever session and process it was; 0 for none.
    """

    def __init__(self, last_us: int = 0) -> None:
        self.last_us = last_us
        self.clock: Clock = "arrival"
        self._arrived_us: int | None = None
        self._media: tuple[int, int] | None = None
        self._sane_since_us: int | None = None
        self._behind_since_us: int | None = None

    def next(self, picture: LivePicture) -> tuple[int, Clock]:
        """Event time of the picture, and by which clock."""
        arrived = picture.arrived_at_us
        target = self._target(picture)
        event = max(target, self.last_us + 1) if self._arrived_us is None else self._advanced(picture, target)
        self.last_us = event
        self._arrived_us = arrived
        self._media = None if picture.media_us is None else (picture.connection, picture.media_us)
        return event, self.clock

    def tick(self, now_us: int) -> int:
        """Event time of a moment without a picture, about a second behind, so that the next picture lies after it."""
        if self._arrived_us is None:
            self.last_us = max(now_us - _EARLY_US, self.last_us + 1)
            return self.last_us
        # The picture that comes next is measured from the last one: what a tick took is given back.
        passed = now_us - self._arrived_us - _EARLY_US
        if passed > 0:
            self.last_us += passed
            self._arrived_us += passed
            self._media = None
        else:
            self.last_us += 1
        return self.last_us

    def _target(self, picture: LivePicture) -> int:
        """When it was taken, by the clock that is believed."""
        captured, arrived = picture.captured_at_us, picture.arrived_at_us
        if captured is None:
            self._sane_since_us = None
            self.clock = "arrival"
            return arrived
        off = abs(arrived - captured)
        if self.clock == "rtcp":
            if off <= SANE_US:
                return captured
            self._sane_since_us = None
            self.clock = "arrival"
            return arrived
        if off > _SANE_AGAIN_US:
            self._sane_since_us = None
            return arrived
        if self._sane_since_us is None:
            self._sane_since_us = arrived
        if arrived - self._sane_since_us >= _PATIENCE_US:
            self.clock = "rtcp"
            return captured
        return arrived

    def _advanced(self, picture: LivePicture, target: int) -> int:
        assert self._arrived_us is not None
        passed = max(picture.arrived_at_us - self._arrived_us, 0)
        advance = passed
        if self._media is not None and picture.media_us is not None and self._media[0] == picture.connection:
            own = picture.media_us - self._media[1]
            # A burst after a stall comes too fast for its times, which are right as long as they are not in the future.
            if 0 < own <= passed + _EARLY_US and own >= passed - _STEP_US * 5:
                advance = own
        if self.last_us + advance > target + _AHEAD_US:
            advance = min(advance, passed)
        expected = self.last_us + advance
        error = target - expected
        if error > _STEP_US:
            if self._behind_since_us is None:
                self._behind_since_us = picture.arrived_at_us
            if picture.arrived_at_us - self._behind_since_us > _BEHIND_US:
                self._behind_since_us = None
                return target
        else:
            self._behind_since_us = None
        most = _SLEW * advance
        return max(round(expected + min(max(error, -most), most)), self.last_us + 1)
