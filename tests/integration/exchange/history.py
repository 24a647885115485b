"""What is stored, as tests look at it."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from typer.testing import Result

from pipeline.core.tables import PoseTable, Selection
from pipeline.database import Database
from pipeline.database.extract import PoseReader

Posebus = Callable[..., Result]


def rows(dsn: str, table: str = "poses") -> list[str]:
    with psycopg.connect(dsn) as connection:
        return sorted(map(str, connection.execute(f"SELECT * FROM pose_raw.{table}".encode()).fetchall()))


def read(database: Database, selection: Selection | None = None) -> list[PoseTable]:
    reader = PoseReader(database.address)
    try:
        return list(reader.poses(selection or Selection()))
    finally:
        reader.close()
