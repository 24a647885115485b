from __future__ import annotations

import psycopg
import pytest
from psycopg import errors

from pipeline.core.errors import DatabaseError, InvalidRecord, SinkUnavailable
from pipeline.database.failures import meaning, meaning_of_connecting


@pytest.mark.parametrize(
    ("state", "kind", "hint"),
    [
        ("53100", SinkUnavailable, "disk of the database is full"),
        ("53300", SinkUnavailable, "connections"),
        ("57P01", SinkUnavailable, "goes on by itself"),
        ("57P03", SinkUnavailable, "goes on by itself"),
        ("08006", SinkUnavailable, "goes on by itself"),
        ("25006", SinkUnavailable, "takes no writes now"),
        ("40P01", SinkUnavailable, None),
        ("57014", SinkUnavailable, None),
        ("58030", SinkUnavailable, "cannot use its disk"),
        ("42501", DatabaseError, "posebus db migrate"),
        ("42P01", DatabaseError, "posebus db migrate"),
        ("28P01", DatabaseError, "user and password"),
        ("XX001", DatabaseError, "damaged"),
        ("22008", InvalidRecord, None),
        ("23505", DatabaseError, None),
    ],
)
def test_an_error_means_what_the_runner_does_about_it(state: str, kind: type[Exception], hint: str | None) -> None:
    error = meaning(errors.lookup(state)("what was found\nits context"), "the database postgresql://db/gym")

    assert type(error) is kind
    assert error.message.endswith(": what was found")
    assert hint is None or hint in str(error.hint)


def test_a_lost_connection_has_no_state_and_passes() -> None:
    error = meaning(psycopg.OperationalError("the connection is lost"), "the embedded database")

    assert isinstance(error, SinkUnavailable)
    assert error.message == "the embedded database: connection lost: the connection is lost"


@pytest.mark.parametrize(
    ("words", "kind", "hint"),
    [
        (
            'connection to server at "db", port 5432 failed: Connection refused\n\tIs the server running?',
            SinkUnavailable,
            "start",
        ),
        ("failed to resolve host 'nowhere': Name or service not known", SinkUnavailable, "check the host"),
        ("connection timeout expired", SinkUnavailable, "firewall"),
        ("FATAL:  the database system is starting up", SinkUnavailable, None),
        ("FATAL:  sorry, too many clients already", SinkUnavailable, "max_connections"),
        ('FATAL:  password authentication failed for user "ann"', DatabaseError, "check user and password"),
        ('FATAL:  database "gym" does not exist', DatabaseError, "createdb"),
        ("FATAL:  no pg_hba.conf entry for host", DatabaseError, "pg_hba.conf"),
    ],
)
def test_a_connection_that_fails_says_why_in_one_line(words: str, kind: type[Exception], hint: str | None) -> None:
    error = meaning_of_connecting(psycopg.OperationalError(words), "postgresql://db/gym", None)

    assert type(error) is kind
    assert "\n" not in error.message
    assert "Is the server" not in error.message
    assert hint is None or hint in str(error.hint)


def test_a_password_in_the_words_of_libpq_is_hidden() -> None:
    error = meaning_of_connecting(psycopg.OperationalError("no hunter2 here"), "postgresql://db/gym", "hunter2")

    assert "hunter2" not in error.message
