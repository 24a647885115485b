from __future__ import annotations

import stat
from pathlib import Path

import psycopg
import pytest

from pipeline.cli.password_files import LOGINS, ensure_passwords
from pipeline.core.errors import ConfigError, DatabaseError
from pipeline.database import Database, open_database
from pipeline.database.logins import ensure_login


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_login_gets_a_password_of_its_own_which_stays(tmp_path: Path) -> None:
    first = ensure_passwords(tmp_path / "new")

    assert set(first) == set(LOGINS)
    assert len(set(first.values())) == len(LOGINS)
    assert all(len(password) >= 32 for password in first.values())
    assert ensure_passwords(tmp_path / "new") == first


def test_only_the_owners_password_is_open_to_those_who_get_into_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    ensure_passwords(folder)

    assert mode(folder) == 0o700
    assert {kind: mode(folder / kind / "password") for kind in LOGINS} == {
        "owner": 0o444,
        "writer": 0o600,
        "reader": 0o600,
    }
    assert {mode(folder / kind / "pgpass") for kind in LOGINS} == {0o600}


def test_a_password_of_ones_own_is_taken_with_signs_that_pgpass_needs_escaped(tmp_path: Path) -> None:
    (tmp_path / "reader").mkdir()
    (tmp_path / "reader" / "password").write_text("a:b\\c\n")

    assert ensure_passwords(tmp_path)["reader"] == "a:b\\c"
    assert (tmp_path / "reader" / "pgpass").read_text() == "*:*:*:reader:a\\:b\\\\c\n"


@pytest.mark.parametrize("content", ["", "\n", "two\nlines\n", "nul\0\n"])
def test_a_file_without_a_password_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "writer").mkdir()
    (tmp_path / "writer" / "password").write_text(content)

    with pytest.raises(ConfigError, match="one line with a password"):
        ensure_passwords(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="cannot be kept there"):
        ensure_passwords(tmp_path / "file" / "below")


def test_the_writer_may_store_and_the_reader_may_ask(own_dsn: str) -> None:
    with open_database(own_dsn, Path("unused")) as database:
        names = {role: f"{role}_{database.address.url('owner')[-8:]}" for role in ("writer", "reader")}
        try:
            for again in ("first", "second"):
                ensure_login(database.address, names["writer"], "writer", again)
                ensure_login(database.address, names["reader"], "reader", again)

            assert _rights(database, names["writer"]) == (True, False, "SCRAM-SHA-256")
            assert _rights(database, names["reader"]) == (False, True, "SCRAM-SHA-256")
        finally:
            with database.address.connect("owner") as owner:
                for name in names.values():
                    owner.execute(f"DROP OWNED BY {name}".encode())
                    owner.execute(f"DROP ROLE {name}".encode())


def _rights(database: Database, login: str) -> tuple[bool, bool, str]:
    with database.address.connect("owner") as owner:
        found = owner.execute(
            "SELECT has_table_privilege(oid, 'pose_raw.poses', 'INSERT'),"
            " has_table_privilege(oid, 'pose.poses', 'SELECT'), split_part(rolpassword, '$', 1)"
            " FROM pg_authid WHERE rolname = %s AND rolcanlogin AND NOT rolsuper",
            (login,),
        ).fetchone()
    assert found is not None
    return found[0], found[1], found[2]


def test_a_login_without_the_right_to_make_logins_is_told_so(own_dsn: str) -> None:
    with psycopg.connect(own_dsn, autocommit=True) as owner:
        name = f"weak_{owner.info.dbname[-8:]}".replace("-", "_")
        owner.execute(f"CREATE ROLE {name} LOGIN".encode())
    try:
        with open_database(own_dsn, Path("unused"), migrate=False) as database:
            weak = type(database.address)(psycopg.conninfo.make_conninfo(own_dsn, user=name))

            with pytest.raises(DatabaseError, match="somebody cannot be made") as caught:
                ensure_login(weak, "somebody", "writer", "x")

            assert "CREATEROLE" in str(caught.value.hint)
    finally:
        with psycopg.connect(own_dsn, autocommit=True) as owner:
            owner.execute(f"DROP ROLE {name}".encode())
