"""What the track stage remembers of a camera: 500 bytes for each person in sight, and 15 kB of those who left."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipeline.core.types import F32, F64, I64, Bool
from stages.track.looks import LOOKS, Looks

MOST_PAST = 64
"""Of more people than this who left the ones who left first are forgotten."""


def _ints() -> I64:
    return np.empty(0, np.int64)


def _looks() -> F32:
    return np.empty((0, LOOKS), np.float32)


@dataclass(slots=True)
class TrackState:
    """State of one camera. Arrays over T tracks, oldest first, and over P people who left, the last one last.

    Attributes:
        at_us: Event time of the last frame, microseconds since the epoch; 0 before the first.
        width, height: Size of that frame in pixels.
        counter: Number that the last new person got; the first gets 1.
        track_id: (T,) int64; 0 for a new person who has no number yet.
        seen_us: (T,) int64, event time when last seen.
        mean: (T, 8) float64, centre x, centre y, width and height of the box at `at_us`, and their velocities; pixels
            and pixels/s.
        covariance: (T, 3) float64: variance of a coordinate, covariance with its velocity, variance of its velocity.
        keypoints: (T, 17, 2) float32, pixels: the body when last seen, moved along with the box; NaN = not seen.
        since_us: (T,) int64, event time when first seen.
        looked_us: (T,) int64, event time when `look` was last learned; 0 = never.
        look, look_spread, look_count: (T, 18) float32, see `looks.Looks`.
        past_id: (P,) int64, numbers of people who left.
        past_us: (P,) int64, event time when they were last seen.
        past_look, past_spread, past_count: (P, 18) float32.
    """

    at_us: int = 0
    width: int = 0
    height: int = 0
    counter: int = 0
    track_id: I64 = field(default_factory=_ints)
    seen_us: I64 = field(default_factory=_ints)
    mean: F64 = field(default_factory=lambda: np.empty((0, 8)))
    covariance: F64 = field(default_factory=lambda: np.empty((0, 3)))
    keypoints: F32 = field(default_factory=lambda: np.empty((0, 17, 2), np.float32))
    since_us: I64 = field(default_factory=_ints)
    looked_us: I64 = field(default_factory=_ints)
    look: F32 = field(default_factory=_looks)
    look_spread: F32 = field(default_factory=_looks)
    look_count: F32 = field(default_factory=_looks)
    past_id: I64 = field(default_factory=_ints)
    past_us: I64 = field(default_factory=_ints)
    past_look: F32 = field(default_factory=_looks)
    past_spread: F32 = field(default_factory=_looks)
    past_count: F32 = field(default_factory=_looks)

    def __post_init__(self) -> None:
        if len(self.since_us) != len(self.track_id):  # kept by a version that knew nobody by looks
            self.since_us = self.seen_us.copy()
            self.looked_us = np.zeros_like(self.seen_us)
            nothing = Looks.nothing(len(self.track_id))
            self.look, self.look_spread, self.look_count = nothing.mean, nothing.spread, nothing.count

    @property
    def looks(self) -> Looks:
        """Of the tracks; its arrays are those of the state."""
        return Looks(self.look, self.look_spread, self.look_count)

    @property
    def past_looks(self) -> Looks:
        """Of those who left."""
        return Looks(self.past_look, self.past_spread, self.past_count)

    def keep(self, chosen: Bool) -> None:
        """Forget the tracks that are not chosen."""
        if chosen.all():
            return
        self.track_id = self.track_id[chosen]
        self.seen_us = self.seen_us[chosen]
        self.mean = self.mean[chosen]
        self.covariance = self.covariance[chosen]
        self.keypoints = self.keypoints[chosen]
        self.since_us = self.since_us[chosen]
        self.looked_us = self.looked_us[chosen]
        self.look, self.look_spread = self.look[chosen], self.look_spread[chosen]
        self.look_count = self.look_count[chosen]

    def append(self, now_us: int, mean: F64, covariance: F64, keypoints: F32) -> None:
        """Remember new tracks without a number behind the others."""
        count = len(mean)
        now = np.full(count, now_us, np.int64)
        nothing = np.zeros((count, LOOKS), np.float32)
        self.track_id = np.concatenate((self.track_id, np.zeros(count, np.int64)))
        self.seen_us = np.concatenate((self.seen_us, now))
        self.mean = np.concatenate((self.mean, mean))
        self.covariance = np.concatenate((self.covariance, covariance))
        self.keypoints = np.concatenate((self.keypoints, keypoints))
        self.since_us = np.concatenate((self.since_us, now))
        self.looked_us = np.concatenate((self.looked_us, np.zeros(count, np.int64)))
        self.look = np.concatenate((self.look, nothing))
        self.look_spread = np.concatenate((self.look_spread, nothing))
        self.look_count = np.concatenate((self.look_count, nothing))

    def keep_past(self, chosen: Bool | I64) -> None:
        """Forget those who left and are not chosen."""
        self.past_id, self.past_us = self.past_id[chosen], self.past_us[chosen]
        self.past_look, self.past_spread = self.past_look[chosen], self.past_spread[chosen]
        self.past_count = self.past_count[chosen]

    def leave(self, gone: Bool) -> None:
        """Remember the looks of the tracks that are `gone`; the tracks themselves stay until `keep`."""
        self.past_id = np.concatenate((self.past_id, self.track_id[gone]))
        self.past_us = np.concatenate((self.past_us, self.seen_us[gone]))
        self.past_look = np.concatenate((self.past_look, self.look[gone]))
        self.past_spread = np.concatenate((self.past_spread, self.look_spread[gone]))
        self.past_count = np.concatenate((self.past_count, self.look_count[gone]))
        if len(self.past_id) > MOST_PAST:
            self.keep_past(np.sort(np.argsort(self.past_us, kind="stable")[-MOST_PAST:]))

    def resize(self, width: int, height: int) -> None:
        """Take the frame's size; when a camera comes back with another one, everyone is where they were in the view."""
        if self.width and (width, height) != (self.width, self.height):
            x, y = width / self.width, height / self.height
            self.mean = self.mean * np.array([x, y] * 4)
            self.covariance = self.covariance * (x * y)
            self.keypoints = self.keypoints * np.array([x, y], np.float32)
        self.width, self.height = width, height
