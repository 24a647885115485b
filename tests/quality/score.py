"""How what the stages made of a simulated scene compares with what is true of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64
from pipeline.core.values import Event, Motions
from pipeline.video.simulate import SimulatedSource
from pipeline.video.simulate.scene import parse_scene
from pipeline.video.simulate.simulation import Simulation
from pipeline.video.simulate.truth import Fall, Truth
from tests.quality.chain import START_US, Seen, chain
from tests.quality.films import MAIN

SAME_PERSON = 0.2
"""Body heights between true and found hips up to which it is the same person: the width of two people's hips."""

TO_BE_FOUND = 0.8
"""Share of a person's main keypoints (nose, shoulders, hips, knees, ankles) that must be visible for the person to
count as one to be found: a leg may be hidden, not half of the body."""

FOUND_WITHIN_S = 1.0
"""... for so long: what the sweep of the stage `detect` promises."""

FALL_WITHIN_S = 0.5
"""A fall is told rightly when it is said to begin this close to the time from loss of balance to impact."""

CONFIRMED_WITHIN_S = 3.5
"""... and is confirmed: the 2.5 s on the floor that the stage `analyze` waits for, and one."""

_SKELETON = SKELETONS["blazepose33"]
_HIPS = _SKELETON.indices("left_hip", "right_hip")


@dataclass
class Score:
    """One scene.

    Attributes:
        url: The scene.
        visible, found: Person-frames in which a person was to be found, and was.
        given, ghosts: Skeletons given out in all frames together, and those of them that are on nobody.
        switches: How often a person's track id changed.
        errors: Mean distance of the keypoints that are visible and were given out, share of body height, by
            person-frame.
        mirrored: Person-frames in which left and right are taken for each other; their error counts like all others.
        repetitions, counted, extra: True ones, those of them that were told once, and told ones that were none.
        falls, falls_found, falls_false: True ones, those of them told as suspected and confirmed at the right time, and
            told ones that were none.
        delays_s: From the impact of the falls found until they were told.
    """

    url: str
    visible: int = 0
    found: int = 0
    given: int = 0
    ghosts: int = 0
    switches: int = 0
    errors: list[float] = field(default_factory=list)
    mirrored: int = 0
    repetitions: int = 0
    counted: int = 0
    extra: int = 0
    falls: int = 0
    falls_found: int = 0
    falls_false: int = 0
    delays_s: list[float] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Found of those to be found, [0, 1]."""
        return self.found / max(self.visible, 1)

    @property
    def precision(self) -> float:
        """On somebody of those given out, [0, 1]."""
        return 1.0 - self.ghosts / max(self.given, 1)

    @property
    def error(self) -> float:
        """Mean over all person-frames, share of body height."""
        return float(np.mean(self.errors)) if self.errors else float("nan")


class Told(NamedTuple):
    """An event of a person of the scene, seconds of the clip.

    Attributes:
        person: Number in the scene; None for a track that was on nobody.
        at_s, end_s: When it began and ended.
        told_s: When it was told.
    """

    person: int | None
    event: Event
    at_s: float
    end_s: float
    told_s: float


def score_scene(url: str) -> Score:
    """Run a scene through the stages and compare."""
    source = SimulatedSource(parse_scene(url))
    return compare(source, chain(source))


def compare(source: SimulatedSource, frames: Iterable[Seen]) -> Score:
    """Compare the frames of a scene with its truth."""
    scene, score = source.scene, Score(source.spec.url)
    track_of: dict[int, int] = {}
    person_of: dict[int, int] = {}
    visible_since: dict[int, float] = {}
    told: list[Told] = []
    last_s = 0.0
    for frame in frames:
        truth, last_s = scene.truth(frame.seq), frame.at_s
        heights = _body_heights(truth, scene)
        pairs = _pairs(truth, frame.motions, heights)
        _count_found(score, truth, pairs, visible_since, frame.at_s)
        score.given += len(frame.motions.track_id)
        score.ghosts += len(frame.motions.track_id) - len(pairs)
        for row, column in pairs.items():
            person, track_id = int(truth.person[row]), int(frame.motions.track_id[column])
            score.switches += track_of.get(person, track_id) != track_id
            track_of[person], person_of[track_id] = track_id, person
            _measure(score, truth, row, frame.motions.poses.keypoints[column], float(heights[row]))
        for event in frame.events:
            end_us = event.at_us if event.end_us is None else event.end_us
            times = ((event.at_us - START_US) / 1e6, (end_us - START_US) / 1e6, frame.at_s)
            told.append(Told(person_of.get(event.track_id or 0), event, *times))
    _compare_repetitions(score, scene, [t for t in told if t.event.kind == "rep"], last_s)
    _compare_falls(score, scene, [t for t in told if t.event.kind == "fall"], last_s)
    return score


def _count_found(
    score: Score, truth: Truth, pairs: dict[int, int], visible_since: dict[int, float], now_s: float
) -> None:
    visible = truth.visible[:, MAIN].mean(axis=1) >= TO_BE_FOUND
    seen = {int(person): row for row, person in enumerate(truth.person) if visible[row]}
    for person in visible_since.keys() - seen.keys():
        del visible_since[person]
    for person, row in seen.items():
        if now_s - visible_since.setdefault(person, now_s) >= FOUND_WITHIN_S:
            score.visible += 1
            score.found += row in pairs


def _measure(score: Score, truth: Truth, row: int, keypoints: F32, height: float) -> None:
    straight, mirrored = (
        np.linalg.norm(truth.keypoints[row] - found[:, :2], axis=1)[truth.visible[row]]
        for found in (keypoints, keypoints[_SKELETON.mirrored])
    )
    if np.isfinite(straight).any():
        score.errors.append(float(np.nanmean(straight)) / height)
        score.mirrored += bool(np.nanmean(mirrored) < 0.5 * np.nanmean(straight))


def _compare_repetitions(score: Score, scene: Simulation, told: list[Told], last_s: float) -> None:
    """A repetition is told when the middle of what was told lies in it. One that the clip's end cuts may be told."""
    for person, actor in enumerate(scene.actors):
        for repetition in actor.script.repetitions:
            mine = [
                t
                for t in told
                if t.person == person and repetition.start_s <= (t.at_s + t.end_s) / 2 <= repetition.end_s
            ]
            told = [t for t in told if t not in mine]
            score.extra += max(len(mine) - 1, 0)
            if repetition.end_s <= last_s:
                score.repetitions += 1
                score.counted += bool(mine)
    score.extra += len(told)


def _compare_falls(score: Score, scene: Simulation, told: list[Told], last_s: float) -> None:
    for person, actor in enumerate(scene.actors):
        for fall in actor.script.falls:
            mine = [t for t in told if t.person == person and _is(fall, t)]
            told = [t for t in told if t not in mine]
            if fall.impact_s > last_s:
                continue
            score.falls += 1
            labels = [t.event.label for t in mine]
            steps = ["suspected", "confirmed"] if last_s - fall.impact_s >= CONFIRMED_WITHIN_S else ["suspected"]
            score.falls_found += labels[: len(steps)] == steps
            score.falls_false += max(labels.count("suspected") - 1, 0)
            score.delays_s += [t.told_s - fall.impact_s for t in mine[:1]]
    score.falls_false += sum(t.event.label == "suspected" for t in told)


def _is(fall: Fall, told: Told) -> bool:
    return fall.start_s - FALL_WITHIN_S <= told.at_s <= fall.impact_s + FALL_WITHIN_S


def _body_heights(truth: Truth, scene: Simulation) -> F64:
    """(N,) standing height of each person in pixels: metres by the scale of the keypoints (weak perspective)."""
    flat = truth.keypoints - truth.keypoints.mean(axis=1, keepdims=True)
    metres = truth.world[:, :, :2] - truth.world[:, :, :2].mean(axis=1, keepdims=True)
    scale = np.sqrt((flat**2).sum(axis=(1, 2)) / np.maximum((metres**2).sum(axis=(1, 2)), 1e-6))
    result: F64 = scale * np.array([scene.actors[n].body.height_m for n in truth.person])
    return result


def _pairs(truth: Truth, motions: Motions, heights: F64) -> dict[int, int]:
    """Row of the truth to row of what was found, for those whose hips are near enough."""
    if not len(truth) or not len(motions.track_id):
        return {}
    wanted = truth.keypoints[:, _HIPS].mean(axis=1)
    have = motions.poses.keypoints[:, _HIPS, :2].mean(axis=1)
    distance = np.linalg.norm(wanted[:, None] - have[None], axis=2) / heights[:, None]
    near = np.isfinite(distance) & (distance <= SAME_PERSON)
    rows, columns = linear_sum_assignment(np.where(near, distance, 10.0))
    return {int(row): int(column) for row, column in zip(rows, columns, strict=True) if near[row, column]}
