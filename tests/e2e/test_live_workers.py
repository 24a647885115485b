"""Network cameras over a real broker: attached, lost in every way, found again, changed, handed over."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import cv2
import numpy as np
import pytest

from pipeline.bus.kafka import KafkaBus
from pipeline.cameras.sealing import SECRET_KEY, new_key
from tests.broker.cluster import Cluster
from tests.e2e.changes import Changes, check_changes
from tests.e2e.conftest import Program
from tests.e2e.history import History, none_twice_none_back, until
from tests.e2e.painted import painted
from tests.e2e.processes import Posebus, ended
from tests.e2e.scrape import sample, scraped
from tests.e2e.secrets import Said, places_with, processes, tables, topics
from tests.rtsp import clips
from tests.rtsp.cameras import CameraServer, free_port, need_server
from tests.rtsp.promised import FOUND_S, HANDED_S, ROWS_AGAIN_S, ROWS_S, SEEN_S
from tests.rtsp.proxy import Proxy, Weather

pytestmark = pytest.mark.xdist_group("kafka-commands")

CAMERAS = ("one", "two", "three")
REST = "detect+pose+track+smooth+analyze+alert"
PASSWORD, WRONG = "p@ss:w/rd#1", "wr0ng/p@ss"
SILENT_S = 2.0
SILENT = (
    f"alert: {{rules: [fall, {{name: camera-silent, like: camera-silent, for_s: {SILENT_S:g}, cool_down_s: 0}}]}}\n"
)
EVERYWHERE = "zones: {room: {corners: [[0, 0], [1, 0], [1, 1], [0, 1]]}}\n"
SOMEBODY = "rules: [{name: somebody, when: {zone: room}, scope: camera}]\n"


@dataclass
class Site:
    """Cameras behind a proxy, and workers: two that read cameras, one for all other stages, one sink."""

    camera: Callable[..., str]
    history: History
    server: CameraServer
    proxy: Proxy
    ingest: dict[int, int]
    """Process of each ingest worker by the port of its metrics."""
    changes: Changes

    def are(self, state: str) -> bool:
        return all(self.history.state(name) == state for name in CAMERAS)

    def were(self, state: str, since_s: float) -> bool:
        """Each of them since then: who waits goes on trying, and is `connecting` now and then."""
        return all(state in self.history.states(name, since_s) for name in CAMERAS)

    def fresh(self, since_s: float) -> bool:
        return all(self.history.frames(name, since_s) > 0 for name in CAMERAS)

    def entered(self, state: str) -> float:
        """Times that cameras entered a state, as both ingest workers say."""
        return sum(sample(scraped(port), "posebus_camera_states_total", state=state) or 0 for port in self.ingest)

    def silent(self, since_s: float) -> dict[str, bool]:
        """By camera whether its incident of silence, begun since then, is over."""
        found = self.history.ask(
            "SELECT camera, state = 'end' FROM pose.incidents"
            " WHERE rule = 'camera-silent' AND started > to_timestamp(%s)",
            since_s,
        )
        return dict(found)


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
        f"database: {{dsn: {dsn!r}}}\nmodels: {{detector: fake, pose: fake}}\n{SILENT}"
    )
    server, ports = CameraServer(mounts), (free_port(), free_port())
    proxy, history, ingest = weather.proxy(server.port), History(dsn), dict[int, int]()

    def camera(*words: str) -> str:
        return program("camera", *words, "--config", str(config)).done().out

    program("init", "--config", str(config)).done()
    posebus = Posebus(Path("/dev/null/home"))
    with ExitStack() as started:
        started.callback(server.close)
        for name in (REST, "sink"):
            started.enter_context(posebus.started("worker", name, "--config", str(config)))
        for port in ports:
            worker = posebus.started("worker", "ingest", "--metrics-port", str(port), "--config", str(config))
            ingest[port] = started.enter_context(worker).pid
        changes = Changes(history, camera, list(ingest.values()))
        yield Site(camera, history, server, proxy, ingest, changes)


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
    killed = time.time()
    _lose_and_find(site, "waiting", site.server.kill, site.server.start, _told_of_silence)
    until(lambda: site.silent(killed) == dict.fromkeys(CAMERAS, True), 15, "the end of the incidents")
    _lose_and_find(site, "waiting", site.proxy.refuse, site.proxy.listen)
    assert site.entered("waiting") >= 2 * len(CAMERAS)
    assert site.entered("stalled") >= len(CAMERAS)

    _draw(site, tmp_path)
    check_changes(site.changes, "four", "one", site.proxy.url("one"), site.server.url("three"))
    _hand_over(site)
    assert site.camera("ls").count(" ago)") == len(CAMERAS)

    for name in CAMERAS:
        assert none_twice_none_back(history, name) >= 3
    for state in ("connecting", "live", "stalled", "waiting"):
        assert history.ask("SELECT 1 FROM pose.camera_status WHERE camera = 'two' AND state = %s", state), state


def _lose_and_find(
    site: Site,
    state: str,
    lose: Callable[[], object],
    find: Callable[[], object],
    meanwhile: Callable[[Site, float], None] = lambda _site, _since: None,
) -> None:
    since = time.time()
    lose()
    until(lambda: site.were(state, since), SEEN_S, f"all {state}")
    shown = site.camera("ls")
    assert shown.count(" live ") == 0, shown
    meanwhile(site, since)
    find()
    until(lambda: site.are("live"), FOUND_S, "all live again")
    shown = site.camera("ls")
    assert shown.count(" ago)") == len(CAMERAS), f"what was wrong last is forgotten: {shown}"
    now = time.time()
    until(lambda: site.fresh(now), ROWS_AGAIN_S, "rows of all three again")


def _told_of_silence(site: Site, since: float) -> None:
    """The rule of silent cameras opens an incident of each, no earlier than it says."""
    until(lambda: site.silent(since) == dict.fromkeys(CAMERAS, False), SILENT_S + 15, "incidents")
    told = site.history.ask(
        "SELECT i.camera, i.severity, i.text, extract(epoch FROM s.ts)::float8 FROM pose.incidents i"
        " JOIN pose.incident_steps s USING (incident_id) WHERE i.rule = 'camera-silent' AND s.state = 'new'"
        " AND s.ts > to_timestamp(%s)",
        since,
    )
    assert len(told) == len(CAMERAS)
    for name, severity, text, opened_s in told:
        assert severity == "warning"
        assert opened_s >= since + SILENT_S, told
        assert text.startswith(f"{name}: not connected since "), told


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
    held = {port: sum(f'camera="{name}",state="live"' in scraped(port) for name in CAMERAS) for port in site.ingest}
    port = max(held, key=held.__getitem__)
    before = {name: _session(site, name) for name in CAMERAS}
    stopped = time.time()
    os.kill(site.ingest[port], signal.SIGSTOP)
    try:
        # It goes on being read by its reader process: what matters is who sends.
        until(lambda: site.fresh(stopped + 1), 30, "rows of all three after the hand-over")
        taken = site.history.ask(
            "SELECT camera, extract(epoch FROM min(ts))::float8 FROM pose.camera_status"
            " WHERE state = 'connecting' AND ts > to_timestamp(%s) GROUP BY 1",
            stopped,
        )
        assert len(taken) == held[port]
        assert all(at_s - stopped <= HANDED_S for _, at_s in taken), taken
    finally:
        os.kill(site.ingest[port], signal.SIGCONT)
    moved = [name for name in CAMERAS if _session(site, name) > before[name]]
    assert moved, (held, before)
    awake = time.time()
    until(lambda: site.fresh(awake + 2), 20, "rows while the other one is awake")
    until(lambda: site.are("live"), 15, "all live")


def _session(site: Site, name: str) -> int:
    return int(site.history.ask("SELECT max(session) FROM pose.frame_outcomes WHERE camera = %s", name)[0][0])


@pytest.mark.timeout(200)
def test_no_password_is_anywhere_over_kafka(
    program: Program, dsn: str, kafka: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_server()
    server = CameraServer({"x": clips.write(tmp_path / "x.mp4")}, user="viewer", password=PASSWORD)
    prefix, config, history, key = f"{uuid4().hex[:8]}.", tmp_path / "c.yaml", History(dsn), new_key()
    config.write_text(
        f"kafka: {{servers: {kafka.servers[0]!r}, prefix: '{prefix}'}}\nlog: {{level: debug}}\n"
        f"database: {{dsn: {dsn!r}}}\nmodels: {{detector: fake, pose: fake}}\n"
    )
    where, said = ("--config", str(config)), list[Said]()
    workers = {free_port(): name for name in ("ingest", REST, "sink")}
    try:
        program("init", *where).done()
        refused = program("camera", "add", "right", "rtsp://h/x", "--user", "viewer", "--password", PASSWORD, *where)
        assert refused.code == 2
        said.append(("camera add without a key", f"{refused.out}{refused.err}".encode()))
        monkeypatch.setenv(SECRET_KEY, key)
        inline = f"rtsp://viewer:{quote(PASSWORD, safe='')}@127.0.0.1:{server.port}/x"
        sealed = (server.url("x"), "--user", "viewer", "--password")
        for name, *words in (("right", inline), ("wrong", *sealed, WRONG)):
            done = program("camera", "add", name, *words, *where).done()
            said.append(("camera add", f"{done.out}{done.err}".encode()))
        with ExitStack() as started:
            posebus = Posebus(Path("/dev/null/home"), {SECRET_KEY: key})
            running = [
                started.enter_context(posebus.started("worker", name, "--metrics-port", str(port), *where))
                for port, name in workers.items()
            ]
            for name, state in (("right", "live"), ("wrong", "unauthorized")):
                until(lambda name=name, state=state: history.state(name) == state, 120, f"{name} {state}")
            until(lambda: history.frames("right") > 10, 60, "rows")
            # Another one: what was sealed before is opened, tried and refused once more.
            program("camera", "edit", "wrong", "--password", WRONG + WRONG, *where).done()
            said += processes(*(process.pid for process in running))
            said += [(f"metrics of {name}", scraped(port).encode()) for port, name in workers.items()]
            server.kill()
            until(lambda: history.state("right") == "waiting", 20, "waiting")
            listed = program("camera", "ls", *where).done()
            said.append(("camera ls", f"{listed.out}{listed.err}".encode()))
            for process in running:
                process.send_signal(signal.SIGINT)
            logs = [ended(process) for process in running]
        said += [("logs", f"{log.out}{log.err}".encode()) for log in logs]
    finally:
        server.close()
    bus = KafkaBus(kafka.servers, prefix=prefix)
    said += topics(bus)
    bus.close()
    said += tables(dsn)

    assert not places_with(said, "viewer", PASSWORD, WRONG)
    seen = {place for place, _ in said}
    assert {"cameras", "camera-status", "frames", "poses", "motions", "pose_raw.camera_status"} <= seen, seen
    assert sum(b"sealed:" in content for place, content in said if place == "cameras") >= 2
    assert places_with([place for place in said if place[0].startswith("environ")], "viewer", key), "no reader was seen"
    assert all(" works" in log.err for log in logs), "the logs say nothing"
    assert all(b"posebus_" in content for place, content in said if place.startswith("metrics of"))
