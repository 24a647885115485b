"""The database: an embedded or external PostgreSQL, its schema, and what reads and writes it."""

from pipeline.database.backup import BackupSummary, Progress, backup, restore
from pipeline.database.connect import Role, redacted
from pipeline.database.cuts import PostgresCuts
from pipeline.database.database import Database, open_database
from pipeline.database.erase import Receipt, erase
from pipeline.database.held import grant, grants, revoke
from pipeline.database.outbox import Outbox
from pipeline.database.query import Answer
from pipeline.database.registry import CameraRegistry, SourceTimes
from pipeline.database.runs import Run, remove_run, runs
from pipeline.database.server import EmbeddedServer, ServerStatus
from pipeline.database.sink import PostgresSink
from pipeline.database.upkeep import HistoryStatus, Upkeep, maintain, shown_bytes, status

__all__ = [
    "Answer",
    "BackupSummary",
    "CameraRegistry",
    "Database",
    "EmbeddedServer",
    "HistoryStatus",
    "Outbox",
    "PostgresCuts",
    "PostgresSink",
    "Progress",
    "Receipt",
    "Role",
    "Run",
    "ServerStatus",
    "SourceTimes",
    "Upkeep",
    "backup",
    "erase",
    "grant",
    "grants",
    "maintain",
    "open_database",
    "redacted",
    "remove_run",
    "restore",
    "revoke",
    "runs",
    "shown_bytes",
    "status",
]
