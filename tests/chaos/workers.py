"""`make chaos-workers`: worker processes over a real broker, killed, suspended and cut off; docs/reliability.md."""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
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
from tests.sections import put_section

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("POSEBUS_KILLS", "100"))
SEED = int(os.environ.get("POSEBUS_SEED", "1000"))
SECONDS = max(20, KILLS)
CAMERAS = {
    "gym": f"sim://gym?people=2&seed=7&fps=8&seconds={SECONDS}",
    "ward": f"sim://ward?seed=4&fps=8&seconds={SECONDS}",
    "street": f"sim://street?people=3&seed=5&fps=8&seconds={SECONDS}",
}
FRAMES = 8 * SECONDS * len(CAMERAS)
MODELS = "{detector: blazepose-detector, pose: blazepose-full}"

TITLE = "Workers over Kafka"
TEXT = """Written by `make chaos-workers` (`POSEBUS_KILLS`, `POSEBUS_SEED`).

Each of the seven stages and the sink was a process of its own, started again by `posebus up`, over a Kafka broker, with
three simulated cameras ({frames} frames in all, real models). Meanwhile, at random moments (seed {seed}): {what}. Then
every table was compared, byte by byte, with that of an embedded run that nothing happened to (in all {seconds:.0f} s):

| table | rows | |
| --- | --- | --- |
{rows}

{verdict} From a disturbance to the next stored frame: {back}.

A short form is part of `make test` (tests/chaos/test_kafka_workers.py), also with chained stages, with two processes of
each kind, and with Faust as the runner.
"""


def main() -> None:
    """Disturb, compare, write."""
    dice = random.Random(SEED)
    others: list[Disturbance] = [broker_away(5.0), broker_away(60.0), kill_database, kill_database]
    others += [suspend(name, 10.0) for name in ("pose", "track", "sink")]
    disturbances = kills(KILLS, SEED) + [(dice.uniform(0, 0.85), other) for other in others]
    disturbances.sort(key=lambda each: each[0])
    sys.stdout.write(f"{KILLS} kills and {len(others)} others, seed {SEED}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="posebus-chaos-") as folder, Cluster() as cluster:
        undisturbed, home = Path(folder) / "undisturbed", Path(folder) / "home"
        for place in (Path(folder), undisturbed, home):
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
        prefix = f"{uuid4().hex[:8]}."
        outcome = disturb(
            undisturbed, home, cluster, prefix, CAMERAS, FRAMES, disturbances, models=MODELS, layout=APART
        )
    text = _text(outcome)
    put_section(ROOT / "docs" / "reliability.md", TITLE, text)
    sys.stdout.write(text)
    sys.exit(bool(outcome.different))


def _text(outcome: Outcome) -> str:
    back = sorted(outcome.back_s)
    return TEXT.format(
        frames=FRAMES,
        seed=SEED,
        what=", ".join(f"{name} {count}x" for name, count in sorted(outcome.disturbed.items())),
        seconds=outcome.seconds,
        rows="\n".join(
            f"| {table} | {count} | {'different' if table in outcome.different else 'equal'} |"
            for table, count in outcome.rows.items()
        ),
        verdict="**Something differs.**" if outcome.different else "Nothing differs.",
        back=f"median {statistics.median(back):.1f} s, p95 {back[int(0.95 * (len(back) - 1))]:.1f} s, "
        f"most {back[-1]:.1f} s"
        if back
        else "not measured",
    )


if __name__ == "__main__":
    main()
