"""A run that is killed again and again and goes on with --resume leaves the same rows as one that was not.

POSEBUS_KILLS says how often, POSEBUS_SEED when, POSEBUS_RELIABILITY names a page to write about it: see `make chaos`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.kills import Killer, page
from tests.e2e.dump import dump
from tests.e2e.processes import Posebus
from tests.homes import NewHome

KILLS = int(os.environ.get("POSEBUS_KILLS", "5"))
SEED = int(os.environ.get("POSEBUS_SEED", "1"))
REPORT = os.environ.get("POSEBUS_RELIABILITY")

# One squat, one fall: the shortest scenes in which either happens.
SOURCES = ("sim://gym?people=1&seed=49&seconds=8&fps=8", "sim://ward?seed=55&seconds=21&fps=6")


@pytest.mark.timeout(120 + 12 * KILLS)
def test_rows_are_the_same_to_the_byte(prepared_home: Path, new_home: NewHome, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("embedded: {cut_s: 0.2}\n")
    words = ["run", *SOURCES, "--config", str(tmp_path / "c.yaml"), "--start-time", "2026-01-01T09:00:00Z"]
    Posebus(prepared_home).run(*words).done()
    undisturbed = dump(prepared_home)
    assert undisturbed["incidents"]
    assert {b"rep", b"fall"} <= {field for event in undisturbed["events"] for field in event.split(b"\t")}

    print(f"{KILLS} kills, seed {SEED}")  # noqa: T201  told when the test fails, and by `make chaos`
    killer = Killer([*words, "--resume"], SEED, KILLS)
    while not killer.done:
        rows = killer.history(new_home())
        assert {name: len(found) for name, found in rows.items()} == {n: len(f) for n, f in undisturbed.items()}
        assert rows == undisturbed

    if REPORT:
        Path(REPORT).write_text(page(killer.report))
