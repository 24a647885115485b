"""A database that is open, and its owner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.database import Database, open_database


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    with open_database(dsn, Path("unused"), migrate=False) as database:
        yield database


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    connection = database.address.connect("owner")
    yield connection
    connection.close()
