"""What the track stage remembers of a camera: at most 300 bytes for each person."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pipeline.core.types import F32, F64, I64, Bool


@dataclass(slots=True)
class TrackState:
    """State of one camera. Arrays over T tracks, oldest first.

    Attributes:
        at_us: Event time of the last frame, microseconds since the epoch; 0 before the first.
        width, height: Size of that frame in pixels.
        counter: Number that the last person got; the first gets 1.
        track_id: (T,) int64; 0 for a new person who is not confirmed yet.
        seen_us: (T,) int64, event time when last seen.
        mean: (T, 8) float64, centre x, centre y, width and height of the box at `at_us`, and their velocities; pixels
            and pixels/s.
        covariance: (T, 3) float64: variance of a coordinate, covariance with its velocity, variance of its velocity.
        keypoints: (T, 17, 2) float32, pixels: the body when last seen, moved along with the box; NaN = not seen.
    """

    at_us: int = 0
    width: int = 0
    height: int = 0
    counter: int = 0
    track_id: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    seen_us: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    mean: F64 = field(default_factory=lambda: np.empty((0, 8)))
    covariance: F64 = field(default_factory=lambda: np.empty((0, 3)))
    keypoints: F32 = field(default_factory=lambda: np.empty((0, 17, 2), np.float32))

    def keep(self, chosen: Bool) -> None:
        """Forget the tracks that are not chosen."""
        if chosen.all():
            return
        self.track_id = self.track_id[chosen]
        self.seen_us = self.seen_us[chosen]
        self.mean = self.mean[chosen]
        self.covariance = self.covariance[chosen]
        self.keypoints = self.keypoints[chosen]

    def append(self, track_id: I64, seen_us: int, mean: F64, covariance: F64, keypoints: F32) -> None:
        """Remember new tracks behind the others."""
        self.track_id = np.concatenate((self.track_id, track_id))
        self.seen_us = np.concatenate((self.seen_us, np.full(len(track_id), seen_us, np.int64)))
        self.mean = np.concatenate((self.mean, mean))
        self.covariance = np.concatenate((self.covariance, covariance))
        self.keypoints = np.concatenate((self.keypoints, keypoints))

    def resize(self, width: int, height: int) -> None:
        """Take the frame's size; when a camera comes back with another one, everyone is where they were in the view."""
        if self.width and (width, height) != (self.width, self.height):
            x, y = width / self.width, height / self.height
            self.mean = self.mean * np.array([x, y] * 4)
            self.covariance = self.covariance * (x * y)
            self.keypoints = self.keypoints * np.array([x, y], np.float32)
        self.width, self.height = width, height
