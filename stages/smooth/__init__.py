"""Tracks become motions: smoothed, gaps filled forward, swaps repaired, doubts flagged, in the units of storage."""

from stages.smooth.options import SmoothOptions
from stages.smooth.stage import SmoothStage
from stages.smooth.state import SmoothState

__all__ = ["SmoothOptions", "SmoothStage", "SmoothState"]
