"""One SQL statement, asked as the reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import psycopg

from pipeline.core.errors import DatabaseError, PosebusError
from pipeline.database import failures
from pipeline.database.connect import READER_TIMEOUT_S, Address, Connection

_READING_ONLY = ("25006", "42501")
_NOT_READY = "55000"
"""Among others: writing to a view."""
VIEWS = (
    "keypoints", "poses", "last_pose", "tracks", "angles", "angular_velocities", "measures", "events", "reps",
    "incidents", "incident_steps", "deliveries", "cameras", "camera_status", "frame_outcomes", "dead_letters",
    "people_hourly", "time_in_posture", "risk_minutes", "zone_occupancy",
)  # fmt: skip
"""All that can be asked, what people ask for most first."""
_VIEWS = f"the views: {', '.join(VIEWS)}"


Row = tuple[Any, ...]
"""Plain values: None, bool, int, float, str, datetime (UTC), bytes, list, dict."""

Rows = TypeVar("Rows", list[Row], Iterator[Row])


@dataclass(frozen=True, slots=True)
class Answer(Generic[Rows]):
    """What a statement gave.

    Attributes:
        names: Of the columns.
        types: PostgreSQL's names of their types.
        rows: A list, or of `streamed` an iterator that reads as it is asked.
    """

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: Rows


def ask(address: Address, statement: str, run: int = 0) -> Answer[list[Row]]:
    """All rows at once; see `streamed`."""
    with streamed(address, statement, run) as answer:
        return Answer(answer.names, answer.types, list(answer.rows))


@contextmanager
def streamed(address: Address, statement: str, run: int = 0) -> Iterator[Answer[Iterator[Row]]]:
    """The answer to one statement, its rows read as they are asked for.

    Args:
        address: Where.
        statement: SQL; the names of views need no schema.
        run: Which run the views show.

    Raises:
        DatabaseError: The database refuses: one line, with its hint or the place in the statement.
    """
    connection = address.connect("reader")
    try:
        connection.execute("SELECT set_config('posebus.run', %s, false)", (str(run),))
        with connection.cursor() as cursor:
            # stream() sends one statement alone: what follows a semicolon is refused, not carried out.
            rows = cursor.stream(statement.encode(errors="replace"), size=1000)
            try:
                first = next(rows, None)
            except psycopg.errors.UndefinedTable as error:
                raise _refusal(error, statement, address, has_schema=_has_schema(connection)) from error
            except psycopg.errors.UndefinedColumn as error:
                raise _refusal(error, statement, address, columns=_columns(connection, statement)) from error
            columns = [(column.name, column.type_display) for column in cursor.description or []]
            if first is None:
                columns = _described(connection, statement)
            names, types = zip(*columns, strict=True) if columns else ((), ())
            yield Answer(names, types, _plain_rows(address, statement, first, rows))
    except psycopg.Error as error:
        raise _refusal(error, statement, address) from error
    finally:
        connection.close()


def _described(connection: Connection, statement: str) -> list[tuple[str, str]]:
    """Names and types of the columns of a statement without rows: a stream of nothing does not tell them."""
    connection.pgconn.prepare(b"", statement.encode(errors="replace"))
    result = connection.pgconn.describe_prepared(b"")
    columns = []
    for i in range(result.nfields):
        known = connection.adapters.types.get(result.ftype(i))
        columns.append(((result.fname(i) or b"").decode(), known.name if known else str(result.ftype(i))))
    return columns


def _plain_rows(address: Address, statement: str, first: Row | None, rest: Iterator[Row]) -> Iterator[Row]:
    try:
        if first is not None:
            yield tuple(map(_plain, first))
        for row in rest:
            yield tuple(map(_plain, row))
    except psycopg.Error as error:
        raise _refusal(error, statement, address) from error


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str() | datetime() | bytes() | dict():
            return value
        case Decimal():
            return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
        case date():
            return value.isoformat()
        case list():
            return [_plain(item) for item in value]
        case _:
            return str(value)


def _has_schema(connection: Connection) -> bool:
    found = connection.execute("SELECT to_regclass('pose.keypoints') IS NOT NULL").fetchone()
    return bool(found and found[0])


def _columns(connection: Connection, statement: str) -> str | None:
    """The columns of the views that the statement names."""
    words = set(re.findall(r"\w+", statement.lower()))
    found = connection.execute(
        "SELECT table_name, string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns"
        " WHERE table_schema = 'pose' GROUP BY table_name ORDER BY table_name"
    ).fetchall()
    named = [f"{view} has {columns}" for view, columns in found if view in words]
    return "; ".join(named) or None


def _refusal(
    error: psycopg.Error,
    statement: str,
    address: Address,
    *,
    has_schema: bool = True,
    columns: str | None = None,
) -> PosebusError:
    text, hint = failures.first_line(error), columns or error.diag.message_hint
    if error.sqlstate is None and not isinstance(error, psycopg.OperationalError):
        return _refusal_of_client(text)
    if error.sqlstate in _READING_ONLY or (error.sqlstate == _NOT_READY and " view " in text):
        return DatabaseError(
            f"queries only read: {text}",
            hint="the tables are filled by posebus run; use psql as the owner to change them",
        )
    if error.sqlstate == "57014":
        return DatabaseError(
            f"the query took longer than {READER_TIMEOUT_S} s",
            hint="give it a range of time: WHERE ts > now() - interval '1 hour'",
        )
    if error.sqlstate is None or error.sqlstate[:2] in ("08", "53", "57", "58"):
        return failures.meaning(error, str(address))
    if error.sqlstate == "42601" and "multiple commands" in text:
        return DatabaseError("one statement at a time: there is more after the semicolon", hint="ask one by one")
    where = _place(error, statement)
    if not has_schema:
        hint = "this database has no tables of posebus yet: posebus run fills them, posebus db migrate makes them"
    return DatabaseError(f"{text}{where}", hint=hint or _VIEWS)


def _refusal_of_client(text: str) -> DatabaseError:
    if "EMPTY_QUERY" in text:
        return DatabaseError("there is no statement", hint='for example: posebus query "SELECT * FROM cameras"')
    if "didn't produce a result" in text:
        return DatabaseError("this statement gives no rows", hint="ask with SELECT, WITH, VALUES, TABLE or EXPLAIN")
    return DatabaseError(text, hint=_VIEWS)


def _place(error: psycopg.Error, statement: str) -> str:
    """Line and column of a fault in the statement, with the text that stands there."""
    position = error.diag.statement_position
    if position is None:
        return ""
    before = statement[: int(position) - 1]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    words = statement[int(position) - 1 :].split()
    at = f"column {column}" if "\n" not in statement else f"line {line}, column {column}"
    return f" ({at}: {words[0]})" if words else f" ({at})"
