"""Falls and what looks like them: keypoint scripts with a model's noise, compared with what truly happened.

`python -m tests.quality.falls` prints the tables of docs/quality.md; `--hours` are those of look-alikes.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.video.simulate.measured import MEASURED
from pipeline.video.simulate.noise import Noise
from tests.quality.scripted import annotations, tell

FALLS = ("fall-forward", "fall-backward", "fall-left", "fall-right")
LOOK_ALIKES = ("walk", "sit", "bend", "tie-shoes", "kneel", "lie", "daily")

NOISES: dict[str, Noise] = {
    "as the model": MEASURED,
    "1.5 times": MEASURED.scaled(1.5),
    "10 % hidden": replace(MEASURED, dropout=0.1),
}
"""Errors as measured on the bundled model, larger ones, and one keypoint in ten not seen."""

RATES = (10, 15, 30)
SEEDS = range(1000, 1002)
EARLY_S, LATE_S = 1.0, 3.0
"""An event belongs to a fall when it is told from so long before the impact to so long after it."""


@dataclass
class Count:
    """What came of some scripts.

    Attributes:
        true, suspected, confirmed, alerted: Falls, and how many were told so.
        false: Falls told as suspected that were none, and of them
        false_alarms: those that were confirmed.
        delay_s: From the impact to the incident, of each alerted fall.
        hours: Of script.
    """

    true: int = 0
    suspected: int = 0
    confirmed: int = 0
    alerted: int = 0
    false: int = 0
    false_alarms: int = 0
    delay_s: list[float] = field(default_factory=list)
    hours: float = 0.0


@dataclass(frozen=True)
class Script:
    """One script: the scene's act, its seed, the visitors that may stand before the patient, and how it is seen."""

    act: str
    seed: int
    people: int
    fps: float
    noise: str
    seconds: float = 60.0

    @property
    def scene(self) -> str:
        """Its address."""
        return f"sim://ward?act={self.act}&people={self.people}&seed={self.seed}&seconds={self.seconds:g}"


def judge(script: Script) -> Count:
    """Run a script and compare it with the truth."""
    told = tell(script.scene, script.fps, NOISES[script.noise], script.seed)
    impacts = [
        fall.impact_s
        for person in annotations(script.scene)
        for fall in person.falls
        if fall.label == "fall" and fall.impact_s <= script.seconds - LATE_S - 1
    ]
    result = Count(true=len(impacts), hours=script.seconds / 3600)
    suspected = [at for at, event in told.events if (event.kind, event.label) == ("fall", "suspected")]
    confirmed = [at for at, event in told.events if (event.kind, event.label) == ("fall", "confirmed")]
    opened = [at for at, step in told.transitions if (step.rule, step.state) == ("fall", "new")]
    for impact in impacts:
        result.suspected += any(impact - EARLY_S <= at <= impact + LATE_S for at in suspected)
        result.confirmed += any(impact <= at <= impact + LATE_S + 3 for at in confirmed)
        delay = [at - impact for at in opened if impact - EARLY_S <= at <= impact + LATE_S]
        result.alerted += bool(delay)
        result.delay_s += delay[:1]
    # The last moments may hold a fall whose end is not seen.
    last = script.seconds - LATE_S - 1
    result.false = sum(at <= last and not _near(at, impacts, LATE_S) for at in suspected)
    result.false_alarms = sum(at <= last and not _near(at, impacts, LATE_S + 3) for at in confirmed)
    return result


def _near(at: float, impacts: Iterable[float], late_s: float) -> bool:
    return any(impact - EARLY_S <= at <= impact + late_s for impact in impacts)


def total(counts: Iterable[Count]) -> Count:
    """All of them together."""
    whole = Count()
    for one in counts:
        for name in ("true", "suspected", "confirmed", "alerted", "false", "false_alarms", "delay_s", "hours"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
    return whole


def fall_scripts(seeds: Iterable[int] = SEEDS) -> list[Script]:
    """Every direction, seed, rate and noise, alone and with two visitors."""
    return [
        Script(act, seed, people, fps, noise)
        for act in FALLS
        for seed in seeds
        for people in (1, 3)
        for fps in RATES
        for noise in NOISES
    ]


def look_alike_scripts(hours: float) -> list[Script]:
    """So many hours of all that is no fall, 10 frames a second, the seeds going on from 1000."""
    seconds = 600.0
    count = max(1, round(hours * 3600 / seconds / len(LOOK_ALIKES)))
    return [
        Script(act, 1000 + seed, 1 + seed % 3, 10, tuple(NOISES)[seed % len(NOISES)], seconds)
        for act in LOOK_ALIKES
        for seed in range(count)
    ]


def report(hours: float, workers: int) -> str:
    """The tables."""
    falls, others = fall_scripts(), look_alike_scripts(hours)
    with ProcessPoolExecutor(workers) as pool:
        fallen = list(pool.map(judge, falls, chunksize=4))
        quiet = list(pool.map(judge, others))
    lines = [
        "| falls | true | suspected | confirmed | alert | impact to alert: median, 95 %, latest |",
        "|--|--|--|--|--|--|",
    ]
    rows = {"all": [True] * len(falls)}
    rows |= {act: [script.act == act for script in falls] for act in FALLS}
    rows |= {f"{fps} frames/s": [script.fps == fps for script in falls] for fps in RATES}
    rows |= {f"noise: {noise}": [script.noise == noise for script in falls] for noise in NOISES}
    rows |= {"with two visitors": [script.people == 3 for script in falls]}
    for name, mask in rows.items():
        one = total(count for count, chosen in zip(fallen, mask, strict=True) if chosen)
        lines.append(_fall_row(name, one))
    lines += ["", "| no falls | hours | suspected | false alarms |", "|--|--|--|--|"]
    for act in ("all", *LOOK_ALIKES):
        one = total(count for count, script in zip(quiet, others, strict=True) if act in ("all", script.act))
        lines.append(f"| {act} | {one.hours:.1f} | {one.false} | {one.false_alarms} |")
    return "\n".join(lines)


def _fall_row(name: str, one: Count) -> str:
    def share(n: int) -> str:
        return f"{100 * n / max(one.true, 1):.1f} %"

    late = np.array(one.delay_s or [np.nan])
    times = ", ".join(f"{value:.1f}" for value in (*np.quantile(late, (0.5, 0.95)), late.max()))
    told = " | ".join(share(n) for n in (one.suspected, one.confirmed, one.alerted))
    return f"| {name} | {one.true} | {told} | {times} s |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.quality.falls")
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    sys.stdout.write(report(options.hours, options.workers) + "\n")
