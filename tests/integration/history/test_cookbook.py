"""Every query of docs/sql-cookbook.md answers, as it stands there, on days with something to find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.months import Months
from pipeline.database import Database
from pipeline.video.simulate.scene import parse_scene
from pipeline.video.simulate.simulation import Simulation
from tests.homes import Server
from tests.integration.history.conftest import filled_database

PAGE = Path(__file__).parents[3] / "docs" / "sql-cookbook.md"
RECIPES = dict(re.findall(r"^## (.*?) \([\d.]+ m?s\)\n.*?```sql\n(.*?)```", PAGE.read_text(), re.S | re.M))
DAYS = Months(cameras=3, days=2, until=date(2026, 2, 1), hours=0.1, segment_s=60, people=2)


@pytest.fixture(scope="module")
def cookbook(server: Server) -> Iterator[Database]:
    with filled_database(server, DAYS) as database:
        yield database


def test_all_recipes_are_found() -> None:
    assert len(RECIPES) == PAGE.read_text().count("\n## ") == PAGE.read_text().count("```sql") > 15


@pytest.mark.parametrize("name", RECIPES)
def test_it_answers(cookbook: Database, name: str) -> None:
    rows = cookbook.query(RECIPES[name]).rows

    # Who fell, and sets, depend on which minute of the script it is; nobody ever has none of all columns.
    assert rows
    assert all(value is not None for value in (rows[0][0], rows[0][1]))


def asked(database: Database, start: str) -> list[tuple[Any, ...]]:
    """The answer of the recipe whose heading begins so."""
    return database.query(next(sql for name, sql in RECIPES.items() if name.startswith(start))).rows


def test_some_answers_are_what_was_put_in(cookbook: Database) -> None:
    ask = partial(asked, cookbook)
    assert {row[2] for row in ask("People in each zone")} == {"till"}
    assert {row[:2] for row in ask("Visitors")} == {("gym1", 24), ("street3", 24), ("ward2", 24)}
    assert len(ask("A keypoint at even times")) == 301
    ((_, camera, *_),) = ask("Where was a person")
    assert camera == "gym1"
    knees = [float(str(row[1])) for row in ask("The knee")]
    assert len(knees) in (60, 61)
    assert max(knees) > 60 > 30 > min(knees)  # somebody squats


def test_all_falls_of_the_scene_are_found_once_when_they_were(cookbook: Database) -> None:
    (person,) = Simulation(parse_scene(f"sim://ward?people=1&seed=7&seconds={DAYS.segment_s}")).annotations()
    minutes = round(60 * DAYS.hours)
    expected = [60 * minute + fall.start_s for minute in range(minutes) for fall in person.falls for _ in range(2)]

    rows = asked(cookbook, "Who fell")

    found = [(row[0] - datetime(2026, 1, 31, 8, tzinfo=UTC)).total_seconds() for row in rows]
    assert found == pytest.approx(expected, abs=0.5)  # as docs/quality.md has it
    assert len({(row[0], row[2]) for row in rows}) == len(rows) == 24
