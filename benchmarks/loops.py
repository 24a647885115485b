"""Whole loops over one clip, each run in a process of its own: `python -m benchmarks.loops NAME CLIP`.

mediapipe: `mp.solutions.pose` with its own defaults, on pictures that OpenCV decodes.
bare:      decode, detector and landmarks alone, as often and with the same threads as posebus runs them; nothing is
           tracked, analysed or stored.
posebus:   the whole pipeline, database included.
Each prints the frames and the seconds from the first picture asked for to the last result.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipeline.core.perception import Estimated, PoseEstimator
from pipeline.core.types import U8

cv2.setNumThreads(1)


def mediapipe(clip: Path) -> tuple[int, float]:
    """The loop that most people begin with."""
    import mediapipe as mp

    cv2.setNumThreads(os.cpu_count() or 1)
    frames = 0
    with mp.solutions.pose.Pose() as pose:
        capture = cv2.VideoCapture(str(clip))
        started = time.perf_counter()
        while True:
            there, picture = capture.read()
            if not there:
                return frames, time.perf_counter() - started
            pose.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
            frames += 1


def bare(clip: Path) -> tuple[int, float]:
    """Decode, look and estimate on three threads, with nothing around them."""
    from pipeline.config import load_config
    from pipeline.models import load_models
    from pipeline.video.files import VideoFile

    settings = load_config(None, os.environ)
    detector, estimator = load_models(settings.models, settings.home)
    work = json.loads(clip.with_suffix(".work.json").read_text())
    to_detect: queue.Queue[Any] = queue.Queue(6)
    to_pose: queue.Queue[Any] = queue.Queue(6)

    def look() -> None:
        for n, _ in work:
            picture = to_detect.get()
            if n:
                window = cv2.resize(picture[:, :720], (detector.size, detector.size))
                detector.detect(np.repeat(window[None], n, axis=0))
            to_pose.put(picture)

    def estimate() -> None:
        turn = np.array([[0.36, 0, -100], [0, 0.36, 0]], dtype=np.float32)
        crops: U8 = np.zeros((max(n for _, n in work), estimator.size, estimator.size, 3), dtype=np.uint8)
        for _, n in work:
            picture = to_pose.get()
            for crop in crops[:n]:
                cv2.warpAffine(picture, turn, (estimator.size, estimator.size), dst=crop)
            if n:
                estimator.estimate(crops[:n])

    threads = [threading.Thread(target=target) for target in (look, estimate)]
    for thread in threads:
        thread.start()
    started = time.perf_counter()
    for picture in VideoFile(clip).pictures():
        to_detect.put(picture.pixels)
    for thread in threads:
        thread.join()
    return len(work), time.perf_counter() - started


def posebus(clip: Path) -> tuple[int, float]:
    """All stages and the database."""
    from pipeline.cli.embedded_run import run_sources
    from pipeline.cli.take_up import Wishes
    from pipeline.config import load_config
    from pipeline.database import open_database
    from pipeline.video.files import VideoFile

    with tempfile.TemporaryDirectory(prefix="posebus-bench-") as home:
        Path(home).chmod(0o755)
        settings = load_config(None, {**os.environ, "POSEBUS_HOME": home})
        with open_database(None, settings.home) as database:
            outcome = run_sources(settings, database, [("bench", VideoFile(clip))], Wishes())
    tally = outcome.tallies["bench"]
    return tally.frames, tally.wall_s


def run_loop(name: str, clip: Path) -> float:
    """Seconds of one of the loops, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.loops", name, str(clip)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the loop {name} failed:\n{done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def record_work(clip: Path) -> list[tuple[int, int]]:
    """How often posebus runs its detector and its pose model on each frame of the clip, kept beside it for `bare`."""
    from pipeline.config import load_config
    from pipeline.core.ports import BusRecord
    from pipeline.core.records import Record, Stamp
    from pipeline.core.values import Captured
    from pipeline.models import load_models
    from pipeline.topology import Parts, Topology
    from pipeline.video.files import VideoFile

    settings = load_config(None, os.environ)
    detector, estimator = load_models(settings.models, settings.home)
    counted = Counted(estimator)
    topology = Topology(settings, Parts(detector, counted))
    ingest, detect, pose = (topology.driver(name) for name in ("ingest", "detect", "pose"))
    work = []
    for picture in VideoFile(clip).pictures():
        at = 1_700_000_000_000_000 + picture.pts_us
        stamp = Stamp(0, "bench", 1, 1, 0, picture.seq, at, at, "file")
        counted.pictures = 0
        for sent in ingest.feed_values([Record(stamp, Captured(picture.pixels))]):
            raw = BusRecord(sent.topic, sent.partition, picture.seq, sent.key, sent.value, (), sent.attachment)
            (found,) = detect.feed([raw])
            looks = topology.codec("detections").decode(found.value or b"", found.attachment).value.looked
            pose.feed(
                [BusRecord(found.topic, found.partition, picture.seq, found.key, found.value, (), found.attachment)]
            )
        work.append((looks, counted.pictures))
    clip.with_suffix(".work.json").write_text(json.dumps(work))
    return work


class Counted:
    """An estimator that counts the pictures it is given."""

    def __init__(self, estimator: PoseEstimator) -> None:
        self.size, self.skeleton = estimator.size, estimator.skeleton
        self.pictures = 0
        self._estimator = estimator

    def estimate(self, crops: U8) -> Estimated:
        """As the one inside does."""
        self.pictures += len(crops)
        return self._estimator.estimate(crops)


if __name__ == "__main__":
    frames, seconds = {"mediapipe": mediapipe, "bare": bare, "posebus": posebus}[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({"frames": frames, "seconds": seconds}))
