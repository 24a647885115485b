"""Repetitions and their form: keypoint scripts with a model's noise, compared with the truth and with exact keypoints.

`python -m tests.quality.exercises` prints the tables of docs/quality.md. A fault is false when the same repetition has
none with exact keypoints, and missed the other way round.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from pipeline.core.values import Event
from pipeline.video.simulate.measured import MEASURED
from pipeline.video.simulate.noise import Noise
from pipeline.video.simulate.parameters import EXERCISES
from stages.analyze.sets import FAULT
from tests.quality.chain import START_US
from tests.quality.scripted import annotations, cut_off_s, tell

TUNING, REPORT = range(100), range(1000, 1100)
FPS = 15.0
SET_PAUSE_S = 6.0
"""A longer pause between true repetitions parts two sets."""

_NEAR_S = 0.8
"""A repetition that is told is the true one whose deepest moment lies between its beginning and its end, or so near."""


@dataclass(frozen=True)
class Script:
    """One person who does one exercise."""

    exercise: str
    seed: int
    seconds: float = 40.0

    @property
    def scene(self) -> str:
        """Its address."""
        return f"sim://gym?people=1&exercise={self.exercise}&seed={self.seed}&seconds={self.seconds:g}"


@dataclass
class Form:
    """What came of some scripts.

    Attributes:
        true, counted, others: Repetitions: true ones, told of this exercise, told of another one.
        sets, exact: Sets, and those with as many repetitions as were done.
        judged: Repetitions that were told with noise and with exact keypoints.
        false, missed: By fault: of these repetitions, those with a fault in the one or only in the other.
    """

    true: int = 0
    counted: int = 0
    others: int = 0
    sets: int = 0
    exact: int = 0
    judged: int = 0
    false: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)


def judge(script: Script, noise: Noise = MEASURED) -> Form:
    """Run a script, with noise and without, and compare."""
    last_s = cut_off_s(script.scene)
    told = [each for each in _repetitions(script, noise) if _middle_s(each) < last_s]
    exact = _repetitions(script, Noise())
    mine = [each for each in told if each.label == script.exercise]
    deepest = [each.deepest_s for each in annotations(script.scene)[0].repetitions]
    form = Form(true=len(deepest), counted=len(mine), others=len(told) - len(mine))
    for first, last in _sets(deepest):
        form.sets += 1
        number = sum(first - 2.0 <= _middle_s(each) <= last + 2.0 for each in mine)
        form.exact += number == sum(first <= at <= last for at in deepest)
    for at in deepest:
        seen, known = (_around(at, each) for each in (mine, [e for e in exact if e.label == script.exercise]))
        if seen is None or known is None:
            continue
        form.judged += 1
        form.false.update(_faults(seen) - _faults(known))
        form.missed.update(_faults(known) - _faults(seen))
    return form


def _repetitions(script: Script, noise: Noise) -> list[Event]:
    return [event for _, event in tell(script.scene, FPS, noise, script.seed).events if event.kind == "rep"]


def _sets(deepest: Sequence[float]) -> Iterable[tuple[float, float]]:
    """The first and the last deepest moment of each set."""
    starts = [i for i, at in enumerate(deepest) if i == 0 or at - deepest[i - 1] > SET_PAUSE_S]
    for start, end in zip(starts, [*starts[1:], len(deepest)], strict=True):
        yield deepest[start], deepest[end - 1]


def _span_s(event: Event) -> tuple[float, float]:
    return (event.at_us - START_US) / 1e6, ((event.end_us or event.at_us) - START_US) / 1e6


def _middle_s(event: Event) -> float:
    return sum(_span_s(event)) / 2.0


def _around(at_s: float, events: Iterable[Event]) -> Event | None:
    near = [each for each in events if _span_s(each)[0] - _NEAR_S <= at_s <= _span_s(each)[1] + _NEAR_S]
    return min(near, key=lambda each: abs(_middle_s(each) - at_s), default=None)


def _faults(event: Event) -> set[str]:
    return {name.removeprefix(FAULT) for name in event.evidence if name.startswith(FAULT)}


def total(forms: Iterable[Form]) -> Form:
    """All of them together."""
    whole = Form()
    for one in forms:
        for name in ("true", "counted", "others", "sets", "exact", "judged"):
            setattr(whole, name, getattr(whole, name) + getattr(one, name))
        whole.false += one.false
        whole.missed += one.missed
    return whole


def report(seeds: int, workers: int) -> str:
    """The tables, with so many seeds of the tuning and of the report, spread over them."""
    columns = [list(each)[:: max(1, len(each) // seeds)][:seeds] for each in (TUNING, REPORT)]
    scripts = [Script(name, seed) for name in EXERCISES for column in columns for seed in column]
    with ProcessPoolExecutor(workers) as pool:
        forms = dict(zip(scripts, pool.map(judge, scripts, chunksize=2), strict=True))
    lines = []
    for title, column in zip(("0 to 99", "1000 to 1099"), columns, strict=True):
        lines += [
            f"Seeds {title}, {seeds} of them:",
            "",
            "| exercise | repetitions: true, counted, as another exercise | sets exact | false faults, of repetitions"
            " | faults missed |",
            "|--|--|--|--|--|",
        ]
        for name in ("all", *EXERCISES):
            one = total(
                form for script, form in forms.items() if script.seed in column and name in ("all", script.exercise)
            )
            lines.append(_row(name, one))
        lines.append("")
    return "\n".join(lines)


def _row(name: str, one: Form) -> str:
    def shares(faults: Counter[str]) -> str:
        named = [f"{fault} {100 * n / max(one.judged, 1):.0f} %" for fault, n in faults.most_common()]
        return ", ".join(named) or "none"

    sets = f"{one.exact} of {one.sets} ({100 * one.exact / max(one.sets, 1):.0f} %)"
    faults = ("", "") if name == "all" else (shares(one.false), shares(one.missed))
    return f"| {name} | {one.true}, {one.counted}, {one.others} | {sets} | {faults[0]} | {faults[1]} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.quality.exercises")
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    sys.stdout.write(report(options.seeds, options.workers) + "\n")
