from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from pipeline.core import vocabulary
from pipeline.core.errors import DatabaseError
from pipeline.core.skeletons import SKELETONS
from pipeline.database import Database, migrate, open_database
from pipeline.database.connect import Address, Connection
from pipeline.database.migrate import Migration, packaged

ALL = tuple(migration.name for migration in packaged())
NEWEST = packaged()[-1].number


@pytest.fixture
def dsn(own_dsn: str) -> str:
    return own_dsn


def apply(dsn: str, *migrations: Migration) -> tuple[str, ...]:
    address = Address(dsn)
    with address.connect("owner") as connection:
        return tuple(m.name for m in migrate.migrate(connection, str(address), migrations))


def test_the_files_are_numbered_without_holes() -> None:
    assert [migration.number for migration in packaged()] == list(range(1, NEWEST + 1))


def test_a_new_database_gets_all_files_and_the_second_time_none(empty_dsn: str) -> None:
    with open_database(empty_dsn, Path("unused"), migrate=False) as database:
        assert database.migrate() == ALL
        assert database.migrate() == ()


def test_of_two_who_start_at_once_one_migrates_and_both_go_on(empty_dsn: str) -> None:
    def start(_: int) -> tuple[str, ...]:
        with open_database(empty_dsn, Path("unused"), migrate=False) as database:
            applied = database.migrate()
            database.registry().camera_no("gym")
            return applied

    with ThreadPoolExecutor(3) as pool:
        applied = sorted(pool.map(start, range(3)))

    assert applied == [(), (), ALL]


def test_an_older_schema_is_brought_up_with_its_data(empty_dsn: str) -> None:
    apply(empty_dsn, *packaged())
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("INSERT INTO pose_raw.cameras VALUES (1, 'gym')")
    addition = Migration(NEWEST + 1, "9999_more.sql", "ALTER TABLE pose_raw.cameras ADD note text DEFAULT '100 %s'")

    assert apply(empty_dsn, *packaged(), addition) == ("9999_more.sql",)

    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT name, note FROM pose_raw.cameras").fetchall() == [("gym", "100 %s")]


def test_a_newer_schema_is_refused_with_both_versions(dsn: str) -> None:
    newest = NEWEST
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO pose_raw.migrations VALUES (%s, 'later', 'x')", (newest + 3,))

    with pytest.raises(DatabaseError, match=f"schema version {newest + 3}; .* up to {newest}") as caught:
        open_database(dsn, Path("unused"))

    assert "upgrade posebus" in str(caught.value.hint)


def test_an_edited_file_is_refused(dsn: str) -> None:
    edited = replace(packaged()[0], sql=packaged()[0].sql + "-- a word\n")

    with pytest.raises(DatabaseError, match=f"migration {ALL[0]} differs from the one that was applied"):
        apply(dsn, edited, *packaged()[1:])


def test_a_server_too_old_is_refused(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate, "OLDEST_SERVER", 99)

    with pytest.raises(DatabaseError, match=r"is PostgreSQL \d+; expected 99 or newer"):
        apply(dsn)


def test_a_file_that_fails_leaves_nothing_of_it(empty_dsn: str) -> None:
    wrong = Migration(NEWEST + 1, "9999_wrong.sql", "CREATE TABLE pose_raw.half (n int); SELECT nonsense;")

    with pytest.raises(DatabaseError, match=r'migration 9999_wrong.sql failed: column "nonsense" does not exist'):
        apply(empty_dsn, *packaged(), wrong)

    assert apply(empty_dsn, *packaged()) == ()
    with psycopg.connect(empty_dsn) as connection:
        assert connection.execute("SELECT to_regclass('pose_raw.half')").fetchone() == (None,)


def test_the_words_are_those_of_the_program(database: Database) -> None:
    keypoints = database.query(
        "SELECT s.name, array_agg(k.name ORDER BY idx) FROM pose_raw.keypoints k"
        " JOIN pose_raw.skeletons s USING (skeleton_no) GROUP BY 1"
    ).rows

    assert {name: tuple(names) for name, names in keypoints} == {n: s.keypoints for n, s in SKELETONS.items()}
    postures = database.query("SELECT name FROM pose_raw.postures ORDER BY posture_no").rows
    assert tuple(name for (name,) in postures) == vocabulary.POSTURES
    measures = database.query("SELECT * FROM measures").names
    assert measures[-len(vocabulary.MEASURES) :] == tuple(measure.name for measure in vocabulary.MEASURES)


def test_words_added_later_reach_the_database_and_its_view(
    database: Database, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = vocabulary.Measure("sway", "body heights", "of the head about the ankles")
    monkeypatch.setattr(vocabulary, "MEASURES", (*vocabulary.MEASURES, more))
    monkeypatch.setattr(vocabulary, "POSTURES", (*vocabulary.POSTURES, "jump"))

    database.migrate()

    assert database.query("SELECT * FROM measures").names[-1] == "sway"
    monkeypatch.undo()
    database.migrate()  # a program that does not know the word leaves it alone
    assert database.query("SELECT * FROM measures").names[-1] == "sway"
    assert owner.execute("SELECT obj_description('pose.measures'::regclass) LIKE '%sway%'").fetchone() == (True,)


def test_a_number_that_means_another_word_is_refused(database: Database, owner: Connection) -> None:
    owner.execute("UPDATE pose_raw.postures SET name = 'fly' WHERE posture_no = 1")

    with pytest.raises(DatabaseError, match=r"in postures, \(1,\) is 'fly'; in this posebus it is 'stand'"):
        database.migrate()


def test_every_view_has_a_comment_with_an_example_that_runs(database: Database, owner: Connection) -> None:
    views = owner.execute(
        "SELECT relname, obj_description(oid) FROM pg_class WHERE relnamespace = 'pose'::regnamespace AND relkind = 'v'"
    ).fetchall()

    assert {name for name, _ in views} >= {
        *("keypoints", "poses", "angles", "angular_velocities", "tracks", "measures", "events", "incidents", "cameras"),
        *("frame_outcomes", "dead_letters"),
    }
    for name, comment in views:
        example = str(comment).partition("Example: ")[2]
        assert example, name
        database.query(example)


def test_a_login_without_rights_of_its_own_can_work_on_a_current_schema(dsn: str, owner: Connection) -> None:
    owner.execute("DROP ROLE IF EXISTS worker")
    owner.execute("CREATE ROLE worker LOGIN IN ROLE posebus_writer")
    try:
        with open_database(dsn.replace("postgres@", "worker@"), Path("unused")) as database:
            assert database.registry().camera_no("gym") == 1
    finally:
        owner.execute("DROP ROLE worker")
