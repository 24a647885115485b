"""Cameras in one process that is watched over: killed it comes back, and it goes with whoever watches."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import psutil

from tests.e2e.changes import Changes, check_changes
from tests.e2e.conftest import Program
from tests.e2e.history import History, none_twice_none_back, until
from tests.e2e.processes import Posebus, ended
from tests.e2e.scrape import sample, scraped
from tests.rtsp import clips
from tests.rtsp.cameras import CameraServer, free_port, need_server


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


def test_metrics_and_health_are_shown_while_cameras_are_read(program: Program, dsn: str, tmp_path: Path) -> None:
    config, history, port = tmp_path / "c.yaml", History(dsn), free_port()
    config.write_text(
        f"database: {{dsn: {dsn!r}}}\nmodels: {{detector: fake, pose: fake}}\nembedded: {{ladder: true}}\n"
    )
    words = ("-c", str(config))
    program("camera", "add", "gym", "sim://gym?width=320&height=180", "--mode", "live", "--fps", "5", *words).done()
    with Posebus(Path("/dev/null/home")).started("up", "--embedded", "--metrics-port", str(port), *words) as up:
        until(lambda: history.frames("gym") > 5, 120, "rows")
        said, well = scraped(port), scraped(port, "/healthz")
        up.send_signal(signal.SIGINT)
        assert ended(up).code in (0, 130)

    assert well == "ok\n"
    assert sample(said, "posebus_camera_states_total", camera="gym", state="live", worker="run") == 1
    assert sample(said, "posebus_kept_share", camera="gym") == 1
    assert sample(said, "posebus_ease", camera="gym") == 0
    for stage in ("ingest", "detect", "pose", "track", "smooth", "analyze", "alert"):
        assert (sample(said, "posebus_stage_seconds_count", stage=stage) or 0) > 0, stage
    count = sample(said, "posebus_age_seconds_count", stage="sink")
    assert count is not None
    assert count > 5
    assert 0 < (sample(said, "posebus_age_seconds_sum", stage="sink") or 0) / count < 5
    beaten = sample(said, "posebus_worker_loop_age_seconds", worker="run")
    assert beaten is not None
    assert beaten < 10
    assert scraped(port) == ""


def test_a_port_that_is_taken_is_told_of(program: Program, dsn: str, fake: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        words = ("--cameras", "--metrics-port", port, "--db", dsn, "-c", fake)
        program("run", *words).refused(2, f"metrics cannot be shown on 127.0.0.1:{port}", "another port")


def test_changes_take_effect_within_two_seconds(program: Program, dsn: str, tmp_path: Path) -> None:
    need_server()
    film = clips.write(tmp_path / "x.mp4", fps=5, gop=5)
    server, config, history = CameraServer({"x": film, "y": film}), tmp_path / "c.yaml", History(dsn)
    port = free_port()
    config.write_text(
        f"database: {{dsn: {dsn!r}}}\nmodels: {{detector: fake, pose: fake}}\nworker: {{metrics_port: {port}}}\n"
    )

    def camera(*words: str) -> str:
        return program("camera", *words, "-c", str(config)).done().out

    try:
        camera("add", "other", server.url("x"))
        with Posebus(Path("/dev/null/home")).started("run", "--cameras", "-c", str(config)) as run:
            until(lambda: history.frames("other") > 0, 120, "rows of the first camera")
            check_changes(Changes(history, camera, [run.pid]), "hall", "other", server.url("x"), server.url("y"))
            assert (sample(scraped(port), "posebus_camera_states_total", camera="hall", state="live") or 0) >= 4
            run.send_signal(signal.SIGINT)
            assert ended(run).code == 130
    finally:
        server.close()
