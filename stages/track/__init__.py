"""Poses become tracks: each person keeps one number while in view (ByteTrack, in seconds, on boxes and keypoints)."""

from stages.track.options import TrackOptions
from stages.track.stage import TrackStage
from stages.track.state import TrackState

__all__ = ["TrackOptions", "TrackStage", "TrackState"]
