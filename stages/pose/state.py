"""What the stage `pose` remembers of a camera: where everyone was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.types import F32, I64, U8, Bool


@dataclass(slots=True)
class PoseState:
    """The regions that are followed, one a person, N of them.

    Attributes:
        width, height: Of the last frame, pixels; 0 before the first.
        at_us: Event time of the last frame.
        region: (N, 4) float32, where to look next, as in `Detections.region`, at `at_us`.
        velocity: (N, 2) float32, pixels a second, of the region's centre.
        credit: Looks that are saved up, see `PoseOptions.looks_per_s`.
        seen_us: (N,) int64, event time at which the person was last seen.
        looked_us: (N,) int64, event time of the last look at the region; after `seen_us` for one that was lost.
        score: (N,) float32, of the person when last seen.
        since_us: (N,) int64, event time from which on the person has been seen without a gap or a doubt.
        shown: (N,) uint8, 1 for those that are trusted to be a person and given out.
        keypoints: (N, K, 2) float32, where they were last seen, pixels.
        models: Which models found them.
    """

    width: int
    height: int
    at_us: int
    region: F32
    velocity: F32
    seen_us: I64
    since_us: I64
    shown: U8
    keypoints: F32
    credit: float
    looked_us: I64
    score: F32
    models: str = ""

    def __post_init__(self) -> None:
        if len(self.looked_us) != len(self.seen_us):  # kept by a version that looked at everyone in every frame
            self.looked_us = np.full(len(self.seen_us), self.at_us, dtype=np.int64)
            self.score = np.ones(len(self.seen_us), dtype=np.float32)

    @property
    def lost(self) -> Bool:
        """(N,) who was not found at the last look."""
        return np.asarray(self.seen_us < self.looked_us)

    @classmethod
    def empty(cls, keypoints: int, models: str = "") -> PoseState:
        """Nobody with so many keypoints is followed."""
        return cls(
            width=0,
            height=0,
            at_us=0,
            region=np.zeros((0, 4), dtype=np.float32),
            velocity=np.zeros((0, 2), dtype=np.float32),
            seen_us=np.zeros(0, dtype=np.int64),
            since_us=np.zeros(0, dtype=np.int64),
            shown=np.zeros(0, dtype=np.uint8),
            keypoints=np.zeros((0, keypoints, 2), dtype=np.float32),
            credit=0.0,
            looked_us=np.zeros(0, dtype=np.int64),
            score=np.zeros(0, dtype=np.float32),
            models=models,
        )
