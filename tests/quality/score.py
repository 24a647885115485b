"""How what the stages made of a simulated scene compares with what is true of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, I64
from pipeline.core.values import Motions
from pipeline.video.simulate import SimulatedSource
from pipeline.video.simulate.scene import parse_scene
from pipeline.video.simulate.truth import Biography, Fall, Truth
from tests.quality.chain import START_US, Seen, chain

_INDEX = SKELETONS["blazepose33"].index
_HIPS = [_INDEX["left_hip"], _INDEX["right_hip"]]
_PARTS = [_INDEX[f"{side}_{part}"] for part in ("shoulder", "hip", "knee", "ankle") for side in ("left", "right")]
_PARTS.append(_INDEX["nose"])

SAME_PERSON = 0.2
"""Body heights between true and found hips up to which it is the same person: two people's are farther apart, but for
where one stands behind the other."""

TO_BE_FOUND = 0.5
"""Share of a person's main keypoints that must be visible for the person to count as one to be found."""

FOUND_WITHIN_S = 1.0
"""... for so long: what the sweep of the stage `detect` promises."""

FALL_WITHIN_S = 0.5
"""A fall is told rightly when it is said to begin this close to the time from loss of balance to impact."""


@dataclass
class Score:
    """One scene.

    Attributes:
        url: The scene.
        frames: How many.
        visible, found: Person-frames in which a person was to be found, and was.
        reported: Skeletons given out, all frames together.
        ghosts: Those that are on nobody.
        switches: How often a person's track id changed.
        error: Mean distance of the keypoints that are visible and were given out, share of body height.
        errors: The same by person-frame.
        repetitions, counted: True and told, by person.
        strangers: Repetitions told of nobody who is there.
        falls, falls_found: True ones, and those told as suspected at the right time.
        falls_confirmed: Those found that were also confirmed.
        falls_false: Falls told that were none.
        fall_delays_s: From the impact until it was told, of those found.
    """

    url: str
    frames: int = 0
    visible: int = 0
    found: int = 0
    reported: int = 0
    ghosts: int = 0
    switches: int = 0
    errors: list[float] = field(default_factory=list)
    repetitions: list[int] = field(default_factory=list)
    counted: list[int] = field(default_factory=list)
    strangers: int = 0
    falls: int = 0
    falls_found: int = 0
    falls_confirmed: int = 0
    falls_false: int = 0
    fall_delays_s: list[float] = field(default_factory=list)

    @property
    def recall(self) -> float:
        """Found of those to be found, [0, 1]."""
        return self.found / max(self.visible, 1)

    @property
    def precision(self) -> float:
        """On somebody of those given out, [0, 1]."""
        return 1.0 - self.ghosts / max(self.reported, 1)

    @property
    def error(self) -> float:
        """Mean over all person-frames."""
        return float(np.mean(self.errors)) if self.errors else float("nan")


def score_scene(url: str) -> Score:
    """Run a scene through the stages and compare."""
    source = SimulatedSource(parse_scene(url))
    return compare(source, list(_lean(chain(source))))


def compare(source: SimulatedSource, seen: Sequence[Seen]) -> Score:
    """Compare the frames of a scene with its truth."""
    biographies = source.scene.annotations()
    score = Score(source.spec.url, frames=len(seen))
    last_id: dict[int, int] = {}
    person_of: dict[int, int] = {}
    visible_since: dict[int, float] = {}
    told: list[tuple[int | None, str, float, float]] = []
    counted = dict.fromkeys(range(len(biographies)), 0)
    for frame in seen:
        truth = source.scene.truth(frame.seq)
        heights = _body_heights(truth, biographies)
        pairs = _pairs(truth, frame.motions, heights)
        for row, person in enumerate(truth.person.tolist()):
            if truth.visible[row, _PARTS].mean() < TO_BE_FOUND:
                visible_since.pop(person, None)
                continue
            since = visible_since.setdefault(person, frame.at_s)
            if frame.at_s - since >= FOUND_WITHIN_S:
                score.visible += 1
                score.found += row in pairs
        score.reported += len(frame.motions.track_id)
        score.ghosts += len(frame.motions.track_id) - len(pairs)
        for row, column in pairs.items():
            person, track_id = int(truth.person[row]), int(frame.motions.track_id[column])
            score.switches += last_id.get(person, track_id) != track_id
            last_id[person] = track_id
            person_of[track_id] = person
            error = _error(truth, row, frame.motions.poses.keypoints[column], float(heights[row]))
            if np.isfinite(error):
                score.errors.append(error)
        for event in frame.events:
            person_no = person_of.get(event.track_id or 0)
            if event.kind == "rep" and person_no is not None:
                counted[person_no] += 1
            elif event.kind == "rep":
                score.strangers += 1
            elif event.kind == "fall":
                told.append((person_no, event.label, (event.at_us - START_US) / 1e6, frame.at_s))
    score.repetitions = [len(biography.repetitions) for biography in biographies]
    score.counted = [counted[n] for n in range(len(biographies))]
    _compare_falls(score, biographies, told)
    return score


def _compare_falls(
    score: Score, biographies: Sequence[Biography], told: list[tuple[int | None, str, float, float]]
) -> None:
    def is_it(fall: Fall, at_s: float) -> bool:
        return fall.start_s - FALL_WITHIN_S <= at_s <= fall.impact_s + FALL_WITHIN_S

    for biography in biographies:
        for fall in biography.falls:
            score.falls += 1
            mine = [entry for entry in told if entry[0] == biography.person and is_it(fall, entry[2])]
            suspected = [entry for entry in mine if entry[1] == "suspected"]
            score.falls_found += bool(suspected)
            score.falls_confirmed += any(entry[1] == "confirmed" for entry in mine)
            score.fall_delays_s += [entry[3] - fall.impact_s for entry in suspected[:1]]
            told = [entry for entry in told if entry not in mine[:1] and not (entry in mine and entry[1] != "suspected")]
    score.falls_false = sum(label == "suspected" for _, label, _, _ in told)


def _body_heights(truth: Truth, biographies: Sequence[Biography]) -> F64:
    """(N,) standing height of each person in pixels: metres by the scale of the keypoints (weak perspective)."""
    flat = truth.keypoints - truth.keypoints.mean(axis=1, keepdims=True)
    metres = truth.world[:, :, :2] - truth.world[:, :, :2].mean(axis=1, keepdims=True)
    scale = np.sqrt((flat**2).sum(axis=(1, 2)) / np.maximum((metres**2).sum(axis=(1, 2)), 1e-6))
    result: F64 = scale * np.array([biographies[n].height_m for n in truth.person])
    return result


def _pairs(truth: Truth, motions: Motions, heights: F64) -> dict[int, int]:
    """Row of the truth to row of what was found, for those whose hips are near enough."""
    if not len(truth) or not len(motions.track_id):
        return {}
    wanted = truth.keypoints[:, _HIPS].mean(axis=1)
    have = _hips(motions.poses.keypoints)
    distance = np.hypot(*(wanted[:, None] - have[None]).transpose(2, 0, 1)) / heights[:, None]
    distance = np.where(np.isfinite(distance) & (distance <= SAME_PERSON), distance, 10.0)
    rows, columns = linear_sum_assignment(distance)
    return {int(r): int(c) for r, c in zip(rows, columns, strict=True) if distance[r, c] <= SAME_PERSON}


def _hips(keypoints: F32) -> F32:
    result: F32 = keypoints[:, _HIPS, :2].mean(axis=1)
    return result


def _error(truth: Truth, row: int, keypoints: F32, height: float) -> float:
    given: I64 = np.flatnonzero(truth.visible[row] & np.isfinite(keypoints[:, 0]))
    distance = np.linalg.norm(truth.keypoints[row, given] - keypoints[given, :2], axis=1)
    return float(distance.mean() / height) if len(given) else float("nan")


def _lean(frames: object) -> object:
    return frames
