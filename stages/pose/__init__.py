"""Pose: the keypoints of everyone in the frame."""

from stages.pose.options import PoseOptions
from stages.pose.stage import PoseStage
from stages.pose.state import PoseState

__all__ = ["PoseOptions", "PoseStage", "PoseState"]
