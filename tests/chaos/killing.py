"""Kills an embedded run at random moments, resumes it until it is through, and compares its rows with another run's."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from pipeline.database import EmbeddedServer
from tests.e2e.dump import dump
from tests.e2e.processes import Posebus

PATIENCE_S = 120.0

AT_THE_START = 0.4
"""Share of the kills that come at any moment from the start of the process on, before or after it reads a frame, in
the first half of the run (later, it could be through before); the others are spread over the frames."""

SERVER_TOO = 0.2
"""Share of the kills that the database server does not survive either."""


@dataclass
class Outcome:
    """What a killed run left behind beside an undisturbed one.

    Attributes:
        kills: How often it was killed.
        servers: How often the database server was killed too.
        different: Tables that are not equal to the byte.
        rows: Of each table of the undisturbed run.
    """

    kills: int = 0
    servers: int = 0
    different: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


def kill_and_resume(
    undisturbed: Path, killed: Path, sources: Sequence[str], frames: int, kills: int, seed: int
) -> Outcome:
    """Run the sources in one home to the end, and in another with so many SIGKILLs, spread over the whole run.

    The moments follow from `seed`, as far as they can on a machine that does other things.

    Args:
        undisturbed, killed: Homes whose databases hold no rows.
        sources: As for `posebus run`.
        frames: Of all sources together.
    """
    started = time.monotonic()
    words = ["run", *sources, "--start-time", "2026-01-01T09:00:00Z", "--config", str(_config(killed))]
    Posebus(undisturbed).run(*words).done()
    dice = random.Random(seed)
    outcome = Outcome()
    # The last frames are in flight when the ones before rest.
    for moment in sorted(dice.uniform(0, 0.7 * frames) for _ in range(kills)):
        with Posebus(killed).started(*words, "--resume") as process:
            if moment < 0.4 * frames and dice.random() < AT_THE_START:
                time.sleep(dice.uniform(0, 2))
            else:
                _wait_until_stored(killed, moment, process)
                time.sleep(dice.uniform(0, 0.3))
            if process.poll() is not None:
                assert process.returncode == 0, process.communicate()
                break  # a machine so fast, or busy elsewhere, that the run was through before this moment
            process.kill()
            outcome.kills += 1
            if dice.random() < SERVER_TOO:
                outcome.servers += _kill_server(killed)
    Posebus(killed).run(*words, "--resume").done()
    wanted, found = dump(undisturbed), dump(killed)
    outcome.different = [table for table in wanted if wanted[table] != found[table]]
    outcome.rows = {table: len(rows) for table, rows in wanted.items()}
    outcome.seconds = time.monotonic() - started
    return outcome


def _config(home: Path) -> Path:
    path = home / "killing.yaml"
    path.write_text("embedded: {cut_s: 0.2}\n")
    return path


def _wait_until_stored(home: Path, frames: float, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and _stored(home) < frames:
        assert time.monotonic() < deadline, f"no {frames:.0f} frames within {PATIENCE_S} s"
        time.sleep(0.02)


def _stored(home: Path) -> int:
    """Frames of all cameras that rest in cuts; none while there is no server or no table."""
    try:
        with psycopg.connect(EmbeddedServer(home).url("postgres"), connect_timeout=2) as connection:
            row = connection.execute("SELECT coalesce(sum(next_seq), 0) FROM pose_raw.cuts").fetchone()
    except psycopg.Error:
        return 0
    return int(row[0]) if row else 0


def _kill_server(home: Path) -> bool:
    server = EmbeddedServer(home).status().pid
    if server is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(server, signal.SIGKILL)
    return True
