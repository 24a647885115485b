from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.errors import ConfigError, DatabaseError
from pipeline.core.history import HistoryPolicy
from pipeline.database import Database, open_database
from pipeline.database.backup import _TABLES, backup
from pipeline.database.connect import Address
from pipeline.database.migrate import migrate, packaged
from tests.homes import ExternalServer, Server, new_database
from tests.integration.history.test_rollups import all_rows


def content(database: Database) -> dict[str, Any]:
    """Every table, as a digest of its rows in order."""
    with database.address.connect("owner") as owner:
        return {
            table: owner.execute(
                "SELECT count(*), md5(string_agg(r, ',' ORDER BY r)) FROM"
                f" (SELECT t::text AS r FROM pose_raw.{table} t) s".encode()
            ).fetchone()
            for table, _ in owner.execute(_TABLES).fetchall()
        }


def restored(dsn: str, file: Path) -> Database:
    database = open_database(dsn, Path("unused"), migrate=False)
    database.restore(file)
    return database


def test_what_was_backed_up_comes_back_row_by_row(days: Database, empty_dsn: str, tmp_path: Path) -> None:
    days.maintain(HistoryPolicy(retention_s=2.5 * 86400, compress_after_s=60))
    file = tmp_path / "history.zip"

    summary = days.backup(file)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert summary.tables["poses"] > 0
    with restored(empty_dsn, file) as copy:
        assert content(copy) == content(days)
        assert all_rows(copy) == all_rows(days)
        # Minutes whose poses were dropped before the backup stay final.
        before = all_rows(copy)
        copy.maintain()
        assert all_rows(copy) == before
        copy.registry().camera_no("new one")
    assert list(tmp_path.iterdir()) == [file]


def test_it_fits_another_server(days: Database, debian: ExternalServer, tmp_path: Path) -> None:
    days.backup(tmp_path / "b.zip")

    with restored(new_database(debian, "template0"), tmp_path / "b.zip") as copy:
        assert copy.status().tier == "plain"
        assert content(copy) == content(days)


def test_a_database_with_a_history_is_not_overwritten(days: Database, tmp_path: Path) -> None:
    days.backup(tmp_path / "b.zip")
    before = content(days)

    with pytest.raises(ConfigError, match="has a history already"):
        days.restore(tmp_path / "b.zip")

    assert content(days) == before


def test_an_older_backup_is_brought_up(server: Server, tmp_path: Path) -> None:
    address = Address(new_database(server, "template0"))
    with address.connect("owner") as owner:
        migrate(owner, str(address), [migration for migration in packaged() if migration.number <= 8])
        owner.execute("INSERT INTO pose_raw.cameras VALUES (1, 'gym')")
    assert backup(address, tmp_path / "older.zip").schema == 8

    with restored(new_database(server, "template0"), tmp_path / "older.zip") as copy:
        assert copy.query("SELECT camera FROM cameras").rows == [("gym",)]
        assert copy.status().schema == packaged()[-1].number
        assert copy.migrate() == ()


def rewritten(file: Path, to: Path, edit: Any) -> None:
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "manifest.json":
                manifest = json.loads(data)
                edit(manifest)
                data = json.dumps(manifest).encode()
            new.writestr(name, data)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m.update(schema=999), "schema version 999"),
        (lambda m: m.update(format=2), "format 2, expected 1"),
        (lambda m: m["tables"].update({"x; DROP SCHEMA pose_raw": {"columns": ["a"], "rows": 0}}), "is missing"),
        (lambda m: m.pop("tables"), "no backup of posebus"),
        (lambda m: m["tables"]["cameras"].update(rows=7), "the backup was made of 7"),
        (
            lambda m: m["tables"]["cameras"].update(columns=['name") FROM STDIN; DROP SCHEMA pose_raw --']),
            "does not exist",
        ),
    ],
)
def test_a_file_that_is_not_right_restores_nothing(
    server: Server, own_dsn: str, tmp_path: Path, edit: Any, said: str
) -> None:
    with open_database(own_dsn, Path("unused")) as database:
        database.registry().camera_no("gym")
        database.backup(tmp_path / "b.zip")
    rewritten(tmp_path / "b.zip", tmp_path / "wrong.zip", edit)

    with (
        open_database(new_database(server, "template0"), Path("unused"), migrate=False) as target,
        pytest.raises((ConfigError, DatabaseError), match=said),
    ):
        target.restore(tmp_path / "wrong.zip")


def test_a_damaged_file_is_told(server: Server, days: Database, tmp_path: Path) -> None:
    days.backup(tmp_path / "b.zip")
    data = bytearray((tmp_path / "b.zip").read_bytes())
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        offset = archive.getinfo("poses.copy").header_offset + 2000
    damages = {"zeros": bytes(50), "ones": b"\xff" * 50, "others": bytes(range(50))}
    for name, damage in damages.items():
        data[offset : offset + 50] = damage
        (tmp_path / f"{name}.zip").write_bytes(data)

    with open_database(new_database(server, "template0"), Path("unused"), migrate=False) as target:
        for name in damages:
            with pytest.raises((ConfigError, DatabaseError)):
                target.restore(tmp_path / f"{name}.zip")
        target.migrate()
        assert target.query("SELECT count(*) FROM poses").rows == [(0,)]
    with (
        open_database(new_database(server, "template0"), Path("unused"), migrate=False) as target,
        pytest.raises(ConfigError, match="cannot be read as a backup"),
    ):
        target.restore(tmp_path / "absent.zip")


def test_a_file_that_is_there_is_not_overwritten(days: Database, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_text("mine")

    with pytest.raises(ConfigError, match="is there already"):
        days.backup(tmp_path / "b.zip")

    assert (tmp_path / "b.zip").read_text() == "mine"
    with pytest.raises(ConfigError, match="cannot be written"):
        days.backup(tmp_path / "no" / "b.zip")
