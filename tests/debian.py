"""A plain server of the system's own PostgreSQL 15, the oldest that posebus takes; skips where it is not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.database.places import server_runner
from tests.homes import ExternalServer, drop_databases

_PROGRAMS = Path("/usr/lib/postgresql/15/bin")
_SETTINGS = """
listen_addresses = ''
shared_buffers = 64MB
fsync = off
jit = off
"""


@pytest.fixture(scope="session")
def debian() -> Iterator[ExternalServer]:
    """The server; tests make databases of their own on it."""
    if not (_PROGRAMS / "initdb").exists():
        pytest.skip(f"postgresql 15: {_PROGRAMS} is not there")
    folder = Path(tempfile.mkdtemp(prefix="posebus-test-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    runner = server_runner()
    os.chown(folder, runner.uid, runner.gid)
    _run(folder, "initdb", "--pgdata=data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
    with (folder / "data" / "postgresql.conf").open("a") as conf:
        conf.write(f"{_SETTINGS}unix_socket_directories = '{folder}'\n")
    _run(folder, "pg_ctl", "start", "--pgdata=data", "--log=log", "--wait")
    server = ExternalServer(f"postgresql://postgres@/postgres?host={folder}")
    try:
        yield server
        drop_databases(server)
    finally:
        _run(folder, "pg_ctl", "stop", "--pgdata=data", "--mode=immediate", "--wait")
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
