"""What the stage `detect` remembers of a camera: how long ago each window was looked at, and who was found where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.types import F32, I64

NEVER = -(1 << 62)
"""Event time of what has not happened yet, microseconds."""


@dataclass(slots=True)
class DetectState:
    """Windows (W) and people (P) of one camera.

    Attributes:
        width, height: Of the last frame, pixels; 0 before the first.
        at_us: Event time of the last frame.
        credit: Looks that are saved up.
        looked_us: (W,) int64, event time of the last look at each window, NEVER before the first.
        active_us: (W,) int64, event time at which each window last had news, or someone to keep sight of.
        stirred_us: (W,) int64, event time at which the first news after a quiet time came; empty where nobody noted it.
        region: (P, 4) float32, where each person was last found, as in `Detections.region`.
        seen_us: (P,) int64, event time of that.
        home: (P,) int64, the window that keeps sight of the person.
        home_score: (P,) float32, score of the last detection in it.
        home_us: (P,) int64, event time of that.
    """

    width: int
    height: int
    at_us: int
    credit: float
    looked_us: I64
    active_us: I64
    stirred_us: I64
    region: F32
    seen_us: I64
    home: I64
    home_score: F32
    home_us: I64

    @classmethod
    def fresh(cls, width: int, height: int, at_us: int, windows: int) -> DetectState:
        """Of a picture never seen: two looks at once, the first of them at the whole of it."""
        return cls(
            width=width,
            height=height,
            at_us=at_us,
            credit=2.0,
            looked_us=np.full(windows, NEVER, dtype=np.int64),
            active_us=np.full(windows, at_us, dtype=np.int64),
            stirred_us=np.full(windows, at_us, dtype=np.int64),
            region=np.zeros((0, 4), dtype=np.float32),
            seen_us=np.zeros(0, dtype=np.int64),
            home=np.zeros(0, dtype=np.int64),
            home_score=np.zeros(0, dtype=np.float32),
            home_us=np.zeros(0, dtype=np.int64),
        )
