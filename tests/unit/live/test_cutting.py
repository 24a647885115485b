"""When a live camera is cut."""

from __future__ import annotations

from pipeline.runners.embedded.cutting import SHARE, SHORTEST_S, Cutting, every_s


def test_no_cut_begins_behind_two_that_do_not_rest() -> None:
    cutting = Cutting(lambda: 0.1)
    assert cutting.due(1.0)
    cutting.began(5, 1.0)
    assert cutting.due(2.0)
    cutting.began(6, 2.0)

    assert not cutting.due(9.0)
    cutting.rested(5)
    assert cutting.due(9.0)


def test_cuts_are_apart_by_what_they_cost() -> None:
    cutting = Cutting(lambda: 0.1)
    cutting.began(1, 1.0)
    cutting.rested(1)

    assert not cutting.due(1.05)
    assert cutting.due(1.11)


def test_all_cameras_together_take_their_share_of_the_threads_time() -> None:
    assert every_s(1.0, 1, 0.001) == SHORTEST_S
    assert 4 * 0.02 / every_s(1.0, 4, 0.02) == SHARE
    assert every_s(1.0, 50, 0.1) == 1.0
