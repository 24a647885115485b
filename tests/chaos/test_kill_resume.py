"""A run that is killed again and again and goes on with --resume leaves the same rows as one that was not.

`make chaos` does the same with longer scenes and more kills.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.killing import kill_and_resume
from tests.homes import NewHome

KILLS = int(os.environ.get("POSEBUS_KILLS", "5"))
SEED = int(os.environ.get("POSEBUS_SEED", "1"))

# One squat, one fall, in the shortest scenes in which they happen.
SOURCES = ("sim://gym?people=1&seed=49&seconds=8&fps=8", "sim://ward?seed=55&seconds=21&fps=8")
FRAMES = 8 * 8 + 21 * 8


@pytest.mark.timeout(180 + 15 * KILLS)
def test_rows_are_the_same_to_the_byte(prepared_home: Path, new_home: NewHome) -> None:
    outcome = kill_and_resume(prepared_home, new_home(), SOURCES, FRAMES, kills=KILLS, seed=SEED)

    assert outcome.kills >= min(KILLS, 2)
    assert not outcome.different
    assert outcome.rows["frame_outcomes"] == FRAMES
    assert outcome.rows["incidents"] == 1
