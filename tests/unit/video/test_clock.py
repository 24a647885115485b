from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.video.clock import PictureClock, Thinning

HOUR_US = 3_600_000_000
times = st.lists(st.one_of(st.none(), st.integers(-HOUR_US, HOUR_US)), max_size=60)


@given(times, st.integers(1, 10_000_000))
def test_times_grow_whatever_the_file_says(file_us: list[int | None], step_us: int) -> None:
    clock = PictureClock(step_us)

    given_us = [clock.next(t) for t in file_us]

    assert given_us[:1] in ([], [0])
    assert all(b > a for a, b in pairwise(given_us))


@given(st.lists(st.integers(1, HOUR_US), max_size=40), st.integers(-HOUR_US, HOUR_US))
def test_growing_times_are_kept(steps_us: list[int], first_us: int) -> None:
    file_us = [first_us, *(first_us + int(t) for t in np.cumsum(steps_us))]
    clock = PictureClock(40_000)

    assert [clock.next(t) for t in file_us] == [t - first_us for t in file_us]


def test_missing_times_are_one_step_apart() -> None:
    clock = PictureClock(40_000)

    assert [clock.next(None) for _ in range(4)] == [0, 40_000, 80_000, 120_000]


def test_repeated_time_is_caught_up_with() -> None:
    clock = PictureClock(40_000)

    assert [clock.next(t) for t in (0, 40_000, 40_000, 80_000)] == [0, 40_000, 60_000, 80_000]


def test_one_straggler_does_not_move_the_rest() -> None:
    clock = PictureClock(40_000)

    assert [clock.next(t) for t in (0, 5_000_000, 40_000, 5_040_000)] == [0, 5_000_000, 5_020_000, 5_040_000]


def test_restart_is_counted_on() -> None:
    clock = PictureClock(40_000)
    first = [k * 40_000 for k in range(100)]

    given_us = [clock.next(t) for t in first + first]

    assert given_us[:100] == first
    assert set(np.diff(given_us)[105:]) == {40_000}


@given(st.floats(0.1, 100), st.lists(st.integers(1, 500_000), min_size=1, max_size=200))
def test_thinned_rate_is_never_above_what_was_asked(fps: float, steps_us: list[int]) -> None:
    thinning = Thinning(fps, 40_000)

    kept = [int(t) for t in np.cumsum(steps_us) if thinning.keeps(int(t))]

    interval_us = 1e6 / fps
    for i in range(len(kept)):
        for j in range(i + 1, len(kept)):
            # Each end of the span may be early or late by half an interval.
            assert (j - i - 1) * interval_us <= kept[j] - kept[i] + 1


def test_thinning_takes_the_nearest_picture_in_spite_of_rounded_times() -> None:
    thinning = Thinning(10, 33_333)
    times_us = [round(k * 1000 / 30) * 1000 for k in range(30)]

    assert [k for k, t in enumerate(times_us) if thinning.keeps(t)] == list(range(0, 30, 3))


def test_no_rate_keeps_all() -> None:
    thinning = Thinning(None, 40_000)

    assert all(thinning.keeps(t) for t in range(100))
