"""How well identities are kept: people of the simulated street, who cross, are hidden and come back, against the truth.

What a pose model would give is made from the truth (`film`), so that many scenes at many frame rates cost little; the
colours of clothes are those of the painted pictures. IDF1 and HOTA are counted by the library `trackers`, and its
ByteTrack gets the same boxes and scores.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import supervision
from trackers import ByteTrackTracker
from trackers.eval import (
    aggregate_hota_metrics,
    aggregate_identity_metrics,
    box_iou,
    compute_hota_metrics,
    compute_identity_metrics,
)

from pipeline.core.records import Record, Stamp
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, I64
from pipeline.core.values import Poses
from pipeline.video.simulate import Simulation, Truth, parse_scene
from stages.pose.colour import clothes
from stages.track import TrackOptions, TrackStage

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

RETURN_S = 3.0
"""Out of sight for longer than this is a return, up to `LONGEST_S`."""

LONGEST_S = 60.0

_START_US = 1_700_000_000_000_000
_SKELETON = SKELETONS["blazepose33"]
_MAIN = _SKELETON.indices(
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


Identities = Sequence[tuple[F32, I64]]
"""For each frame the (N, 4) boxes and (N,) numbers that were given out."""


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
        share = truth.visible[:, _MAIN].mean(axis=1)
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


def ours(filmed: Film, options: TrackOptions | None = None) -> Identities:
    """What the stage `track` gives out."""
    stage = TrackStage(options)
    state = stage.initial_state("street")
    given = []
    for record in filmed.records:
        state, (tracks,) = stage.step(state, record)
        given.append((tracks.poses.xyxy, tracks.track_id))
    return given


def bytetrack(filmed: Film) -> Identities:
    """What the ByteTrack of the library gives out, told the frame rate, with a buffer as long as our `lost_s`."""
    tracker = ByteTrackTracker(frame_rate=filmed.fps, lost_track_buffer=round(30 * TrackOptions().lost_s))
    given = []
    for record in filmed.records:
        poses = record.value
        found = tracker.update(supervision.Detections(xyxy=poses.xyxy.astype(np.float64), confidence=poses.score))
        numbered = np.asarray(found.tracker_id, np.int64) >= 0
        given.append((found.xyxy[numbered].astype(np.float32), np.asarray(found.tracker_id, np.int64)[numbered]))
    return given


@dataclass(frozen=True)
class Kept:
    """One clip, or many together.

    Attributes:
        identity, hota: What the library counted.
        returns: Who came back after more than `RETURN_S`.
        known: Those of them who got their old number.
        wrong: Visits that begin with the number of somebody else.
        mixed: Visits in which someone has the number of somebody else for a while.
        visits: All visits, the first ones too.
    """

    identity: Any
    hota: Any
    returns: int
    known: int
    wrong: int
    mixed: int
    visits: int

    @property
    def idf1(self) -> float:
        """Per cent."""
        return 100 * float(self.identity["IDF1"])

    @property
    def hota_percent(self) -> float:
        """Per cent."""
        return 100 * float(self.hota["HOTA"])

    def __str__(self) -> str:
        return (
            f"IDF1 {self.idf1:.1f} HOTA {self.hota_percent:.1f} known {self.known} of {self.returns} "
            f"wrong {self.wrong} mixed {self.mixed} of {self.visits}"
        )


def kept(filmed: Film, given: Identities, *, visits: bool = False) -> Kept:
    """Compare with the truth; a box is a person's from an overlap of half on.

    With `visits` who comes back after more than `RETURN_S` is a new person, for the truth as for the numbers: that is
    how well identities are kept through crossings and behind things, and no more.
    """
    times = [record.stamp.captured_at_us / 1e6 for record in filmed.records]
    longest = RETURN_S if visits else np.inf
    truth, tracked = _counted(filmed.persons, times, longest), _counted([ids for _, ids in given], times, longest)
    alike = [
        box_iou(true.astype(np.float64), boxes.astype(np.float64), box_format="xyxy").reshape(len(true), len(boxes))
        for true, (boxes, _) in zip(filmed.boxes, given, strict=True)
    ]
    return Kept(
        compute_identity_metrics(truth, tracked, alike),
        compute_hota_metrics(truth, tracked, alike),
        *_returns(filmed, given),
    )


def _counted(ids: Sequence[I64], times: Sequence[float], longest_s: float) -> list[I64]:
    """The numbers of each frame counted from 0; one that was away for longer than that counts anew."""
    latest: dict[int, tuple[int, float]] = {}
    counted, count = [], 0
    for frame, now_s in zip(ids, times, strict=True):
        for number in frame.tolist():
            if number not in latest or now_s - latest[number][1] > longest_s:
                latest[number], count = (count, now_s), count + 1
            latest[number] = (latest[number][0], now_s)
        counted.append(np.array([latest[number][0] for number in frame.tolist()], dtype=np.int64))
    return counted


def pooled(clips: Sequence[Kept]) -> Kept:
    """All clips together."""
    return Kept(
        aggregate_identity_metrics([clip.identity for clip in clips]),
        aggregate_hota_metrics([clip.hota for clip in clips]),
        *(sum(getattr(clip, name) for clip in clips) for name in ("returns", "known", "wrong", "mixed", "visits")),
    )


def _returns(filmed: Film, given: Identities) -> tuple[int, int, int, int, int]:
    """The last five fields of `Kept`."""
    sights: dict[int, list[tuple[float, int]]] = {}
    for record, persons, (boxes, ids) in zip(filmed.records, filmed.rows, given, strict=True):
        person_of = {box.tobytes(): int(p) for box, p in zip(record.value.xyxy, persons, strict=True)}
        for box, number in zip(boxes, ids.tolist(), strict=True):
            sights.setdefault(person_of[box.tobytes()], []).append((record.stamp.captured_at_us / 1e6, number))
    owner: dict[int, int] = {}
    returns = known = wrong = mixed = 0
    visits = sorted((visit[0][0], person, visit) for person, seen in sights.items() for visit in _visits(seen))
    left_s: dict[int, float] = {}
    for begin_s, person, visit in visits:
        mine = {number for number, who in owner.items() if who == person}
        got = {number for _, number in visit}
        back = person in left_s and begin_s - left_s[person] <= LONGEST_S
        returns += back
        known += back and visit[0][1] in mine
        wrong += owner.get(visit[0][1], person) != person
        mixed += any(owner.setdefault(number, person) != person for number in sorted(got))
        left_s[person] = visit[-1][0]
    return returns, known, wrong, mixed, len(visits)


def _visits(seen: list[tuple[float, int]]) -> Iterator[list[tuple[float, int]]]:
    visit = seen[:1]
    for sight in seen[1:]:
        if sight[0] - visit[-1][0] > RETURN_S:
            yield visit
            visit = []
        visit.append(sight)
    yield visit


CONDITIONS: dict[str, Callable[[Film], Film]] = {
    "30 fps": lambda filmed: thinned(filmed, 30),
    "10 fps": lambda filmed: thinned(filmed, 10),
    "5 fps": lambda filmed: thinned(filmed, 5),
    "30 fps, 30 % lost in bursts of 5": lambda filmed: thinned(filmed, 30, lost=0.3),
    "10 fps, 30 % lost in bursts of 5": lambda filmed: thinned(filmed, 10, lost=0.3),
    "10 fps, no colours": lambda filmed: without_colours(thinned(filmed, 10)),
}


def scene_of(seed: int) -> str:
    """The street of a seed: three to six people, in every fifth one all in the same clothes."""
    return f"sim://street?people={(3, 5, 4, 6)[seed % 4]}&seed={seed}&seconds=40&alike={int(seed % 5 == 4)}"


def compared(seed: int) -> dict[tuple[str, str], tuple[Kept, Kept]]:
    """By condition and tracker: with returns, and by visits."""
    filmed = film(scene_of(seed))
    found = {}
    for name, change in CONDITIONS.items():
        changed = change(filmed)
        for tracker, given in (("posebus", ours(changed)), ("ByteTrack", bytetrack(changed))):
            found[name, tracker] = kept(changed, given), kept(changed, given, visits=True)
    return found


def report(seeds: int, workers: int) -> str:
    """The tables of the first `seeds` seeds of both ranges."""
    lines = []
    with ProcessPoolExecutor(workers) as pool:
        for first in (0, 1000):
            scenes = list(pool.map(compared, range(first, first + seeds)))
            lines += [
                f"Seeds {first} to {first + seeds - 1}:\n",
                "| frames | tracker | IDF1 | HOTA | IDF1 with returns | HOTA with returns | known again "
                "| wrong number at the start | mixed | visits |",
                "|--|--|--|--|--|--|--|--|--|--|",
            ]
            for name, tracker in scenes[0]:
                whole, visits = (pooled([scene[name, tracker][i] for scene in scenes]) for i in (0, 1))
                lines.append(
                    f"| {name} | {tracker} | {visits.idf1:.1f} | {visits.hota_percent:.1f} | {whole.idf1:.1f} "
                    f"| {whole.hota_percent:.1f} | {whole.known} of {whole.returns} | {whole.wrong} | {whole.mixed} "
                    f"| {whole.visits} |"
                )
            lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Print them."""
    parser = ArgumentParser(prog="python -m tests.quality.identities", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    sys.stdout.write(report(options.seeds, options.workers))


if __name__ == "__main__":
    main()
