"""Cameras in one process that is watched over: killed it comes back, and it goes with whoever watches."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil

from tests.e2e.conftest import Program
from tests.e2e.history import History, none_twice_none_back, until
from tests.e2e.processes import Posebus, ended


def test_a_killed_run_is_started_again_and_none_is_left_behind(program: Program, dsn: str, tmp_path: Path) -> None:
    config, history = tmp_path / "c.yaml", History(dsn)
    config.write_text(f"database: {{dsn: {dsn!r}}}\nmodels: {{detector: fake, pose: fake}}\n")
    program(
        "camera", "add", "gym", "sim://gym?width=320&height=180", "--mode", "live", "--fps", "5", "-c", str(config)
    ).done()
    with Posebus(Path("/dev/null/home")).started("up", "--embedded", "--config", str(config)) as up:
        until(lambda: history.frames("gym") > 0, 120, "rows")
        (run,) = psutil.Process(up.pid).children()
        run.send_signal(signal.SIGKILL)
        killed = time.time()
        until(lambda: history.frames("gym", killed + 1) > 0, 60, "rows of the next one")

        (again,) = psutil.Process(up.pid).children()
        assert again.pid != run.pid
        os.kill(up.pid, signal.SIGKILL)
        until(lambda: not again.is_running() or again.status() == psutil.STATUS_ZOMBIE, 20, "the end of the orphan")

    assert none_twice_none_back(history, "gym") >= 2


def test_it_ends_when_it_is_told_to(program: Program, dsn: str, tmp_path: Path) -> None:
    config = tmp_path / "c.yaml"
    config.write_text(f"database: {{dsn: {dsn!r}}}\nmodels: {{detector: fake, pose: fake}}\n")
    program("up", "--embedded", "--layout", "sink", "-c", str(config)).refused(2, "exclude each other", "one process")
    with Posebus(Path("/dev/null/home")).started("up", "--embedded", "--config", str(config)) as up:
        until(lambda: bool(psutil.Process(up.pid).children()), 60, "a start")
        children = psutil.Process(up.pid).children()
        time.sleep(1)
        up.send_signal(signal.SIGINT)
        assert ended(up).code in (0, 130)
        assert not [child for child in children if child.is_running()]
