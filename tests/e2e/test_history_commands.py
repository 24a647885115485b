"""`posebus db` from the outside: what it prints, and that no word of a user is taken for SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from pipeline.cli.main import app
from pipeline.core.errors import PosebusError
from pipeline.core.records import Record
from pipeline.core.values import Motions
from pipeline.database import Database, open_database
from tests import samples

MOTIONS = next(value for value in samples.values()["motions"] if isinstance(value, Motions))


@pytest.fixture
def told(own_dsn: str) -> Iterator[tuple[str, Database]]:
    with open_database(own_dsn, Path("unused")) as database:
        database.registry().camera_no("gym")
        database.sink().write([Record(samples.stamp(n), MOTIONS) for n in range(3)])
        yield own_dsn, database


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words])


def said(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, (words, result.output, result.exception)
    return result.output


def test_a_plan_changes_nothing(empty_dsn: str) -> None:
    assert "0001_history.sql" in said("db", "migrate", "--plan", "--db", empty_dsn)
    assert "0001_history.sql" in said("db", "migrate", "--db", empty_dsn)
    assert said("db", "migrate", "--plan", "--db", empty_dsn) == "the schema is up to date\n"


def test_the_policy_of_the_configuration_is_applied(told: tuple[str, Database], tmp_path: Path) -> None:
    dsn, _ = told
    config = tmp_path / "p.yaml"
    config.write_text("history: {retention: 30d, compress_after: 12h, budget: 200GB}\n")

    assert "posebus db maintain applies it" in run("db", "status", "--db", dsn, "-c", str(config)).output
    assert "parts compressed" in said("db", "maintain", "--db", dsn, "-c", str(config))
    shown = said("db", "status", "--db", dsn, "-c", str(config))

    assert "30 days" in shown
    assert "200 GB" in shown
    assert "applies it" not in shown


def test_an_erasure_gives_a_receipt(told: tuple[str, Database]) -> None:
    dsn, database = told

    receipt = json.loads(said("db", "erase", "--camera", "gym", "--yes", "--db", dsn))

    assert receipt["removed"]["poses"] == 6
    assert database.query("SELECT count(*) FROM poses").rows == [(0,)]


def test_an_erasure_is_asked_about(told: tuple[str, Database]) -> None:
    dsn, database = told
    assert CliRunner().invoke(app, ["db", "erase", "--camera", "gym", "--db", dsn], input="n\n").exit_code == 1
    assert database.query("SELECT count(*) FROM poses").rows == [(6,)]


def test_a_backup_is_restored(told: tuple[str, Database], empty_dsn: str, tmp_path: Path) -> None:
    dsn, _ = told
    said("db", "backup", str(tmp_path / "b.zip"), "--db", dsn)
    said("db", "restore", str(tmp_path / "b.zip"), "--db", empty_dsn)
    assert "6" in said("query", "SELECT count(*) FROM poses", "--db", empty_dsn)


def test_what_is_printed_has_no_password(told: tuple[str, Database]) -> None:
    dsn, _ = told
    secret = str(psycopg.conninfo.make_conninfo(dsn, password="hunter2", user="nobody-here"))

    result = run("db", "status", "--db", secret)

    assert isinstance(result.exception, PosebusError)
    assert "hunter2" not in result.output + str(result.exception)
