"""What a person looks like: the colours of the clothes and the proportions of the limbs, one row of numbers each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.core.keypoints import bone_lengths
from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F32, F64, I64, Bool
from pipeline.core.values import Poses

COLOURS = 12
"""Of `Poses.colour`: upper body and legs, mean and spread of L*, a*, b*."""

LIMBS = 6
"""Logarithms of thigh, shank, upper arm, forearm, shoulder and hip breadth over the trunk: no scale, metres or not."""

LOOKS = COLOURS + LIMBS

SEEN_SCORE = 0.5
"""Keypoints with a lower score are guessed, and limbs between them not measured."""

MOST_SIGHTS = 25
"""Older sights than so many fade: with ten a second they are of the last seconds, as light changes."""

MOST_AGAINST = 4.0
"""A number that speaks against a person with more than this, a likelihood of 1 to 55, is more likely a wrong one."""

FULL_RATIO = 4.0
"""Logarithm of a likelihood ratio, 1 to 55, that counts about as full evidence for or against a match."""

_WITHIN = np.array([6.0, 3.7, 3.7, 2.0, 2.6, 2.6, 5.4, 5.0, 3.7, 2.8, 2.5, 2.5, 0.09, 0.09, 0.07, 0.115, 0.11, 0.21])
_BETWEEN = np.array([16.0, 27.0, 30.0, 3.4, 8.4, 6.7, 12.0, 10.0, 9.5, 3.2, 1.5, 2.4, 0.026, 0.039, 0.02, 0, 0.07, 0])
"""Standard deviations of how the first three sights of a visit differ from an earlier visit of the same person, and
what comes on top where it is another person. From 90 visits to the simulated streets (`sim://street`) of the seeds 0 to
29, with keypoints as in tests/quality/films.py; light that differs by a tenth between visits is in it."""

WITHIN = (_WITHIN**2).astype(np.float32)
BETWEEN = (_BETWEEN**2).astype(np.float32)

_ENDS = (
    *(("left_shoulder", "left_hip"), ("right_shoulder", "right_hip")),
    *(("left_hip", "left_knee"), ("right_hip", "right_knee")),
    *(("left_knee", "left_ankle"), ("right_knee", "right_ankle")),
    *(("left_shoulder", "left_elbow"), ("right_shoulder", "right_elbow")),
    *(("left_elbow", "left_wrist"), ("right_elbow", "right_wrist")),
    *(("left_shoulder", "right_shoulder"), ("left_hip", "right_hip")),
)


def looks_of(poses: Poses, people: I64) -> F32:
    """(N, 18) looks of these people of a frame; NaN for what is not seen."""
    looks = np.full((len(people), LOOKS), np.nan, dtype=np.float32)
    if poses.colour.shape[1]:
        looks[:, :COLOURS] = poses.colour.take(people, axis=0).reshape(len(people), -1)
    if poses.world.shape[1]:
        bones = _bones(poses.skeleton)
        score = poses.keypoint_score.take(people, axis=0).take(bones, axis=1).min(axis=2)
        lengths = bone_lengths(poses.world.take(people, axis=0), bones)
        lengths[(score < SEEN_SCORE) | ~(lengths > 0)] = np.nan
        logs = np.log(lengths)
        sides = (logs[:, :10:2] + logs[:, 1:10:2]) * np.float32(0.5)
        looks[:, COLOURS : COLOURS + 4] = sides[:, 1:] - sides[:, :1]
        looks[:, COLOURS + 4 :] = logs[:, 10:] - sides[:, :1]
    return looks


@lru_cache(maxsize=64)
def _bones(skeleton: str) -> I64:
    known = SKELETONS[skeleton]
    return np.array([known.indices(*ends) for ends in _ENDS])


@dataclass(slots=True)
class Looks:
    """What is known of the looks of N people, over the sights of each.

    Attributes:
        mean: (N, 18) float32, as `looks_of` gives them; 0 where nothing is known.
        spread: (N, 18) float32, variance from sight to sight.
        count: (N, 18) float32, sights behind it, at most `MOST_SIGHTS`.
    """

    mean: F32
    spread: F32
    count: F32

    @classmethod
    def nothing(cls, people: int) -> Looks:
        """Of people whom nobody looked at yet."""
        return cls(*(np.zeros((people, LOOKS), np.float32) for _ in range(3)))

    @classmethod
    def once(cls, looks: F32) -> Looks:
        """Of people who were looked at once, with NaN for what was not seen."""
        known = ~np.isnan(looks)
        return cls(np.where(known, looks, np.float32(0)), np.zeros_like(looks), known.astype(np.float32))

    def __len__(self) -> int:
        return len(self.mean)

    def of(self, rows: I64 | Bool) -> Looks:
        """The chosen people."""
        return Looks(self.mean[rows], self.spread[rows], self.count[rows])

    def with_(self, others: Looks) -> Looks:
        """These people, and the others behind them."""
        return Looks(*(np.concatenate((getattr(self, n), getattr(others, n))) for n in ("mean", "spread", "count")))

    def learn(self, rows: I64, looks: F32) -> None:
        """Take one more sight of these people in: running mean and variance (Welford, 1962), later fading."""
        known = ~np.isnan(looks)
        count = np.minimum(self.count[rows] + known, np.float32(MOST_SIGHTS))
        share = np.where(known, 1 / np.maximum(count, 1), np.float32(0)).astype(np.float32)
        new = np.where(known, looks - self.mean[rows], np.float32(0))
        self.mean[rows] += share * new
        self.spread[rows] = (1 - share) * (self.spread[rows] + share * new * new)
        self.count[rows] = count


def log_ratio(one: Looks, other: Looks) -> F64:
    """(N, M) logarithm of how much likelier the looks are of one person than of two; 0 where nothing is known of both.

    Differences are normal: with the variance `WITHIN` and what a person was seen to vary by where it is the same one,
    and `BETWEEN` on top where it is not. No number speaks against a person with more than `MOST_AGAINST`: it may be a
    hand before the shirt.
    """
    within = WITHIN + np.maximum(one.spread[:, None], other.spread[None])
    apart = within + BETWEEN
    difference = one.mean[:, None] - other.mean[None]
    ratio = 0.5 * np.log(apart / within) - 0.5 * difference * difference * (1 / within - 1 / apart)
    ratio = np.where((one.count > 0)[:, None] & (other.count > 0)[None], np.maximum(ratio, -MOST_AGAINST), 0)
    result: F64 = ratio.sum(axis=2, dtype=np.float64)
    return result


def unlikeness(known: Looks, looks: F32) -> F64:
    """(T, N) how much the one sight `looks` (N, 18) speaks against each of the people, in [0, 1].

    0 also where it speaks for one: looks alone bring nobody back to a place, as others may wear the same.
    """
    result: F64 = np.tanh(np.minimum(log_ratio(known, Looks.once(looks)), 0) / -FULL_RATIO)
    return result


def log_ratio_at_best(looks: Looks, seen: Bool) -> F64:
    """(R, N) the largest `log_ratio` with these that people have of whom the numbers `seen` (R, 18) are known."""
    within = WITHIN + looks.spread
    best = 0.5 * np.log((within + BETWEEN) / within) * (looks.count > 0)
    result: F64 = seen.astype(np.float64) @ best.T.astype(np.float64)
    return result
