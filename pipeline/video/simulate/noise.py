"""Noise of a pose model, for keypoint scripts: errors that stay, drift and jitter, lost points, swapped sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from pipeline.core.skeletons import SKELETONS
from pipeline.core.types import F64, I64, Bool

_SKELETON = SKELETONS["blazepose33"]
_SIDES = ("left", "right")
_COLUMNS = ("steady", "slow", "white", "depth", "hidden", "outliers", "logits")


def _both(*names: str) -> I64:
    return _SKELETON.indices(*(f"{side}_{name}" for name in names for side in _SIDES))


GROUPS: Mapping[str, I64] = MappingProxyType(
    {
        "face": np.arange(_SKELETON.index["mouth_right"] + 1),
        "shoulders": _both("shoulder"),
        "elbows": _both("elbow"),
        "wrists": _both("wrist"),
        "hands": _both("pinky", "index", "thumb"),
        "hips": _both("hip"),
        "knees": _both("knee"),
        "ankles": _both("ankle"),
        "feet": _both("heel", "foot_index"),
    }
)
"""Keypoints that err alike."""

_LEGS = np.concatenate([GROUPS[name] for name in ("knees", "ankles", "feet")])
_GUESSED_TIMES = 2.0
"""What is hidden or beyond the picture's edge is guessed from the rest of the body, so many times as far off (see
`measured`)."""

_CUT_SCORE = 0.002
"""Of keypoints beyond the picture's edge (see `measured`)."""

_ARMS = np.concatenate([GROUPS[name] for name in ("elbows", "wrists", "hands")])


@dataclass(frozen=True, slots=True)
class Spread:
    """How one group of keypoints errs: deviations of one coordinate, in shares of the body height.

    Attributes:
        steady: Of an offset that changes over several seconds, as the person does something else.
        slow: Of a drift within a second.
        white: From frame to frame.
        depth: Of the depth, all kinds together.
        seen, hidden: Median score where the keypoint is visible, and where something hides it.
        outliers: Share of time that it is far off (see `Noise.outlier`).
        logits: Deviation of the score, in logits.
    """

    steady: float
    slow: float
    white: float
    depth: float
    seen: float
    hidden: float
    outliers: float = 0.0
    logits: float = 0.0


@dataclass(frozen=True, slots=True)
class Noise:
    """How keypoints differ from the truth.

    Attributes:
        spread: By group of `GROUPS`; a group that is not named is exact and has the scores 1 and 0.
        low: The same for people whose trunk leans more than 35 degrees; None = as all others.
        steady_s, slow_s: Times over which steady and slow errors change (Ornstein-Uhlenbeck).
        outlier: How far off outliers are (deviation of one coordinate, body heights); they have a third of the score.
        outlier_s: How long they last on average.
        dropout: Share of time that a keypoint is not seen at all: NaN and score 0, each for `dropout_s` on average.
        swaps_per_s, swap_s: How often left and right are taken for each other, and for how long on average.
        swaps_whole: Share of swaps of all keypoints; the others are of the arms or of the legs alone.
        losses_per_s, loss_s: How often a person is not found, and for how long on average.
        no_legs: Knees and what is below are out of sight all the time, as beyond the edge of the picture.
        least_seen: Share of visible keypoints below which a person is not found.
    """

    spread: Mapping[str, Spread] = field(default_factory=lambda: MappingProxyType({}))
    low: Mapping[str, Spread] | None = None
    steady_s: float = 4.0
    slow_s: float = 0.35
    outlier: float = 0.12
    outlier_s: float = 0.15
    dropout: float = 0.0
    dropout_s: float = 0.3
    swaps_per_s: float = 0.0
    swap_s: float = 0.25
    swaps_whole: float = 1.0
    losses_per_s: float = 0.0
    loss_s: float = 0.3
    no_legs: bool = False
    least_seen: float = 0.3

    def scaled(self, by: float) -> Noise:
        """All deviations times a factor; scores and rates stay."""
        low = None if self.low is None else _scaled(self.low, by)
        return replace(self, outlier=self.outlier * by, spread=_scaled(self.spread, by), low=low)


def gaussian(share: float, *, depth: float | None = None) -> Noise:
    """White noise alone: every coordinate of every keypoint by `share` of the body height, depth by its own."""
    spread = Spread(0.0, 0.0, share, share if depth is None else depth, 1.0, 0.0)
    return Noise(spread=dict.fromkeys(GROUPS, spread))


EXACT = Noise()
"""The truth itself; hidden keypoints have the score 0."""


class Disturbance:
    """The noise of one person, stretch after stretch of frames.

    Args:
        noise: What kind.
        random: Random numbers of this person.
        step_s: Time from frame to frame.
    """

    def __init__(self, noise: Noise, random: np.random.Generator, step_s: float) -> None:
        self._noise = noise
        self._random = random
        self._step_s = step_s
        count = len(_SKELETON)
        self._tables = [_table(spread) for spread in (noise.spread, noise.low or noise.spread)]
        self._steady = random.standard_normal((count, 3))
        self._slow = random.standard_normal((count, 3))
        self._outlier = _Switch(noise.outlier_s, count)
        self._off = np.zeros((count, 3))
        self._drop = _Switch(noise.dropout_s, count)
        self._swap = _Switch(noise.swap_s, 1)
        self._sides = np.arange(count)
        self._loss = _Switch(noise.loss_s, 1)

    def next(self, visible: Bool, outside: Bool, low: Bool) -> Disturbed:
        """The noise of the next T frames.

        Args:
            visible: (T, 33) which keypoints are there to be seen.
            outside: (T, 33) which lie beyond the edges of the picture.
            low: (T,) when the person is bent, low or on the floor.
        """
        noise, random, step_s = self._noise, self._random, self._step_s
        table = {name: np.where(low[:, None], self._tables[1][name], own) for name, own in self._tables[0].items()}
        steady, slow = (self._drift(name, len(visible)) for name in ("steady", "slow"))
        white = random.standard_normal(steady.shape)
        offset: F64 = table["steady"][..., None] * steady + table["slow"][..., None] * slow
        offset += table["white"][..., None] * white
        # Depth has one deviation for all kinds, most of which is steady.
        offset[..., 2] = table["depth"] * (0.9 * steady[..., 2] + 0.42 * slow[..., 2] + 0.12 * white[..., 2])
        cut = outside.copy()
        if noise.no_legs:
            cut[:, _LEGS] = True
        hidden = ~visible | cut
        offset[hidden] *= _GUESSED_TIMES
        before = self._outlier.on
        out = self._outlier.next(random, _per_s(table["outliers"], noise.outlier_s), step_s)
        if out.any():
            offset += self._thrown(out, before)
        mean = np.where(hidden, table["hidden"], table["seen"])
        mean = np.where(cut, np.minimum(mean, _CUT_SCORE), mean)
        score = _moved(mean, table["logits"] * random.standard_normal(hidden.shape))
        score[out] /= 3
        dropped = self._drop.next(random, _per_s(np.full(visible.shape, noise.dropout), noise.dropout_s), step_s)
        was = bool(self._swap.on[0])
        swapped = self._swap.next(random, np.full((len(visible), 1), noise.swaps_per_s), step_s)[:, 0]
        lost = self._loss.next(random, np.full((len(visible), 1), noise.losses_per_s), step_s)[:, 0]
        found = ~lost & (visible.mean(axis=1) >= noise.least_seen)
        return Disturbed(found, swapped, self._taken(swapped, was), offset, score, dropped)

    def _drift(self, name: str, frames: int) -> F64:
        """(T, 33, 3) an Ornstein-Uhlenbeck process of deviation 1, from where it was."""
        state, over_s = (self._steady, self._noise.steady_s) if name == "steady" else (self._slow, self._noise.slow_s)
        keeps = np.exp(-self._step_s / over_s)
        path: F64 = self._random.standard_normal((frames, *state.shape)) * np.sqrt(1 - keeps * keeps)
        for row in path:
            row += keeps * state
            state = row
        if name == "steady":
            self._steady = state.copy()
        else:
            self._slow = state.copy()
        return path

    def _thrown(self, out: Bool, before: Bool) -> F64:
        """(T, 33, 3) how far off keypoints are that are far off: the same as long as they are."""
        fresh = self._noise.outlier * self._random.standard_normal((*out.shape, 3))
        off = np.zeros_like(fresh)
        for t, on in enumerate(out):
            self._off = np.where((on & ~before)[:, None], fresh[t], self._off)
            off[t][on] = self._off[on]
            before = on
        return off

    def _taken(self, swapped: Bool, was: bool) -> I64:
        """(T, 33) where each keypoint is taken from: itself, or its counterpart in a swap."""
        which = self._random.random(len(swapped))
        own = np.arange(len(_SKELETON))
        taken = np.tile(own, (len(swapped), 1))
        for t in np.flatnonzero(swapped):
            if not (swapped[t - 1] if t else was):
                whole = which[t] < self._noise.swaps_whole
                limbs = own if whole else _ARMS if which[t] < (1 + self._noise.swaps_whole) / 2 else _LEGS
                self._sides = own.copy()
                self._sides[limbs] = _SKELETON.mirrored[limbs]
            taken[t] = self._sides
        return taken


@dataclass(frozen=True, slots=True, eq=False)
class Disturbed:
    """The noise of one person in T frames.

    Attributes:
        found: (T,) whether the person is found at all.
        swapped: (T,) whether sides are taken for each other.
        sides: (T, 33) where each keypoint is taken from.
        offset: (T, 33, 3) to the right, down and away, in body heights.
        score: (T, 33) in [0, 1].
        dropped: (T, 33) which are not seen.
    """

    found: Bool
    swapped: Bool
    sides: I64
    offset: F64
    score: F64
    dropped: Bool


class _Switch:
    """K switches that go on at a rate and off after a time, both exponentially distributed."""

    def __init__(self, lasts_s: float, count: int) -> None:
        self._lasts_s = lasts_s
        self.on = np.zeros(count, np.bool_)

    def next(self, random: np.random.Generator, per_s: F64, step_s: float) -> Bool:
        """(T, K) on or off in the next T frames, in which they go on (T, K) times a second."""
        states = np.zeros(per_s.shape, np.bool_)
        if not per_s.any():
            return states
        drawn = random.random(states.shape)
        starting = drawn < -np.expm1(-step_s * per_s)
        staying = drawn >= -np.expm1(-step_s / self._lasts_s)
        for t in range(len(states)):
            self.on = np.where(self.on, staying[t], starting[t])
            states[t] = self.on
        return states


def _table(spread: Mapping[str, Spread]) -> dict[str, F64]:
    """(33,) of each column, by keypoint."""
    table = {name: np.zeros(len(_SKELETON)) for name in _COLUMNS}
    table["seen"] = np.ones(len(_SKELETON))
    for group, own in spread.items():
        for name, column in table.items():
            column[GROUPS[group]] = getattr(own, name)
    return table


def _scaled(spread: Mapping[str, Spread], by: float) -> dict[str, Spread]:
    return {
        name: replace(s, steady=s.steady * by, slow=s.slow * by, white=s.white * by, depth=s.depth * by)
        for name, s in spread.items()
    }


def _per_s(share: F64, lasts_s: float) -> F64:
    """How often a second something begins that lasts so long and is there for a share of the time."""
    rate: F64 = share / np.maximum(1 - share, 1e-9) / lasts_s
    return rate


def _moved(mean: F64, by: F64) -> F64:
    """Means in [0, 1] moved by logits; those of 0 and 1 stay."""
    inner = np.clip(mean, 1e-6, 1 - 1e-6)
    moved = 1 / (1 + np.exp(-(np.log(inner / (1 - inner)) + by)))
    result: F64 = np.where((mean <= 0) | (mean >= 1), mean, moved)
    return result
