"""Identities on a few simulated streets; `python -m tests.quality.identities` does the same over many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.quality.films import Film, film, thinned, without_colours
from tests.quality.identities import bytetrack, kept, ours, scene_of

LEAST_IDF1 = 90.0
"""Per cent, through crossings and behind things, of one short clip; the many of the table reach 95 together."""


@pytest.fixture(scope="module")
def street() -> Film:
    # Five people; the pair meets at 6.5 s, and some are back before the end.
    return film(scene_of(1001).replace("seconds=40", "seconds=25"), fps=10)


def test_true_numbers_are_perfect_but_for_what_is_missed_and_exchanged_ones_are_not(street: Film) -> None:
    boxes = [record.value.xyxy for record in street.records]
    half = len(boxes) // 2
    right = kept(street, list(zip(boxes, street.rows, strict=True)))
    exchanged = kept(
        street, [(b, 4 - p if i > half else p) for i, (b, p) in enumerate(zip(boxes, street.rows, strict=True))]
    )
    one_for_all = kept(street, [(b, np.zeros_like(p)) for b, p in zip(boxes, street.rows, strict=True)])

    assert right.identity["IDFP"] == 0
    assert right.idf1 > 98
    assert (right.known, right.wrong, right.mixed) == (right.returns, 0, 0)
    assert right.returns >= 5
    assert exchanged.idf1 < 80
    assert exchanged.mixed >= 2
    assert one_for_all.wrong > one_for_all.visits // 2


@pytest.mark.parametrize("fps", [10, 5])
def test_identities_are_kept_through_crossings_better_than_by_bytetrack(street: Film, fps: int) -> None:
    filmed = thinned(street, fps)

    score, baseline = (kept(filmed, tracker(filmed), visits=True) for tracker in (ours, bytetrack))

    assert score.idf1 >= LEAST_IDF1
    assert score.idf1 > baseline.idf1


def test_bursts_of_lost_frames_cost_few_identities(street: Film) -> None:
    filmed = thinned(street, 10, lost=0.3, seed=3)

    assert len(filmed.records) < 0.85 * len(street.records)
    assert kept(filmed, ours(filmed), visits=True).idf1 >= LEAST_IDF1 - 5


def test_most_who_come_back_are_known_by_their_clothes_and_nobody_without(street: Film) -> None:
    with_colours, without = (kept(f, ours(f)) for f in (street, without_colours(street)))

    assert with_colours.known >= with_colours.returns // 2
    assert with_colours.wrong == 0
    assert without.known == 0


def test_same_film_gives_the_same_numbers(street: Film) -> None:
    again = replace(street)

    for (_, one), (_, two) in zip(ours(street), ours(again), strict=True):
        np.testing.assert_array_equal(one, two)
