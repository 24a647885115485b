"""Fixtures: homes with an embedded server of their own, a server of the test session, fresh databases on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from pipeline.database import EmbeddedServer, open_database

NewHome = Callable[[], Path]

_NUMBERS = count(1)
_PREFIX = "posebus_test_"
_FAST = "/dev/shm"
"""Databases of tests lie in memory where there is room: what is tested is not the disk."""


@pytest.fixture
def new_home() -> Iterator[NewHome]:
    """Makes empty folders for POSEBUS_HOME that the server's user can reach; their servers are stopped at the end."""
    with homes() as make:
        yield make


@pytest.fixture
def prepared_home(new_home: NewHome, prepared: Path) -> Path:
    """A folder for POSEBUS_HOME whose server has run before, and whose database has the schema."""
    return copied(prepared, new_home())


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """The home that others are copied from; its server does not run."""
    with homes() as make:
        home = make()
        server = EmbeddedServer(home)
        open_database(None, home).close()
        with (server.status().folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write("fsync = off\n")  # nobody pulls the plug of a test
        yield home


@dataclass(frozen=True)
class ExternalServer:
    """A server that is there, such as one with TimescaleDB, by the address of a superuser."""

    dsn: str


Server = EmbeddedServer | ExternalServer


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A running server; tests make databases of their own on it and reach them like an external one.

    That of POSEBUS_TEST_TIMESCALE_DSN where it is set, else an embedded one.
    """
    if named := os.environ.get("POSEBUS_TEST_TIMESCALE_DSN"):
        external = ExternalServer(named)
        yield external
        drop_databases(external)
        return
    prepared = request.getfixturevalue("prepared")
    with homes() as make:
        server = EmbeddedServer(copied(prepared, make()))
        server.start()
        yield server
        server.leave()


@pytest.fixture
def empty_dsn(server: Server) -> str:
    """Address of a new database without a schema."""
    return new_database(server, "template0")


@pytest.fixture
def own_dsn(server: Server) -> str:
    """Address of a new database with the schema and nothing in it, for a test that changes more than rows."""
    return new_database(server)


@pytest.fixture
def dsn(_reused: str) -> Iterator[str]:
    """Address of a database with the schema and nothing in it; its rows are removed after the test."""
    yield _reused
    with psycopg.connect(_reused) as connection:
        tables = connection.execute(
            "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class WHERE relnamespace = 'pose_raw'::regnamespace"
            " AND relkind IN ('r', 'p') AND relname <> ALL(%s)",
            (["migrations", "history", "skeletons", "keypoints", "angles", "measure_names", "postures"],),
        ).fetchone()
        assert tables is not None
        connection.execute(f"TRUNCATE {tables[0]}".encode())


@pytest.fixture(scope="session")
def _reused(server: Server) -> str:
    return new_database(server)


@contextmanager
def homes() -> Iterator[NewHome]:
    """Makes homes; at the end their servers are stopped and they are removed."""
    made: list[Path] = []

    def make() -> Path:
        home = Path(tempfile.mkdtemp(prefix="posebus-test-", dir=_FAST if _roomy(_FAST) else None))
        home.chmod(0o755)
        made.append(home)
        return home

    yield make
    for home in made:
        if (home / "database").exists():
            EmbeddedServer(home).stop()
        shutil.rmtree(home)


def copied(prepared: Path, home: Path) -> Path:
    """The empty `home` with a copy of the database of the other one."""
    # cp keeps the owner of the files, who may be another user.
    subprocess.run(["cp", "-a", f"{prepared}/database", str(home)], check=True)
    return home


def new_database(server: Server, template: str = "postgres") -> str:
    """Address of a new database: `postgres` has the schema, `template0` has nothing."""
    if isinstance(server, ExternalServer):
        name = f"{_PREFIX}{os.getpid()}_{next(_NUMBERS)}"
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
        dsn = address_on(server, name)
        if template != "template0":
            # Each is migrated: TimescaleDB's own workers hold on to a database that would be a template.
            open_database(dsn, Path("unused")).close()
        return dsn
    name = f"test{next(_NUMBERS)}"
    with psycopg.connect(address_on(server, "template1"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return address_on(server, name)


def drop_databases(server: ExternalServer) -> None:
    """Remove what this process made there."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        made = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{_PREFIX}{os.getpid()}\\_%",)
        ).fetchall()
        for (name,) in made:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def address_on(server: Server, name: str) -> str:
    """The address of a database on this server, like that of an external one."""
    if isinstance(server, ExternalServer):
        return urlsplit(server.dsn)._replace(path=f"/{name}").geturl()
    return f"postgresql://postgres@/{name}?host={quote(str(server.socket()), safe='')}"


def _roomy(folder: str) -> bool:
    return Path(folder).is_dir() and shutil.disk_usage(folder).free > 4 << 30
