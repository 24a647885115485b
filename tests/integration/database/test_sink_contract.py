"""The contract suite of sinks, on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.core.ports import Sink
from pipeline.database import EmbeddedServer, PostgresSink
from pipeline.database.connect import Address
from tests.contract.sinks import SinkUnderTest
from tests.contract.test_sink import (  # noqa: F401 collected here with the fixture below
    test_batches_that_overlap_leave_each_row_once,
    test_nothing_written_is_nothing_there,
    test_other_records_are_other_rows,
    test_the_same_records_twice_leave_the_same_rows_once,
)
from tests.homes import new_database

TABLES = ("poses", "measures", "frame_outcomes", "events", "tracks", "incidents", "incident_steps", "dead_letters")


def content(dsn: str) -> dict[str, list[Any]]:
    """All rows of all facts, in an order of their own."""
    with Address(dsn).connect("owner") as owner:
        return {
            table: sorted(map(str, owner.execute(f"SELECT * FROM pose_raw.{table}".encode()).fetchall()))
            for table in TABLES
        }


def _open(dsn: str) -> Sink:
    return PostgresSink(Address(dsn))


@pytest.fixture
def sinks(server: EmbeddedServer) -> SinkUnderTest:
    return SinkUnderTest(lambda: new_database(server), _open, content)
