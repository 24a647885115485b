"""What `make test-compose` looks for is found when it is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.database import Database, open_database
from tests.compose.check import HOLES


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ([0, 1, 2], 0),
        ([0, 1, 3], 1),
        ([1, 2, 3], 1),
        ([0, 1, 1, 2], 1),
    ],
    ids=["whole", "hole in the middle", "first one lost", "one twice"],
)
def test_holes_and_doubles_of_a_session_are_found(dsn: str, frames: list[int], found: int) -> None:
    with open_database(dsn, Path("unused"), migrate=False) as database:
        _store(database, 1, frames)
        _store(database, 2, [0, 1])

        assert len(database.query(HOLES).rows) == found


def _store(database: Database, session: int, frames: list[int]) -> None:
    with database.address.connect("owner") as owner:
        owner.execute("SELECT pose_raw.ensure_days('{2026-01-01}')")
        for index, frame in enumerate(frames):
            owner.execute(
                "INSERT INTO pose_raw.frame_outcomes (ts, run, session, frame_no, camera_no, outcome)"
                " VALUES ('2026-01-01'::timestamptz + %s * interval '1 s', 0, %s, %s, 1, 'stored')",
                (index, session, frame),
            )
