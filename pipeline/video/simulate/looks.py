"""What people look like: skin, hair, clothes, as colours along the parts of the body. Colours are BGR, 0 to 255."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.types import F64

# From very light to dark, after the Monk skin tone scale.
_SKIN = (
    (180, 200, 232),
    (166, 192, 230),
    (150, 184, 226),
    (122, 158, 212),
    (90, 126, 186),
    (62, 92, 150),
    (46, 66, 108),
)
_HAIR = ((30, 26, 24), (38, 44, 60), (44, 66, 102), (88, 138, 190), (60, 74, 136), (168, 170, 172))
_SHIRTS = ((60, 76, 200), (184, 122, 52), (92, 148, 70), (196, 196, 200), (72, 66, 62), (64, 156, 224), (150, 84, 128),
           (168, 158, 60), (120, 96, 214), (214, 188, 152))  # fmt: skip
_TROUSERS = ((70, 58, 48), (110, 82, 56), (62, 62, 66), (96, 110, 128), (120, 104, 92), (52, 46, 84))
_SHOES = ((226, 228, 232), (58, 54, 52), (92, 106, 206), (190, 140, 70), (70, 170, 220))
_GOWN = ((196, 178, 138), (206, 190, 176), (178, 196, 160))


@dataclass(frozen=True, slots=True)
class Looks:
    """One person's colours and clothes.

    Attributes:
        skin, hair, shirt, trousers, shoes, stripe: BGR.
        sleeve: Share of the arm that is covered, counted over upper arm and forearm: 0 to 2.
        trouser: Share of the leg that is covered, counted over thigh and shank: 0 to 2.
        striped: The shirt has a stripe over the chest.
        loose: Width of clothes over that of the body.
        hair_style: short, long, bun or bald.
        beard: Whether the face has one.
    """

    skin: tuple[int, int, int]
    hair: tuple[int, int, int]
    shirt: tuple[int, int, int]
    trousers: tuple[int, int, int]
    shoes: tuple[int, int, int]
    stripe: tuple[int, int, int]
    sleeve: float
    trouser: float
    striped: bool
    loose: float
    hair_style: str
    beard: bool


def draw_looks(random: np.random.Generator, *, man: bool, dress: str, number: int, offset: int) -> Looks:
    """Looks for one person.

    Args:
        random: Random numbers of this person.
        man: Chooses hair and beard.
        dress: sport, patient or everyday.
        number: The person's number in the clip.
        offset: The same for all people of the clip: neighbours get shirts of different colours.
    """
    shirt = _SHIRTS[(number * 3 + offset) % len(_SHIRTS)]
    skin = _SKIN[int(random.integers(len(_SKIN)))]
    dark = sum(skin) < 420
    hair = _HAIR[int(random.integers(2 if dark else len(_HAIR)))]
    styles = ("short", "short", "short", "bald") if man else ("long", "bun", "short", "long")
    style = styles[int(random.integers(len(styles)))]
    trousers = _TROUSERS[int(random.integers(len(_TROUSERS)))]
    sleeve, trouser, loose = float(random.uniform(0.5, 0.75)), 2.0, 1.08
    if dress == "sport":
        trouser = 0.72 if random.random() < 0.55 else 1.9
        sleeve = float(random.choice((0.16, 0.5, 0.62)))
        loose = 1.06
    elif dress == "patient":
        shirt = _GOWN[int(random.integers(len(_GOWN)))]
        trousers = (int(0.86 * shirt[0]), int(0.86 * shirt[1]), int(0.86 * shirt[2]))
        sleeve, loose = 0.8, 1.16
    elif random.random() < 0.5:
        sleeve = 1.95
    return Looks(
        skin=skin,
        hair=hair,
        shirt=shirt,
        trousers=trousers,
        shoes=_SHOES[int(random.integers(len(_SHOES)))],
        stripe=_SHIRTS[(number * 3 + offset + 3) % len(_SHIRTS)],
        sleeve=sleeve,
        trouser=trouser,
        striped=bool(random.random() < 0.4),
        loose=loose,
        hair_style=style,
        beard=bool(man and random.random() < 0.3),
    )


def banded(samples: F64, *bands: tuple[float, tuple[int, int, int]]) -> F64:
    """(S, 3) colours along a part: each band is (up to which share of the length, colour)."""
    colours = np.empty((len(samples), 3))
    colours[:] = bands[-1][1]
    for until, colour in reversed(bands):
        colours[samples <= until] = colour
    # A soft edge, about two pixels wide.
    for _ in range(2):
        colours[1:-1] = 0.25 * colours[:-2] + 0.5 * colours[1:-1] + 0.25 * colours[2:]
    return colours
