"""What PostgreSQL's errors mean for us: what passes by itself, what a person has to change, what a record did."""

from __future__ import annotations

import psycopg

from pipeline.core.errors import DatabaseError, InvalidRecord, PosebusError, SinkUnavailable
from pipeline.core.redact import redact

_PASSING: dict[str, tuple[float, str | None]] = {
    # SQLSTATE, or its class of two letters: seconds to wait, what to do
    "08": (1.0, "posebus goes on by itself when the server is back"),
    "57P": (1.0, "the server was stopped or is starting; posebus goes on by itself when it is back"),
    "53100": (10.0, "the disk of the database is full: free some space there; posebus goes on by itself"),
    "53": (5.0, "the database is short of memory or connections; posebus tries again"),
    "58": (5.0, "the database cannot use its disk: see the server's log"),
    "25006": (5.0, "the database takes no writes now (a standby, or default_transaction_read_only is on)"),
    "40": (0.1, None),
    "55": (0.5, None),
    "57014": (0.5, None),
}
_REFUSED: dict[str, str] = {
    "28": "check user and password in the address of the database",
    "42501": "run `posebus db migrate` as the owner of the schema, and GRANT posebus_writer to this login",
    "42P01": "run `posebus db migrate`",
    "3F000": "run `posebus db migrate`",
    "42883": "run `posebus db migrate`",
    "42703": "run `posebus db migrate`",
    "XX": "the server reports damaged data: see its log",
}

_CONNECTING_PASSES = (
    "Connection refused",
    "No such file or directory",
    "could not translate host name",
    "failed to resolve host",
    "Name or service not known",
    "timeout",
    "timed out",
    "unreachable",
    "No route to host",
    "Connection reset",
    "server closed the connection",
    "starting up",
    "shutting down",
    "in recovery",
    "too many clients",
    "too many connections",
    "connection slots",
    "not yet accepting connections",
    "No space left on device",
)
_CONNECTING_HINTS = {
    "Connection refused": "start the server, or check host and port in --db",
    "No such file or directory": "start the server, or check the folder of its socket in --db",
    "translate host name": "check the host in --db",
    "resolve host": "check the host in --db",
    "Name or service not known": "check the host in --db",
    "password": "check user and password in --db (PGPASSWORD and ~/.pgpass work too)",
    "does not exist": "make it first (createdb, createuser), or check the names in --db",
    "no pg_hba.conf entry": "the server does not let this user in from here: see its pg_hba.conf",
    "timeout": "check host and port in --db, and the firewall between",
    "SSL": "check sslmode in --db",
    "slots": "close other connections, or raise max_connections on the server",
    "too many": "close other connections, or raise max_connections on the server",
}


def meaning(error: psycopg.Error, where: str) -> PosebusError:
    """Our error for one that a statement met.

    Args:
        error: What psycopg raised.
        where: The database, without a password.
    """
    state = error.sqlstate or ""
    text = first_line(error)
    for length in (5, 3, 2):
        if state[:length] in _PASSING and len(state) == 5:
            wait_s, hint = _PASSING[state[:length]]
            return SinkUnavailable(f"{where}: {text}", retry_after_s=wait_s, hint=hint)
        if state[:length] in _REFUSED and len(state) == 5:
            return DatabaseError(f"{where}: {text}", hint=_REFUSED[state[:length]])
    if state.startswith("22"):
        return InvalidRecord(f"{where} refuses a value: {text}", hint=error.diag.message_hint)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not state:
        return SinkUnavailable(f"{where}: connection lost: {text}", hint=_PASSING["08"][1])
    return DatabaseError(f"{where}: {text}", hint=error.diag.message_hint)


def meaning_of_connecting(error: psycopg.Error, where: str, secret: str | None) -> PosebusError:
    """Our error for a connection that was not made.

    libpq tells of it in words only; the words of the client are English, those of a server may not be.
    """
    text = redact(" ".join(str(error).split()))
    if secret:
        text = text.replace(secret, "***")
    text = (
        text.split(" Is the server running")[0].removeprefix("connection failed: ").removeprefix("connection is bad: ")
    )
    hint = next((hint for words, hint in _CONNECTING_HINTS.items() if words in text), None)
    if any(words in text for words in _CONNECTING_PASSES):
        return SinkUnavailable(f"no connection to {where}: {text}", retry_after_s=1.0, hint=hint)
    return DatabaseError(f"no connection to {where}: {text}", hint=hint)


def first_line(error: psycopg.Error) -> str:
    """The sentence of an error without its context."""
    text = error.diag.message_primary or str(error)
    return text.strip().splitlines()[0] if text.strip() else type(error).__name__
