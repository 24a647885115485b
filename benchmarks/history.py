"""`make bench-history`: fills a database with synthetic months, asks it, and writes a section of docs/performance.md.

    python -m benchmarks.history [--cameras 3] [--days 10] [--full] [--keep FOLDER [--minutes 10]]

Three cameras or more: those that the cookbook asks for. Two people each, so that somebody can be the nearest.

--full: a year of one camera and a month of twenty (13 and 22 million poses, half an hour or more for each database),
    into a section of their own.
--keep: Databases and what was measured stay in the folder, so that an interrupted call is taken up by the next one.
--minutes: Such a call ends by itself; call it until it says that all is measured. --part, --server: only some, by their
    names.
The embedded database is always measured; a server with TimescaleDB where POSEBUS_TEST_TIMESCALE_DSN names one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, replace
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.history_measure import Measured, measure
from benchmarks.history_report import report
from benchmarks.months import Months
from pipeline.database import Database, open_database
from tests.sections import put_section

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
TITLE, FULL_TITLE = "History in SQL", "Long history in SQL"
UNTIL = date(2026, 2, 1)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cameras", type=int, default=3)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--part", action="append")
    parser.add_argument("--server", action="append")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--minutes", type=float, default=1e9)
    options = parser.parse_args()
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as scratch:
        folder: Path = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        found, whole = [], True
        for part, months in _parts(options.cameras, options.days, full=options.full).items():
            for server, opened in _servers(folder, part).items():
                if part not in (options.part or [part]) or server not in (options.server or [server]):
                    continue
                one, done = _one(folder / f"{part}-{server}.json", months, server, opened, deadline)
                print(one, file=sys.stderr)
                found += [one] if done else []
                whole = whole and done
                if not options.keep:
                    _drop(part, server)
    if not whole:
        sys.exit(f"time is up, {len(found)} databases are measured: call it again to go on")
    put_section(PAGE, FULL_TITLE if options.full else TITLE, report(found))
    print(report(found))
    if options.keep:
        print(f"{folder} and databases named posebus_bench_... can be removed", file=sys.stderr)


def _parts(cameras: int, days: int, *, full: bool) -> dict[str, Months]:
    parts = {"few": Months(cameras, days, UNTIL, people=2)}
    if full:
        parts = {"year": Months(1, 365, UNTIL), "month": Months(20, 30, UNTIL)}
    short = Months(min(2, cameras), 2, UNTIL)
    return parts | {"coco17": replace(short, skeleton="coco17"), "noworld": replace(short, world=False)}


def _one(
    file: Path, months: Months, server: str, opened: Callable[[], AbstractContextManager[Database]], deadline: float
) -> tuple[Measured, bool]:
    """What is known of this database, after going on with it; and whether it is all."""
    if file.exists():
        found = Measured(**json.loads(file.read_text()))
        if found.mixed or (found.asked and not found.is_asked):
            return found, True
    else:
        found = Measured("", server, months.skeleton, months.cameras, months.days, world=months.world)
    if time.monotonic() > deadline:
        return found, False
    with opened() as database:
        found.tier = database.status().tier

        def keep() -> None:
            part = file.with_suffix(".part")
            part.write_text(json.dumps(asdict(found)))
            part.replace(file)

        return found, measure(database, months, found, deadline, keep)


def _servers(folder: Path, part: str) -> Mapping[str, Callable[[], AbstractContextManager[Database]]]:
    servers: dict[str, Callable[[], AbstractContextManager[Database]]] = {
        "embedded": partial(_embedded, folder / f"{part}-home")
    }
    named = os.environ.get("POSEBUS_TEST_TIMESCALE_DSN")
    if named:
        servers["external"] = partial(_external, named, part)
    else:
        print("POSEBUS_TEST_TIMESCALE_DSN is not set: only the embedded database is measured", file=sys.stderr)
    return servers


@contextmanager
def _embedded(home: Path) -> Iterator[Database]:
    home.mkdir(exist_ok=True)
    home.chmod(0o755)
    with open_database(None, home) as database:
        yield database


@contextmanager
def _external(dsn: str, part: str) -> Iterator[Database]:
    name = f"posebus_bench_{part}"
    with psycopg.connect(dsn, autocommit=True) as server:
        if server.execute("SELECT FROM pg_database WHERE datname = %s", (name,)).fetchone() is None:
            server.execute(f"CREATE DATABASE {name} TEMPLATE template0".encode())
    with open_database(urlsplit(dsn)._replace(path=f"/{name}").geturl(), Path("unused")) as database:
        yield database


def _drop(part: str, server: str) -> None:
    if server != "external":
        return  # it goes with its folder
    with psycopg.connect(os.environ["POSEBUS_TEST_TIMESCALE_DSN"], autocommit=True) as connection:
        connection.execute(f"DROP DATABASE posebus_bench_{part} WITH (FORCE)".encode())


if __name__ == "__main__":
    main()
