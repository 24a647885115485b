"""An installation of workers over a real broker that is disturbed while it works, and what it leaves behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from pipeline.bus.kafka import Backlog, KafkaBus
from pipeline.core.errors import BusUnavailable
from pipeline.database import EmbeddedServer
from tests.broker.cluster import Cluster
from tests.e2e.dump import dump
from tests.e2e.processes import Posebus, ended

START = "2026-01-01T09:00:00Z"
APART = ("ingest", "detect", "pose", "track", "smooth", "analyze", "alert", "sink")
"""Each stage a process of its own."""

PATIENCE_S = 300.0
_SETTLE_S = 0.5
"""Broker and database may yet carry out what a worker had asked before it was killed: that is no work of the next one,
which takes longer to start."""
NOT_COMPARED = ("cameras",)
"""When a camera was first registered is a matter of the clock."""


@dataclass
class Installation:
    """Workers that run, for a disturbance to do its worst.

    Attributes:
        cluster: The broker.
        home: Of the database.
        process: `posebus up`.
        frames: Of all cameras together.
        bus: The same as theirs.
        disturbed: How often what was done.
        back_s: What was done, and the seconds from then until its victim worked again.
    """

    cluster: Cluster
    home: Path
    process: subprocess.Popen[str]
    frames: int
    bus: KafkaBus
    disturbed: Counter[str] = field(default_factory=Counter)
    back_s: list[tuple[str, float]] = field(default_factory=list)
    _database: psycopg.Connection[Any] | None = None

    def workers(self) -> dict[str, psutil.Process]:
        """The worker processes by what they do."""
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.Error, ValueError):
                words = child.cmdline()
                found[words[words.index("worker") + 1]] = child
        return found

    def worker(self, name: str) -> psutil.Process:
        """This worker process, as soon as `posebus up` has started it again if it ended."""
        found: dict[str, psutil.Process] = {}

        def is_there() -> bool:
            found.update(self.workers())
            return name in found

        self.wait(is_there, f"a process of {name}")
        return found[name]

    def stored(self) -> int:
        """Frames that rest."""
        return self._count("frame_outcomes")

    def wait(self, reached: Callable[[], bool], what: str) -> None:
        """Until `reached`. Fails when `posebus up` ends, or patience does."""
        deadline = time.monotonic() + PATIENCE_S
        while not reached():
            assert self.process.poll() is None, ended(self.process)
            assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}; {self.stored()} frames"
            time.sleep(0.1)

    def progress(self, worker: str) -> int:
        """A number that grows as this worker brings its work to an end for good."""
        if worker == "sink":
            return self.stored()
        first, *_ = worker.split("+")
        group = "posebus-detect" if first == "ingest" else f"posebus-{first}"  # ingest reads no records: what it sends
        backlogs = self._asked(lambda: self.bus.backlogs([group]))
        return sum(each.end if first == "ingest" else each.committed or 0 for each in backlogs)

    def await_progress(self, what: str, worker: str) -> None:
        """Until this worker works again; right after a disturbance. Nothing is noted if no work is left for it."""
        at = time.monotonic()
        time.sleep(_SETTLE_S)
        before = self.progress(worker)
        self.wait(
            lambda: self.progress(worker) > before or self.stored() >= self.frames, f"work of {worker} after {what}"
        )
        if self.progress(worker) > before:
            self.back_s.append((what, time.monotonic() - at))

    def _asked(self, question: Callable[[], Sequence[Backlog]]) -> Sequence[Backlog]:
        """Answered as soon as a broker that was away is there again."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return question()
            except BusUnavailable:
                assert time.monotonic() < deadline, f"no answer of the broker within {PATIENCE_S:g} s"
                time.sleep(0.2)

    def complete(self, rows: Mapping[str, int]) -> bool:
        """So many rows of each table rest, or more."""
        return all(self._count(table) >= n for table, n in rows.items())

    def close(self) -> None:
        """Let go of the database."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _count(self, table: str) -> int:
        """Rows; 0 while there is no server or no table."""
        try:
            if self._database is None:
                url = EmbeddedServer(self.home).url("postgres")
                self._database = psycopg.connect(url, connect_timeout=2, autocommit=True)
            row = self._database.execute(f"SELECT count(*) FROM pose_raw.{table}".encode()).fetchone()
        except psycopg.Error:
            self.close()
            return 0
        return int(row[0]) if row else 0


Disturbance = Callable[[Installation], None]


@dataclass
class Outcome:
    """What a disturbed installation left behind, beside an embedded run that was not disturbed.

    Attributes:
        different: Tables that are not equal to the byte.
        rows: Of each table of the undisturbed run.
        disturbed, back_s: As of `Installation`.
    """

    different: list[str]
    rows: dict[str, int]
    disturbed: Counter[str]
    back_s: list[tuple[str, float]]
    seconds: float


def disturb(
    undisturbed: Path,
    home: Path,
    cluster: Cluster,
    prefix: str,
    cameras: Mapping[str, str],
    frames: int,
    disturbances: Sequence[tuple[float, Disturbance]],
    *,
    models: str = "{detector: fake, pose: fake}",
    layout: Sequence[str] = APART,
    runner: str = "own",
) -> Outcome:
    """Run the cameras embedded in one home, and by disturbed workers in another.

    Args:
        undisturbed, home: Homes whose databases hold no rows.
        prefix: Of topics and groups on the broker.
        cameras: Source of each.
        frames: Of all cameras together.
        disturbances: Each with the share of the frames after which it comes, in order.
    """
    began = time.monotonic()
    config = _config(home, ",".join(cluster.servers), prefix, cameras, models, layout, runner)
    Posebus(undisturbed).run("run", *cameras, "--strict", "--config", str(config), timeout_s=1800).done()
    wanted = dump(undisturbed)
    rows = {table: len(found) for table, found in wanted.items()}
    with (
        closing(KafkaBus(cluster.servers, prefix=prefix)) as bus,
        Posebus(home).started("up", "--config", str(config)) as process,
        closing(Installation(cluster, home, process, frames, bus)) as running,
    ):
        running.wait(lambda: running.stored() > 0, "a first frame")
        for share, disturbance in disturbances:
            running.wait(lambda share=share: running.stored() >= share * frames, f"{share:.0%} of the frames")
            disturbance(running)
        running.wait(lambda: running.stored() >= frames, "all frames")
        running.wait(lambda: running.complete(rows), f"all rows: {rows}")
        process.send_signal(signal.SIGTERM)
        done = ended(process)
        assert done.code == 0, done
    found = dump(home)
    return Outcome(
        different=[name for name in wanted if name not in NOT_COMPARED and wanted[name] != found[name]],
        rows=rows,
        disturbed=running.disturbed,
        back_s=running.back_s,
        seconds=time.monotonic() - began,
    )


def kill(name: str) -> Disturbance:
    """SIGKILL this worker."""

    def disturbance(running: Installation) -> None:
        running.worker(name).kill()
        running.disturbed[f"kill {name}"] += 1
        running.await_progress(f"kill {name}", name)

    return disturbance


def kills(count: int, seed: int, layout: Sequence[str] = APART) -> list[tuple[float, Disturbance]]:
    """So many kills of workers chosen at random, at random moments of the first 85 % of the frames."""
    dice = random.Random(seed)
    return [(share, kill(dice.choice(layout))) for share in sorted(dice.uniform(0, 0.85) for _ in range(count))]


def suspend(name: str, seconds: float) -> Disturbance:
    """SIGSTOP this worker, and let it go on as a zombie."""

    def disturbance(running: Installation) -> None:
        worker = running.worker(name)
        worker.suspend()
        time.sleep(seconds)
        worker.resume()
        running.disturbed[f"suspend {name}"] += 1
        running.await_progress(f"suspend {name}", name)

    return disturbance


def broker_away(seconds: float) -> Disturbance:
    """Kill the broker, and start it again later."""

    def disturbance(running: Installation) -> None:
        running.cluster[0].kill()
        time.sleep(seconds)
        running.cluster[0].start()
        running.disturbed["broker away"] += 1
        running.await_progress("broker away", "sink")

    return disturbance


def kill_database(running: Installation, wait: bool = True) -> None:
    """Kill the database server: whoever needs it next starts it again."""
    server = EmbeddedServer(running.home).status().pid
    assert server is not None
    os.kill(server, signal.SIGKILL)
    if wait:
        running.disturbed["kill database"] += 1
        running.await_progress("kill database", "sink")


def _config(
    home: Path,
    servers: str,
    prefix: str,
    cameras: Mapping[str, str],
    models: str,
    layout: Sequence[str],
    runner: str,
) -> Path:
    path = home / "site.yaml"
    lines = [
        f"kafka: {{servers: {servers!r}, prefix: {prefix!r}}}",
        f"models: {models}",
        f"worker: {{runner: {runner}, layout: [{', '.join(layout)}]}}",
        "cameras:",
        *(f"  {name}: {{source: {source!r}, start_time: {START!r}}}" for name, source in cameras.items()),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path
