"""`make chaos-workers`: worker processes over a real broker, killed, suspended and cut off; docs/reliability.md.

    python -m tests.chaos.workers [--kills 100] [--pieces 5] [--piece 3]

The kills are spread over pieces of some minutes, each with a broker, a database and seeds of its own; `--piece` runs
one. What each found rests in build/chaos-workers, and the report sums up all pieces that are there.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from uuid import uuid4

from tests.broker.cluster import Cluster
from tests.chaos.installation import (
    APART,
    Disturbance,
    Outcome,
    broker_away,
    disturb,
    kill_database,
    kills,
    suspend,
)
from tests.chaos.troubles import both_away, full, read_only, slow
from tests.sections import put_section

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "chaos-workers"
SEED = int(os.environ.get("POSEBUS_SEED", "1000"))
FPS, S_A_KILL = 8, 6
"""There is work left at each kill: two cores take in some four times as many frames as the cameras have."""
MODELS = "{detector: blazepose-detector, pose: blazepose-full}"
BACK_S = 8.0
"""So soon does a killed worker work again, 19 times of 20."""

TITLE = "Workers over Kafka"
TEXT = """Written by `make chaos-workers` (`POSEBUS_SEED`; tests/chaos/workers.py).

{intro}

| table | rows | |
| --- | --- | --- |
{rows}

{verdict}

From SIGKILL until that very worker takes in, sends or stores records again, or from the end of an outage until the next
frame is stored, in seconds:

| | times | median | p95 | most |
| --- | --- | --- | --- | --- |
{back}

Wanted after a kill: a p95 of {back_s:g} s.{missed} After {idle} kills all frames were at rest before that worker had
more to do.

A short form is part of `make test` (tests/chaos/test_kafka_workers.py), also with chained stages, with two processes of
each kind, and with Faust as the runner.
"""

INTRO = """Each of the seven stages and the sink was a process of its own, started again by `posebus up`, over a Kafka
broker, with three simulated cameras (real models). Meanwhile, at random moments (seeds from {seed} on): {what}. Then
every table was compared, byte by byte, with that of a strict embedded run that nothing happened to ({pieces}, {frames}
frames in all, {seconds:.0f} s):"""


def main() -> None:
    """Disturb, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100, help="in all")
    parser.add_argument("--pieces", type=int, default=5)
    parser.add_argument("--piece", type=int, help="this one alone, from 1 on")
    options = parser.parse_args()
    if options.piece is None:
        shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True, exist_ok=True)
    share = -(-options.kills // options.pieces)
    for number in range(1, options.pieces + 1) if options.piece is None else [options.piece]:
        outcome = piece(number, min(share, options.kills - share * (number - 1)))
        kept = {each.name: getattr(outcome, each.name) for each in fields(outcome)}
        (KEPT / f"{number}.json").write_text(json.dumps(kept))
    found = [json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))]
    outcomes = [Outcome(**(each | {"disturbed": Counter(each["disturbed"])})) for each in found]
    text = report(outcomes)
    put_section(ROOT / "docs" / "reliability.md", TITLE, text)
    sys.stdout.write(text)
    sys.exit(any(outcome.different for outcome in outcomes) or _p95(_after_kills(outcomes)) > BACK_S)


def piece(number: int, count: int) -> Outcome:
    """So many kills of one installation, and another disturbance of each kind where the pieces' turn is."""
    seed = SEED + number
    seconds = 16 + S_A_KILL * count
    cameras = {
        "gym": f"sim://gym?people=2&seed={number}7&fps={FPS}&seconds={seconds}",
        "ward": f"sim://ward?seed={number}4&fps={FPS}&seconds={seconds}",
        "street": f"sim://street?people=3&seed={number}5&fps={FPS}&seconds={seconds}",
    }
    others: list[list[Disturbance]] = [
        [broker_away(600.0)],
        [kill_database, suspend("pose", 10.0), read_only(10.0)],
        [broker_away(5.0), suspend("track", 10.0), full(10.0)],
        [both_away(20.0), suspend("sink", 10.0)],
        [broker_away(5.0), kill_database, slow(20.0)],
    ]
    dice = random.Random(seed)
    also = [(dice.uniform(0, 0.85), other) for other in others[(number - 1) % len(others)]]
    disturbances = sorted(kills(count, seed) + also, key=lambda each: each[0])
    # Ingest is up to 64 frames of each camera ahead: later there is nothing left for it to do.
    disturbances = [(0.9 * share, each) for share, each in disturbances]
    sys.stdout.write(f"piece {number}: {count} kills and {len(also)} others, seed {seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="posebus-chaos-") as folder, Cluster() as cluster:
        undisturbed, home = Path(folder) / "undisturbed", Path(folder) / "home"
        for place in (Path(folder), undisturbed, home):
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
        return disturb(
            undisturbed,
            home,
            cluster,
            f"{uuid4().hex[:8]}.",
            cameras,
            FPS * seconds * len(cameras),
            disturbances,
            models=MODELS,
            layout=APART,
        )


def report(outcomes: Sequence[Outcome]) -> str:
    """What all pieces together found."""
    disturbed: Counter[str] = sum((outcome.disturbed for outcome in outcomes), Counter())
    killed = sum(n for name, n in disturbed.items() if name.startswith("kill ") and name != "kill database")
    each = ", ".join(f"{name} {n}x" for name, n in sorted(disturbed.items()))
    different = {table for outcome in outcomes for table in outcome.different}
    back: dict[str, list[float]] = {}
    for outcome in outcomes:
        for name, took_s in outcome.back_s:
            back.setdefault(name, []).append(took_s)
    back = {"any worker killed": _after_kills(outcomes)} | dict(sorted(back.items()))
    slow = _p95(back["any worker killed"])
    intro = INTRO.format(
        seed=SEED + 1,
        what=f"{killed} SIGKILLs in all ({each})",
        pieces=f"{len(outcomes)} installations, one after the other",
        frames=sum(outcome.rows["frame_outcomes"] for outcome in outcomes),
        seconds=sum(outcome.seconds for outcome in outcomes),
    )
    return TEXT.format(
        intro=textwrap.fill(intro, 120, break_on_hyphens=False),
        rows="\n".join(
            f"| {table} | {sum(outcome.rows[table] for outcome in outcomes)} | "
            f"{'different' if table in different else 'equal'} |"
            for table in outcomes[0].rows
        ),
        verdict="**Something differs.**" if different else "Nothing differs.",
        back="\n".join(
            f"| {name} | {len(times)} | {statistics.median(times):.1f} | {_p95(times):.1f} | {max(times):.1f} |"
            for name, times in back.items()
            if times
        ),
        back_s=BACK_S,
        idle=killed - len(back["any worker killed"]),
        missed=f" **Missed: {slow:.1f} s.**" if slow > BACK_S else "",
    )


def _after_kills(outcomes: Sequence[Outcome]) -> list[float]:
    kinds = {f"kill {name}" for name in APART}
    return [took_s for outcome in outcomes for name, took_s in outcome.back_s if name in kinds]


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[int(0.95 * (len(times) - 1))] if times else 0.0


if __name__ == "__main__":
    main()
