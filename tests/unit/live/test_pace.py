"""What silence is too long for a camera: three of its own intervals, whatever happened once."""

from __future__ import annotations

from itertools import accumulate

import pytest

from pipeline.video.live.pace import Pace


def learned(gaps_s: list[float], media_gaps_s: list[float] | None = None, step: int = 1) -> Pace:
    """After a connection with these gaps, by arrival and in the stream."""
    pace = Pace()
    media = [round(s * 1e6) for s in accumulate(media_gaps_s, initial=0.0)] if media_gaps_s else None
    for number, at_s in enumerate(accumulate(gaps_s, initial=100.0)):
        pace.note(at_s, media[number] if media else None, number * step)
    return pace


@pytest.mark.parametrize("first_s", [0.5, 2.0, 20.0])
@pytest.mark.parametrize("after", range(6))
def test_a_slow_first_gap_says_nothing(first_s: float, after: int) -> None:
    assert learned([first_s] + [0.1] * after).interval_s <= 0.1


@pytest.mark.parametrize("before", range(3, 12))
def test_a_stall_says_nothing(before: int) -> None:
    pace = learned([0.1] * before + [3.9])
    assert pace.interval_s == pytest.approx(0.1)


def test_what_waited_in_the_network_has_the_gaps_of_the_stream() -> None:
    """Three slow gaps by arrival, and bursts between them: a network that stalls, not a slow camera."""
    gaps = [2.0, 0.0, 2.0, 0.0, 2.0, 2.0, 2.0]
    assert learned(gaps, [0.1] * 7).interval_s <= 0.1


def test_a_stream_whose_clock_jumps_is_no_slow_camera() -> None:
    assert learned([0.1] * 5, [5.0, -7.0, 9.0, 0.1, 9.0]).interval_s == pytest.approx(0.1)


def test_a_slow_camera_is_known_after_three_gaps_and_over_connections() -> None:
    pace = learned([2.5] * 3, [2.5] * 3)
    assert pace.interval_s == pytest.approx(2.5)

    pace.begin()
    pace.note(500.0, 0, 1)
    assert pace.interval_s == pytest.approx(2.5)

    for number in range(1, 4):  # it is set to ten pictures a second
        pace.note(500.0 + 0.1 * number, 100_000 * number, 1 + number)
    assert pace.interval_s == pytest.approx(0.1)


def test_pictures_that_were_left_out_count() -> None:
    assert learned([5.0] * 4, [5.0] * 4, step=50).interval_s == pytest.approx(0.1)
