"""Servers of the system's own PostgreSQL 15, the oldest that posebus takes; tests skip where it is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.database.places import server_runner
from tests.homes import ExternalServer, drop_databases

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_EXTENSIONS = Path("/usr/share/postgresql/15/extension")
_SETTINGS = """
listen_addresses = ''
shared_buffers = 64MB
fsync = off
jit = off
"""
_TIMESCALE = """
shared_preload_libraries = timescaledb
timescaledb.telemetry_level = off
max_locks_per_transaction = 256
"""


@dataclass(frozen=True)
class DebianServer(ExternalServer):
    """A server in a folder of its own."""

    folder: Path

    def start(self) -> None:
        """Start it, also after it was killed: its children need a moment to notice that it is gone."""
        until = time.monotonic() + 20
        while True:
            try:
                return _run(self.folder, "pg_ctl", "start", "--pgdata=data", "--log=log", "--wait")
            except subprocess.CalledProcessError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        """Stop it, if it runs."""
        if (self.folder / "data" / "postmaster.pid").exists():
            _run(self.folder, "pg_ctl", "stop", "--pgdata=data", "--mode=immediate", "--wait")

    def pid(self) -> int:
        """The process of the server itself."""
        return int((self.folder / "data" / "postmaster.pid").read_text().split()[0])


@pytest.fixture(scope="session")
def debian() -> Iterator[ExternalServer]:
    """The server; tests make databases of their own on it."""
    with debian_server() as server:
        yield server
        drop_databases(server)


@contextmanager
def debian_server(*, timescale: bool = False) -> Iterator[DebianServer]:
    """A server that runs; with TimescaleDB where the system has it for this version."""
    if not (_PROGRAMS / "initdb").exists():
        pytest.skip(f"postgresql 15: {_PROGRAMS} is not there")
    if timescale and not (_EXTENSIONS / "timescaledb.control").exists():
        pytest.skip(f"timescaledb: {_EXTENSIONS} has none")
    folder = Path(tempfile.mkdtemp(prefix="posebus-test-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    runner = server_runner()
    os.chown(folder, runner.uid, runner.gid)
    _run(folder, "initdb", "--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
    with (folder / "data" / "postgresql.conf").open("a") as conf:
        conf.write(f"{_SETTINGS}{_TIMESCALE if timescale else ''}unix_socket_directories = '{folder}'\n")
    server = DebianServer(f"postgresql://postgres@/postgres?host={folder}", folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _run(folder: Path, program: str, *arguments: str) -> None:
    runner = server_runner()
    subprocess.run(
        [_PROGRAMS / program, *arguments],
        cwd=folder,
        check=True,
        stdout=subprocess.DEVNULL,
        user=runner.uid if runner.switch else None,
        group=runner.gid if runner.switch else None,
    )
