"""The ladder: down under load, up after it, and not to and fro."""

from __future__ import annotations

import itertools

import pytest

from pipeline.runners.ladder import STEPS, Ladder

FPS = 20.0


def climb(ladder: Ladder, models_fps: float, seconds: float, begin_s: float = 0.0) -> list[tuple[float, float]]:
    """Pictures at `FPS` for models that can do so many a second; gives when the share changed, and to what."""
    changes, credit = [], 0.0
    for k in range(round(seconds * FPS)):
        now_s = begin_s + k / FPS
        credit = min(credit + models_fps / FPS, 1.0)
        if ladder.keeps():
            if credit >= 1.0:
                credit -= 1.0
            else:
                ladder.late()
        if ladder.look(now_s):
            changes.append((now_s, ladder.share))
    return changes


def test_it_stays_where_it_is_while_the_models_keep_up() -> None:
    assert climb(Ladder(), 25.0, 300) == []


@pytest.mark.parametrize("models_fps", [1.0, 3.0, 6.0, 8.0, 12.0])
def test_it_steps_down_to_what_the_models_can_do(models_fps: float) -> None:
    ladder = Ladder()

    changes = climb(ladder, models_fps, 40)

    first_s, _ = changes[0]
    assert first_s <= 5
    down = [share for _, share in changes]
    reached = min(down)
    # Its quarter too many is not enough to call for another step.
    assert reached * FPS * 0.75 <= models_fps or reached == STEPS[-1]


def test_it_is_up_again_after_the_load() -> None:
    ladder = Ladder()
    climb(ladder, 4.0, 30)
    assert ladder.share < 0.5

    changes = climb(ladder, 25.0, 120, 30)

    assert ladder.share == 1.0
    assert [share for _, share in changes] == sorted(share for _, share in changes)


def test_it_does_not_go_to_and_fro_under_a_load_between_two_steps() -> None:
    ladder = Ladder()
    climb(ladder, 8.0, 60)

    changes = climb(ladder, 8.0, 3600, 60)

    ups = [at for (at, share), (_, before) in zip(changes[1:], changes, strict=False) if share > before]
    assert len(ups) <= 14
    assert all(later - at > 100 for at, later in itertools.pairwise(ups[4:]))


def test_what_is_kept_is_spread_evenly() -> None:
    ladder = Ladder()
    climb(ladder, 8.0, 20)

    kept = [k for k in range(120) if ladder.keeps()]

    apart = {b - a for a, b in itertools.pairwise(kept)}
    assert len(apart) <= 2
    assert max(apart) - min(apart) <= 1
    assert len(kept) == pytest.approx(120 * ladder.share, abs=1)
