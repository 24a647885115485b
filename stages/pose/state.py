"""What the stage `pose` remembers of a camera: where everyone was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.types import F32, I64, U8


@dataclass(slots=True)
class PoseState:
    """The regions that are followed, one a person, N of them.

    Attributes:
        width, height: Of the last frame, pixels; 0 before the first.
        at_us: Event time of the last frame.
        region: (N, 4) float32, where to look next, as in `Detections.region`, at `at_us`.
        velocity: (N, 2) float32, pixels a second, of the region's centre.
        seen_us: (N,) int64, event time at which the person was last seen; before `at_us` for one that was lost.
        since_us: (N,) int64, event time from which on the person has been seen without a gap or a doubt.
        shown: (N,) uint8, 1 for those that are trusted to be a person and given out.
        keypoints: (N, K, 2) float32, where they were last seen, pixels.
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

    @classmethod
    def empty(cls, keypoints: int) -> PoseState:
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
        )
