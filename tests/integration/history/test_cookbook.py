"""Every query of docs/sql-cookbook.md answers, as it stands there, on days with something to find."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from benchmarks.months import Months
from pipeline.database import Database
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


def test_some_answers_are_what_was_put_in(cookbook: Database) -> None:
    def ask(start: str) -> list[tuple[object, ...]]:
        return cookbook.query(next(sql for name, sql in RECIPES.items() if name.startswith(start))).rows

    assert {row[2] for row in ask("People in each zone")} == {"till"}
    assert {row[:2] for row in ask("Visitors")} == {("gym1", 24), ("street3", 24), ("ward2", 24)}
    assert len(ask("A keypoint at even times")) == 301
    ((_, camera, *_),) = ask("Where was a person")
    assert camera == "gym1"
    knees = [float(str(row[1])) for row in ask("The knee")]
    assert len(knees) in (60, 61)
    assert max(knees) > 60 > 30 > min(knees)  # somebody squats
