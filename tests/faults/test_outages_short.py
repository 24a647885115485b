"""The short form of `make faults`: every kind of outage, cameras lost at the same time, nothing held at the end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.faults.__main__ import FAULTS, Held, run
from tests.rtsp.cameras import need_server

pytestmark = pytest.mark.xdist_group("faults")

OUTAGES, CAMERAS, SEED = 34, 10, 3
"""Every kind twice. The seed gives no camera two refused passwords: each is tried again after half a minute only."""

MOST_RSS = 24 * 2**20
"""What the process may have more than before the first camera: lists of the test itself, and Python's pools."""


@pytest.mark.timeout(180)
def test_outages_of_every_kind_are_recovered_and_leave_nothing(tmp_path: Path) -> None:
    need_server()

    start = Held.now()
    outages, levels, _ = run(OUTAGES, CAMERAS, SEED, tmp_path)
    end = Held.now()

    assert not [each for each in outages if each.error]
    assert len(outages) == OUTAGES
    assert Counter(each.kind for each in outages).keys() == FAULTS.keys()
    assert all(each.back_s is not None for each in outages)
    filmed, live = levels[:2]  # clips are encoded first, and encoders keep memory
    assert live.children > start.children, "nothing was read"
    assert live.shared >= CAMERAS
    for held in ("handles", "threads", "children", "shared"):
        assert getattr(end, held) <= getattr(start, held), (held, start, end)
    assert end.rss <= filmed.rss + MOST_RSS, f"{(end.rss - filmed.rss) / 2**20:.0f} MiB more"
