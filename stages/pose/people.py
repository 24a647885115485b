"""Who in a frame is a person: each once, no limb taken for someone, nothing doubtful shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.core.boxes import area
from pipeline.core.keypoints import oks, seen
from pipeline.core.masks import any_of
from pipeline.core.regions import centre_distance, keep_distinct
from pipeline.core.skeletons import Skeleton
from pipeline.core.types import F32, F64, I64, Bool
from stages.pose.options import PoseOptions
from stages.pose.state import PoseState
from stages.pose.to_frame import InFrame

Scalar = TypeVar("Scalar", bound=np.generic)

SEEN_SCORE = 0.3
"""Keypoints with a lower score do not count when two skeletons are compared."""

AREA_OF_BOX = 0.53
"""A person's area as a share of the box around the keypoints, the usual stand-in where there is no outline (COCO)."""

SAME_HIPS = 0.2
"""Share of a region's side, which is about 1.25 body heights: the hips of two people are further apart."""

ONE_PLACE = 0.1
"""Share of a region's side, about 20 cm: the hips of two people come nearer only where one hides the other."""

TURNED = np.pi / 4
"""Radians between the ways up from the hips of one person and of the same one read wrongly."""

HEIGHT_OF_SIDE = 0.8
"""Body height as a share of a region's side."""

JITTER = 0.02
"""Mean distance in body heights by which the keypoints of a still person move from look to look. Measured on people of
real clips: 0.003 to 0.005 standing still, 0.012 at ten frames a second with what they sway."""

FASTEST = 6.0
"""Speed in body heights a second that people do not pass: a sprinter makes 10 m/s."""

LITHEST = 1.5
"""Mean speed in body heights a second that the keypoints of people do not pass beside the way that all of them go: in
aerobics, walking and landing from a jump 0.5 to 1.0 is common and few frames reach 1.5."""


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Who was seen in a frame.

    Attributes:
        rows: (P,) rows of the candidates that show a person, each person once.
        shown: (P,) whether that is certain enough to be given out.
        since_us: (P,) event time from which on it has been seen without a gap or a doubt.
    """

    rows: I64
    shown: Bool
    since_us: I64


def judge(
    state: PoseState,
    options: PoseOptions,
    skeleton: Skeleton,
    looked: tuple[F32, I64],
    found: InFrame,
    now_us: int,
) -> People:
    """Which of the candidates are people.

    Args:
        state: Before this frame.
        options: Settings.
        skeleton: Of the keypoints.
        looked: The regions and their numbers, as `candidates` gave them.
        found: What was found in them.
        now_us: Event time of the frame.
    """
    regions, numbers = looked
    least = np.where(numbers >= 0, options.min_score, options.min_new_score)
    passed = np.flatnonzero((found.score >= least) & found.valid)
    certainty = found.certainty[passed]
    same, within, is_part = _relations(options, skeleton, regions, found, passed)
    old = numbers[passed]
    lost = with_last(state.lost, 0)[old]
    ever_shown = with_last(state.shown, 0)[old] > 0
    was_shown = ever_shown & ~lost
    quality = found.score[passed] * certainty
    # Whoever is shown stays unless the other is much surer. Where someone lost is looked for stands another: the lost
    # one is still hidden. Parts come last, and go.
    rank = (quality + 0.3 * was_shown - 2.0 * lost - 10.0 * is_part).astype(np.float32)
    kept = np.sort(keep_distinct(same, rank))
    kept = kept[~is_part[kept]]

    # Whoever takes the place of a shown person is shown.
    shown: Bool = np.asarray((same[kept] & was_shown).any(axis=1) | ever_shown[kept])
    enclosed = np.zeros(len(kept), np.bool_)
    if any_of(within):
        side = regions[passed[kept], 2]
        enclosed = np.asarray(
            (within[np.ix_(kept, kept)] & (shown[None, :] | (side[None, :] > side[:, None]))).any(axis=1)
        )
    old, rows, quality = old[kept], passed[kept], quality[kept]
    doubtful: Bool = enclosed | ~shown
    if any_of(doubtful):
        doubtful &= ~_steady(state, old, found.keypoints[rows], now_us)
    unbroken = (old >= 0) & ~lost[kept] & ~doubtful
    since_us = np.where(unbroken, with_last(state.since_us, now_us)[old], now_us)
    alone = state.at_us == 0 or now_us - state.at_us > options.alone_s * 1e6
    seen_s = (now_us - since_us) / 1e6
    fair = quality >= options.fair_score
    shown = (
        (shown & ~doubtful)
        | (~enclosed & (quality >= options.sure_score) & (alone | (seen_s >= options.sure_s)))
        | (~enclosed & fair & (seen_s >= options.fair_s))
        | (fair & (seen_s >= options.probation_s))
    )
    return People(rows=rows, shown=shown, since_us=since_us)


def with_last(values: npt.NDArray[Scalar], last: int) -> npt.NDArray[Scalar]:
    """The (N,) values and one more: that of the number -1, which is nobody's."""
    both = np.empty(len(values) + 1, values.dtype)
    both[:-1] = values
    both[-1] = last
    return both


def _relations(
    options: PoseOptions, skeleton: Skeleton, regions: F32, found: InFrame, passed: I64
) -> tuple[Bool, Bool, Bool]:
    """(N, N) which of the `passed` are the same person, (N, N) which lie within which, (N,) which are a part of one."""
    if len(passed) < 2:
        return (
            np.ones((len(passed),) * 2, np.bool_),
            np.zeros((len(passed),) * 2, np.bool_),
            np.zeros(len(passed), bool),
        )
    certainty = found.certainty[passed]
    within: Bool = np.asarray(inside(found.xyxy[passed], options.margin) >= options.inside)
    smaller = regions[passed, None, 2] <= options.part_size * regions[None, passed, 2]
    weaker = certainty[:, None] <= options.part_score * certainty[None, :]
    same = similarity(skeleton, found.keypoints[passed], found.keypoint_score[passed]) >= options.same_person
    same |= _in_one_place(found.next_region[passed])
    np.fill_diagonal(same, True)
    return same, within, np.asarray((within & smaller & weaker).any(axis=1))


def similarity(skeleton: Skeleton, keypoints: F32, score: F32) -> F64:
    """(N, N) object keypoint similarity of the people of a frame (COCO keypoint evaluation); NaN: nothing to compare.

    The higher of the plain and the left-right mirrored similarity stands: the same person seen through two regions may
    be taken from the front once and from behind once.
    """
    points = np.where(seen(keypoints, score, SEEN_SCORE)[:, :, None], keypoints[:, :, :2], np.float32(np.nan))
    extent = np.ptp(keypoints[:, :, :2], axis=1).astype(np.float64)
    body = extent.prod(axis=1) * AREA_OF_BOX
    sigma = np.array(skeleton.oks_sigma)
    value = np.fmax(oks(points, points, body, sigma), oks(points, points[:, skeleton.mirrored], body, sigma))
    # What is far apart for the smaller of two people is far apart.
    result: F64 = np.minimum(value, value.T)
    return result


def _in_one_place(region: F32) -> Bool:
    """(N, N) which skeletons share the middle of the hips: one person, at times once read the wrong way round."""
    angle = region[:, None, 3] - region[None, :, 3]
    turned = np.cos(angle) < np.cos(TURNED)
    result: Bool = centre_distance(region, region) < np.where(turned, SAME_HIPS, ONE_PLACE)
    return result


def inside(xyxy: F32, margin: float) -> F64:
    """(N, N) share of box i that lies in box j, when that is made larger on each side by `margin` of its size."""
    grow = (xyxy[:, 2:] - xyxy[:, :2]) * np.float32(margin)
    low = np.maximum(xyxy[:, None, :2], (xyxy[:, :2] - grow)[None])
    high = np.minimum(xyxy[:, None, 2:], (xyxy[:, 2:] + grow)[None])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    share: F64 = shared / np.maximum(area(xyxy), 1e-6)[:, None]
    np.fill_diagonal(share, 0.0)
    return share


def _steady(state: PoseState, old: I64, keypoints: F32, now_us: int) -> Bool:
    """(P,) who moved and changed shape as people can since they were last seen; nobody who is new."""
    steady = np.zeros(len(old), dtype=np.bool_)
    known = old >= 0
    if known.any():
        before = old[known]
        dt_s = (now_us - state.seen_us[before]) / 1e6
        moved = (keypoints[known, :, :2] - state.keypoints[before]) / (
            state.region[before, 2, None, None] * np.float32(HEIGHT_OF_SIDE)
        )
        way = moved.mean(axis=1)
        bent = np.sqrt(((moved - way[:, None]) ** 2).sum(axis=2)).mean(axis=1)
        steady[known] = (np.hypot(*way.T) <= JITTER + FASTEST * dt_s) & (bent <= JITTER + LITHEST * dt_s)
    return steady
