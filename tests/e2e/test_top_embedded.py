"""`posebus top` where no broker is: one process, its database, a terminal."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Program
from tests.e2e.history import History, until
from tests.e2e.processes import Posebus, ended
from tests.e2e.screen import Screen
from tests.rtsp.cameras import free_port

SCENE = "sim://gym?people=2&width=320&height=180"


def test_top_shows_cameras_of_one_process_out_of_the_database(program: Program, dsn: str, tmp_path: Path) -> None:
    config, history = tmp_path / "c.yaml", History(dsn)
    config.write_text(f"database: {{dsn: {dsn!r}}}\nmodels: {{detector: fake, pose: fake}}\n")
    words = ("-c", str(config))
    for name, *more in (("fast", "--fps", "5"), ("late", "--fps", "10", "--deadline-ms", "50"), ("off", "--fps", "1")):
        program("camera", "add", name, SCENE, "--mode", "live", *more, *words).done()
    program("camera", "pause", "off", *words).done()
    port = str(free_port())
    posebus = Posebus(Path("/dev/null/home"))

    def seen() -> dict[str, Any]:
        said: dict[str, Any] = json.loads(
            program("top", "--once", "-f", "json", "--metrics-port", port, *words).done().out
        )
        return said

    with posebus.started("run", "--cameras", "--metrics-port", port, *words) as run:
        until(lambda: min(history.frames("fast"), history.frames("late")) > 35, 120, "rows of seven seconds")
        run.send_signal(signal.SIGSTOP)
        time.sleep(1)
        run.send_signal(signal.SIGCONT)
        time.sleep(1.5)
        shown = seen()
        with posebus.started("top", *words) as other:  # its output is no terminal
            table = ended(other).done().out
        with Screen("top", *words, "--metrics-port", port, home=Path("/dev/null/home")) as screen:
            for word in ("the database ", "live", "ms a frame", "paused"):
                screen.until(word)
            program("camera", "pause", "fast", *words).done()
            until(lambda: history.state("fast") == "paused", 20, "paused")
            screen.press("q")
            assert screen.ended() == 0
        assert "Traceback" not in screen.text
        after = {each["camera"]: each for each in seen()["cameras"]}
        run.send_signal(signal.SIGINT)
        assert ended(run).code == 130

    cameras = {each["camera"]: each for each in shown["cameras"]}
    assert sorted(cameras) == ["fast", "late", "off"]
    assert shown["problem"] is None
    assert shown["workers"] == []
    fast, late, off = cameras["fast"], cameras["late"], cameras["off"]
    assert fast["state"] == late["state"] == "live"
    assert 2 <= fast["fps"] <= 5.5  # of five seconds it stood still for one
    assert fast["people"] == 0  # the fake models see painted marks only
    assert any("late" in reason and count > 0 for reason, count in late["dropped"].items()), late
    assert "late" in table
    assert fast["age_s"] < 3
    assert fast["silent_s"] < 5
    assert (off["state"], off["fps"], off["age_s"], off["people"]) == ("paused", 0, None, None)
    stages = {each["stage"]: each for each in shown["stages"]}
    assert list(stages) == ["ingest", "detect", "pose", "track", "smooth", "analyze", "alert"]
    assert all(each["fps"] > 2 and each["ms"] > 0 for each in stages.values()), stages
    for word in ("fast", "late", "paused", "the database "):
        assert word in table
    assert "\x1b" not in table
    assert "ms a frame" not in table  # nobody said where metrics are
    assert after["fast"]["state"] == "paused"
    assert after["late"]["state"] == "live"
