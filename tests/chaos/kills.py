"""Kills embedded runs at random moments and lets them go on, and tells what was done."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from pipeline.database import EmbeddedServer
from tests.e2e.dump import dump
from tests.e2e.processes import Posebus

Rows = Mapping[str, Sequence[bytes]]

LONGEST_LIFE_S = 6.0
"""A run lives at most so long before it is killed: from its start on, so that some die before they read a frame."""

SERVER_TOO = 0.25
"""Share of the kills that the database server does not survive either."""


@dataclass
class Report:
    """What was done to a run.

    Attributes:
        kills: Times that it was killed.
        servers: Times that the database server was killed too.
        advanced: Lives that stored frames before they were killed.
        histories: Times that it was run from nothing to its end.
        rows: By table, of each history.
        took_s: All in all, without the run to compare with.
    """

    seed: int
    kills: int = 0
    servers: int = 0
    advanced: int = 0
    histories: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    took_s: float = 0.0


class Killer:
    """Runs `posebus` with the same words again and again, and kills it.

    Args:
        words: Of the command line, with `--resume`.
        seed: Of the moments.
        kills: How many.
    """

    def __init__(self, words: Sequence[str], seed: int, kills: int) -> None:
        self._words = words
        self._random = random.Random(seed)
        self._kills = kills
        self.report = Report(seed)

    @property
    def done(self) -> bool:
        """All kills are done."""
        return self.report.kills >= self._kills

    def history(self, home: Path) -> Rows:
        """The rows of a run from nothing to its end, with kills on the way as long as there are some left."""
        started = time.monotonic()
        posebus = Posebus(home)
        while not self.done:
            before = stored(home)
            with posebus.started(*self._words) as process:
                try:
                    code = process.wait(self._random.uniform(0.1, LONGEST_LIFE_S))
                except subprocess.TimeoutExpired:
                    self._kill(process, home)
                else:
                    assert code == 0, process.communicate()
                    break
            self.report.advanced += stored(home) > before
        else:
            posebus.run(*self._words).done()
        rows = dump(home)
        self.report.histories += 1
        self.report.rows = {table: len(found) for table, found in rows.items()}
        self.report.took_s += time.monotonic() - started
        return rows

    def _kill(self, process: subprocess.Popen[str], home: Path) -> None:
        process.kill()
        process.wait()
        self.report.kills += 1
        if self._random.random() < SERVER_TOO and (server := EmbeddedServer(home).status().pid):
            with suppress(ProcessLookupError):
                os.kill(server, signal.SIGKILL)
                self.report.servers += 1


def stored(home: Path) -> int:
    """Frames that rest in cuts, as far as the server that a killed run left behind can tell."""
    try:
        with psycopg.connect(EmbeddedServer(home).url("postgres")) as connection:
            row = connection.execute("SELECT coalesce(sum(next_seq), 0) FROM pose_raw.cuts").fetchone()
    except psycopg.Error:
        return 0
    return int(row[0]) if row else 0


def page(report: Report) -> str:
    """The page of the documentation that tells of a series of kills."""
    rows = "\n".join(f"| `{table}` | {count} |" for table, count in report.rows.items())
    return f"""\
<!-- Written by `make chaos` out of tests/chaos; run that again to change it. -->

# Reliability

`posebus run --resume` goes on exactly where a run was cut short, however it ended: rows, identities, events, incidents
and their ids are the same, to the byte, as those of a run that nothing happened to. States of all stages, positions in
the sources and rows rest in one transaction of the database (a consistent cut, every `embedded.cut_s` seconds), so
there is no moment at which one of them is ahead of another.

`make chaos` tries it. It runs a simulated gym and a simulated ward with the real models, kills the program (SIGKILL) at
random moments of its life, from its start on, sometimes the database server with it, starts it again with `--resume`,
and compares all rows in the database with those of a run that was not killed. The latest series:

| | |
| --- | --- |
| times killed | {report.kills} |
| of these, with the database server | {report.servers} |
| lives that had stored frames when they were killed | {report.advanced} |
| runs from nothing to the end | {report.histories} |
| rows that differ from the run that was not killed | 0 |
| seed of the moments | {report.seed} |
| time | {report.took_s:.0f} s |

| rows of each run | |
| --- | --- |
{rows}

The tests also hold, with smaller numbers at every `make test`: a run stopped by Ctrl-C or SIGTERM and resumed equals
one that was not stopped (tests/e2e/test_signals.py); a lost connection and a full disk lose nothing
(tests/e2e/test_databases.py); a worker that dies at any point between its flush, its snapshot and its commit leaves the
same records behind (tests/chaos/test_worker_crashes.py).
"""
