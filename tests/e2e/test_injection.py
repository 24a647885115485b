"""No word of a user is taken for SQL, whatever command and option it is given to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
from psycopg import sql
from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.core.errors import PosebusError
from pipeline.core.records import Record
from pipeline.core.values import Motions
from pipeline.database import Database, open_database
from tests import samples

MOTIONS = next(value for value in samples.values()["motions"] if isinstance(value, Motions))
ATTACKS = (
    "x'; DROP SCHEMA pose_raw CASCADE; --",
    'x"; DROP SCHEMA pose_raw CASCADE; --',
    "%s %(x)s {0} \\') OR 1=1; $$; DROP SCHEMA pose_raw CASCADE; $$ \u2019",
)
SCENE = "sim://gym?seconds=0.2&width=160&height=120"
NOT_TRIED = {
    "demo": "its options are numbers and a folder",
    "doctor": "has no option for a word but the database",
    "dead-letters replay": "sends to Kafka; selects as `dead-letters drop` does",
}
REQUIRED: dict[str, list[str]] = {
    "query": ["SELECT 1"],
    "export": ["--out", "out.csv"],
    "import": ["poses.csv", "--size", "640x480", "--fps", "5"],
    "render": [SCENE, "--config", "fake.yaml", "--output", "out.mp4"],
    "run": [SCENE, "--config", "fake.yaml"],
    "camera add": ["hall", "sim://gym"],
    "camera edit": ["gym"],
    "camera pause": ["gym"],
    "camera resume": ["gym"],
    "camera rm": ["gym"],
    "camera test": ["gym"],
    "record": ["gym"],
    "dead-letters show": ["x"],
    "db backup": ["b.zip"],
    "db restore": ["b.zip"],
    "db grant": ["anna"],
    "db revoke": ["anna"],
    "db runs rm": ["1"],
}
"""What else a command must be told; an argument that is tried takes the place of the one in its position."""


def commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Names and all of the command line that has the option --db."""
    if hasattr(command, "list_commands"):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), *path, name)
    elif any("--db" in parameter.opts for parameter in command.params):
        yield " ".join(path), command


FOUND = dict(commands(typer.main.get_command(app)))


def tries(name: str, attack: str) -> Iterator[list[str]]:
    """The command with the attack in the place of each argument and option that takes a value, one at a time."""
    positions = 0
    for parameter in FOUND[name].params:
        required = list(REQUIRED.get(name, []))
        if parameter.param_type_name == "argument":
            required[positions : positions + 1] = [attack]
            positions += 1
            yield [*name.split(), *required]
        elif not parameter.is_flag and not {"--db", "--config", "--help"} & set(parameter.opts):
            given = [
                word for at, word in enumerate(required) if parameter.opts[0] not in required[max(at - 1, 0) : at + 1]
            ]
            yield [*name.split(), *given, parameter.opts[0], attack]


@pytest.fixture
def told(own_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Database]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSEBUS_HOME", str(tmp_path / "home"))
    (tmp_path / "fake.yaml").write_text("models: {detector: fake, pose: fake}\n")
    (tmp_path / "poses.csv").write_text("frame,nose_x,nose_y,nose_v\n0,1,2,1\n")
    with open_database(own_dsn, Path("unused")) as database:
        database.registry().camera_no("gym")
        database.sink().write([Record(samples.stamp(n), MOTIONS) for n in range(3)])
        assert CliRunner().invoke(app, ["camera", "add", "gym", "sim://gym", "--db", own_dsn]).exit_code == 0
        yield own_dsn, database


def test_every_command_that_reaches_a_database_is_tried() -> None:
    assert {"query", "export", "import", "replay", "camera add", "db erase", "dead-letters ls"} <= FOUND.keys()
    assert NOT_TRIED.keys() < FOUND.keys()
    assert REQUIRED.keys() < FOUND.keys()
    words = [words for name in FOUND if name not in NOT_TRIED for words in tries(name, "x")]
    assert len(words) > 60


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_word_is_taken_for_sql(told: tuple[str, Database], attack: str) -> None:
    dsn, database = told
    login = f"{attack[:40]}{os.getpid()}"
    before = catalogue(database)
    try:
        for name in sorted(FOUND.keys() - NOT_TRIED.keys()):
            for words in tries(name, attack):
                result = CliRunner().invoke(app, [*words, "--db", dsn], input="n\n")
                assert isinstance(result.exception, PosebusError | SystemExit | None), (words, result.exception)
                if name in ("query", "export", "import", "db erase"):
                    assert catalogue(database) == before, words
        for words in (
            ["db", "grant", login, "--camera", "gym"],
            ["db", "revoke", login],
            ["query", f"SELECT count(*) FROM poses WHERE camera = '{attack}"],
        ):
            result = CliRunner().invoke(app, [*words, "--db", dsn])
            assert isinstance(result.exception, PosebusError | SystemExit | None), (words, result.exception)
        named = str(psycopg.conninfo.make_conninfo(dsn, dbname=attack))
        assert isinstance(CliRunner().invoke(app, ["db", "status", "--db", named]).exception, PosebusError)
        assert catalogue(database) == before
        assert database.query("SELECT count(*) FROM poses WHERE camera = 'gym'").rows == [(6,)]
        # Whoever was to be a camera of such a name is one, letter by letter.
        assert {name for (name,) in database.query("SELECT camera FROM cameras").rows} <= {"gym", "hall", attack}
    finally:
        with database.address.connect("owner") as owner:
            for made in (login, attack, "anna"):
                if owner.execute("SELECT FROM pg_roles WHERE rolname = %s", (made,)).fetchone() is not None:
                    owner.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(made)))


def catalogue(database: Database) -> list[Any]:
    """All tables, views and functions of ours."""
    with database.address.connect("owner") as owner:
        return owner.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace IN ('pose'::regnamespace, 'pose_raw'::regnamespace)"
            " AND relkind IN ('v', 'r', 'p') AND NOT relispartition UNION ALL SELECT proname::text FROM pg_proc"
            " WHERE pronamespace IN ('pose'::regnamespace, 'pose_raw'::regnamespace) ORDER BY 1"
        ).fetchall()
