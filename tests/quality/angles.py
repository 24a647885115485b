"""Angles of keypoint scripts after smoothing, compared with those of exact keypoints.

`python -m tests.quality.angles` prints the table of docs/quality.md.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np

from pipeline.core.ids import make_track_id
from pipeline.core.records import Record, Stamp
from pipeline.core.types import F64
from pipeline.core.values import Motions, Tracks
from pipeline.core.vocabulary import FLEXIONS
from pipeline.video.simulate.measured import MEASURED
from pipeline.video.simulate.noise import EXACT, Noise, gaussian
from pipeline.video.simulate.scripts import keypoints
from stages.analyze import AnalyzeStage
from stages.smooth import SmoothOptions, SmoothStage
from tests.quality.chain import CAMERA, CAMERA_NO, START_US

EXERCISES = ("squat", "curl", "jumping-jack")
"""Legs, arms, and all of them about once a second."""

NOISES = {"none": EXACT, "white, 0.5 % of the body height": gaussian(0.005), "as the model": MEASURED}
RATES = (30.0, 15.0, 10.0)
SETTLED_S = 2.0
STILL, MOVING = 5.0, 60.0
"""Degrees a second below and above which an angle of the truth is still or in motion."""

JUMP = 20.0
"""Degrees from frame to frame beyond what the joint turned."""

_NONE = SmoothOptions(min_cutoff_hz=1e5)
_UNSEEN = np.full(len(FLEXIONS), np.nan)

Courses = dict[int, dict[int, F64]]
"""Flexions of each person in each frame, degrees."""


@dataclass
class Errors:
    """How far angles are off.

    Attributes:
        still, moving: Degrees.
        jumps: Degrees from frame to frame beyond what the truth moved.
    """

    still: F64
    moving: F64
    jumps: F64


def courses(scene: str, fps: float, noise: Noise, options: SmoothOptions | None = None) -> Courses:
    """The flexions of a script's people, smoothed by these options."""
    smooth, analyze = SmoothStage(options), AnalyzeStage()
    smoothed, analyzed = smooth.initial_state(CAMERA), analyze.initial_state(CAMERA)
    found: Courses = {}
    for seq, frame in enumerate(keypoints(scene, fps, noise, 1)):
        at_us = START_US + frame.t_us
        stamp = Stamp(0, CAMERA, CAMERA_NO, 1, seq, seq, at_us, at_us, "file")
        numbers = np.array([make_track_id(CAMERA_NO, 1 + who) for who in frame.person.tolist()], np.int64)
        smoothed, made = smooth.step(smoothed, Record(stamp, Tracks(frame.poses, numbers)))
        motions: Motions = made[0]
        analyzed, told = analyze.step(analyzed, Record(stamp, motions))
        for who, row in zip(frame.person.tolist(), told[0].angles[:, : len(FLEXIONS)], strict=True):  # type: ignore[union-attr]
            found.setdefault(who, {})[seq] = row.astype(np.float64)
    return found


def compare(fps: float, noise: Noise, seeds: Sequence[int], options: SmoothOptions | None = None) -> Errors:
    """All exercises of these seeds together."""
    still, moving, jumps = [], [], []
    for exercise in EXERCISES:
        for seed in seeds:
            scene = f"sim://gym?people=2&seed={seed}&seconds=25&exercise={exercise}"
            truth, given = courses(scene, fps, EXACT, _NONE), courses(scene, fps, noise, options)
            for who, course in truth.items():
                last = max(course) + 1
                rows = [
                    np.array([each.get(seq, _UNSEEN) for seq in range(round(SETTLED_S * fps), last)])
                    for each in (course, given.get(who, {}))
                ]
                error, turned = rows[1] - rows[0], np.diff(rows[0], axis=0, prepend=np.nan)
                speed = np.abs(turned) * fps
                still.append(error[speed < STILL])
                moving.append(error[speed > MOVING])
                jumps.append((np.abs(np.diff(rows[1], axis=0)) - np.abs(turned[1:])).ravel())
    return Errors(*(np.concatenate(parts)[np.isfinite(np.concatenate(parts))] for parts in (still, moving, jumps)))


def row(fps: float, name: str, seeds: Sequence[int]) -> str:
    """A line of the table."""
    after, before = (compare(fps, NOISES[name], seeds, options) for options in (None, _NONE))
    cells = (f"{_rms(one.still):.1f} | {_rms(one.moving):.1f}" for one in (before, after))
    return f"| {fps:g} | {name} | {' | '.join(cells)} | {100 * np.mean(after.jumps > JUMP):.2f} % |"


def report(seeds: Sequence[int], workers: int) -> str:
    """The table."""
    wanted = [(fps, name, seeds) for name in NOISES for fps in RATES]
    with ProcessPoolExecutor(workers) as pool:
        return "\n".join(pool.map(row, *zip(*wanted, strict=True)))


def _rms(errors: F64) -> float:
    return float(np.sqrt(np.mean(errors * errors)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.quality.angles")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1000, 1001])
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    sys.stdout.write(report(options.seeds, options.workers) + "\n")
