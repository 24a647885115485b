from __future__ import annotations

import pytest

from pipeline.cli.times import ago


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (0.4, "0 s"), (119, "119 s"), (185, "3 min"), (7_199, "119 min"), (7_200, "2 h"), (172_800, "2 d")],
)
def test_a_time_ago_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert ago(seconds) == said
