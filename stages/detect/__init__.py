"""Detect: where people may be, by looking at the parts of the picture where it may matter."""

from stages.detect.options import DetectOptions
from stages.detect.stage import DetectStage
from stages.detect.state import DetectState

__all__ = ["DetectOptions", "DetectStage", "DetectState"]
