from __future__ import annotations

import pytest

from pipeline.core.errors import DatabaseError
from pipeline.database.connect import Address, redacted

SECRET = "hunter2%40"


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        (f"postgresql://ann:{SECRET}@db.example:5433/gym", "postgresql://ann@db.example:5433/gym"),
        (f"postgres://ann:{SECRET}@[::1]/gym", "postgresql://ann@[::1]/gym"),
        (f"host=db user=ann password='{SECRET}' dbname=gym sslmode=require", "postgresql://ann@db/gym"),
        (f"postgresql://ann@/gym?host=/run/pg&password={SECRET}", "postgresql://ann@/gym?host=%2Frun%2Fpg"),
        (f"postgresql://db/gym?sslpassword={SECRET}", "postgresql://db/gym"),
    ],
)
def test_an_address_is_shown_without_its_password(dsn: str, shown: str) -> None:
    assert redacted(dsn) == shown
    assert Address(dsn).url("reader") == shown
    assert str(Address(dsn)) == f"the database {shown}"


@pytest.mark.parametrize(
    "dsn", [f"ann:{SECRET}@db/gym", f"postgresql+psycopg://ann:{SECRET}@db/gym", f"postgresql://ann:{SECRET}@db:/x%zz"]
)
def test_an_address_that_cannot_be_read_is_not_repeated(dsn: str) -> None:
    with pytest.raises(DatabaseError, match="cannot be read: expected postgresql://") as caught:
        Address(dsn)

    assert SECRET not in repr(caught.value) + str(caught.value.hint)
    assert caught.value.__cause__ is None
    assert redacted(dsn) == "(an address that cannot be read)"


def test_a_scheme_of_another_library_gets_a_hint() -> None:
    with pytest.raises(DatabaseError) as caught:
        Address("postgresql+psycopg://db/gym")

    assert "write postgresql:// where it says postgresql+psycopg://" in str(caught.value.hint)
