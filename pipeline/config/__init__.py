"""The configuration: a YAML file and environment variables, checked before anything starts."""

from pipeline.config.load import load_config
from pipeline.config.places import home_folder
from pipeline.config.sections import Camera, Config, Database, Log, ModelChoice, Models, Notify, Webhook

__all__ = [
    "Camera",
    "Config",
    "Database",
    "Log",
    "ModelChoice",
    "Models",
    "Notify",
    "Webhook",
    "home_folder",
    "load_config",
]
