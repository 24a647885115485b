"""Databases that refuse, are full, or go away in the middle of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from pipeline.database import EmbeddedServer, failures, open_database
from pipeline.database.migrate import migrate, packaged
from tests.e2e.conftest import Program
from tests.e2e.dump import dump
from tests.e2e.terminal import SECRET, SECRET_DSN
from tests.homes import NewHome, Server, address_on

SCENE = "sim://gym?seconds=3&width=160&height=120"
START = ("--start-time", "2026-01-01T09:00:00Z")


@pytest.fixture
def ann(prepared_home: Path) -> Iterator[str]:
    """Address of a server for `ann`, whom it asks for her password; the password is a wrong one."""
    server = EmbeddedServer(prepared_home)
    rules = server.status().folder / "data" / "pg_hba.conf"
    rules.write_text(f"local all ann scram-sha-256\n{rules.read_text()}")
    server.start()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE ROLE ann LOGIN PASSWORD 'another'")
    yield f"postgresql://ann:{SECRET}@/postgres?host={quote(str(server.socket()), safe='')}"
    server.leave()


def test_a_server_that_is_not_there_is_told_by_every_command(program: Program, fake: str) -> None:
    for words in (
        ["run", SCENE, "--config", fake],
        ["query", "SELECT 1"],
        ["render", SCENE, "-o", "a.mp4"],
        ["db", "migrate"],
        ["db", "url"],
    ):
        done = program(*words, "--db", SECRET_DSN)
        done.refused(4, r"no connection to the database postgresql://ann@127\.0\.0\.1:1/gym: ", "start the server")


def test_an_address_is_as_safe_in_a_file_and_in_the_environment(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c.yaml").write_text(f"database: {{dsn: '{SECRET_DSN}'}}\nlog: {{level: debug}}\n")
    program("config", "check", "c.yaml").done()
    program("run", SCENE, "--config", "c.yaml").refused(4, "no connection to the database", "start the server")

    monkeypatch.setenv("POSEBUS_DATABASE_DSN", SECRET_DSN)
    program("query", "SELECT 1").refused(4, "no connection to the database", "start the server")


@pytest.mark.parametrize(
    ("dsn", "error", "hint"),
    [
        (f"host=nowhere.invalid password={SECRET}", "nowhere.invalid", "check the host in --db"),
        (f"{SECRET} gym", "cannot be read: expected postgresql://user@host:5432/name", "%2F"),
        (f"postgresql+psycopg://ann:{SECRET}@db/gym", "cannot be read", r"write postgresql:// where it says"),
        (f"mysql://ann:{SECRET}@db/gym", "cannot be read", "."),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(dsn: str, error: str, hint: str, program: Program) -> None:
    program("run", SCENE, "--db", dsn).refused(4, error, hint)


def test_a_wrong_password_is_told_without_it(program: Program, ann: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program("run", SCENE, "--db", ann).refused(4, 'authentication failed for user "ann"', "check user and password")
    monkeypatch.setenv("PGPASSWORD", SECRET)
    done = program("query", "SELECT 1", "--db", ann.replace(f":{SECRET}", ""))
    done.refused(4, 'authentication failed for user "ann"', "check user and password")


def test_a_database_that_does_not_exist_is_told(program: Program, server: Server) -> None:
    done = program("run", SCENE, "--db", address_on(server, "nowhere"))

    done.refused(4, 'database "nowhere" does not exist', "createdb")


def test_an_older_schema_is_brought_up_to_date(program: Program, empty_dsn: str, fake: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        migrate(connection, "here", packaged()[:1])

    program("run", SCENE, "--config", fake, "--db", empty_dsn).done()

    assert program("db", "migrate", "--db", empty_dsn).done().out == "the schema is up to date\n"


def test_a_newer_schema_is_refused(program: Program, own_dsn: str, fake: str) -> None:
    with psycopg.connect(own_dsn) as connection:
        connection.execute("INSERT INTO pose_raw.migrations (number, name, sha256) VALUES (999, '0999_x.sql', '')")

    for words in (["run", SCENE, "--config", fake], ["render", SCENE, "-o", "a.mp4"], ["db", "migrate"]):
        done = program(*words, "--db", own_dsn)
        done.refused(4, "has schema version 999; this posebus .* knows versions up to", "upgrade posebus")


@pytest.mark.parametrize("home", ["/proc/nothing", "/dev/null/home"])
def test_a_home_that_cannot_be_written_is_told(home: str, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSEBUS_HOME", home)

    for words in (["run", SCENE], ["query", "SELECT 1"], ["db", "start"]):
        program(*words).refused(4, "the folder of the embedded database cannot be made", "set POSEBUS_HOME")


def test_an_embedded_database_of_another_version_is_told(
    program: Program, new_home: NewHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = new_home()
    data = EmbeddedServer(home).status().folder / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")
    monkeypatch.setenv("POSEBUS_HOME", str(home))

    program("run", SCENE).refused(4, "was made by PostgreSQL 16", "use the posebus that made it")


def test_saved_state_that_cannot_be_read_is_told(program: Program, dsn: str, fake: str) -> None:
    program("run", SCENE, "--limit-s", "1", "--config", fake, "--db", dsn).done()
    with psycopg.connect(dsn) as connection:
        connection.execute("UPDATE pose_raw.cut_snapshots SET content = '\\x00' WHERE stage = 'track'")

    done = program("run", SCENE, "--resume", "--config", fake, "--db", dsn)

    done.refused(
        6, "camera gym, stage track: the saved state of .* cannot be read", "begin as another camera: --camera"
    )


def test_a_camera_that_another_process_works_on_is_told(program: Program, dsn: str, fake: str) -> None:
    with open_database(dsn, Path("unused"), migrate=False) as database:
        number = database.registry().camera_no("gym")
        with database.registry().hold(number, "gym"):
            done = program("run", SCENE, "--config", fake, "--db", dsn)

    done.refused(2, "camera 'gym': another process is working on it", "--camera")


def test_a_full_disk_is_told_once_and_the_run_goes_on_when_there_is_room(
    program: Program, own_dsn: str, fake: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(failures._PASSING, "53100", (0.05, failures._PASSING["53100"][1]))
    _fill_disk(own_dsn)

    def make_room(connection: psycopg.Connection) -> bool:
        # A sequence is all that outlives the attempts that failed.
        tried = connection.execute("SELECT last_value > 3 FROM public.attempts").fetchone() == (True,)
        if tried:
            connection.execute("DELETE FROM public.full_disks")
        return tried

    with _meanwhile(own_dsn, make_room):
        done = program("run", SCENE, "--config", fake, "--db", own_dsn).done()

    warnings = [line for line in done.err.splitlines() if "WARNING" in line]
    assert len(warnings) == 2, done.err
    assert "the database takes no rows: " in warnings[0]
    assert "No space left on device; the disk of the database is full: free some space there" in warnings[0]
    assert "the database takes rows again" in warnings[1]
    assert len(dump(own_dsn)["frame_outcomes"]) == 45


def test_a_lost_connection_loses_nothing(program: Program, own_dsn: str, dsn: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("models: {detector: fake, pose: fake}\nembedded: {cut_s: 0.05}\n")
    words = ("run", SCENE, "--config", str(config), *START)

    program(*words, "--db", dsn).done()
    _cut_off_once(own_dsn)
    done = program(*words, "--db", own_dsn).done()

    assert "the database takes no rows: " in done.err
    assert dump(own_dsn) == dump(dsn)


def _fill_disk(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute(
            """
            CREATE TABLE public.full_disks AS SELECT 'base/5/1' AS file;
            CREATE SEQUENCE public.attempts;
            GRANT ALL ON public.full_disks, public.attempts TO PUBLIC;
            CREATE FUNCTION pose_raw.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                PERFORM nextval('public.attempts');
                IF EXISTS (SELECT FROM public.full_disks) THEN
                    RAISE EXCEPTION 'could not extend file "base/5/1": No space left on device' USING ERRCODE = '53100';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER no_room BEFORE INSERT ON pose_raw.frame_outcomes
                FOR EACH ROW EXECUTE FUNCTION pose_raw.no_room();
            """
        )


def _cut_off_once(dsn: str) -> None:
    """The second cut ends all connections, its own last, before it is committed; a sequence remembers that it did."""
    with psycopg.connect(dsn) as connection:
        connection.execute(
            """
            CREATE SEQUENCE public.attempts;
            CREATE FUNCTION pose_raw.cut_off() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
                IF nextval('public.attempts') = 1 THEN
                    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                    WHERE datname = current_database() ORDER BY pid = pg_backend_pid();
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER cut_off BEFORE INSERT ON pose_raw.cuts
                FOR EACH ROW WHEN (NEW.number > 1) EXECUTE FUNCTION pose_raw.cut_off();
            """
        )


@contextmanager
def _meanwhile(dsn: str, work: Callable[[psycopg.Connection], bool]) -> Iterator[None]:
    """In another thread, call `work` again and again until it says that it is done, or the block ends."""
    ended = threading.Event()

    def repeat() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not work(connection) and not ended.wait(0.01):
                pass

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
