"""A few days of two cameras, on the server of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.months import Months, fill
from pipeline.database import Database, EmbeddedServer, open_database
from pipeline.database.connect import Connection
from tests.homes import Server, new_database

TODAY = datetime.now(UTC).date()
DAYS = Months(cameras=2, days=3, until=TODAY, hours=0.1, segment_s=60)
"""Six minutes a day, the last day being yesterday."""


def filled_database(server: Server, months: Months = DAYS) -> Database:
    """A new database with these months."""
    database = open_database(new_database(server), Path("unused"))
    numbers = [database.registry().camera_no(name) for name in months.names]
    with database.address.connect("owner") as owner:
        fill(owner, months, numbers)
        owner.execute("ANALYZE")
    return database


@pytest.fixture(scope="session")
def _filled_once(server: Server) -> str | None:
    """Name of a database with DAYS, to be copied; None where TimescaleDB's own workers would hold on to it."""
    if not isinstance(server, EmbeddedServer):
        return None
    with filled_database(server) as database, database.address.connect("owner") as owner:
        return str(owner.info.dbname)


@pytest.fixture
def days(server: Server, _filled_once: str | None) -> Iterator[Database]:
    """A database of its own with DAYS."""
    if _filled_once is None:
        with filled_database(server) as database:
            yield database
    else:
        with open_database(new_database(server, _filled_once), Path("unused"), migrate=False) as database:
            yield database


@pytest.fixture(scope="module")
def known_days(server: Server) -> Iterator[Database]:
    """One for all tests of the file, which must not change it."""
    with filled_database(server) as database:
        yield database


@pytest.fixture
def days_owner(days: Database) -> Iterator[Connection]:
    """Its owner."""
    with days.address.connect("owner") as owner:
        yield owner


def day(ago: int) -> date:
    """So many days before today."""
    return TODAY - timedelta(days=ago)
