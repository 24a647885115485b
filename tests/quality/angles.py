"""Angles of keypoint scripts after smoothing, compared with those of exact keypoints.

`python -m tests.quality.angles` prints the table of docs/quality.md, with `--filters` that of other filters.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

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
from tests.builders import stand, tracked
from tests.quality.chain import CAMERA, CAMERA_NO, START_US
from tests.unit.smooth.smoothing import FIRST, lag_s, of_person, smooth, wave

EXERCISES = ("squat", "curl", "jumping-jack")
"""Legs, arms, and all of them about once a second."""

TUNING, REPORT = (0, 1), (1000, 1001)
NOISES = {"none": EXACT, "white, 0.5 % of the body height": gaussian(0.005), "as the model": MEASURED}
RATES = (30.0, 15.0, 10.0)
SETTLED_S = 2.0
STILL, MOVING = 5.0, 60.0
"""Degrees a second below and above which an angle of the truth is still or in motion."""

JUMP = 20.0
"""Degrees from frame to frame beyond what the joint turned."""

_NONE = SmoothOptions(min_cutoff_hz=1e5)

FILTERS: dict[str, SmoothOptions] = {
    "none": _NONE,
    "one_euro, as by default": SmoothOptions(),
    "derivative_cutoff_hz: 3": SmoothOptions(derivative_cutoff_hz=3.0),
    "derivative_cutoff_hz: 3, beta: 80": SmoothOptions(derivative_cutoff_hz=3.0, beta=80.0),
    "derivative_cutoff_hz: 1, as in its paper": SmoothOptions(derivative_cutoff_hz=1.0),
    "beta: 15, rest_speed: 0.1": SmoothOptions(beta=15.0, rest_speed=0.1),
    "filter: ema": SmoothOptions(filter="ema"),
    "filter: ema, ema_s: 0.02": SmoothOptions(filter="ema", ema_s=0.02),
    "filter: kalman": SmoothOptions(filter="kalman"),
    "filter: kalman, kalman_acceleration: 5": SmoothOptions(filter="kalman", kalman_acceleration=5.0),
}
"""Points of the trade between calm and lag."""

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


@lru_cache(maxsize=16)
def _truth(scene: str, fps: float) -> Courses:
    return courses(scene, fps, EXACT, _NONE)


def compare(fps: float, noise: Noise, seeds: Sequence[int], options: SmoothOptions | None = None) -> Errors:
    """All exercises of these seeds together."""
    parts: list[tuple[F64, F64, F64]] = []
    for exercise in EXERCISES:
        for seed in seeds:
            scene = f"sim://gym?people=2&seed={seed}&seconds=25&exercise={exercise}"
            given = courses(scene, fps, noise, options)
            for who, course in _truth(scene, fps).items():
                last = max(course) + 1
                rows = [
                    np.array([each.get(seq, _UNSEEN) for seq in range(round(SETTLED_S * fps), last)])
                    for each in (course, given.get(who, {}))
                ]
                error, turned = rows[1] - rows[0], np.diff(rows[0], axis=0, prepend=np.nan)
                speed = np.abs(turned) * fps
                jumps = (np.abs(np.diff(rows[1], axis=0)) - np.abs(turned[1:])).ravel()
                parts.append((error[speed < STILL], error[speed > MOVING], jumps))
    joined = [np.concatenate(each) for each in zip(*parts, strict=True)]
    return Errors(*(each[np.isfinite(each)] for each in joined))


def row(fps: float, name: str, seeds: Sequence[int]) -> str:
    """A line of the table."""
    after, before = (compare(fps, NOISES[name], seeds, options) for options in (None, _NONE))
    return f"| {fps:g} | {name} | {_cells(before)} | {_cells(after)} | {100 * np.mean(after.jumps > JUMP):.2f} % |"


def filter_row(name: str, seeds: Sequence[int]) -> str:
    """A line of the table of filters: white noise at 30 frames a second."""
    options = FILTERS[name]
    errors = compare(RATES[0], NOISES["white, 0.5 % of the body height"], seeds, options)
    jumps = int(np.count_nonzero(errors.jumps > JUMP))
    degrees, jitter = standing(options)
    return (
        f"| {name} | {_cells(errors)} | {jumps} | {degrees:.1f} | {jitter:.2f} | {round(1000 * lag_of(options))} ms |"
    )


def standing(options: SmoothOptions) -> tuple[float, float]:
    """Error of the flexions in degrees and share of the keypoints' jitter that is left, for white noise on someone who
    stands still at 25 frames a second.
    """
    noisy, exact = (tracked(stand(people=1, seconds=8, fps=25, noise=share)) for share in (0.005, 0.0))
    given = [record.value for record in noisy]
    smoothed = smooth(noisy, SmoothStage(options))
    left, before = (of_person(values, FIRST)[50:].std(axis=0).mean() for values in (smoothed, given))
    errors = _flexions(smoothed)[50:] - _flexions(smooth(exact, SmoothStage(_NONE)))[50:]
    return _rms(errors[np.isfinite(errors)]), float(left / before)


def _flexions(motions: Sequence[Motions]) -> F64:
    """(frames, joints) of the first person."""
    stage = AnalyzeStage()
    state = stage.initial_state(CAMERA)
    rows = []
    for seq, each in enumerate(motions):
        at_us = START_US + seq * 40_000
        state, told = stage.step(state, Record(Stamp(0, CAMERA, CAMERA_NO, 1, seq, seq, at_us, at_us, "file"), each))
        rows.append(told[0].angles[0, : len(FLEXIONS)])  # type: ignore[union-attr]
    return np.array(rows, np.float64)


def lag_of(options: SmoothOptions) -> float:
    """Seconds behind a hand that goes up and down by 0.15 sizes once a second."""
    records = wave(1.0, 0.15)
    late, given = (
        of_person(values, FIRST)[:, 15, 1]
        for values in (smooth(records, SmoothStage(options)), [record.value for record in records])
    )
    return lag_s(given - given.mean(), late - late.mean(), 1.0)


def _cells(errors: Errors) -> str:
    return " | ".join(f"{_rms(each):.1f}" for each in (errors.still, errors.moving))


def report(seeds: Sequence[int], workers: int) -> str:
    """The table."""
    wanted = [(fps, name, seeds) for name in NOISES for fps in RATES]
    with ProcessPoolExecutor(workers) as pool:
        return "\n".join(pool.map(row, *zip(*wanted, strict=True)))


def filters(seeds: Sequence[int], workers: int) -> str:
    """The table of filters."""
    with ProcessPoolExecutor(workers) as pool:
        return "\n".join(pool.map(filter_row, FILTERS, [seeds] * len(FILTERS)))


def _rms(errors: F64) -> float:
    return float(np.sqrt(np.mean(errors * errors)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.quality.angles")
    parser.add_argument("--seeds", type=int, nargs="+", default=None, help="1000 1001; with --filters 0 1")
    parser.add_argument("--filters", action="store_true", help="other filters than the one by default")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    written = filters(options.seeds or TUNING, options.workers) if options.filters else None
    sys.stdout.write((written or report(options.seeds or REPORT, options.workers)) + "\n")
