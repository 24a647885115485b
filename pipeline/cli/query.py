"""`posebus query`: one SQL statement to the history, as the reader."""

from __future__ import annotations

import csv
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

import typer

from pipeline.cli.options import ConfigOption, DatabaseOption, database_address
from pipeline.cli.terminal import OUT, table
from pipeline.config import load_config
from pipeline.core.errors import ConfigError
from pipeline.database import Answer, open_database
from pipeline.database.query import VIEWS
from pipeline.logs import setup_logging

EXAMPLES = f"""
Examples:

  posebus query "SELECT camera, kind, count(*) FROM events GROUP BY 1, 2"

  posebus query "SELECT ts, x, y FROM keypoints WHERE keypoint = 'left_wrist' LIMIT 5" --format csv

The views: {", ".join(VIEWS)}.
"""


def query(
    statement: Annotated[str, typer.Argument(help="One SQL statement; - reads it from standard input.", metavar="SQL")],
    form: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", "-f", help="How rows are written.")
    ] = "table",
    db: DatabaseOption = None,
    config: ConfigOption = None,
    run: Annotated[int, typer.Option(min=0, help="Which run the views show; 0 is the live system.")] = 0,
) -> None:
    """Ask the history in SQL. Nothing can be changed by it."""
    settings = load_config(config, os.environ)
    setup_logging(settings.log.level, settings.log.format)
    text = sys.stdin.read() if statement == "-" else statement
    address = database_address(settings, db)
    with (
        # The embedded database is ours: one that is new, or older than this posebus, is made ready.
        open_database(address, settings.home, migrate=address is None) as database,
        database.stream(text, run) as answer,
    ):
        _WRITERS[form](answer)


def _write_table(answer: Answer[Iterator[tuple[Any, ...]]]) -> None:
    rows = [[_time(value) for value in row] for row in answer.rows]
    OUT.print(table(answer.names, rows))
    OUT.print(f"({len(rows)} row{'' if len(rows) == 1 else 's'})")


def _write_csv(answer: Answer[Iterator[tuple[Any, ...]]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(answer.names)
    for row in answer.rows:
        writer.writerow([json.dumps(v) if isinstance(v, dict | list) else _time(v) for v in row])


def _write_json(answer: Answer[Iterator[tuple[Any, ...]]]) -> None:
    twice = [name for name, count in Counter(answer.names).items() if count > 1]
    if twice:
        raise ConfigError(f"more than one column is named {twice[0]}", hint="for JSON name each: SELECT ... AS name")
    sys.stdout.write("[")
    for i, row in enumerate(answer.rows):
        fields = dict(zip(answer.names, map(_plain, row), strict=True))
        sys.stdout.write(("\n " if i == 0 else ",\n ") + json.dumps(fields, allow_nan=False))
    sys.stdout.write("\n]\n")


def _time(value: Any) -> Any:
    return value.isoformat(sep=" ", timespec="milliseconds") if isinstance(value, datetime) else value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):  # JSON knows neither of them
        return None if math.isnan(value) else str(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


_WRITERS = {"table": _write_table, "csv": _write_csv, "json": _write_json}
