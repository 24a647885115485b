"""Falls and what looks like them on a few keypoint scripts; `python -m tests.quality.falls` does the same over many."""

from __future__ import annotations

import pytest

from tests.quality.falls import FALLS, Script, judge

LATEST_S = 2.0
"""From the impact to the incident."""


@pytest.mark.parametrize("act", FALLS)
def test_a_fall_is_told_in_time(act: str) -> None:
    count = judge(Script(act, 1001, people=1, fps=10, noise="as the model", seconds=30))

    assert count.true >= 1
    assert count.suspected == count.confirmed == count.alerted == count.true
    assert (count.false, count.false_alarms) == (0, 0)
    assert max(count.delay_s) <= LATEST_S


@pytest.mark.parametrize("act", ["sit", "tie-shoes", "kneel", "lie"])
def test_what_looks_like_a_fall_is_none(act: str) -> None:
    count = judge(Script(act, 1001, people=1, fps=10, noise="as the model", seconds=45))

    assert (count.true, count.false, count.false_alarms) == (0, 0, 0)
