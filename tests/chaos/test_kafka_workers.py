"""Workers over a real broker leave the rows of an embedded run, whatever is done to them meanwhile.

`make chaos` does the same with simulated people, real models and many more kills.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.broker.fixtures import NewCluster
from tests.chaos.installation import APART, Disturbance, broker_away, disturb, kill, kill_database, kills, suspend
from tests.chaos.troubles import both_away, read_only
from tests.e2e.painted import painted
from tests.homes import NewHome

KILLS = int(os.environ.get("POSEBUS_KILLS", "4"))
SEED = int(os.environ.get("POSEBUS_SEED", "1"))
FRAMES = 200
CHAINED = ("ingest", "detect", "pose", "track+smooth+analyze+alert", "sink")

PAIRS = ("ingest", "ingest", "detect", "pose", "pose", "track+smooth", "track+smooth", "analyze+alert", "sink", "sink")


@dataclass(frozen=True)
class Case:
    """How workers are laid out, and what is done to them."""

    layout: Sequence[str]
    disturbances: Sequence[tuple[float, Disturbance]]
    runner: str = "own"


CASES = {
    "kills": Case(APART, kills(KILLS, SEED)),
    "outages": Case(CHAINED, [(0.1, broker_away(3.0)), (0.3, kill_database), (0.5, suspend(CHAINED[3], 8.0))]),
    "troubles of the database": Case(CHAINED, [(0.2, read_only(2.0)), (0.5, both_away(2.0))]),
    "two of each": Case(PAIRS, [(0.2, suspend("sink", 8.0))]),
    "faust": Case(CHAINED, [(0.2, kill(CHAINED[3])), (0.5, kill("sink"))], "faust"),
}


@pytest.mark.timeout(600 + 20 * KILLS)
@pytest.mark.parametrize("case", list(CASES))
def test_rows_are_the_same_to_the_byte(
    case: str, new_cluster: NewCluster, prepared_home: Path, new_home: NewHome, tmp_path: Path
) -> None:
    chosen = CASES[case]
    cameras = {name: painted(tmp_path / name, FRAMES, walk=walk) for name, walk in (("hall", 0.15), ("yard", 0.1))}

    outcome = disturb(
        prepared_home,
        new_home(),
        new_cluster(),
        f"{uuid4().hex[:8]}.",
        cameras,
        len(cameras) * FRAMES,
        chosen.disturbances,
        layout=chosen.layout,
        runner=chosen.runner,
    )

    assert sum(outcome.disturbed.values()) >= len(chosen.disturbances) // 2
    assert not outcome.different
    assert outcome.rows["frame_outcomes"] == len(cameras) * FRAMES
    assert outcome.rows["incidents"] == len(cameras)
