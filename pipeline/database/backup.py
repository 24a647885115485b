"""Backup and restore: every table as binary COPY in one zip file, so that it fits any tier and any server."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pipeline.core.errors import ConfigError, DatabaseError
from pipeline.database import failures
from pipeline.database.connect import Address, Connection
from pipeline.database.migrate import migrate, packaged

FORMAT = 1
_MANIFEST = "manifest.json"
_PIECE_BYTES = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)
"""What reading a zip file with wrong bytes in it raises; which one depends on where they are."""

# Partitions and chunks are read through their parents.
_TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relnamespace = 'pose_raw'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname NOT IN ('migrations', 'history') AND c.relname NOT LIKE '%\\_shape'
GROUP BY 1 ORDER BY 1
"""
_FIRST = ("cameras", "skeletons")
"""What other tables refer to."""
_DAYS = ("poses", "measures", "frame_outcomes")

Progress = Callable[[str, int], None]
"""Called with a table and its bytes so far."""


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What a backup holds.

    Attributes:
        tables: Rows by table.
        schema: Number of the newest migration in it.
        made_at: When, UTC.
    """

    tables: dict[str, int]
    schema: int
    made_at: datetime


def backup(address: Address, file: Path, progress: Progress = lambda _table, _bytes: None) -> BackupSummary:
    """Write all of the history as of now to a file that only its owner can read; it is there whole or not at all.

    Raises:
        ConfigError: The file is there already, or cannot be written.
        DatabaseError, SinkUnavailable: See `failures`.
    """
    if file.exists():
        raise ConfigError(f"{file} is there already", hint="give another name, or remove it")
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be written: {error}", hint="choose another folder") from error
    connection = address.connect("owner")
    try:
        with (
            os.fdopen(descriptor, "wb") as raw,
            zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        ):
            summary = _write(connection, archive, progress)
        part.rename(file)
    except psycopg.Error as error:
        raise failures.meaning(error, str(address)) from error
    finally:
        connection.close()
        with suppress(FileNotFoundError):
            part.unlink()
    return summary


def restore(address: Address, file: Path, progress: Progress = lambda _table, _bytes: None) -> BackupSummary:
    """Fill an empty database from a backup, on whatever tier, and bring it to this version. All of it or nothing of it.

    Raises:
        ConfigError: The file is none of ours, damaged, or from a newer posebus; or the database has a history.
        DatabaseError, SinkUnavailable: See `failures`.
    """
    connection = address.connect("owner")
    try:
        with _opened(file) as archive:
            manifest = _manifest(archive, file)
            known = packaged()
            if manifest["schema"] > max(m.number for m in known):
                raise ConfigError(
                    f"{file} has schema version {manifest['schema']};"
                    f" this posebus knows versions up to {known[-1].number}",
                    hint="upgrade posebus (pip install --upgrade posebus)",
                )
            _check_empty(connection, address)
            where = str(address)
            # First the schema that its columns are of, then the rows, then what came after.
            migrate(connection, where, [m for m in known if m.number <= manifest["schema"]])
            try:
                rows = _read(connection, archive, manifest, progress)
            except _DAMAGED as error:
                raise ConfigError(f"{file} is damaged: {error}", hint="use another backup") from error
            migrate(connection, where, logins=address.server is not None)
    except psycopg.Error as error:
        raise failures.meaning(error, str(address)) from error
    finally:
        connection.close()
    return BackupSummary(rows, manifest["schema"], datetime.fromisoformat(manifest["made_at"]))


def _write(connection: Connection, archive: zipfile.ZipFile, progress: Progress) -> BackupSummary:
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    rows: dict[str, int] = {}
    with connection.transaction():
        found = connection.execute(
            "SELECT max(number), to_regclass('pose_raw.history') IS NOT NULL FROM pose_raw.migrations"
        ).fetchone()
        assert found is not None
        schema, has_floor = found
        if not has_floor:
            raise DatabaseError(f"schema version {schema} is too old for a backup", hint="run `posebus db migrate`")
        floor = connection.execute("SELECT max(raw_floor)::text FROM pose_raw.history").fetchone()
        tables = connection.execute(_TABLES).fetchall()
        for table, columns in tables:
            statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT binary)").format(
                sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier("pose_raw", table)
            )
            written = 0
            with (
                archive.open(f"{table}.copy", "w", force_zip64=True) as entry,
                connection.cursor() as cursor,
            ):
                with cursor.copy(statement) as copy:
                    for piece in copy:
                        written += len(piece)
                        entry.write(piece)
                        progress(table, written)
                rows[table] = cursor.rowcount
    made_at = datetime.now(UTC)
    manifest = {
        "format": FORMAT,
        "schema": schema,
        "made_at": made_at.isoformat(),
        "raw_floor": floor[0] if floor else None,
        "tables": {table: {"columns": columns, "rows": rows[table]} for table, columns in tables},
    }
    archive.writestr(_MANIFEST, json.dumps(manifest, indent=1))
    return BackupSummary(rows, schema, made_at)


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{file} cannot be read as a backup: {error}", hint="see posebus db backup") from error


def _manifest(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(archive.read(_MANIFEST))
        if manifest["format"] != FORMAT:
            raise ValueError(f"format {manifest['format']}, expected {FORMAT}")
        int(manifest["schema"])
        datetime.fromisoformat(manifest["made_at"])
        for table, known in manifest["tables"].items():
            if not known["columns"] or f"{table}.copy" not in archive.namelist():
                raise ValueError(f"{table} is missing")
    except (KeyError, ValueError, TypeError, AttributeError, *_DAMAGED) as error:
        raise ConfigError(f"{file} is no backup of posebus: {error}", hint="see posebus db backup") from error
    return manifest


def _check_empty(connection: Connection, address: Address) -> None:
    there = connection.execute("SELECT to_regclass('pose_raw.cameras') IS NOT NULL").fetchone()
    if there != (True,):
        return
    filled = connection.execute("SELECT EXISTS (SELECT FROM pose_raw.cameras)").fetchone()
    if filled == (True,):
        raise ConfigError(
            f"{address} has a history already",
            hint="restore into an empty database (createdb), or another POSEBUS_HOME",
        )
    # Nothing was ever stored: the schema is made anew, at the version of the backup.
    connection.execute("DROP SCHEMA IF EXISTS pose, pose_held, pose_raw CASCADE")


def _read(
    connection: Connection, archive: zipfile.ZipFile, manifest: dict[str, Any], progress: Progress
) -> dict[str, int]:
    tables = manifest["tables"]
    known = {table for (table, _) in connection.execute(_TABLES).fetchall()}
    strange = sorted(set(tables) - known)
    if strange:
        raise ConfigError(f"the backup has a table {strange[0]!r} that its schema has not", hint="use another backup")
    rows: dict[str, int] = {}
    with connection.transaction():
        _empty(connection, tables)
        for table in sorted(tables, key=lambda name: (name not in _FIRST, name)):
            if table in _DAYS:
                rows[table] = _read_days(connection, archive, table, tables[table]["columns"], progress)
            else:
                rows[table] = _copy(connection, archive, table, table, tables[table]["columns"], progress)
            if rows[table] != tables[table]["rows"]:
                raise DatabaseError(
                    f"{table}: {rows[table]} rows were read, the backup was made of {tables[table]['rows']}",
                    hint="nothing was restored; use another backup",
                )
        # Minutes before it are final: their poses were dropped before the backup.
        connection.execute("UPDATE pose_raw.history SET raw_floor = %s", (manifest["raw_floor"] or "-infinity",))
    return rows


def _empty(connection: Connection, tables: Iterable[str]) -> None:
    """The words that the migration put in come from the backup, which may have more of them."""
    named = sql.SQL(", ").join(sql.Identifier("pose_raw", table) for table in tables)
    connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(named))


def _read_days(
    connection: Connection, archive: zipfile.ZipFile, table: str, columns: Sequence[str], progress: Progress
) -> int:
    """By way of a temporary table, which says which days are wanted."""
    stage = f"restored_{table}"
    connection.execute(
        sql.SQL("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP").format(
            sql.Identifier(stage), sql.Identifier("pose_raw", f"{table}_shape")
        )
    )
    _copy(connection, archive, table, stage, columns, progress, schema="pg_temp")
    staged = sql.Identifier("pg_temp", stage)
    connection.execute(
        sql.SQL(
            "SELECT pose_raw.ensure_days(coalesce(array_agg(DISTINCT (ts AT TIME ZONE 'UTC')::date), '{{}}')) FROM {}"
        ).format(staged)
    )
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    done = connection.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(
            sql.Identifier("pose_raw", table), listed, listed, staged
        )
    )
    return done.rowcount


def _copy(
    connection: Connection,
    archive: zipfile.ZipFile,
    table: str,
    into: str,
    columns: Sequence[str],
    progress: Progress,
    *,
    schema: str = "pose_raw",
) -> int:
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(schema, into), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    read = 0
    with archive.open(f"{table}.copy") as entry, connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            while piece := entry.read(_PIECE_BYTES):
                copy.write(piece)
                read += len(piece)
                progress(table, read)
        return cursor.rowcount
