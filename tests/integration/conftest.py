"""An embedded server of the test session, and fresh databases on it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from pipeline.database import Database, EmbeddedServer, open_database

_NUMBERS = count(1)


@pytest.fixture
def new_home() -> Iterator[Callable[[], Path]]:
    """Makes folders for POSEBUS_HOME that the server's user can reach; servers on them are stopped at the end."""
    with _homes() as make:
        yield make


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A running embedded server; its tests make databases of their own."""
    with _homes() as make:
        server = EmbeddedServer(make())
        server.start()
        _create(server, "CREATE DATABASE filled")
        open_database(address_on(server, "filled"), Path("unused")).close()
        yield server
        server.leave()


@pytest.fixture
def empty_dsn(server: EmbeddedServer) -> str:
    """Address of a new database without a schema."""
    name = f"empty{next(_NUMBERS)}"
    _create(server, f"CREATE DATABASE {name}")
    return address_on(server, name)


@pytest.fixture
def dsn(server: EmbeddedServer) -> str:
    """Address of a new database with the schema and nothing in it."""
    name = f"test{next(_NUMBERS)}"
    _create(server, f"CREATE DATABASE {name} TEMPLATE filled")
    return address_on(server, name)


@pytest.fixture
def database(dsn: str) -> Iterator[Database]:
    with open_database(dsn, Path("unused"), migrate=False) as database:
        yield database


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection]:
    connection = database.address.connect("owner")
    yield connection
    connection.close()


def address_on(server: EmbeddedServer, name: str, user: str = "postgres") -> str:
    return f"postgresql://{user}@/{name}?host={quote(str(server.socket()), safe='')}"


@contextmanager
def _homes() -> Iterator[Callable[[], Path]]:
    made: list[Path] = []

    def make() -> Path:
        home = Path(tempfile.mkdtemp(prefix="posebus-test-"))
        home.chmod(0o755)
        made.append(home)
        return home

    yield make
    for home in made:
        if (home / "database").exists():
            EmbeddedServer(home).stop()
        shutil.rmtree(home)


def _create(server: EmbeddedServer, statement: str) -> None:
    with psycopg.connect(address_on(server, "postgres"), autocommit=True) as connection:
        connection.execute(statement.encode())
