"""The database: an embedded or external PostgreSQL, its schema, and what reads and writes it."""

from pipeline.database.connect import Role, redacted
from pipeline.database.cuts import PostgresCuts
from pipeline.database.database import Database, open_database
from pipeline.database.outbox import Outbox
from pipeline.database.query import Answer
from pipeline.database.registry import CameraRegistry, SourceTimes
from pipeline.database.server import EmbeddedServer, ServerStatus
from pipeline.database.sink import PostgresSink

__all__ = [
    "Answer",
    "CameraRegistry",
    "Database",
    "EmbeddedServer",
    "Outbox",
    "PostgresCuts",
    "PostgresSink",
    "Role",
    "ServerStatus",
    "SourceTimes",
    "open_database",
    "redacted",
]
