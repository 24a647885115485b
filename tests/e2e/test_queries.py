"""Queries that cannot be answered, and answers that are hard to write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.database import EmbeddedServer
from tests.e2e.conftest import Program
from tests.e2e.processes import Posebus
from tests.homes import NewHome


@pytest.mark.parametrize(
    ("statement", "error", "hint"),
    [
        ("SELECT 1 +", r"syntax error at end of input \(column 11\)", "the views: keypoints, poses"),
        ("SELECT x\nFROM kexpoints", r"\"kexpoints\" does not exist \(line 2, column 6: kexpoints\)", "the views: key"),
        ("SELECT wide FROM poses", r"column \"wide\" does not exist \(column 8", "."),
        ("SELECT 1/0", "division by zero", "."),
        ("SELECT 1; SELECT 2", "one statement at a time", "one by one"),
        ("", "there is no statement", "posebus query"),
        ("SET statement_timeout = 0", "gives no rows", "SELECT"),
    ],
)
def test_a_faulty_query_is_refused(statement: str, error: str, hint: str, program: Program, dsn: str) -> None:
    program("query", statement, "--db", dsn).refused(4, error, hint)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM pose_raw.poses",
        "DELETE FROM poses",
        "INSERT INTO cameras VALUES ('gym', 1)",
        "UPDATE pose_raw.cameras SET name = 'x'",
        "DROP TABLE pose_raw.poses",
        "CREATE TABLE mine (n int)",
        "TRUNCATE pose_raw.poses",
        "WITH gone AS (DELETE FROM pose_raw.cameras RETURNING 1) SELECT * FROM gone",
        "EXPLAIN ANALYZE DELETE FROM pose_raw.cameras",
        "SELECT pose_raw.camera_number('x')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ],
)
def test_a_query_that_writes_is_refused(statement: str, program: Program, dsn: str) -> None:
    program("query", statement, "--db", dsn).refused(4, "queries only read: ", "posebus run; use psql as the owner")


def test_a_statement_can_come_from_standard_input(program: Program, dsn: str) -> None:
    assert program("query", "-", "--db", dsn, "-f", "csv", stdin="SELECT 7 AS n").done().out.split() == ["n", "7"]


def test_values_that_json_does_not_know_are_written_as_others(program: Program, dsn: str) -> None:
    statement = """SELECT 'NaN'::float8 AS nan, '-infinity'::float8 AS inf, ARRAY['NaN'::float4, 1] AS list,
        '\\x00ff'::bytea AS bytes, '{"a": [1]}'::jsonb AS object, now() AS at, 1.5::numeric AS half"""

    (row,) = json.loads(program("query", statement, "--db", dsn, "-f", "json").done().out)

    assert isinstance(row.pop("at"), str)
    assert row == {"nan": None, "inf": "-inf", "list": [None, 1], "bytes": "00ff", "object": {"a": [1]}, "half": 1.5}


def test_json_with_two_columns_of_one_name_is_refused(program: Program, dsn: str) -> None:
    done = program("query", "SELECT 1 AS n, 2 AS n", "--db", dsn, "-f", "json")

    done.refused(2, "more than one column is named n", "AS name")


def test_texts_are_shown_as_they_are(program: Program, dsn: str) -> None:
    done = program("query", "SELECT '[/x] [red]' AS \"[/y]\", ':warning:' AS z", "--db", dsn)

    assert "[/y]" in done.done().out
    assert "[/x] [red]  :warning:" in done.out


def test_an_answer_without_rows_has_its_columns(program: Program, dsn: str) -> None:
    assert program("query", "SELECT * FROM keypoints", "--db", dsn, "-f", "json").done().out == "[\n]\n"
    assert program("query", "SELECT camera FROM cameras", "--db", dsn).done().out.split() == ["camera", "(0", "rows)"]


def test_a_database_without_our_tables_is_told(program: Program, empty_dsn: str) -> None:
    done = program("query", "SELECT * FROM keypoints", "--db", empty_dsn)

    done.refused(4, '"keypoints" does not exist', "no tables of posebus yet: .*posebus db migrate")


def test_the_embedded_database_answers_before_any_run(new_home: NewHome) -> None:
    done = Posebus(new_home()).run("query", "SELECT count(*) AS n FROM keypoints", "--format", "csv")

    assert done.done().out.split() == ["n", "0"]


def test_a_reader_who_has_enough_ends_it_quietly(prepared_home: Path) -> None:
    words = ("query", "SELECT generate_series(1, 1000000)", "--format", "csv")
    with Posebus(prepared_home).started(*words) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline() == "generate_series\n"

        program.stdout.close()

        assert program.stderr.read() == ""
    assert not EmbeddedServer(prepared_home).status().running


@pytest.mark.parametrize("words", [("query", "SELECT 1", "--db"), ("query", "SELECT 1", "--format", "csv", "--db")])
def test_a_full_disk_behind_standard_output_is_told(words: tuple[str, ...], dsn: str, tmp_path: Path) -> None:
    buffered = {"PYTHONUNBUFFERED": ""}  # as usual: some write at the very end only
    with open("/dev/full", "w") as full:  # noqa: PTH123  a device
        done = Posebus(tmp_path, buffered).run(*words, dsn, stdout=full)

    done.refused(2, "cannot be written: No space left on device", "free some space")
