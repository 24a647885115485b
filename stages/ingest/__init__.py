"""Ingest: decoded pictures in, frames with the places where something moved out."""

from stages.ingest.options import IngestOptions
from stages.ingest.stage import IngestStage
from stages.ingest.state import IngestState

__all__ = ["IngestOptions", "IngestStage", "IngestState"]
