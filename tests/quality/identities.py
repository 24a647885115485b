"""How well identities are kept: people of the simulated street, who cross, are hidden and come back, against the truth.

IDF1 and HOTA are counted by the library `trackers`; its ByteTrack gets the same boxes and scores, of the same films.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
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

from pipeline.core.types import F32, I64
from stages.track import TrackOptions, TrackStage
from tests.quality.films import Film, film, thinned, without_colours

RETURN_S = 3.0
"""Out of sight for longer than this is a return, up to `LONGEST_S`."""

LONGEST_S = 60.0

Identities = Sequence[tuple[F32, I64]]
"""For each frame the (N, 4) boxes and (N,) numbers that were given out."""


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

AT_ONCE = ("30 fps", "10 fps", "5 fps")
"""Conditions in which it is tried too what it costs to look at newcomers before they get a number."""


def scene_of(seed: int) -> str:
    """The street of a seed: three to six people, in every fifth one all in the same clothes."""
    return f"sim://street?people={(3, 5, 4, 6)[seed % 4]}&seed={seed}&seconds=40&alike={int(seed % 5 == 4)}"


def compared(seed: int) -> dict[tuple[str, str], tuple[Kept, Kept]]:
    """By condition and tracker: with returns, and by visits."""
    filmed = film(scene_of(seed))
    found = {}
    for name, change in CONDITIONS.items():
        changed = change(filmed)
        given = {"posebus": ours(changed), "ByteTrack": bytetrack(changed)}
        if name in AT_ONCE:
            given["posebus, `recall_s: 0`"] = ours(changed, TrackOptions(recall_s=0))
        for tracker, identities in given.items():
            found[name, tracker] = kept(changed, identities), kept(changed, identities, visits=True)
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
