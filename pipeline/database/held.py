"""Readers: who may see the history, all of it or some cameras. Views of the held ones are made from those for all."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import errors, sql

from pipeline.core.errors import ConfigError, DatabaseError
from pipeline.database import failures
from pipeline.database.connect import READER_TIMEOUT_S, Address, Connection

Grant = tuple[str, str | None]
"""A login and a camera; None stands for all cameras."""

_VIEWS = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'v' GROUP BY 1
"""


def synchronise(connection: Connection) -> None:
    """Give each view of `pose` that has a camera its twin in `pose_held`. Nothing is written when nothing is new.

    The twins are security barriers: no function of the reader's own sees a row of another camera.
    """
    if connection.execute("SELECT to_regnamespace('pose_held') IS NOT NULL").fetchone() != (True,):
        return
    guest = connection.execute("SELECT FROM pg_roles WHERE rolname = 'posebus_guest'").fetchone()
    held: dict[str, list[str]] = dict(connection.execute(_VIEWS, ("pose_held",)).fetchall())
    with connection.transaction():
        for name, columns in sorted(connection.execute(_VIEWS, ("pose",)).fetchall()):
            if "camera" not in columns or held.get(name) == columns:
                continue
            view, of = sql.Identifier("pose_held", name), sql.Identifier("pose", name)
            connection.execute(
                sql.SQL(
                    "CREATE OR REPLACE VIEW {} WITH (security_barrier) AS"
                    " SELECT {} FROM {} v WHERE v.camera = ANY(pose_held.my_cameras())"
                ).format(view, sql.SQL(", ").join(sql.Identifier("v", column) for column in columns), of)
            )
            if guest is not None:
                connection.execute(sql.SQL("GRANT SELECT ON {} TO posebus_guest").format(view))


def grant(address: Address, login: str, cameras: Sequence[str] | None) -> bool:
    """Let a login read some cameras, or all (None). Whether the login was made, without a password.

    Raises:
        ConfigError: An unknown camera, or a login that may do more already.
        DatabaseError: The owner may not.
    """
    _check_login(login)
    connection = address.connect("owner")
    try:
        with connection.transaction():
            numbers = [_number(connection, camera) for camera in cameras or ()]
            made = _ensure_login(connection, login)
            _check_held(connection, login, wants_all=cameras is None)
            role = "posebus_reader" if cameras is None else "posebus_guest"
            connection.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(login)))
            _set(connection, login, "search_path", "pose, public" if cameras is None else "pose_held, pose")
            _set(connection, login, "statement_timeout", f"{READER_TIMEOUT_S}s")
            _set(connection, login, "default_transaction_read_only", "on")
            for number in numbers:
                connection.execute(
                    "INSERT INTO pose_raw.camera_grants (login, camera_no) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (login, number),
                )
    except psycopg.Error as error:
        raise _refusal(error, address) from error
    finally:
        connection.close()
    return made


def revoke(address: Address, login: str, cameras: Sequence[str] | None) -> int:
    """Take some cameras, or the whole right to read (None), from a login; how many rights went. The login stays."""
    _check_login(login)
    connection = address.connect("owner")
    try:
        with connection.transaction():
            if cameras is not None:
                numbers = [_number(connection, camera) for camera in cameras]
                return connection.execute(
                    "DELETE FROM pose_raw.camera_grants WHERE login = %s AND camera_no = ANY(%s)", (login, numbers)
                ).rowcount
            gone = connection.execute("DELETE FROM pose_raw.camera_grants WHERE login = %s", (login,)).rowcount
            if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (login,)).fetchone() is None:
                return gone
            for role in ("posebus_reader", "posebus_guest"):
                if _is_member(connection, login, role):
                    connection.execute(sql.SQL("REVOKE {} FROM {}").format(sql.Identifier(role), sql.Identifier(login)))
                    gone += 1
            for setting in ("search_path", "statement_timeout", "default_transaction_read_only"):
                connection.execute(
                    sql.SQL("ALTER ROLE {} IN DATABASE {} RESET {}").format(
                        sql.Identifier(login), sql.Identifier(connection.info.dbname), sql.SQL(setting)
                    )
                )
            return gone
    except psycopg.Error as error:
        raise _refusal(error, address) from error
    finally:
        connection.close()


def grants(address: Address) -> list[Grant]:
    """Who may read what, in order."""
    connection = address.connect("owner")
    try:
        everything = connection.execute(
            "SELECT m.rolname, NULL FROM pg_auth_members a JOIN pg_roles r ON r.oid = a.roleid"
            " JOIN pg_roles m ON m.oid = a.member WHERE r.rolname = 'posebus_reader' AND m.rolcanlogin"
            " AND m.rolname <> session_user ORDER BY 1"
        ).fetchall()
        some = connection.execute(
            "SELECT g.login, c.name FROM pose_raw.camera_grants g JOIN pose_raw.cameras c USING (camera_no)"
            " ORDER BY 1, 2"
        ).fetchall()
    except psycopg.Error as error:
        raise _refusal(error, address) from error
    finally:
        connection.close()
    return [(login, camera) for login, camera in (*everything, *some)]


def _check_login(login: str) -> None:
    if not login or "\0" in login or len(login.encode(errors="replace")) > 63 or login.startswith(("pg_", "posebus_")):
        raise ConfigError(
            f"{login!r} is no name for a login",
            hint="at most 63 bytes, and not one of pg_... or posebus_..., which are names of roles",
        )


def _ensure_login(connection: Connection, login: str) -> bool:
    if connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (login,)).fetchone() is not None:
        return False
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(login)))
    return True


def _check_held(connection: Connection, login: str, *, wants_all: bool) -> None:
    """Whoever is held to cameras must have no other way in."""
    found = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (login,)).fetchone()
    if found and found[0]:
        raise ConfigError(f"{login} is a superuser, who sees everything", hint="give another login")
    if wants_all:
        return
    for role in ("posebus_reader", "posebus_writer"):
        if _is_member(connection, login, role):
            raise ConfigError(
                f"{login} is a {role} already and would not be held to cameras",
                hint=f"posebus db revoke {login}, then grant again, or give another login",
            )


def _is_member(connection: Connection, login: str, role: str) -> bool:
    found = connection.execute(
        "SELECT pg_has_role(%s::name, oid, 'MEMBER') FROM pg_roles WHERE rolname = %s", (login, role)
    ).fetchone()
    return bool(found and found[0])


def _set(connection: Connection, login: str, setting: str, value: str) -> None:
    values = sql.SQL(", ").join(sql.Literal(each.strip()) for each in value.split(","))
    connection.execute(
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
            sql.Identifier(login), sql.Identifier(connection.info.dbname), sql.SQL(setting), values
        )
    )


def _number(connection: Connection, camera: str) -> int:
    found = connection.execute("SELECT camera_no FROM pose_raw.cameras WHERE name = %s", (_text(camera),)).fetchone()
    if found is None:
        raise ConfigError(
            f"no camera of this database is named {camera!r}", hint='see posebus query "SELECT * FROM cameras"'
        )
    return int(found[0])


def _text(text: str) -> str:
    return text.replace("\0", "").encode(errors="replace").decode()


def _refusal(error: psycopg.Error, address: Address) -> Exception:
    if isinstance(error, errors.InsufficientPrivilege | errors.ReadOnlySqlTransaction):
        return DatabaseError(
            f"{address}: {failures.first_line(error)}",
            hint="log in as the owner of the schema, with CREATEROLE where logins are to be made",
        )
    return failures.meaning(error, str(address))
