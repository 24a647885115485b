"""Connections: to the embedded server or to an address, as owner, writer or reader."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import Any, Literal
from urllib.parse import quote

import psycopg
from psycopg import conninfo
from psycopg.rows import TupleRow

from pipeline.core.errors import DatabaseError, SinkUnavailable
from pipeline.database import failures
from pipeline.database.server import EmbeddedServer

Role = Literal["owner", "writer", "reader"]
Connection = psycopg.Connection[TupleRow]

READER_TIMEOUT_S = 60
WRITER_TIMEOUT_S = 300
"""Of one statement: a batch takes milliseconds, a minute's rollups seconds; what takes longer never ends."""

OF_LOGINS: dict[str, dict[str, str]] = {
    "posebus_writer": {
        "statement_timeout": f"'{WRITER_TIMEOUT_S}s'",
        "idle_in_transaction_session_timeout": f"'{WRITER_TIMEOUT_S}s'",
    },
    "posebus_reader": {"statement_timeout": f"'{READER_TIMEOUT_S}s'"},
}
"""Settings of logins with these roles, as SQL: they hold for programs too that connect by themselves, such as psql."""

_EMBEDDED_USERS: dict[Role, str] = {"owner": "postgres", "writer": "posebus_writer", "reader": "posebus_reader"}
_CONNECT_TIMEOUT_S = "10"
_CANCEL_S = 5.0
_DYING_S = 0.2


class Address:
    """Where a database is and how to get in.

    Args:
        dsn: A libpq address, or None for the embedded server.
        server: The embedded server; started whenever a connection is asked for.
    """

    def __init__(self, dsn: str | None = None, server: EmbeddedServer | None = None) -> None:
        if (dsn is None) == (server is None):
            raise ValueError("either an address or an embedded server")
        self.server = server
        self._parts = _parse(dsn) if dsn is not None else {}

    def __str__(self) -> str:
        """For messages: never with a password."""
        return "the embedded database" if self.server else f"the database {_shown(self._parts)}"

    def url(self, role: Role) -> str:
        """An address for other programs, never with a password."""
        return self.server.url(_EMBEDDED_USERS[role]) if self.server else _shown(self._parts)

    def connect(self, role: Role) -> Connection:
        """A new connection in autocommit mode.

        An address of one's own keeps its login; it takes the role where the login is a member of it.

        Raises:
            SinkUnavailable: It may pass: refused, unknown host, time out, starting up.
            DatabaseError: The server refuses: password, name, rights.
        """
        try:
            return self._connect(role, self._arguments(role))
        except SinkUnavailable:
            if self.server is None:
                raise
        # A server of ours that was killed a moment ago may have looked alive: look again, and start it.
        time.sleep(_DYING_S)
        return self._connect(role, self._arguments(role))

    def _arguments(self, role: Role) -> dict[str, Any]:
        name = f"posebus {role} {os.getpid()}@{socket.gethostname()}"[:63]
        if self.server is None:
            return {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": name, **self._parts}
        self.server.start()
        # All that PG... variables of the environment could put in.
        return {
            "host": str(self.server.socket()),
            "port": "5432",
            "user": _EMBEDDED_USERS[role],
            "dbname": "postgres",
            "application_name": name,
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "options": " ",
            "sslmode": "disable",
            "gssencmode": "disable",
            "channel_binding": "disable",
            "target_session_attrs": "any",
            "client_encoding": "UTF8",
        }

    def _connect(self, role: Role, arguments: dict[str, Any]) -> Connection:
        try:
            connection = psycopg.connect(autocommit=True, prepare_threshold=5, **arguments)
        except psycopg.Error as error:
            secret = arguments.get("password") or os.environ.get("PGPASSWORD")
            raise failures.meaning_of_connecting(error, str(self), secret) from error
        try:
            connection.execute("SET timezone = 'UTC'")
            if self.server is None and role != "owner":
                _take_role(connection, f"posebus_{role}")
            for name, value in OF_LOGINS.get(f"posebus_{role}", {}).items():
                connection.execute(f"SET {name} = {value}".encode())
            if role == "reader":
                connection.execute(f"SET search_path = {'pose_held, pose' if is_held(connection) else 'pose, public'}")
                connection.execute("SET default_transaction_read_only = on")
        except psycopg.Error as error:
            connection.close()
            raise failures.meaning(error, str(self)) from error
        return connection


def cancel(connection: Connection) -> None:
    """End the statement that another thread is running on it, if there is one; it raises there."""
    with suppress(psycopg.Error):
        connection.cancel_safe(timeout=_CANCEL_S)


def is_held(connection: Connection) -> bool:
    """The login sees some cameras only, through the views of `pose_held`."""
    found = connection.execute(
        "SELECT to_regnamespace('pose_held') IS NOT NULL AND NOT has_schema_privilege('pose_raw', 'USAGE')"
        " AND has_schema_privilege('pose_held', 'USAGE')"
    ).fetchone()
    return bool(found and found[0])


def redacted(dsn: str) -> str:
    """An address as it may be shown: user, host and database, never a password or an option."""
    try:
        return _shown(_parse(dsn))
    except DatabaseError:
        return "(an address that cannot be read)"


def _parse(dsn: str) -> dict[str, Any]:
    try:
        return {key: value for key, value in conninfo.conninfo_to_dict(dsn).items() if value is not None}
    except psycopg.Error:
        # libpq's own words repeat the address, password and all.
        scheme = dsn.split("://", 1)[0] if "://" in dsn else ""
        drops = f"; write postgresql:// where it says {scheme}://" if scheme.startswith("postgresql+") else ""
        raise DatabaseError(
            "the address of the database cannot be read: expected postgresql://user@host:5432/name",
            hint=f"a / @ : or % within a password is written as %2F %40 %3A %25{drops}",
        ) from None


def _shown(parts: dict[str, Any]) -> str:
    user = f"{quote(str(parts['user']), safe='')}@" if parts.get("user") else ""
    host = str(parts.get("host") or parts.get("hostaddr") or "")
    port = f":{parts['port']}" if parts.get("port") else ""
    name = quote(str(parts.get("dbname", "")), safe="")
    if host.startswith(("/", "@")):
        return f"postgresql://{user}{port}/{name}?host={quote(host, safe='')}"
    return f"postgresql://{user}{f'[{host}]' if ':' in host else host}{port}/{name}"


def _take_role(connection: Connection, role: str) -> None:
    found = connection.execute("SELECT pg_has_role(oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", (role,)).fetchone()
    if found and found[0]:
        connection.execute(f"SET ROLE {role}")  # one of our two names
