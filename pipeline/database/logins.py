"""Logins of an installation: made once, with the rights of a role, and the password that they are to have."""

from __future__ import annotations

from typing import Literal

import psycopg
from psycopg import sql

from pipeline.core.errors import DatabaseError
from pipeline.database import failures, held
from pipeline.database.connect import OF_LOGINS, Address

LoginRole = Literal["writer", "reader"]


def ensure_login(address: Address, login: str, role: LoginRole, password: str) -> None:
    """Let `login` in with `password` and with the rights of the role, whatever was before.

    The server is sent what it would make of the password, so that no log of statements can show it.

    Raises:
        ConfigError: The name is one of ours, or of a superuser.
        SinkUnavailable: Call again later.
        DatabaseError: The owner may not make logins.
    """
    try:
        if role == "reader":
            held.grant(address, login, None)
        connection = address.connect("owner")
        try:
            if role == "writer":
                known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (login,)).fetchone()
                if known is None:
                    connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(login)))
                connection.execute(sql.SQL("GRANT posebus_writer TO {}").format(sql.Identifier(login)))
                for name, value in OF_LOGINS["posebus_writer"].items():
                    connection.execute(
                        sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
                            *(sql.Identifier(login), sql.Identifier(connection.info.dbname)),
                            *(sql.SQL(name), sql.SQL(value)),
                        )
                    )
            made = connection.pgconn.encrypt_password(password.encode(), login.encode(), b"scram-sha-256").decode()
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(login), sql.Literal(made))
            )
        finally:
            connection.close()
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"{address}: the login {login} cannot be made: {failures.first_line(error)}",
            hint="log in as a user with CREATEROLE who owns the schema",
        ) from error
    except psycopg.Error as error:
        raise failures.meaning(error, str(address)) from error
