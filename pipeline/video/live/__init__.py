"""Live cameras: read by a child process each, so that whatever happens to a connection can be ended from outside."""

from pipeline.video.live.camera import RtspCamera
from pipeline.video.live.clock import EventClock
from pipeline.video.live.options import LiveOptions

__all__ = ["EventClock", "LiveOptions", "RtspCamera"]
