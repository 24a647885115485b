"""Network cameras over a real broker: attached, lost in every way, found again, changed, handed over."""

from __future__ import annotations

import os
import signal
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import cv2
import numpy as np
import pytest

from tests.broker.cluster import Cluster
from tests.e2e.conftest import Program
from tests.e2e.history import History, none_twice_none_back, until
from tests.e2e.painted import painted
from tests.e2e.processes import Posebus
from tests.rtsp import clips
from tests.rtsp.cameras import CameraServer, free_port, need_server
from tests.rtsp.promised import FOUND_S, ROWS_AGAIN_S, ROWS_S, SEEN_S
from tests.rtsp.proxy import Proxy, Weather

pytestmark = pytest.mark.xdist_group("kafka")

CAMERAS = ("one", "two", "three")
REST = "detect+pose+track+smooth+analyze+alert"
EVERYWHERE = "zones: {room: {corners: [[0, 0], [1, 0], [1, 1], [0, 1]]}}\n"
SOMEBODY = "rules: [{name: somebody, when: {zone: room}, scope: camera}]\n"


@dataclass
class Site:
    """Cameras behind a proxy, and workers: two that read cameras, one for all other stages, one sink."""

    program: Program
    history: History
    server: CameraServer
    proxy: Proxy
    config: str
    ingest: dict[int, int]
    """Process of each ingest worker by the port of its metrics."""

    def camera(self, *words: str) -> str:
        return self.program("camera", *words, "--config", self.config).done().out

    def are(self, state: str) -> bool:
        return all(self.history.state(name) == state for name in CAMERAS)

    def fresh(self, since_s: float) -> bool:
        return all(self.history.frames(name, since_s) > 0 for name in CAMERAS)

    def metrics(self, port: int) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def entered(self, state: str) -> float:
        """Times that cameras entered a state, as both ingest workers say."""
        lines = [line for port in self.ingest for line in self.metrics(port).splitlines()]
        counted = [line for line in lines if line.startswith("posebus_camera_states_total") and f'"{state}"' in line]
        return sum(float(line.rpartition(" ")[2]) for line in counted)


@pytest.fixture
def weather() -> Iterator[Weather]:
    loop = Weather()
    yield loop
    loop.close()


@pytest.fixture
def site(program: Program, dsn: str, kafka: Cluster, weather: Weather, tmp_path: Path) -> Iterator[Site]:
    need_server()
    # Someone walks, and goes on walking: the film is over before the fall.
    folder = Path(painted(tmp_path / "walk", 70, walk=0.1))
    pictures = [np.asarray(cv2.imread(str(path)), dtype=np.uint8) for path in sorted(folder.iterdir())]
    mounts = {
        name: clips.write(tmp_path / f"{name}.mp4", codec, fps=5, gop=5, frames=pictures)
        for name, codec in zip(CAMERAS, ("libx264", "libx265", "libx264"), strict=True)
    }
    config = tmp_path / "c.yaml"
    config.write_text(
        f"kafka: {{servers: {kafka.servers[0]!r}, prefix: '{uuid4().hex[:8]}.'}}\n"
        f"database: {{dsn: {dsn!r}}}\nmodels: {{detector: fake, pose: fake}}\n"
    )
    server, ports = CameraServer(mounts), (free_port(), free_port())
    site = Site(program, History(dsn), server, weather.proxy(server.port), str(config), {})
    program("init", "--config", str(config)).done()
    posebus = Posebus(Path("/dev/null/home"))
    with ExitStack() as started:
        started.callback(server.close)
        for name in (REST, "sink"):
            started.enter_context(posebus.started("worker", name, "--config", str(config)))
        for port in ports:
            worker = posebus.started("worker", "ingest", "--metrics-port", str(port), "--config", str(config))
            site.ingest[port] = started.enter_context(worker).pid
        yield site


@pytest.mark.timeout(300)
def test_cameras_over_kafka_are_lost_and_found_changed_and_handed_over(site: Site, tmp_path: Path) -> None:
    history = site.history
    site.camera("add", "warm", site.server.url("one"))
    until(lambda: history.frames("warm") > 0, 120, "rows of a first camera")
    site.camera("rm", "warm")

    for name in CAMERAS:
        site.camera("add", name, site.proxy.url(name))
    assert until(lambda: site.fresh(0.0), 30, "rows of all three") <= ROWS_S
    until(lambda: site.are("live"), 10, "live")
    assert site.camera("ls").count(" live ") == 3

    _lose_and_find(site, "stalled", site.server.pause, site.server.go_on)
    _lose_and_find(site, "waiting", site.server.kill, site.server.start)
    _lose_and_find(site, "waiting", site.proxy.refuse, site.proxy.listen)
    assert site.entered("waiting") >= 2 * len(CAMERAS)
    assert site.entered("stalled") >= len(CAMERAS)

    _draw(site, tmp_path)
    site.camera("pause", "two")
    assert until(lambda: history.state("two") == "paused", 20, "paused") <= 4
    until(lambda: history.frames("two", time.time() - 1) == 0, 20, "no more rows")
    site.camera("resume", "two")
    assert until(lambda: history.frames("two", time.time() - 1) > 0, 20, "rows again") <= 5
    _hand_over(site)
    assert site.camera("ls").count(" ago)") == len(CAMERAS)

    for name in CAMERAS:
        assert none_twice_none_back(history, name) >= 3
    for state in ("connecting", "live", "stalled", "waiting", "paused"):
        assert history.ask("SELECT 1 FROM pose.camera_status WHERE camera = 'two' AND state = %s", state), state


def _lose_and_find(site: Site, state: str, lose: object, find: object) -> None:
    assert callable(lose)
    assert callable(find)
    lose()
    until(lambda: site.are(state), SEEN_S, f"all {state}")
    shown = site.camera("ls")
    assert shown.count(" live ") == 0, shown
    find()
    until(lambda: site.are("live"), FOUND_S, "all live again")
    shown = site.camera("ls")
    assert shown.count(" ago)") == len(CAMERAS), f"what was wrong last is forgotten: {shown}"
    now = time.time()
    until(lambda: site.fresh(now), ROWS_AGAIN_S, "rows of all three again")


def _draw(site: Site, folder: Path) -> None:
    """Zones and rules of one camera take effect on running workers, and its reader goes on."""
    (folder / "zones.yaml").write_text(EVERYWHERE)
    (folder / "rules.yaml").write_text(SOMEBODY)
    sessions = none_twice_none_back(site.history, "one")
    before = time.time()
    site.camera("edit", "one", "--zones", str(folder / "zones.yaml"), "--rules", str(folder / "rules.yaml"))

    def told() -> bool:
        events = site.history.ask("SELECT 1 FROM pose.events WHERE camera = 'one' AND label = 'room:enter'")
        incidents = site.history.ask("SELECT 1 FROM pose.incidents WHERE camera = 'one' AND rule = 'somebody'")
        return bool(events and incidents)

    # Two seconds until the workers know, half a second that who is in the zone has to stay there.
    assert until(told, 20, "the zone and the rule") <= 5
    assert not site.history.ask("SELECT 1 FROM pose.events WHERE camera <> 'one' AND label = 'room:enter'")
    assert not site.history.ask("SELECT 1 FROM pose.events WHERE ts < to_timestamp(%s) AND kind = 'zone'", before - 1)
    assert none_twice_none_back(site.history, "one") == sessions


def _hand_over(site: Site) -> None:
    """A worker that stands still loses its cameras to the other one; what it sends when it wakes is shut out."""
    held = {
        port: sum(f'camera="{name}",state="live"' in site.metrics(port) for name in CAMERAS) for port in site.ingest
    }
    port = max(held, key=held.__getitem__)
    before = {name: _session(site, name) for name in CAMERAS}
    stopped = time.time()
    os.kill(site.ingest[port], signal.SIGSTOP)
    try:
        # It goes on being read by its reader process: what matters is who sends.
        took_s = until(lambda: site.fresh(stopped + 1), 30, "rows of all three after the hand-over")
        assert took_s <= 10
    finally:
        os.kill(site.ingest[port], signal.SIGCONT)
    moved = [name for name in CAMERAS if _session(site, name) > before[name]]
    assert moved, (held, before)
    awake = time.time()
    until(lambda: site.fresh(awake + 2), 20, "rows while the other one is awake")
    until(lambda: site.are("live"), 15, "all live")


def _session(site: Site, name: str) -> int:
    return int(site.history.ask("SELECT max(session) FROM pose.frame_outcomes WHERE camera = %s", name)[0][0])
