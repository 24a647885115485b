"""`make bench-age`: four live cameras with three times the frames that the machine can look at; how old results are.

    python -m benchmarks.bounded_age [--seconds 600]

Writes a section of docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import Process
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import resident_mib
from pipeline.cli.embedded_run import run_sources
from pipeline.cli.take_up import Wishes
from pipeline.config import load_config
from pipeline.core.ports import Cut, CutStore, LiveSource, Picture, SourceInfo
from pipeline.core.records import Dropped
from pipeline.core.types import F64, U8
from pipeline.core.values import Motions
from pipeline.database import Database, open_database
from pipeline.models.fake import paint_person
from pipeline.runners.fairness import LEAST_FPS
from pipeline.runners.live import LIVE
from pipeline.video.open import open_source
from pipeline.video.paced import PacedCamera
from tests.sections import put_section

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
TITLE = "Live cameras under load"
SCENE = "sim://gym?people=2&seed=3&seconds=10&fps=15&width=960&height=540"
SCENE_FPS = 15
WEIGHTS = {"one": 1.0, "two": 1.0, "three": 1.0, "four": 2.0}
TIMES_TOO_MANY = 3
CALIBRATION_S = 20
WARM_S = 5.0
WINDOW_S = 5.0
GOAL_AGE_MS = 500
GOAL_OVERHEAD_MS = (40, 80)


class Film:
    """Pictures in memory, shown again and again at any rate."""

    def __init__(self, pictures: Sequence[U8], pictures_fps: float, fps: float) -> None:
        height, width = pictures[0].shape[:2]
        self.info = SourceInfo("film", "bench", LIVE, width, height, fps, None)
        self._pictures, self._pictures_fps, self._fps = pictures, pictures_fps, fps

    def pictures(self, start: int = 0) -> Iterator[Picture]:
        """Without an end."""
        k = start
        while True:
            at = k / self._fps
            yield Picture(k, round(at * 1e6), self._pictures[int(at * self._pictures_fps) % len(self._pictures)])
            k += 1


class Stored:
    """What has come to rest, in memory that is taken at the beginning: its growth is the pipeline's.

    Args:
        most: Frames.
    """

    def __init__(self, most: int) -> None:
        self.began_s = time.time()
        self.rss: list[tuple[float, float]] = []
        self._rows = np.full((most, 4), np.nan)
        self._filled = 0

    @property
    def rows(self) -> F64:
        """(N, 4): for each frame its camera, when it came to rest, its age, and whether it was looked at."""
        return self._rows[: self._filled]

    def looked_at(self) -> F64:
        """Those that were, once all is warm."""
        rows = self.rows
        return rows[(rows[:, 3] == 1) & (rows[:, 1] > WARM_S)]

    def note(self, cut: Cut) -> None:
        """A cut rests."""
        now = time.time()
        for record in cut.records:
            if isinstance(record.value, Motions | Dropped):
                age_s = now - record.stamp.arrived_at_us / 1e6
                looked = isinstance(record.value, Motions)
                self._rows[self._filled] = cut.camera_no, now - self.began_s, age_s, looked
                self._filled += 1


class TimedDatabase:
    """A database that notes when cuts have come to rest."""

    def __init__(self, database: Database, stored: Stored) -> None:
        self._database, self._stored = database, stored

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def cuts(self) -> CutStore:
        """As that of the database."""
        inner, stored = self._database.cuts(), self._stored

        class Timed:
            def load(self, run: int, camera_no: int) -> Cut | None:
                return inner.load(run, camera_no)

            def commit(self, cut: Cut) -> None:
                inner.commit(cut)
                stored.note(cut)

        return Timed()


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bounded_age", description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="of the run under load")
    seconds = parser.parse_args().seconds
    pictures = [picture.pixels for picture in open_source(SCENE).pictures()]
    capacity = _rate(_live(pictures, SCENE_FPS, dict.fromkeys(WEIGHTS, 60.0), CALIBRATION_S)[0])
    fps = TIMES_TOO_MANY * capacity / len(WEIGHTS)
    loaded = _live(pictures, SCENE_FPS, dict.fromkeys(WEIGHTS, fps), seconds)
    idle = _overhead()
    with _busy(os.cpu_count() or 1):
        busy = _overhead()
    text = _loaded_text(*loaded, capacity, fps, seconds) + "\n" + _overhead_text(idle, busy)
    put_section(PAGE, TITLE, text)
    print(text)


def _live(
    pictures: Sequence[U8],
    pictures_fps: float,
    rates: Mapping[str, float],
    seconds: float,
    models: str = "",
) -> tuple[Stored, list[tuple[Any, ...]]]:
    """Run cameras at these rates; gives what was stored when, and what the database says of each session."""
    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as home:
        Path(home).chmod(0o755)
        config = Path(home) / "config.yaml"
        config.write_text(models)
        settings = load_config(config, {**os.environ, "POSEBUS_HOME": home})
        sources = [(name, _camera(name, Film(pictures, pictures_fps, rate))) for name, rate in rates.items()]
        with open_database(None, settings.home) as database, ExitStack() as beside:
            stored = Stored(round(2 * seconds * sum(rates.values())))
            beside.enter_context(_watched(stored))
            timed: Any = TimedDatabase(database, stored)
            run_sources(settings, timed, sources, Wishes(limit_us=round(seconds * 1e6)))
            return stored, _asked(database)


def _camera(name: str, film: Film) -> LiveSource:
    info = SourceInfo(name, "bench", LIVE, 0, 0, film.info.fps, None)
    return LiveSource(info, lambda: PacedCamera(film), weight=WEIGHTS.get(name, 1.0))


def _asked(database: Database) -> list[tuple[Any, ...]]:
    """Of each camera and session: frames that rest, how many of them are different, and how many there were."""
    with database.address.connect("reader") as reader:
        return reader.execute(
            "SELECT camera, session, count(*), count(DISTINCT frame_no), max(frame_no) + 1"
            " FROM pose.frame_outcomes GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()


@contextmanager
def _watched(stored: Stored) -> Iterator[None]:
    """Note the resident memory every two seconds."""
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(2.0):
            stored.rss.append((time.time() - stored.began_s, resident_mib()))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _overhead() -> tuple[float, float]:
    """p50 and p95 of the age of rows, ms, of one camera at 10 pictures a second with models that cost nothing."""
    picture = np.full((360, 640, 3), 128, dtype=np.uint8)
    paint_person(picture, (300.0, 200.0), (300.0, 120.0))
    stored, _ = _live([picture], 10.0, {"one": 10.0}, 30.0, "models: {detector: fake, pose: fake}\n")
    ages = 1000 * stored.looked_at()[:, 2]
    return float(np.percentile(ages, 50)), float(np.percentile(ages, 95))


@contextmanager
def _busy(processes: int) -> Iterator[None]:
    """Other programs that want a core each."""
    others = [Process(target=_spin, daemon=True) for _ in range(processes)]
    for other in others:
        other.start()
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.join()


def _spin() -> None:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        sum(range(10_000))


def _rate(stored: Stored) -> float:
    """Frames looked at a second."""
    times = stored.looked_at()[:, 1]
    return len(times) / float(times.max() - times.min())


def _loaded_text(stored: Stored, sessions: list[tuple[Any, ...]], capacity: float, fps: float, seconds: float) -> str:
    rows, looked = stored.rows, stored.looked_at()
    ages = 1000 * looked[:, 2]
    times, mib = np.array(stored.rss).T
    late = times > max(60.0, times[-1] / 4)
    slope = float(np.polyfit(times[late], mib[late], 1)[0]) * 60 if late.sum() > 2 else float("nan")
    lost = sum(there - rests for _, _, rests, _, there in sessions)
    twice = sum(rests - different for _, _, rests, different, _ in sessions)
    lines = [
        f"Written by `make bench-age` (benchmarks/bounded_age.py). Four cameras of 960x540 with two people each at"
        f" {fps:.0f} pictures a",
        f"second, {TIMES_TOO_MANY} times the {capacity:.0f} frames a second that this machine looks at, for"
        f" {seconds:.0f} s in one process (`posebus run --cameras`); the age of a",
        "result is the time from the arrival of its picture to the commit of its row, that of the models included.\n",
        "| | measured | goal |",
        "| --- | --- | --- |",
        f"| frames looked at a second | {len(looked) / (looked[:, 1].max() - looked[:, 1].min()):.1f} | |",
        f"| age of results, ms: p50 | {np.percentile(ages, 50):.0f} | |",
        f"| p95 | {np.percentile(ages, 95):.0f} | |",
        f"| p99 | {np.percentile(ages, 99):.0f} | {GOAL_AGE_MS} beyond the models' own time |",
        f"| largest | {ages.max():.0f} | |",
        f"| growth of resident memory, MiB a minute | {slope:.2f} | 0 |",
        f"| frames in `frame_outcomes` | {sum(row[2] for row in sessions):,} | |",
        f"| frames that are missing there, or there twice | {lost}, {twice} | 0, 0 |\n",
        "| camera | weight | looked at a second | share | fewest a second in any 5 s |",
        "| --- | --- | --- | --- | --- |",
    ]
    for number, (name, weight) in enumerate(WEIGHTS.items(), 1):
        own = looked[looked[:, 0] == number][:, 1]
        counts = np.histogram(own, np.arange(WARM_S, rows[:, 1].max() - WINDOW_S, WINDOW_S))[0] / WINDOW_S
        lines.append(
            f"| {name} | {weight:g} | {len(own) / (rows[:, 1].max() - WARM_S):.1f} | {len(own) / len(looked):.2f} |"
            f" {counts.min():.1f} |"
        )
    lines.append(f"\nWanted of each camera: {LEAST_FPS:g} a second at least, whatever the weights of the others.")
    return "\n".join(lines) + "\n"


def _overhead_text(idle: tuple[float, float], busy: tuple[float, float]) -> str:
    return "\n".join(
        [
            "What the pipeline itself adds: one camera at 10 pictures a second, models that cost nothing; ms from the",
            "decoder's picture to the commit of its row.\n",
            "| | p50 | p95 | goal |",
            "| --- | --- | --- | --- |",
            f"| a core is idle | {idle[0]:.0f} | {idle[1]:.0f} | {GOAL_OVERHEAD_MS[0]}, {GOAL_OVERHEAD_MS[1]} |",
            f"| other programs want all cores | {busy[0]:.0f} | {busy[1]:.0f} | |",
            "",
        ]
    )


if __name__ == "__main__":
    main()
