"""Live cameras through the whole program: attached, lost, found again, removed; and no password anywhere."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import psutil
import pytest

from pipeline.cameras.sealing import SECRET_KEY, new_key
from tests.e2e.conftest import Program
from tests.e2e.history import History, none_twice_none_back, until
from tests.e2e.painted import painted
from tests.e2e.processes import Posebus, ended
from tests.e2e.secrets import Said, places_with, tables
from tests.faults.arena import make_certificate
from tests.rtsp import clips
from tests.rtsp.cameras import CameraServer, free_port, need_server
from tests.rtsp.proxy import Weather

pytestmark = pytest.mark.xdist_group("cameras")

CONFIG = "models: {detector: fake, pose: fake}\nembedded: {cut_s: 0.2}\nlog: {level: debug}\n"
PASSWORD = "p@ss:w/rd#1"
WRONG = "wr0ng/p@ss"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "c.yaml"
    path.write_text(CONFIG)
    return str(path)


def test_cameras_come_and_go_while_a_run_lasts(program: Program, dsn: str, clip: Path, config: str) -> None:
    server, history = CameraServer({"x": clip}), History(dsn)
    where = ("--db", dsn, "--config", config)
    try:
        program("camera", "add", "first", server.url("x"), *where).done()
        with Posebus(Path("/dev/null/home")).started("run", "--cameras", *where) as run:
            until(lambda: history.frames("first") > 0, 120, "rows of the first camera")

            program("camera", "add", "second", server.url("x"), "--fps", "5", *where).done()
            assert until(lambda: history.frames("second") > 0, 20, "rows of the second camera") <= 5
            assert history.state("first") == "live"

            server.kill()
            until(lambda: history.state("first") == "waiting", 10, "waiting")
            shown = [""]

            def told() -> bool:
                shown[0] = program("camera", "ls", *where).done().out
                return shown[0].count("waiting") == 2 and "nothing listens at this address" in shown[0]

            until(told, 10, "both waiting, with the reason")
            server.start()
            until(lambda: history.state("first") == "live", 10, "live again")
            listed = program("camera", "ls", *where).done().out
            assert "live" in listed
            assert "nothing listens at this address" in listed, "what was wrong last is forgotten"
            assert " ago" in listed

            program("camera", "pause", "first", *where).done()
            until(lambda: history.state("first") == "paused", 5, "paused")
            time.sleep(1)
            before = history.frames("first")
            time.sleep(1)
            assert history.frames("first") == before
            program("camera", "resume", "first", *where).done()
            until(lambda: history.frames("first") > before, 10, "rows after resume")

            program("camera", "rm", "second", *where).done()
            readers = [child for child in psutil.Process(run.pid).children() if child.is_running()]
            until(lambda: len(psutil.Process(run.pid).children()) == len(readers) - 1 or len(readers) == 1, 8, "an end")

            children = psutil.Process(run.pid).children()
            run.send_signal(signal.SIGINT)
            assert ended(run).code == 130
            assert not [child for child in children if child.is_running()]
    finally:
        server.close()
    states = [row[0] for row in history.ask("SELECT state FROM pose.camera_status WHERE camera = 'first' ORDER BY ts")]
    for wanted in ("connecting", "live", "waiting", "paused"):
        assert wanted in states
    assert none_twice_none_back(history, "first") >= 3


@pytest.mark.parametrize("away_s", [0.8, 6.0])  # shorter and longer than `track.lost_s`
def test_someone_on_the_floor_over_an_outage_has_fallen(
    program: Program, dsn: str, tmp_path: Path, config: str, weather: Weather, away_s: float
) -> None:
    need_server()
    folder = Path(painted(tmp_path / "ward", 375))
    pictures = [np.asarray(cv2.imread(str(path)), dtype=np.uint8) for path in sorted(folder.iterdir())]
    film = clips.write(tmp_path / "ward.mp4", fps=25, gop=5, frames=pictures)
    port = free_port()
    proxy = weather.proxy(port)
    down: list[float] = []

    def play() -> None:
        until(lambda: proxy.connections > 0, 60, "a connection")
        # The film begins with the server; the fall is from 3.0 to 3.6 s of it.
        server = CameraServer({"ward": film}, port=port)
        time.sleep(3.9)
        down.append(time.time())
        proxy.refuse()
        time.sleep(away_s)
        proxy.listen()
        time.sleep(7)
        server.close()

    playing = threading.Thread(target=play)
    playing.start()
    try:
        limit = ("--limit-s", f"{9 + away_s}")
        program("run", proxy.url("ward"), "--camera", "ward", *limit, "--db", dsn, "--config", config).done()
    finally:
        playing.join()

    history = History(dsn)
    gap = history.ask(
        "SELECT extract(epoch FROM a.last)::float8, extract(epoch FROM b.first)::float8 FROM"
        " (SELECT session, max(ts) AS last FROM pose.frame_outcomes GROUP BY 1) a,"
        " (SELECT session, min(ts) AS first FROM pose.frame_outcomes GROUP BY 1) b WHERE a.session < b.session"
    )
    assert gap, "there was no outage"
    away, again = gap[0]
    assert away_s < again - away < away_s + 2.2
    # The time of an event is when the fall began; its value is how long after that it was told.
    falls = history.ask(
        "SELECT label, extract(epoch FROM ts)::float8, extract(epoch FROM ts)::float8 + value, track_id"
        " FROM pose.events WHERE kind = 'fall' ORDER BY 3"
    )
    assert [label for label, *_ in falls] == ["suspected", "confirmed"]
    (_, fell, suspected, person), (_, also_fell, confirmed, same) = falls
    assert down[0] - 3 < fell < suspected < away
    assert (also_fell, same) == (fell, person)
    assert (
        confirmed > again - 0.001
    )  # with the first picture where it has lasted long enough; seconds have three digits
    steps = history.ask("SELECT severity, extract(epoch FROM ts)::float8 FROM pose.incident_steps ORDER BY ts")
    assert [severity for severity, _ in steps] == ["warning", "critical"]
    assert steps[0][1] < away
    assert steps[1][1] >= again
    assert history.ask("SELECT severity, state FROM pose.incidents WHERE rule = 'fall'") == [("critical", "update")]


def test_no_password_is_anywhere(
    program: Program, dsn: str, clip: Path, config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server = CameraServer({"x": clip}, user="viewer", password=PASSWORD)
    history, where = History(dsn), ("--db", dsn, "--config", config)
    said: list[str] = []
    try:
        refused = program("camera", "add", "hall", f"rtsp://viewer:{quote(PASSWORD, safe='')}@h/x", *where)
        assert refused.code == 2
        said += [refused.out, refused.err]
        key = new_key()
        monkeypatch.setenv(SECRET_KEY, key)
        for name, word in (("right", PASSWORD), ("wrong", WRONG)):
            url = f"rtsp://viewer:{quote(word, safe='')}@127.0.0.1:{server.port}/x"
            done = program("camera", "add", name, url, *where).done()
            said += [done.out, done.err]
        (tmp_path / "kept").write_text(PASSWORD)
        bare = server.url("x")
        program(
            "camera", "add", "kept", bare, "--user", "viewer", "--password-file", str(tmp_path / "kept"), *where
        ).done()
        tried = program("camera", "test", "wrong", "--snapshot", str(tmp_path / "x.jpg"), *where)
        assert tried.code == 3
        said += [tried.out, tried.err]

        posebus = Posebus(Path("/dev/null/home"), {SECRET_KEY: key})
        with posebus.started("run", "--cameras", *where) as run:
            for name, state in (("right", "live"), ("kept", "live"), ("wrong", "unauthorized")):
                until(lambda name=name, state=state: history.state(name) == state, 120, f"{name} {state}")
            for process in (psutil.Process(run.pid), *psutil.Process(run.pid).children()):
                said += [" ".join(process.cmdline()), str(process.environ())]
            server.kill()
            until(lambda: history.state("right") == "waiting", 10, "waiting")
            run.send_signal(signal.SIGINT)
            last = ended(run)
            said += [last.out, last.err]
        listed = program("camera", "ls", *where).done()
        said += [listed.out, listed.err]
    finally:
        server.close()
    assert "unauthorized" in last.err, "the log says nothing: nothing was looked through"
    shown: list[Said] = [("said", text.encode()) for text in said]
    assert not places_with([*shown, *tables(dsn)], "viewer", PASSWORD, WRONG)


def test_a_camera_is_tried_and_recorded(program: Program, clip: Path, tmp_path: Path) -> None:
    server = CameraServer({"x": clip})
    try:
        snapshot = tmp_path / "x.jpg"
        out = program("camera", "test", server.url("x"), "--s", "1", "--snapshot", str(snapshot)).done().out
        for word in ("h264", "320 x 192", "10 as it says", "first picture after", "of ours"):
            assert word in out.replace("behind ours", "of ours").replace("ahead of ours", "of ours"), out
        assert cv2.imread(str(snapshot)).shape == (192, 320, 3)

        film = tmp_path / "film.mkv"
        said = program("record", server.url("x"), "-o", str(film), "--s", "2").done().out
        assert f"{film}: 2" in said
        capture = cv2.VideoCapture(str(film))
        read = []
        while (grabbed := capture.read())[0]:
            read.append(clips.number_of(np.asarray(grabbed[1], dtype=np.uint8)))
        assert 18 <= len(read) <= 23
        assert all((a + 1) % clips.PICTURES == b for a, b in itertools.pairwise(read)), read
    finally:
        server.close()


def test_a_camera_that_gives_nothing_is_explained(program: Program, weather: Weather) -> None:
    proxy = weather.proxy(free_port())
    proxy.answer("404 Not Found")
    done = program("camera", "test", proxy.url("x"))

    assert done.code == 3
    assert "the camera knows no such path (404)" in done.err
    assert "/stream1" in done.err


def test_zones_and_rules_of_a_camera_are_used_while_its_reader_goes_on(
    program: Program, dsn: str, tmp_path: Path, config: str
) -> None:
    need_server()
    folder = Path(painted(tmp_path / "walk", 70, walk=0.1))
    pictures = [np.asarray(cv2.imread(str(path)), dtype=np.uint8) for path in sorted(folder.iterdir())]
    server = CameraServer({"x": clips.write(tmp_path / "walk.mp4", fps=10, gop=10, frames=pictures)})
    history, where = History(dsn), ("--db", dsn, "--config", config)
    (tmp_path / "zones.yaml").write_text("zones: {room: {corners: [[0, 0], [1, 0], [1, 1], [0, 1]]}}\n")
    (tmp_path / "rules.yaml").write_text("rules: [{name: somebody, when: {zone: room}, scope: camera}]\n")
    files = ("--zones", str(tmp_path / "zones.yaml"), "--rules", str(tmp_path / "rules.yaml"))
    try:
        program("camera", "add", "hall", server.url("x"), "--rules", files[3], *where).refused(2, "zone", "")
        program("camera", "add", "hall", server.url("x"), *where).done()
        with Posebus(Path("/dev/null/home")).started("run", "--cameras", *where) as run:
            until(lambda: history.frames("hall") > 10, 120, "rows")
            assert not history.ask("SELECT 1 FROM pose.events WHERE kind = 'zone'")

            program("camera", "edit", "hall", *files, *where).done()
            took_s = until(
                lambda: bool(
                    history.ask("SELECT 1 FROM pose.events WHERE label = 'room:enter'")
                    and history.ask("SELECT 1 FROM pose.incidents WHERE rule = 'somebody'")
                ),
                20,
                "the zone and the rule",
            )
            # Two seconds until they are known, half a second that who is in the zone has to stay there.
            assert took_s <= 5
            assert none_twice_none_back(history, "hall") == 1
            run.send_signal(signal.SIGINT)
            assert ended(run).code == 130
    finally:
        server.close()


def test_a_certificate_has_to_be_trusted_where_that_is_asked_for(program: Program, clip: Path, tmp_path: Path) -> None:
    both, alone = make_certificate(tmp_path)
    server = CameraServer({"x": clip}, pem=str(both))
    strict, trusting = tmp_path / "strict.yaml", tmp_path / "trusting.yaml"
    strict.write_text("rtsp: {tls_verify: true}\n")
    trusting.write_text(f"rtsp: {{tls_verify: true, tls_ca: {alone.name}}}\n")
    words = ("camera", "test", server.url("x"), "--s", "1", "--snapshot", str(tmp_path / "x.jpg"))
    try:
        program(*words).done()
        program(*words, "-c", str(trusting)).done()
        refused = program(*words, "-c", str(strict))

        film, none = tmp_path / "film.mkv", tmp_path / "none.mkv"
        record = ("record", server.url("x"), "--s", "1", "-o")
        program(*record, str(film), "-c", str(trusting)).done()
        not_recorded = program(*record, str(none), "-c", str(strict))
    finally:
        server.close()

    for done in (refused, not_recorded):
        assert done.code == 3
        assert "no encrypted connection" in done.err
    assert film.stat().st_size > 0
    assert not none.exists()


def test_a_fall_in_damaged_pictures_is_none(
    program: Program, dsn: str, tmp_path: Path, config: str, weather: Weather
) -> None:
    """Packets are lost before the fall, and the next key frame comes after it: what lies between is not believed."""
    need_server()
    folder = Path(painted(tmp_path / "ward", 375))
    pictures = [np.asarray(cv2.imread(str(path)), dtype=np.uint8) for path in sorted(folder.iterdir())]
    film = clips.write(tmp_path / "ward.mp4", fps=25, gop=150, frames=pictures)
    port = free_port()
    proxy = weather.proxy(port, 3)

    def play() -> None:
        until(lambda: proxy.connections > 0, 60, "a connection")
        server = CameraServer({"ward": film}, port=port)
        time.sleep(1.6)
        proxy.damage(drop=0.2)
        time.sleep(0.8)
        proxy.damage()
        time.sleep(8)
        server.close()

    playing = threading.Thread(target=play)
    playing.start()
    try:
        program("run", proxy.url("ward"), "--camera", "ward", "--limit-s", "10", "--db", dsn, "--config", config).done()
    finally:
        playing.join()

    ask = History(dsn).ask
    (damaged,), (first, last) = (
        ask("SELECT count(*) FROM pose.frame_outcomes WHERE reason = 'damaged'")[0],
        ask("SELECT min(ts), max(ts) FROM pose.frame_outcomes WHERE reason = 'damaged'")[0],
    )
    assert damaged > 50
    assert not ask(
        "SELECT 1 FROM pose.frame_outcomes f JOIN pose.poses p USING (camera, ts) WHERE f.reason = 'damaged'"
    )
    assert not ask("SELECT label, ts FROM pose.events WHERE kind = 'fall'")
    assert not ask(
        "SELECT kind, label, ts FROM pose.events WHERE kind <> 'leave' AND ts BETWEEN %s AND %s", first, last
    )
    assert ask("SELECT 1 FROM pose.events WHERE label = 'lie' AND ts > %s", last), "whole pictures are believed again"
