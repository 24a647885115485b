"""The centre of mass of all bodies of some frames.

Masses of segments and where their centres lie are de Leva's (1996, table 4), the mean of women and men. Keypoints
stand for his joint centres: shoulders, elbows, wrists, hips, knees, ankles. The trunk reaches from the middle of the
shoulders to that of the hips, a hand goes on as the forearm does. The head's mass lies between the ears (Winter, 2009,
table 4.1), a foot's at its ankle: 1.4 % of the body's mass some 5 cm off moves the whole by less than 1 mm each.
"""

from __future__ import annotations

import numpy as np

from pipeline.core.masks import any_of
from pipeline.core.types import F64
from stages.analyze.middles import ANKLES, EARS, ELBOWS, HIPS, KNEES, PAIRS, SHOULDERS, WRISTS

# Women, men: mass as a share of the body's, and the centre's distance from the upper end as a share of the length.
_HEAD = (0.0668, 0.0694)
_FOOT = (0.0129, 0.0137)
_TRUNK = ((0.4257, 0.3782), (0.4346, 0.4310))  # MIDS-MIDH
_UPPER_ARM = ((0.0255, 0.5754), (0.0271, 0.5772))
_FOREARM = ((0.0138, 0.4559), (0.0162, 0.4574))  # EJC-WJC
_THIGH = ((0.1478, 0.3612), (0.1416, 0.4095))
_SHANK = ((0.0481, 0.4352), (0.0433, 0.4395))  # KJC-AJC
# A hand's mass, and its centre beyond the wrist: 0.7474 of 78.0 mm and 0.7900 of 86.2 mm (WJC-MET3), as shares of the
# forearm's 264.3 and 268.9 mm.
_HAND = ((0.0056, 0.7474 * 78.0 / 264.3), (0.0061, 0.7900 * 86.2 / 268.9))


def _weights() -> F64:
    """(7,) share of the body's mass that each of PAIRS carries, both sides together."""
    weights = np.zeros((2, len(PAIRS)))
    for sex, weight in enumerate(weights):
        weight[EARS] = _HEAD[sex]
        weight[ANKLES] = 2 * _FOOT[sex]
        hand, beyond = _HAND[sex]
        for upper, lower, sides, (mass, centre) in (
            (SHOULDERS, HIPS, 1, _TRUNK[sex]),
            (SHOULDERS, ELBOWS, 2, _UPPER_ARM[sex]),
            (ELBOWS, WRISTS, 2, _FOREARM[sex]),
            (ELBOWS, WRISTS, 2, (hand, 1 + beyond)),
            (HIPS, KNEES, 2, _THIGH[sex]),
            (KNEES, ANKLES, 2, _SHANK[sex]),
        ):
            weight[upper] += sides * mass * (1 - centre)
            weight[lower] += sides * mass * centre
    mean: F64 = weights.mean(axis=0)
    mean /= mean.sum()
    return mean


WEIGHTS: F64 = _weights()
"""Of the middles of PAIRS: they are all that counts, both sides being alike."""


def centre_of_mass(middles: F64, nose: F64) -> F64:
    """(R, D) where the centre of mass lies, in the unit of `middles` (7, R, D), as in `Middles.known`, and the nose.

    A side that is not seen is taken to be where the other one is; unseen arms to be at their shoulders, which is wrong
    by 3 cm for arms that hang; an unseen head likewise. NaN without shoulders, hips, knees and ankles.
    """
    if any_of(np.isnan(middles)):
        middles = middles.copy()
        middles[EARS] = _first_known(middles[EARS], nose, middles[SHOULDERS])
        middles[ELBOWS] = _first_known(middles[ELBOWS], middles[SHOULDERS])
        middles[WRISTS] = _first_known(middles[WRISTS], middles[ELBOWS])
    # A product of matrices would not give the same bits for one row and for many.
    centre: F64 = np.add.reduce(middles * WEIGHTS[:, None, None], axis=0)
    return centre


def _first_known(*choices: F64) -> F64:
    known = choices[0]
    for choice in choices[1:]:
        known = np.where(np.isnan(known), choice, known)
    return known
