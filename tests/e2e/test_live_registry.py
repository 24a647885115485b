"""Cameras of one process: what is corrected, paused and remembered of them while it runs, and over its restarts."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Program
from tests.e2e.history import History, until
from tests.e2e.processes import Posebus, ended
from tests.rtsp.cameras import CameraServer
from tests.rtsp.proxy import Weather

pytestmark = pytest.mark.xdist_group("cameras")

CONFIG = "models: {detector: fake, pose: fake}\nembedded: {cut_s: 0.2}\n"
PASSWORD = "p@ss:w/rd#1"


def test_a_corrected_password_is_tried_at_once(
    program: Program, dsn: str, clip: Path, tmp_path: Path, weather: Weather
) -> None:
    server, history = CameraServer({"x": clip}, user="viewer", password=PASSWORD), History(dsn)
    secret, config = tmp_path / "hall.secret", tmp_path / "c.yaml"
    secret.write_text("wr0ng\n")
    proxies = {name: weather.proxy(server.port) for name in ("added", "configured")}
    camera = f"{{source: '{proxies['configured'].url('x')}', user: viewer, password: '${{file:hall.secret}}'}}"
    config.write_text(f"{CONFIG}cameras: {{configured: {camera}}}\n")
    where = ("--db", dsn, "--config", str(config))
    try:
        words = (
            "camera",
            "add",
            "added",
            proxies["added"].url("x"),
            "--user",
            "viewer",
            "--password-file",
            str(secret),
        )
        program(*words, *where).done()
        with Posebus(Path("/dev/null/home")).started("run", "--cameras", *where) as run:
            for name in proxies:
                until(lambda name=name: history.state(name) == "unauthorized", 120, f"{name} unauthorized")
            time.sleep(3)
            assert [proxy.connections for proxy in proxies.values()] == [1, 1], "cameras lock accounts"

            secret.write_text(f"{PASSWORD}\n")
            for name in proxies:
                until(lambda name=name: history.state(name) == "live", 10, f"{name} live with the corrected password")
            run.send_signal(signal.SIGINT)
            assert ended(run).code == 130
    finally:
        server.close()


def test_a_paused_camera_of_the_configuration_stays_paused(program: Program, dsn: str, tmp_path: Path) -> None:
    history, config = History(dsn), tmp_path / "c.yaml"
    source = "{source: 'sim://gym?width=320&height=180&fps=5', mode: live}"
    config.write_text(f"{CONFIG}cameras: {{one: {source}, two: {source}}}\n")
    where = ("--db", dsn, "--config", str(config))
    run = ("run", "--cameras", "--limit-s", "3", *where)
    program(*run).done()
    assert history.frames("one") > 0

    program("camera", "pause", "one", *where).done()
    began = time.time()
    program(*run).done()

    assert history.frames("two", began) > 0
    assert history.frames("one", began) == 0
    assert "paused" in program("camera", "ls", *where).done().out

    program("camera", "resume", "one", *where).done()
    program(*run).done()
    assert history.frames("one", began) > 0
