"""Worker processes over a real broker, measured from outside: their rate, their CPU time, and how old frames get."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg

from benchmarks.chain import encoded_poses, no_models
from pipeline.bus.kafka import KafkaBus
from pipeline.config import load_config
from pipeline.core.errors import BusUnavailable
from pipeline.core.headers import ARRIVED
from pipeline.core.ports import Outgoing
from pipeline.database import EmbeddedServer
from pipeline.topics import PARTITIONS
from pipeline.topology import Topology, kafka_topics
from tests.broker import Cluster

POSEBUS = Path(sys.executable).with_name("posebus")
CHAINED = "track+smooth+analyze+alert"
ONE_PROCESS = f"ingest+detect+pose+{CHAINED}"
WARM = 0.2
"""Share of the frames before the measuring begins: processes start, models are loaded."""
PATIENCE_S = 240.0
WARM_FRAMES = 100
LATENCY_FRAMES, LATENCY_FPS = 200, 5


@dataclass
class Ran:
    """Frames a second at rest, CPU milliseconds a frame of each worker and of the broker, and which share of all cores
    had nothing to do.
    """

    frames_per_s: float
    cpu_ms: dict[str, float] = field(default_factory=dict)
    idle: float = 0.0


def whole(cluster: Cluster, clip: Path, frames: int) -> Ran:
    """A clip through `posebus up` with its default layout, into the embedded database."""
    with installation(cluster, [f"cameras: {{bench: {{source: '{clip}'}}}}"]) as (home, config, bus):
        bus.close()
        with started(home, "up", "--config", str(config)) as process:
            stored = _stored(home)
            _until(process, lambda: stored() >= WARM * frames)
            began, first, before, rest = time.perf_counter(), stored(), _cpu(process, cluster), psutil.cpu_times().idle
            _until(process, lambda: stored() >= frames)
            done, took_s = frames - first, time.perf_counter() - began
            after, rested_s = _cpu(process, cluster), psutil.cpu_times().idle - rest
    spent = {name: 1000 * (after[name] - before.get(name, 0.0)) / done for name in after}
    return Ran(done / took_s, spent, rested_s / took_s / psutil.cpu_count())


def track_to_alert(cluster: Cluster, runner: str) -> float:
    """Frames of five people a second of CPU time of a chained worker that takes them off the broker."""
    values = encoded_poses(Topology(load_config(None, os.environ), no_models()))
    with installation(cluster, []) as (home, config, bus):
        bus.ensure(kafka_topics())
        producer = bus.producer("bench")
        group = "posebus-track" + ("-faust" if runner == "faust" else "")

        def send(upto: int, begin: int = 0) -> None:
            for k in range(begin, upto):
                producer.send(Outgoing("poses", 1, b"bench", values[k]))
            producer.flush(60)

        def taken() -> int:
            try:
                return sum(each.committed or 0 for each in bus.backlogs([group]) if each.topic == "poses")
            except BusUnavailable:  # the first group of a new broker
                return 0

        send(WARM_FRAMES)
        with started(home, "worker", CHAINED, "--config", str(config), "--runner", runner) as process:
            _until(process, lambda: taken() >= WARM_FRAMES)
            worker = psutil.Process(process.pid)
            before = _spent(worker)
            send(len(values), WARM_FRAMES)
            _until(process, lambda: taken() >= len(values))
            spent = _spent(worker) - before
    return (len(values) - WARM_FRAMES) / spent


def ages(cluster: Cluster, layout: Sequence[str], source: str) -> list[float]:
    """Seconds from the arrival of each picture of a live camera until its record of `motions` is read by another
    process.
    """
    lines = [
        "models: {detector: fake, pose: fake}",
        f"worker: {{layout: [{', '.join(layout)}]}}",
        f"cameras: {{bench: {{source: '{source}', mode: live, fps: {LATENCY_FPS}}}}}",
    ]
    found: list[float] = []
    with (
        installation(cluster, lines) as (home, config, bus),
        started(home, "up", "--config", str(config)) as process,
    ):
        deadline = time.monotonic() + PATIENCE_S
        bus.ensure(kafka_topics())
        with closing(bus.follow("motions", frozenset(range(PARTITIONS)))) as followed:
            for raw in followed:
                now_us = time.time_ns() // 1000
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"no {LATENCY_FRAMES} frames within {PATIENCE_S:g} s")
                arrived = dict(raw.headers).get(ARRIVED) if raw is not None else None
                if arrived is not None:
                    found.append((now_us - int(arrived)) / 1e6)
                if len(found) >= LATENCY_FRAMES:
                    break
    return found[len(found) // 4 :]  # behind the start


def percentile(values: Sequence[float], share: float) -> float:
    """Of a list of numbers, by order."""
    return sorted(values)[int(share * (len(values) - 1))]


def median_of(runs: Sequence[Ran]) -> Ran:
    """The one in the middle, by its rate."""
    middle = statistics.median_low(run.frames_per_s for run in runs)
    return next(run for run in runs if run.frames_per_s == middle)


@contextmanager
def installation(cluster: Cluster, lines: Sequence[str]) -> Iterator[tuple[Path, Path, KafkaBus]]:
    """Home, configuration and bus of an installation with names of its own."""
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        prefix = f"{uuid4().hex[:8]}."
        config = home / "site.yaml"
        servers = ",".join(cluster.servers)
        config.write_text("\n".join([f"kafka: {{servers: '{servers}', prefix: '{prefix}'}}", *lines]) + "\n")
        with closing(KafkaBus(cluster.servers, prefix=prefix)) as bus:
            yield home, config, bus


@contextmanager
def started(home: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command of posebus, ended with the block."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSEBUS_")}
    process = subprocess.Popen(
        [POSEBUS, *words], env={**kept, "POSEBUS_HOME": str(home)}, stdout=subprocess.DEVNULL, stderr=sys.stderr
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until(process: subprocess.Popen[bytes], reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the workers did not come so far within {PATIENCE_S:g} s, or ended")
        time.sleep(0.1)


def _stored(home: Path) -> Callable[[], int]:
    """Counts frames that rest; none while there is no server or no table."""
    opened: list[psycopg.Connection[tuple[int]]] = []

    def count() -> int:
        try:
            if not opened:
                opened.append(psycopg.connect(EmbeddedServer(home).url("postgres"), connect_timeout=2, autocommit=True))
            row = opened[0].execute("SELECT count(*) FROM pose_raw.frame_outcomes").fetchone()
        except psycopg.Error:
            opened.clear()
            return 0
        return int(row[0]) if row else 0

    return count


def _cpu(process: subprocess.Popen[bytes], cluster: Cluster) -> dict[str, float]:
    """CPU seconds of each worker of `posebus up`, by what it does, and of the broker."""
    found = {"broker": sum(_spent(psutil.Process(node.pid)) for node in cluster.nodes if node.pid)}
    for child in psutil.Process(process.pid).children():
        words = child.cmdline()
        if "worker" in words:
            found[words[words.index("worker") + 1]] = _spent(child)
    return found


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
