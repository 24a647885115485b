"""Alert: events become incidents with a beginning, updates and an end."""

from stages.alert.options import AlertOptions
from stages.alert.rules import CAMERA_SILENT, FALL, Rule
from stages.alert.stage import AlertStage
from stages.alert.state import AlertState

__all__ = ["CAMERA_SILENT", "FALL", "AlertOptions", "AlertStage", "AlertState", "Rule"]
