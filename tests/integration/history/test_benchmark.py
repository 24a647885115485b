"""What `make bench-history` measures and how it tells it, on minutes instead of months."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest

from benchmarks.history_measure import Measured, measure
from benchmarks.history_report import report
from benchmarks.months import Months
from pipeline.database import open_database

FEW = Months(cameras=3, days=2, until=date(2026, 2, 1), hours=0.1, segment_s=120, people=2)
MIXED = {"poses": 1, "alone_ms": [1, 2], "beside_ms": [1, 2], "asked": 1, "most_bytes": 1, "budget_bytes": 2}


def measured(dsn: str, months: Months) -> Measured:
    found = Measured("plain", "test", months.skeleton, months.cameras, months.days, world=months.world)
    found.mixed = dict(MIXED)  # that one takes minutes
    with open_database(dsn, Path("unused")) as database:
        found.tier = database.status().tier
        assert measure(database, months, found, float("inf"), lambda: None)
    return found


def test_no_answer_of_few_cameras_is_empty_and_repetitions_have_their_share_of_copy(own_dsn: str) -> None:
    found = measured(own_dsn, FEW)

    assert found.rows.keys() == found.asked.keys()
    assert [name for name, rows in found.rows.items() if not rows] == []
    assert found.first_day.keys() == found.all_days.keys()
    assert len(found.first_day) == 3
    assert found.again_of_raw > 0
    assert Measured(**json.loads(json.dumps(asdict(found)))).all_days.keys() == found.all_days.keys()
    said = report([found])
    assert all(f"| {name} | {rows:,} |" in said for name, rows in found.rows.items())
    assert said.count("| 1 day | all days | ratio |") == 1


def test_one_camera_says_where_there_is_nothing_to_find(own_dsn: str) -> None:
    found = measured(own_dsn, replace(FEW, cameras=1, people=1))

    assert found.rows["cookbook: Steps a minute"] == 0  # asks for street3
    said = report([found])
    assert "| cookbook: Steps a minute | - | - | - | 500 |" in said
    assert "| cookbook: The two who came nearest to each other | - | - | - | 1000 |" in said


@pytest.mark.parametrize("world", [True, False])
def test_metres_are_left_out_where_they_are_to_be(own_dsn: str, world: bool) -> None:
    months = replace(FEW, cameras=1, days=1, world=world)
    found = measured(own_dsn, months)

    with open_database(own_dsn, Path("unused"), migrate=False) as database:
        ((poses, metres, depths),) = database.query("SELECT count(*), count(wx), count(z) FROM pose_raw.poses").rows
    assert (metres, depths) == (poses if world else 0, poses)
    assert found.is_asked == world
    assert ("blazepose33, no metres" in report([found])) != world


def row(**fields: object) -> list[str]:
    """The first table's cells of a database where all goals are met but for these fields."""
    good = Measured("ts-full", "test", "blazepose33", 2, 2, poses=100_000, spent_s=5, of_raw=0.7, again=12_000)
    good = replace(good, again_of_raw=0.65, bytes_open=900, bytes_rest=300, all_rest=400)
    line = next(line for line in report([replace(good, **fields)]).splitlines() if line.startswith("| ts-full"))  # type: ignore[arg-type]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_what_misses_its_goal_has_it_beside_it() -> None:
    assert not any("goal" in cell for cell in row())
    for fields, cell in (
        ({"spent_s": 20}, "**5,000** (goal 10,000)"),
        ({"of_raw": 0.5}, "**0.50** (goal 0.6)"),
        ({"again": 9000}, "**9,000** (goal 10,000)"),
        ({"again_of_raw": 0.45}, "**0.45** (goal 0.6)"),
        ({"bytes_rest": 501}, "**501** (goal 320)"),
        ({"skeleton": "coco17", "bytes_rest": 151}, "**151** (goal 150)"),
    ):
        assert [found for found in row(**fields) if "goal" in found] == [cell]
    assert "" in row(again_of_raw=0)  # of a folder from before it was measured
