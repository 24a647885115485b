"""The schema's versions: numbered SQL files, each applied once, in order, in a transaction of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.metadata import PackageNotFoundError, version

import psycopg

from pipeline.core.errors import DatabaseError
from pipeline.database import failures, held, reference
from pipeline.database.connect import OF_LOGINS, Connection

OLDEST_SERVER = 15

_LOCK = 0x706F7365_62757301
"""Advisory lock of a database whose schema is being changed: two starts at once, one applies, one waits."""

_TABLE = """
CREATE SCHEMA IF NOT EXISTS pose_raw;
CREATE TABLE IF NOT EXISTS pose_raw.migrations (
    number     int PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Of its text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def packaged() -> tuple[Migration, ...]:
    """The files that this posebus brings, in order."""
    folder = resources.files("pipeline.database") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return tuple(Migration(int(name[:4]), name, (folder / name).read_text(encoding="utf-8")) for name in names)


def migrate(
    connection: Connection, where: str, migrations: Sequence[Migration] | None = None, *, logins: bool = False
) -> tuple[Migration, ...]:
    """Bring the schema to the newest version; the files that were applied.

    Args:
        connection: In autocommit mode, of the owner.
        where: The database, for messages.
        migrations: Others than the packaged ones.
        logins: The roles are to log in themselves: on a private socket, where nobody else comes in.

    Raises:
        DatabaseError: The schema is newer than we know, or a file was edited after it was applied, or SQL failed.
    """
    wanted = packaged() if migrations is None else tuple(migrations)
    try:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        try:
            applied = _migrate(connection, where, wanted)
            if logins:
                _let_roles_log_in(connection)
            return applied
        finally:
            if not connection.broken:
                connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
    except psycopg.Error as error:
        raise failures.meaning(error, where) from error


def plan(connection: Connection, where: str) -> tuple[Migration, ...]:
    """The files that `migrate` would apply; nothing is changed. Raises DatabaseError like it."""
    try:
        return _missing(connection, where, packaged())
    except psycopg.Error as error:
        raise failures.meaning(error, where) from error


def _missing(connection: Connection, where: str, wanted: Sequence[Migration]) -> tuple[Migration, ...]:
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        raise DatabaseError(
            f"{where} is PostgreSQL {connection.info.server_version // 10_000}; expected {OLDEST_SERVER} or newer",
            hint="upgrade the server, or use the embedded database (leave out --db)",
        )
    if not _has_table(connection):
        return tuple(wanted)
    applied: dict[int, str] = dict(
        connection.execute("SELECT number, sha256 FROM pose_raw.migrations ORDER BY number").fetchall()
    )
    _check(where, applied, wanted)
    return tuple(migration for migration in wanted if migration.number not in applied)


def _has_table(connection: Connection) -> bool:
    return connection.execute("SELECT to_regclass('pose_raw.migrations') IS NOT NULL").fetchone() == (True,)


def _migrate(connection: Connection, where: str, wanted: Sequence[Migration]) -> tuple[Migration, ...]:
    missing = _missing(connection, where, wanted)
    if not _has_table(connection):
        connection.execute(_TABLE)
    for migration in missing:
        with connection.transaction():
            try:
                connection.execute(migration.sql.encode())
            except psycopg.Error as error:
                if error.sqlstate is None:
                    raise
                raise DatabaseError(
                    f"{where}: migration {migration.name} failed: {failures.first_line(error)}",
                    hint=error.diag.message_hint or "nothing of it was applied",
                ) from error
            connection.execute(
                "INSERT INTO pose_raw.migrations (number, name, sha256) VALUES (%s, %s, %s)",
                (migration.number, migration.name, migration.sha256),
            )
    reference.synchronise(connection, where)
    held.synchronise(connection)
    return missing


def _let_roles_log_in(connection: Connection) -> None:
    """The roles of the embedded server are logins. What somebody set for them stays."""
    found = connection.execute(
        "SELECT rolname, rolcanlogin, coalesce(rolconfig, '{}') FROM pg_roles"
        " WHERE rolname IN ('posebus_writer', 'posebus_reader')"
    ).fetchall()
    for role, can_log_in, config in found:
        if not can_log_in:
            connection.execute(f"ALTER ROLE {role} LOGIN".encode())
        known = {setting.partition("=")[0] for setting in config}
        for name, value in {"search_path": "pose, public", **OF_LOGINS[role]}.items():  # in psql too
            if name not in known:
                connection.execute(f"ALTER ROLE {role} SET {name} = {value}".encode())


def _check(where: str, applied: dict[int, str], wanted: Sequence[Migration]) -> None:
    newest = max((migration.number for migration in wanted), default=0)
    if applied and max(applied) > newest:
        raise DatabaseError(
            f"{where} has schema version {max(applied)}; this posebus ({_own_version()}) knows versions up to {newest}",
            hint="upgrade posebus (pip install --upgrade posebus), or use another database",
        )
    for migration in wanted:
        if migration.number in applied and applied[migration.number] != migration.sha256:
            raise DatabaseError(
                f"{where}: migration {migration.name} differs from the one that was applied"
                f" (sha256 {migration.sha256[:12]}..., applied {applied[migration.number][:12]}...)",
                hint="put the file back as it was; changes of the schema go into a new file",
            )


def _own_version() -> str:
    try:
        return version("posebus")
    except PackageNotFoundError:
        return "not installed"
