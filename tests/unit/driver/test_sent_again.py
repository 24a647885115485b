"""Of a recording nothing may be missing: what was deleted unread is sent again, as a new session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from pipeline.core.ports import HANDED_ON, BusRecord, Outgoing
from pipeline.core.records import Clock, Tick
from tests.fakes import TRACKS, driver, on_bus
from tests.samples import poses

_FRAME_US = 40_000


def frames(
    which: Iterable[int], *, session: int = 1, first: int = 0, offset: int = 0, clock: Clock = "file"
) -> list[BusRecord]:
    """Pictures of a recording, sent in a session that begins with picture `first`."""
    return [
        on_bus(
            poses(1),
            seq - first,
            seq=seq,
            session=session,
            at_us=1_000_000 + seq * _FRAME_US,
            clock=clock,
            offset=offset + index,
        )
        for index, seq in enumerate(which)
    ]


def sent(outgoing: Sequence[Outgoing]) -> list[tuple[int, int, int]]:
    """Number of the picture, number of the message, frames that the stage had seen."""
    found = [TRACKS.decode(each.value or b"") for each in outgoing if each.topic == "tracks"]
    return [(r.stamp.seq, r.stamp.n, int(r.value.track_id[0])) for r in found if not isinstance(r.value, Tick)]


def test_what_lies_behind_a_hole_waits_until_all_of_it_comes_again() -> None:
    counts: list[str] = []
    under_test = driver(whole=True, once=True, counts=counts)

    before = sent(under_test.feed([*frames([0, 1]), *frames([4, 5], offset=2)]))
    again = sent(under_test.feed(frames(range(2, 8), session=2, first=2, offset=4)))

    assert before == [(0, 0, 1), (1, 1, 2)]
    assert again == [(seq, seq - 2, seq + 1) for seq in range(2, 8)]  # the stage went on
    assert counts == ["records_skipped"] * 2


def test_what_was_taken_is_not_taken_again() -> None:
    under_test = driver(whole=True, once=True)
    under_test.feed(frames(range(6)))

    assert sent(under_test.feed(frames(range(2, 8), session=2, first=2, offset=6))) == [(6, 0, 7), (7, 1, 8)]


def test_a_restored_stage_knows_what_it_has_taken() -> None:
    first, second = driver(whole=True, once=True), driver(whole=True, once=True)
    first.feed(frames(range(6)))
    second.restore("gym", 1, first.content("gym", 1))

    assert sent(second.feed(frames(range(2, 8), session=2, first=2, offset=6))) == [(6, 0, 7), (7, 1, 8)]


def test_a_stage_whose_results_were_lost_begins_anew() -> None:
    under_test = driver(whole=True)
    under_test.feed(frames(range(6)))

    assert sent(under_test.feed(frames(range(2, 8), session=2, first=2, offset=6))) == [
        (seq, seq - 2, seq - 1) for seq in range(2, 8)
    ]


def test_a_hole_at_the_beginning_of_what_is_sent_again_waits_for_the_next_time() -> None:
    under_test = driver(whole=True, once=True)
    under_test.feed(frames([0, 1]))

    assert sent(under_test.feed(frames([4, 5], session=2, first=2, offset=2))) == []
    assert sent(under_test.feed(frames([2, 3], session=3, first=2, offset=4))) == [(2, 0, 3), (3, 1, 4)]


def test_what_cannot_be_read_is_no_hole() -> None:
    under_test = driver(whole=True, once=True)
    spoilt = [replace(raw, value=b"?") for raw in frames([1, 2], offset=1)]

    out = under_test.feed([*frames([0]), *spoilt, *frames([3, 4], offset=3)])
    after = under_test.feed(frames([6], offset=5))

    assert [seq for seq, _, _ in sent(out)] == [0, 3, 4]
    assert sent(after) == []  # nothing unreadable lies before this one


def test_holes_of_live_cameras_are_for_good() -> None:
    counts: list[str] = []
    under_test = driver(whole=True, once=True, counts=counts)

    found = sent(under_test.feed(frames([0, 1, 4, 5], clock="arrival")))

    assert [seq for seq, _, _ in found] == [0, 1, 4, 5]
    assert counts == ["numbering_gaps"]


def test_what_a_neighbour_in_the_same_process_hands_on_was_never_on_a_bus() -> None:
    under_test = driver(whole=True, once=True)
    handed: list[Any] = [replace(raw, offset=HANDED_ON) for raw in frames([0, 3])]

    assert [seq for seq, _, _ in sent(under_test.feed(handed))] == [0, 3]
