"""Films of the simulated street as the stage `pose` would give them, made from the truth without a model.

So many scenes at many frame rates cost little; the colours of clothes are those of the painted pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.core.records import Record, Stamp
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, I64
from pipeline.core.values import Poses
from pipeline.video.simulate import Simulation, Truth, parse_scene
from stages.pose.colour import clothes

FILMED_FPS = 30
PAINTED_FPS = 10
"""Clothes are looked at so often; painting every picture would take most of the time."""

TO_BE_SEEN = 0.3
"""Share of the main keypoints that must be visible for a person to be seen: head and shoulders above a car."""

PLAIN = 0.6
"""From this share on a person is as good as in plain sight."""

MISSED = 0.02
"""Share of sights that give no skeleton, at random: BlazePose loses people of the street that often."""

ERROR, SLOW_ERROR, SLOW_S = 0.007, 0.012, 0.3
"""Keypoint error in heights of the box: from frame to frame, and that of a model which errs alike for a while; the two
are the 0.015 to 0.02 body heights of docs/quality.md. Hidden keypoints are guessed with four times as much."""

WORLD_ERROR_M = 0.03
"""Error of world coordinates on each axis, metres: a third of that of the keypoints, for they are fitted to a body."""

BELIEVED = 0.3
"""Share of hidden keypoints that the model takes for visible."""

_START_US = 1_700_000_000_000_000
_SKELETON = SKELETONS["blazepose33"]
MAIN = _SKELETON.indices(
    "nose", *(f"{side}_{part}" for part in ("shoulder", "hip", "knee", "ankle") for side in ("left", "right"))
)


@dataclass(frozen=True, eq=False)
class Film:
    """A clip as the stage `pose` would give it, and who is who.

    Attributes:
        records: One a frame.
        rows: For each frame the (N,) persons of its poses.
        persons: For each frame the (M,) persons to be seen, those missed too.
        boxes: Their (M, 4) boxes.
        fps: Frames a second.
    """

    records: Sequence[Record[Poses]]
    rows: Sequence[I64]
    persons: Sequence[I64]
    boxes: Sequence[F32]
    fps: float


def film(url: str, fps: int = FILMED_FPS) -> Film:
    """A scene at a multiple of `PAINTED_FPS`."""
    spec = replace(parse_scene(url), fps=float(fps))
    scene = Simulation(spec)
    chance = np.random.default_rng([spec.seed, 17])
    slow = np.zeros((spec.people, len(_SKELETON), 5))
    worn = np.full((spec.people, 2, 6), np.nan, np.float32)
    records, rows, persons, boxes = [], [], [], []
    for k in range(spec.frames):
        truth = scene.truth(k)
        keep = np.exp(-1 / fps / SLOW_S)
        slow = keep * slow + np.sqrt(1 - keep**2) * chance.normal(size=slow.shape)
        share = truth.visible[:, MAIN].mean(axis=1)
        to_see = share >= TO_BE_SEEN
        missed = chance.random(spec.people)[truth.person] < MISSED
        believed = truth.visible | (chance.random(truth.visible.shape) < BELIEVED)
        score = np.where(believed, chance.uniform(0.6, 1.0, believed.shape), 0.1).astype(np.float32)
        keypoints, box = _measured(truth, slow[truth.person], chance, spec.width, spec.height)
        inside = ((keypoints >= 0) & (keypoints < (spec.width, spec.height))).all(axis=2)
        score[~inside] = 0
        if k % (fps // PAINTED_FPS) == 0 and to_see.any():
            picture = scene.picture(k)
            worn[truth.person] = clothes([picture] * len(truth), keypoints, score, _SKELETON)
        seen = np.flatnonzero(to_see & ~missed)
        seen = seen[chance.permutation(len(seen))]
        world = truth.world + WORLD_ERROR_M * (
            0.5 * chance.normal(size=truth.world.shape) + 0.87 * slow[truth.person, :, 2:]
        )
        sure = np.where(share >= PLAIN, 0.97, 0.55 + 0.5 * share)
        poses = Poses(
            skeleton=_SKELETON.name,
            width=spec.width,
            height=spec.height,
            xyxy=box[seen],
            score=sure[seen].astype(np.float32),
            keypoints=np.concatenate((keypoints, np.zeros((len(truth), 33, 1), np.float32)), axis=2)[seen],
            keypoint_score=score[seen],
            world=world[seen].astype(np.float32),
            colour=worn[truth.person[seen]],
        )
        at_us = _START_US + round(spec.time_s(k) * 1e6)
        records.append(Record(Stamp(0, "street", 1, 1, k, k, at_us, at_us, "file"), poses))
        rows.append(truth.person[seen])
        persons.append(truth.person[to_see])
        boxes.append(_box(truth.keypoints, spec.width, spec.height)[to_see])
    return Film(records, rows, persons, boxes, fps)


def _measured(truth: Truth, slow: F64, chance: np.random.Generator, width: int, height: int) -> tuple[F32, F32]:
    """(N, 33, 2) keypoints as a model gives them, and boxes around them."""
    tall = np.ptp(truth.keypoints[:, :, 1], axis=1)[:, None, None]
    error = ERROR * chance.normal(size=truth.keypoints.shape) + SLOW_ERROR * slow[:, :, :2]
    error *= np.where(truth.visible, 1.0, 4.0)[:, :, None] * tall
    keypoints = (truth.keypoints + error).astype(np.float32)
    return keypoints, _box(keypoints, width, height)


def _box(keypoints: F32, width: int, height: int) -> F32:
    """(N, 4) around the keypoints, ending at the frame, as the stage `pose` has it."""
    edge = np.array([width, height], np.float32)
    low, high = np.clip(keypoints.min(axis=1), 0, edge), np.clip(keypoints.max(axis=1), 0, edge)
    found: F32 = np.concatenate((low, high), axis=1)
    return found


def thinned(filmed: Film, fps: float, *, lost: float = 0.0, burst: int = 5, seed: int = 0) -> Film:
    """Every n-th frame of the film, and of these a share `lost` gone in bursts."""
    step = round(filmed.fps / fps)
    kept = np.arange(0, len(filmed.records), step)
    if lost:
        chance = np.random.default_rng(seed)
        # Each burst takes the place of so many frames that the mean share is right.
        gone = np.zeros(len(kept), np.bool_)
        at = 0
        while at < len(kept):
            at += int(chance.geometric(min(1.0, lost / (burst * (1 - lost)))))
            gone[at : at + burst] = True
            at += burst
        kept = kept[~gone]
    return Film(
        records=[filmed.records[i] for i in kept],
        rows=[filmed.rows[i] for i in kept],
        persons=[filmed.persons[i] for i in kept],
        boxes=[filmed.boxes[i] for i in kept],
        fps=filmed.fps / step,
    )


def without_colours(filmed: Film) -> Film:
    """The film as with `pose.colour` off."""
    records = [
        Record(r.stamp, replace(r.value, colour=np.empty((len(r.value), 0, 6), np.float32))) for r in filmed.records
    ]
    return replace(filmed, records=records)
