from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline.core.errors import DatabaseError
from pipeline.database import Database
from pipeline.database.connect import OF_LOGINS, Connection
from pipeline.database.query import VIEWS


def refused(database: Database, statement: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as caught:
        database.query(statement)
    assert "\n" not in caught.value.message
    return caught.value


def test_values_are_plain(database: Database) -> None:
    answer = database.query(
        "SELECT 1::smallint AS a, 2::numeric AS b, 0.5::numeric AS c, 'x'::text AS d, NULL AS e, true AS f,"
        " '2026-01-31 09:00+01'::timestamptz AS g, date '2026-01-31' AS h, interval '90 s' AS i,"
        " ARRAY[1.5, NULL]::real[] AS j,"
        " '{\"k\": [1]}'::jsonb AS k, '6f0c2b0e-7a55-5d0b-9a53-1f3d0c9b7e11'::uuid AS l, '10.0.0.1'::inet AS m,"
        " '\\x00ff'::bytea AS n, 'infinity'::float8 AS o"
    )

    assert answer.names == tuple("abcdefghijklmno")
    assert answer.types[:4] == ("int2", "numeric", "numeric", "text")
    assert answer.rows == [
        (
            *(1, 2, 0.5, "x", None, True, datetime(2026, 1, 31, 8, tzinfo=UTC), "2026-01-31", "0:01:30", [1.5, None]),
            *({"k": [1]}, "6f0c2b0e-7a55-5d0b-9a53-1f3d0c9b7e11", "10.0.0.1", b"\x00\xff", float("inf")),
        )
    ]


def test_no_rows_have_columns_too(database: Database) -> None:
    answer = database.query("SELECT ts, camera, score FROM poses")

    assert answer.names == ("ts", "camera", "score")
    assert answer.types == ("timestamptz", "text", "float4")
    assert answer.rows == []


def test_the_views_that_are_told_are_all_there_are(database: Database) -> None:
    there = database.query("SELECT viewname::text FROM pg_views WHERE schemaname = 'pose'").rows

    assert sorted(there) == sorted((name,) for name in VIEWS)


def test_explain_and_show_are_answered(database: Database) -> None:
    assert database.query("EXPLAIN SELECT * FROM poses").names == ("QUERY PLAN",)
    assert database.query("SHOW timezone").rows == [("UTC",)]


@pytest.mark.parametrize(
    ("statement", "message", "hint"),
    [
        ("SELECT keypont FROM keypoints", 'column "keypont" does not exist (column 8: keypont)', "keypoints has ts"),
        ("SELECT c.name FROM poses p, cameras c", "column c.name does not exist", "poses has ts, camera"),
        (
            "SELECT *\nFROM keypints",
            'relation "keypints" does not exist (line 2, column 6: keypints)',
            "the views: keyp",
        ),
        ("SELEC 1", 'syntax error at or near "SELEC" (column 1: SELEC)', None),
        ("SELECT 'größe', nix", 'column "nix" does not exist (column 17: nix)', None),
        ("SELECT 1/0", "division by zero", None),
        ("-- nothing", "there is no statement", None),
        ("SELECT \udcff", "syntax error at end of input", None),
        ("SELECT 1; DROP TABLE x", "one statement at a time: there is more after the semicolon", None),
        ("SELECT '5000000-01-01'::date", "date too large", None),
    ],
)
def test_a_wrong_statement_is_told_in_one_line(
    database: Database, statement: str, message: str, hint: str | None
) -> None:
    error = refused(database, statement)

    assert error.message.startswith(message)
    assert hint is None or hint in str(error.hint)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO pose_raw.cameras VALUES (1, 'x')",
        "DELETE FROM pose_raw.poses",
        "CREATE TABLE mine (n int)",
        "COPY pose_raw.cameras TO PROGRAM 'cat'",
        "DO $$ BEGIN RESET ROLE; SET default_transaction_read_only = off; DELETE FROM pose_raw.cameras; END $$",
    ],
)
def test_writing_is_refused(database: Database, owner: Connection, statement: str) -> None:
    owner.execute("INSERT INTO pose_raw.cameras VALUES (7, 'kept')")

    assert refused(database, statement).message.startswith("queries only read: ")
    assert owner.execute("SELECT * FROM pose_raw.cameras").fetchall() == [(7, "kept")]


def test_rows_are_read_as_they_are_asked_for(database: Database) -> None:
    with database.stream("SELECT i FROM generate_series(1, 10000000) i") as answer:
        rows = iter(answer.rows)
        assert [next(rows), next(rows)] == [(1,), (2,)]

    with database.stream("SELECT i, 1 / (5000 - i) FROM generate_series(1, 10000) i") as answer:
        rows = iter(answer.rows)
        assert next(rows) == (1, 0)
        with pytest.raises(DatabaseError, match="division by zero"):
            list(rows)


def test_a_query_that_takes_too_long_is_ended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OF_LOGINS["posebus_reader"], "statement_timeout", "'50ms'")

    error = refused(database, "SELECT pg_sleep(20)")

    assert "took longer than" in error.message
    assert "range of time" in str(error.hint)
