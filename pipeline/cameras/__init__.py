"""The cameras that people attach: their passwords sealed, their registry on a bus, and finding them on the network."""

from pipeline.cameras.sealing import SECRET_KEY, is_kept_elsewhere, reveal, sealed
from pipeline.cameras.store import CameraStore

__all__ = ["SECRET_KEY", "CameraStore", "is_kept_elsewhere", "reveal", "sealed"]
