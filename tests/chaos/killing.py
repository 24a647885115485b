"""Kills an embedded run at random moments, resumes it until it is through, and compares its rows with another run's."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from pipeline.database import EmbeddedServer
from tests.e2e.dump import dump
from tests.e2e.processes import Posebus, ended

SOURCES = ("sim://gym?people=2&seed=7&seconds=8", "sim://ward?seed=4&seconds=28")
FRAMES = 15 * (8 + 28)
PATIENCE_S = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a killed run left behind beside an undisturbed one.

    Attributes:
        kills: How often it was killed.
        different: Tables that are not equal to the byte.
        rows: Of each table of the undisturbed run.
    """

    kills: int
    different: list[str]
    rows: dict[str, int]
    seconds: float


def kill_and_resume(undisturbed: Path, killed: Path, kills: int, seed: int) -> Outcome:
    """Run the scenes in one home to the end, and in another with so many SIGKILLs, spread over the whole run.

    Both homes have to be empty; the moments follow from `seed`, as far as they can on a machine that does other things.
    """
    started = time.monotonic()
    words = ["run", *SOURCES, "--start-time", "2026-01-01T09:00:00Z", "--config", str(_config(killed))]
    Posebus(undisturbed).run(*words).done()
    posebus = Posebus(killed)
    dice = random.Random(seed)
    for frames in sorted(dice.uniform(0, 0.95 * FRAMES) for _ in range(kills)):
        with posebus.started(*words, "--resume") as process:
            deadline = time.monotonic() + PATIENCE_S
            while _stored(killed) < frames:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline, f"no {frames:.0f} frames within {PATIENCE_S} s"
                time.sleep(0.02)
            time.sleep(dice.uniform(0, 0.5))
            process.kill()
    with posebus.started(*words, "--resume") as process:
        ended(process, PATIENCE_S).done()
    wanted, found = dump(undisturbed), dump(killed)
    return Outcome(
        kills=kills,
        different=[table for table in wanted if wanted[table] != found[table]],
        rows={table: len(rows) for table, rows in wanted.items()},
        seconds=time.monotonic() - started,
    )


def _config(home: Path) -> Path:
    path = home / "killing.yaml"
    path.write_text("embedded: {cut_s: 0.2}\n")
    return path


def _stored(home: Path) -> int:
    """Frames of all cameras that rest in cuts; none while there is no server or no table."""
    try:
        with psycopg.connect(EmbeddedServer(home).url("postgres"), connect_timeout=2) as connection:
            row = connection.execute("SELECT coalesce(sum(next_seq), 0) FROM pose_raw.cuts").fetchone()
    except psycopg.Error:
        return 0
    return int(row[0]) if row else 0
