"""`make bench-age`: four live cameras with more frames than workers over a broker can look at, and how old these get.

python -m benchmarks.kafka_load

Writes a section of docs/performance.md. The broker is that of the tests (Java 17+ and Maven).
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psycopg

from benchmarks.clip import make_clip
from benchmarks.workers import CHAINED, PATIENCE_S, installation, started
from pipeline.config.worker import WorkerSection
from pipeline.core.headers import frame_arrived_us, is_live
from pipeline.database import EmbeddedServer
from pipeline.topics import PARTITIONS
from pipeline.topology import kafka_topics
from tests.broker import Cluster
from tests.sections import put_section

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
TITLE = "Live cameras under load, over Kafka"
WEIGHTS = {"one": 1.0, "two": 1.0, "three": 1.0, "four": 2.0}
FPS = 20
SECONDS, WARM_S = 60, 10
SIZE, PEOPLE = (960, 540), 2
REST_S = 10.0
"""After the last frame, until all rests."""
LAYOUTS = (WorkerSection().layout, ("ingest", "detect+pose", CHAINED, "sink"), ("ingest+detect+pose", CHAINED, "sink"))
"""The default first; then with fewer processes, and without pixels on the bus."""


def measured(cluster: Cluster, folder: Path, layout: Sequence[str]) -> dict[str, Any]:
    """Ages in milliseconds, shares, and what rests; for a minute behind the first ten seconds."""
    clip = make_clip(folder, SECONDS + WARM_S, people=PEOPLE, size=SIZE)
    cameras = ", ".join(
        f"{name}: {{source: '{clip}', mode: live, fps: {FPS}, weight: {weight:g}}}" for name, weight in WEIGHTS.items()
    )
    lines = [f"cameras: {{{cameras}}}", f"worker: {{layout: [{', '.join(layout)}]}}"]
    looked: list[tuple[str, float, float]] = []
    given_up: Counter[str] = Counter()
    with (
        installation(cluster, lines) as (home, config, bus),
        started(home, "up", "--config", str(config)) as process,
    ):
        bus.ensure(kafka_topics())
        began_s, deadline_s = None, time.monotonic() + PATIENCE_S
        with closing(bus.follow("motions", frozenset(range(PARTITIONS)))) as followed:
            for raw in followed:
                now_s = time.time()
                if process.poll() is not None or time.monotonic() > deadline_s:
                    raise SystemExit(f"not all frames came within {PATIENCE_S:g} s")
                if began_s is not None and now_s > began_s + WARM_S + SECONDS - 2:
                    break
                if raw is None or not is_live(raw):
                    continue
                began_s = began_s or now_s
                arrived_us, name = frame_arrived_us(raw), raw.key.decode()
                if now_s < began_s + WARM_S:
                    continue
                if arrived_us is None:
                    given_up[name] += 1
                else:
                    looked.append((name, now_s, now_s - arrived_us / 1e6))
        time.sleep(REST_S)
        sessions = _asked(home)
    ages_ms = 1000 * np.array([age for *_, age in looked])
    seconds = looked[-1][1] - looked[0][1]
    return {
        "fps": FPS,
        "looked_per_s": len(looked) / seconds,
        "sent_per_s": (len(looked) + given_up.total()) / seconds,
        "ages_ms": {f"p{share}": float(np.percentile(ages_ms, share)) for share in (50, 95, 99, 100)},
        "shares": {name: sum(each == name for each, *_ in looked) / len(looked) for name in WEIGHTS},
        "longest_gap_s": {name: _longest_gap_s([at for each, at, _ in looked if each == name]) for name in WEIGHTS},
        "frames": sum(rests for rests, _ in sessions),
        "twice": sum(rests - different for rests, different in sessions),
    }


def text(found: Sequence[dict[str, Any]]) -> str:
    """A few lines and two tables, of what was measured with each layout."""
    lines = [
        "Written by `make bench-age` (benchmarks/kafka_load.py); the broker had the same two cores. Four live cameras",
        f"of {SIZE[0]}x{SIZE[1]} with two people each at {FPS} pictures a second, `posebus up`, {SECONDS} s for each",
        "layout. The age is that of a picture when another process reads the record of `motions`.\n",
        "| layout | looked at of those sent, a second | age, ms: p50 | p95 | p99 | most | frames at rest | twice |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *(_row(layout, each) for layout, each in zip(LAYOUTS, found, strict=True)),
        "\nThe first of them by cameras:\n",
        "| camera | weight | share of what was looked at | longest time without a frame, s |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {weight:g} | {found[0]['shares'][name]:.2f} | {found[0]['longest_gap_s'][name]:.1f} |"
            for name, weight in WEIGHTS.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _row(layout: Sequence[str], found: dict[str, Any]) -> str:
    ages = " | ".join(f"{age:.0f}" for age in found["ages_ms"].values())
    rates = f"{found['looked_per_s']:.1f} of {found['sent_per_s']:.1f}"
    return f"| {', '.join(layout)} | {rates} | {ages} | {found['frames']:,} | {found['twice']} |"


def _longest_gap_s(times_s: list[float]) -> float:
    return max((b - a for a, b in itertools.pairwise(times_s)), default=float("nan"))


def _asked(home: Path) -> list[tuple[int, int]]:
    """Of each camera and session: frames that rest, and how many of them are different."""
    with psycopg.connect(EmbeddedServer(home).url("postgres")) as connection:
        return connection.execute(
            "SELECT count(*), count(DISTINCT frame_no) FROM pose.frame_outcomes GROUP BY camera, session"
        ).fetchall()


def main() -> None:
    """Measure and write."""
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as folder, Cluster() as cluster:
        section = text([measured(cluster, Path(folder), layout) for layout in LAYOUTS])
    put_section(PAGE, TITLE, section)
    print(section)


if __name__ == "__main__":
    main()
