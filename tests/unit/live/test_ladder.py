"""The ladder: down under load, up after it, and not to and fro."""

from __future__ import annotations

import itertools

import pytest

from pipeline.core.values import FEWER_LOOKS, LIGHTER_MODEL
from pipeline.runners.ladder import Ladder, Rung, rungs

FPS = 20.0
RUNGS = rungs(lighter=False)


def climb(
    ladder: Ladder, models_fps: float, seconds: float, begin_s: float = 0.0, *, eased: float = 1.0
) -> list[tuple[float, Rung]]:
    """Pictures at `FPS` for models that can do so many a second, and `eased` times as many with fewer looks; gives when
    the rung changed, and to what.
    """
    changes, credit = [], 0.0
    for k in range(round(seconds * FPS)):
        now_s = begin_s + k / FPS
        can_fps = models_fps * (eased if ladder.rung.ease >= FEWER_LOOKS else 1.0)
        credit = min(credit + can_fps / FPS, 1.0)
        if ladder.keeps():
            if credit >= 1.0:
                credit -= 1.0
            else:
                ladder.late()
        if ladder.look(now_s):
            changes.append((now_s, ladder.rung))
    return changes


def test_it_stays_where_it_is_while_the_models_keep_up() -> None:
    assert climb(Ladder(), 25.0, 300) == []


@pytest.mark.parametrize("models_fps", [1.0, 3.0, 6.0, 8.0, 12.0])
def test_it_steps_down_to_what_the_models_can_do(models_fps: float) -> None:
    ladder = Ladder()

    changes = climb(ladder, models_fps, 40)

    first_s, _ = changes[0]
    assert first_s <= 5
    reached = min(rung.share for _, rung in changes)
    # Its quarter too many is not enough to call for another step.
    assert reached * FPS * 0.75 <= models_fps or reached == RUNGS[-1].share


def test_it_is_up_again_after_the_load() -> None:
    ladder = Ladder()
    climb(ladder, 4.0, 30)
    assert ladder.rung.share < 0.5

    changes = climb(ladder, 25.0, 120, 30)

    assert ladder.rung == RUNGS[0]
    assert [rung for _, rung in changes] == sorted((rung for _, rung in changes), key=RUNGS.index, reverse=True)


def test_it_does_not_go_to_and_fro_under_a_load_between_two_steps() -> None:
    ladder = Ladder()
    climb(ladder, 8.0, 60)

    changes = climb(ladder, 8.0, 3600, 60)

    _hardly_ever_up(changes)


def test_people_are_looked_for_less_often_before_a_picture_is_left_out() -> None:
    ladder = Ladder()

    changes = climb(ladder, 14.0, 300, eased=1.6)

    assert changes[0][0] <= 5
    assert {rung.share for _, rung in changes} == {1.0}
    assert ladder.rung.ease == FEWER_LOOKS or changes[-1][0] > 290


def test_a_lighter_model_is_used_before_a_picture_is_left_out() -> None:
    ladder = Ladder(lighter=True)

    changes = climb(ladder, 4.0, 60)

    assert [rung for _, rung in changes[:3]] == [
        Rung(1.0, FEWER_LOOKS),
        Rung(1.0, LIGHTER_MODEL),
        Rung(2 / 3, LIGHTER_MODEL),
    ]
    assert str(changes[2][1]) == (
        "67 % of its pictures are kept, people are looked for less often, the lighter model finds keypoints"
    )


def test_looks_that_make_the_difference_are_not_taken_up_and_given_up_for_ever() -> None:
    ladder = Ladder()
    climb(ladder, 14.0, 60, eased=1.6)

    _hardly_ever_up(climb(ladder, 14.0, 3600, 60, eased=1.6))


def _hardly_ever_up(changes: list[tuple[float, Rung]]) -> None:
    """Within an hour."""
    steps = itertools.pairwise(changes)
    ups = [at for (_, before), (at, rung) in steps if RUNGS.index(rung) < RUNGS.index(before)]
    assert len(ups) <= 14
    assert all(later - at > 100 for at, later in itertools.pairwise(ups[4:]))


def test_what_is_kept_is_spread_evenly() -> None:
    ladder = Ladder()
    climb(ladder, 8.0, 20)

    kept = [k for k in range(120) if ladder.keeps()]

    apart = {b - a for a, b in itertools.pairwise(kept)}
    assert len(apart) <= 2
    assert max(apart) - min(apart) <= 1
    assert len(kept) == pytest.approx(120 * ladder.rung.share, abs=1)
