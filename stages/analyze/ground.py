"""The floor, learned from people: how tall a standing person looks where.

A standing person's height on the picture grows evenly with how far the feet are below the horizon (Hoiem et al., 2008,
eq. 2), exactly so for a level camera and nearly for one that looks down by up to 20 degrees. So people seen standing at
different places give a line, `height = slope * y + level`, and with a mean stature the metres of a pixel at any foot.
Heights are averaged in stripes of the picture, so that a person who stands still for an hour counts as one place.
"""

from __future__ import annotations

from math import exp

import numpy as np

from pipeline.core.masks import all_of, any_of
from pipeline.core.types import F32, F64, I64, Floats
from stages.analyze.feet import Feet, People
from stages.analyze.options import AnalyzeOptions
from stages.analyze.postures import STAND, WALK
from stages.analyze.watched import BINS, Ground, Watched

NOSE_TO_ANKLE = 0.866
"""Of the stature: nose at 0.905 (between eyes, 0.936, and chin, 0.870), ankle at 0.039 (Drillis and Contini, 1966)."""

_SAMPLE_US = 500_000
_FIT_US = 1_000_000  # until the line is known
_REFIT_US = 5_000_000
_LONGEST_S = 1.0
_MEMORY_S = 60.0  # a stripe follows a camera that was moved within minutes
_FULL_S = 2.0  # seconds in a stripe that count fully: a few steps
_LEAST_S = 0.4
_STRIPES = 3.0  # full stripes that a line needs
_OUTLIER = 1.25
_STATURES = 0.06  # spread of adults' statures, both sexes, about their mean (NCD-RisC, 2016)
_TUKEY = 4.685  # biweight (Beaton and Tukey, 1974): 95 % as good as least squares where nothing is wrong
_ROUNDS = 2
_KNOWN = 0.10  # the line is known where its standard error is below this share
_SHORTEST = 0.02
_FOCAL = 0.866  # picture widths: a lens that sees 60 degrees, as most do within 15


def learn_ground(ground: Ground, people: People, feet: Feet) -> bool:
    """Take those who stand or walk, and are seen whole, as samples; twice a second is enough. True when fitted anew."""
    now_us = people.now_us
    if now_us - ground.sampled_us < _SAMPLE_US:
        return False
    dt_s = min((now_us - ground.sampled_us) / 1e6, _LONGEST_S)
    ground.sampled_us = now_us
    y = feet.at[1] / people.size_y
    tall = y - people.head / people.size_y
    whole = (people.posture == STAND) | (people.posture == WALK)
    whole &= feet.seen & (tall > _SHORTEST)
    for foot, height in zip(y[whole].tolist(), tall[whole].tolist(), strict=True):
        i = min(max(int(foot * BINS), 0), BINS - 1)
        known, seconds = float(ground.tall[i]), float(ground.seconds[i])
        gain = dt_s / (min(seconds, _MEMORY_S) + dt_s)
        taken = height if seconds == 0.0 else min(max(height, known / _OUTLIER), known * _OUTLIER)
        ground.tall[i] = known + gain * (taken - known)
        ground.foot[i] += gain * (foot - float(ground.foot[i]))
        ground.seconds[i] = min(seconds + dt_s, _MEMORY_S)
    pause_us = _FIT_US if ground.slope != ground.slope else _REFIT_US
    if now_us - ground.fitted_us < pause_us or not any_of(whole):
        return False
    ground.fitted_us = now_us
    _fit(ground)
    return True


def expected_height(ground: Ground, foot_y: Floats, size_y: int) -> Floats:
    """(N,) nose to ankle in pixels of a standing person whose feet are at `foot_y` (N,) pixels; NaN = not known
    there.
    """
    height: Floats = foot_y * ground.slope + ground.level * size_y
    known = (foot_y >= ground.low * size_y) & (foot_y <= ground.high * size_y)
    if not all_of(known):
        height = np.where(known, height, np.nan)
    return height


def measure_ground(
    ground: Ground, watched: Watched, people: People, feet: Feet, before_us: I64, fitted: bool, options: AnalyzeOptions
) -> tuple[F64, F64]:
    """(N,) height over the expected one, and (N,) speed on the floor in m/s. NaN = not known.

    The place on the floor is by the feet: sideways at the metres of a pixel there, away from the camera as far as a
    lens that sees 60 degrees would have it. To be called before `watched` takes the new frame; `fitted` says whether
    the floor is another than in the last one.
    """
    n = len(before_us)
    if ground.slope != ground.slope:
        if fitted:
            watched.floor[:], watched.pace[:] = np.nan, np.nan
        unknown = np.full(n, np.nan)
        return unknown, unknown
    if fitted:
        old_y = watched.foot[:, 1]
        _to_floor(watched.floor, watched.foot.T, expected_height(ground, old_y, people.size_y), people.width, options)
    expected = expected_height(ground, feet.at[1], people.size_y)
    ratio = (feet.at[1] - people.head) / expected
    floor, pace = watched.floor[:n], watched.pace[:n]
    old = floor.copy()
    _to_floor(floor, feet.at, expected, people.width, options)
    dt_s = (people.now_us - watched.frame_us) / 1e6
    if not 0.0 < dt_s <= options.max_gap_s:
        pace[:] = np.nan
        return ratio, np.full(n, np.nan)
    gain = 1.0 - exp(-dt_s / options.travel_s)
    step = floor - old
    going = pace == pace
    if all_of(going):
        pace *= 1.0 - gain
        pace += step * (gain / dt_s)
    else:
        pace[:] = np.where(going, pace * (1.0 - gain) + step * (gain / dt_s), step / dt_s)
    usable = feet.seen & (before_us == watched.frame_us)
    if not all_of(usable):
        # Feet that are guessed jump when they are seen again, and who was away comes from anywhere.
        pace[~usable] = floor[~feet.seen] = np.nan
    return ratio, np.hypot(pace[:, 0], pace[:, 1])


def _to_floor(floor: F32, at: Floats, expected: Floats, width: int, options: AnalyzeOptions) -> None:
    """Write the (N, 2) metres across and along the view of (2, N) pixels."""
    metres = options.stature_m * NOSE_TO_ANKLE / expected
    floor[:, 0] = (at[0] - 0.5 * width) * metres
    floor[:, 1] = metres * (_FOCAL * width)


def _fit(ground: Ground) -> None:
    """Weighted least squares of the stripes' heights, in shares of each height. It begins at the median of the slopes
    between stripes (Theil, 1950; Sen, 1968) and lets go of what is far off: a child who always stands in front.
    """
    used = ground.seconds >= _LEAST_S
    full = np.minimum(ground.seconds[used] / _FULL_S, 1.0)
    y, h = ground.foot[used], ground.tall[used]
    ground.slope = ground.level = ground.low = ground.high = np.nan
    if len(y) < 2 or full.sum() < _STRIPES:
        return
    one, two = np.triu_indices(len(y), 1)
    slope = np.median((h[two] - h[one]) / (y[two] - y[one]))
    away = h - slope * y
    away = np.abs(away - np.median(away)) / h
    for _ in range(_ROUNDS):
        trust = np.square(1.0 - np.minimum(away / (_TUKEY * _STATURES), 1.0) ** 2)
        w = full * trust / (h * h)
        total = w.sum()
        if full[trust > 0.0].sum() < _STRIPES:
            return
        middle = (w * y).sum() / total
        spread = (w * (y - middle) ** 2).sum()
        if spread <= 0.0:
            return
        slope = (w * (y - middle) * h).sum() / spread
        level = (w * h).sum() / total - slope * middle
        away = np.abs(h - slope * y - level) / h
    if slope <= 0.0:
        return
    residual = np.sqrt((full * trust * away * away).sum() / (full * trust).sum())
    error = max(_STATURES, float(residual))
    # Where error^2 (1 / total + u^2 / spread) = (known * height)^2, with u = y - middle.
    at_middle = slope * middle + level
    square = error**2 / spread - (_KNOWN * slope) ** 2
    linear = -2.0 * _KNOWN**2 * slope * at_middle
    constant = error**2 / total - (_KNOWN * at_middle) ** 2
    if constant >= 0.0:
        return
    roots = np.roots([square, linear, constant]) if square else np.array([-constant / linear])
    roots = roots[np.isreal(roots)].real
    low = max((float(root) for root in roots if root < 0.0), default=-np.inf) + float(middle)
    ground.slope, ground.level = float(slope), float(level)
    ground.low = max(low, (_SHORTEST - ground.level) / ground.slope)
    ground.high = min((float(root) for root in roots if root > 0.0), default=np.inf) + float(middle)
