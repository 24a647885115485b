"""Event time of live cameras: by the camera where that is sane, never back, corrected slowly."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.ports import LivePicture
from pipeline.video.live import EventClock

BEGIN = 1_800_000_000_000_000
STEP = 40_000


def picture(
    i: int, *, connection: int = 1, late: int = 0, captured: int | None = None, media: int | None = None
) -> LivePicture:
    """The i-th picture of a camera with 25 a second, `late` us after it was taken."""
    at = BEGIN + i * STEP
    return LivePicture(connection, i, at + late, captured, i * STEP if media is None else media, None, False)


def times(clock: EventClock, pictures: list[LivePicture]) -> list[int]:
    return [clock.next(each)[0] for each in pictures]


def grow(events: list[int]) -> bool:
    return all(a < b for a, b in itertools.pairwise(events))


def test_steps_are_those_of_the_stream_however_arrival_jitters() -> None:
    jitter = [0, 31_000, 5_000, 90_000, 2_000, 60_000, 0, 44_000] * 20
    events = times(EventClock(), [picture(i, late=late) for i, late in enumerate(jitter)])

    steps = [b - a for a, b in itertools.pairwise(events)]
    assert all(abs(step - STEP) <= 0.05 * STEP + 1 for step in steps)


def test_the_camera_s_clock_is_taken_after_three_seconds_and_slewed_to() -> None:
    clock = EventClock()
    pictures = [picture(i, late=200_000, captured=BEGIN + i * STEP) for i in range(250)]
    events = times(clock, pictures)

    assert clock.clock == "rtcp"
    assert abs(events[-1] - pictures[-1].captured_at_us) < 1_000
    assert abs(events[50] - pictures[50].arrived_at_us) < 1_000
    steps = [b - a for a, b in itertools.pairwise(events)]
    assert all(0.95 * STEP - 1 <= step <= 1.05 * STEP + 1 for step in steps)


def test_a_clock_that_is_an_hour_off_is_not_believed() -> None:
    clock = EventClock()
    pictures = [picture(i, late=50_000, captured=BEGIN + i * STEP + 3_600_000_000) for i in range(100)]
    events = times(clock, pictures)

    assert clock.clock == "arrival"
    assert abs(events[-1] - pictures[-1].arrived_at_us) < 1_000


def test_a_clock_that_steps_is_left_at_once() -> None:
    clock = EventClock()
    before = [picture(i, captured=BEGIN + i * STEP) for i in range(100)]
    after = [picture(i, captured=BEGIN + i * STEP - 3_600_000_000) for i in range(100, 200)]
    events = times(clock, before + after)

    assert clock.clock == "arrival"
    assert grow(events)
    assert max(b - a for a, b in itertools.pairwise(events)) <= 1.05 * STEP + 1


def test_time_goes_on_over_a_reconnect_with_another_media_clock() -> None:
    clock = EventClock()
    before = [picture(i) for i in range(50)]
    after = [picture(i, connection=2, media=i * STEP - 7_000_000_000) for i in range(300, 350)]
    events = times(clock, before + after)

    assert grow(events)
    assert abs(events[50] - events[49] - 251 * STEP) < 1_000


def test_a_burst_after_a_stall_has_the_times_at_which_it_was_taken() -> None:
    clock = EventClock()
    before = [picture(i) for i in range(50)]
    # Three seconds of pictures arrive at once.
    burst = [
        LivePicture(1, i, BEGIN + 125 * STEP + (i - 50) * 1_000, None, i * STEP, None, False) for i in range(50, 125)
    ]
    after = [picture(i) for i in range(126, 200)]
    events = times(clock, before + burst + after)

    assert grow(events)
    right = [BEGIN + i * STEP for i in (*range(125), *range(126, 200))]
    assert max(abs(a - b) for a, b in zip(events, right, strict=True)) < 200_000


def test_media_time_may_jump_either_way() -> None:
    clock = EventClock()
    shift = [0] * 50 + [-10_000_000] * 50 + [4_000_000_000] * 50
    pictures = [picture(i, media=i * STEP + shift[i]) for i in range(150)]
    events = times(clock, pictures)

    assert grow(events)
    assert max(abs(event - p.arrived_at_us) for event, p in zip(events, pictures, strict=True)) < 10_000


def test_it_never_begins_before_the_last_run_ended() -> None:
    last = BEGIN + 5_000_000
    events = times(EventClock(last), [picture(i) for i in range(200)])

    assert events[0] > last
    assert grow(events)
    # What it is ahead shrinks by 5 % of the time.
    ahead = events[-1] - (BEGIN + 199 * STEP)
    assert ahead < 5_000_000 - 0.04 * 199 * STEP


def test_a_burst_after_a_stall_that_ticks_told_of_leads_into_no_future() -> None:
    clock = EventClock()
    events = times(clock, [picture(i) for i in range(50)])
    events += [clock.tick(BEGIN + 50 * STEP + i * 1_000_000) for i in range(1, 5)]
    burst = [LivePicture(1, i, BEGIN + 150 * STEP + i, None, i * STEP, None, False) for i in range(50, 150)]
    events += times(clock, burst)
    ahead = events[-1] - burst[-1].arrived_at_us
    after = [picture(i) for i in range(151, 600)]
    events += times(clock, after)

    assert grow(events)
    assert ahead <= 510_000
    assert abs(events[-1] - after[-1].arrived_at_us) < 1_000


def test_who_is_far_behind_catches_up_in_one_step() -> None:
    clock = EventClock()
    # Media time that stands still for ten seconds, then goes on: what was in between is lost.
    times(clock, [picture(i) for i in range(50)])
    late = [picture(i, media=(i - 250) * STEP) for i in range(300, 600)]
    events = times(clock, late)

    assert grow(events)
    assert abs(events[-1] - late[-1].arrived_at_us) < 1_000


def test_ticks_lie_between_the_pictures_around_them() -> None:
    clock = EventClock()
    last = times(clock, [picture(i) for i in range(50)])[-1]
    ticks = [clock.tick(BEGIN + 50 * STEP + i * 1_000_000) for i in range(1, 20)]
    first = clock.next(picture(600, connection=2))[0]

    assert grow([last, *ticks, first])
    assert abs(first - (BEGIN + 600 * STEP)) < 1_000
    assert all(BEGIN + 50 * STEP + i * 1_000_000 - tick <= 1_000_001 for i, tick in enumerate(ticks, 1))


@given(
    st.lists(
        st.tuples(
            st.integers(-2_000_000, 5_000_000),
            st.one_of(st.none(), st.integers(-8_000_000_000, 8_000_000_000)),
            st.one_of(st.none(), st.integers(-(2**40), 2**40)),
            st.integers(0, 3),
            st.booleans(),
        ),
        max_size=60,
    ),
    st.integers(0, 2 * BEGIN),
)
def test_event_time_grows_whatever_comes(
    moves: list[tuple[int, int | None, int | None, int, bool]], last_us: int
) -> None:
    clock, at, connection = EventClock(last_us), BEGIN, 1
    events = [last_us]
    for step, captured, media, reconnects, tick in moves:
        at, connection = at + step, connection + (reconnects == 3)
        if tick:
            events.append(clock.tick(at))
        else:
            seen = LivePicture(connection, 0, at, None if captured is None else at + captured, media, None, False)
            events.append(clock.next(seen)[0])
    assert grow(events)
