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
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

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
    looks = json.loads(clip.with_suffix(".looks.json").read_text())
    to_detect: queue.Queue[Any] = queue.Queue(6)
    to_pose: queue.Queue[Any] = queue.Queue(6)

    def look() -> None:
        for n in looks:
            picture = to_detect.get()
            if n:
                window = cv2.resize(picture[:, :720], (detector.size, detector.size))
                detector.detect(np.repeat(window[None], n, axis=0))
            to_pose.put(picture)

    def estimate() -> None:
        turn = np.array([[0.36, 0, -100], [0, 0.36, 0]], dtype=np.float32)
        for _ in looks:
            crop: U8 = cv2.warpAffine(to_pose.get(), turn, (estimator.size, estimator.size)).astype(
                np.uint8, copy=False
            )
            estimator.estimate(crop[None])

    threads = [threading.Thread(target=target) for target in (look, estimate)]
    for thread in threads:
        thread.start()
    started = time.perf_counter()
    for picture in VideoFile(clip).pictures():
        to_detect.put(picture.pixels)
    for thread in threads:
        thread.join()
    return len(looks), time.perf_counter() - started


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


def record_looks(clip: Path) -> list[int]:
    """How often posebus runs its detector on each frame of the clip, kept beside it for `bare`."""
    from pipeline.config import load_config
    from pipeline.core.ports import BusRecord
    from pipeline.core.records import Record, Stamp
    from pipeline.core.values import Captured
    from pipeline.models import load_models
    from pipeline.topology import Parts, Topology
    from pipeline.video.files import VideoFile

    settings = load_config(None, os.environ)
    topology = Topology(settings, Parts(*load_models(settings.models, settings.home)))
    ingest, detect = topology.driver("ingest"), topology.driver("detect")
    looks = []
    for picture in VideoFile(clip).pictures():
        at = 1_700_000_000_000_000 + picture.pts_us
        stamp = Stamp(0, "bench", 1, 1, 0, picture.seq, at, at, "file")
        for sent in ingest.feed_values([Record(stamp, Captured(picture.pixels))]):
            raw = BusRecord(sent.topic, sent.partition, picture.seq, sent.key, sent.value, (), sent.attachment)
            (found,) = detect.feed([raw])
            looks.append(topology.codec("detections").decode(found.value or b"", found.attachment).value.looked)
    clip.with_suffix(".looks.json").write_text(json.dumps(looks))
    return looks


if __name__ == "__main__":
    frames, seconds = {"mediapipe": mediapipe, "bare": bare, "posebus": posebus}[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps({"frames": frames, "seconds": seconds}))
