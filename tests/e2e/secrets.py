"""Looks for passwords in all that could show them: processes, tables, topics, whatever was said."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg

from pipeline.bus.kafka import KafkaBus

Said = tuple[str, bytes]
"""Where something was said, and what."""


def places_with(said: Iterable[Said], user: str, *passwords: str) -> set[str]:
    """The places that hold a password: in clear, in an address, as bytes are shown in SQL, as HTTP sends it."""
    forms = [
        form.encode()
        for word in passwords
        for form in (
            word,
            quote(word, safe=""),
            quote(word),
            word.encode().hex(),
            b64encode(f"{user}:{word}".encode()).decode(),
        )
    ]
    return {f"{place}: {content[:200]!r}" for place, content in said if any(form in content for form in forms)}


def processes(*pids: int) -> Iterator[Said]:
    """What anyone on the machine, or its owner, can see of these processes and of those that they started."""
    for pid in pids:
        yield from _shown(psutil.Process(pid))
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(ProcessLookupError, FileNotFoundError, psutil.NoSuchProcess):  # readers come and go
                yield from _shown(child)


def _shown(process: psutil.Process) -> Iterator[Said]:
    for name in ("cmdline", "environ"):
        yield f"{name} of {process.name()}", Path(f"/proc/{process.pid}/{name}").read_bytes()


def tables(dsn: str) -> Iterator[Said]:
    """Every row of every table of the database, whoever made it."""
    with psycopg.connect(dsn) as connection:
        named = connection.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
            " AND n.nspname NOT LIKE '\\_timescaledb%'"
        ).fetchall()
        for (table,) in named:
            for (row,) in connection.execute(f"SELECT t::text FROM {table} t".encode()):
                yield table, str(row).encode()


def topics(bus: KafkaBus) -> Iterator[Said]:
    """Every record of every topic with the bus's prefix: key, headers, value."""
    for facts in bus.describe():
        for raw in bus.read(facts.name, frozenset(range(facts.partitions))):
            headers = b"".join(name.encode() + content for name, content in raw.headers)
            yield facts.name, b" ".join((raw.key, headers, raw.value or b""))
