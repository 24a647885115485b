"""Colours of people in drawings: the same track always has the same one, neighbours differ well."""

from __future__ import annotations

from pipeline.core.ids import TRACK_BITS

Colour = tuple[int, int, int]
"""Blue, green, red, each 0..255."""

# Twelve hues of like lightness, ordered so that consecutive numbers lie far apart on the circle.
_PEOPLE: tuple[Colour, ...] = (
    (230, 170, 60),
    (60, 150, 250),
    (120, 200, 90),
    (200, 110, 230),
    (70, 205, 235),
    (110, 100, 245),
    (190, 195, 50),
    (240, 130, 150),
    (60, 190, 180),
    (160, 110, 235),
    (215, 150, 100),
    (100, 175, 225),
)

WHITE: Colour = (245, 245, 245)
DARK: Colour = (28, 24, 22)
ALARM: Colour = (60, 60, 235)
PAPER: Colour = (250, 249, 247)
FAINT: Colour = (205, 200, 196)
INK: Colour = (96, 88, 82)


def person_number(track_id: int) -> int:
    """The counter in a track id: the number that people see."""
    return track_id & ((1 << TRACK_BITS) - 1)


def person_colour(track_id: int) -> Colour:
    """The colour of a track."""
    return _PEOPLE[person_number(track_id) % len(_PEOPLE)]


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """`colour` with a share of `other` in it, `share` in [0, 1]."""
    b, g, r = (round(a + (c - a) * share) for a, c in zip(colour, other, strict=True))
    return b, g, r


def side_colour(colour: Colour, name: str) -> Colour:
    """The colour of a keypoint or limb of that name: the person's left lighter, the right darker."""
    if "left" in name:
        return mixed(colour, WHITE, 0.45)
    if "right" in name:
        return mixed(colour, DARK, 0.3)
    return colour
