"""Cameras of an RTSP server in a container: attached as docs/deploy.md says, lost in every way, found again."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from pathlib import Path

import yaml

from pipeline.core.types import U8
from pipeline.video.open import open_source
from tests.compose.check import HOLES
from tests.compose.engine import ROOT, STAND_INS
from tests.compose.stack import PROJECT, Stack, note, say, until
from tests.e2e.history import none_twice_none_back
from tests.rtsp import clips
from tests.rtsp.promised import FOUND_S, ROWS_AGAIN_S, ROWS_S, SEEN_S

FPS = 5
SCENES = {
    "one": "sim://gym?people=1&seed=11&seconds=30",
    "two": "sim://ward?people=1&act=walk&seed=12&seconds=30",
    "three": "sim://street?people=2&seed=13&seconds=30",
}
_CODECS = {"one": "libx264", "two": "libx265", "three": "libx264"}
_BEGIN_S = 15
"""From here on each clip shows people: they walk in first."""

USER, PASSWORD = "viewer", "kept-in-a-file"
SECRET = "/etc/posebus/hall.secret"
_NETWORK = f"{PROJECT}_outside"
_RTSP = f"{PROJECT}-rtsp-1"
FAULTS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "server stopped": ("waiting", ("stop", _RTSP), ("start", _RTSP)),
    "server paused": ("stalled", ("pause", _RTSP), ("unpause", _RTSP)),
    "server killed": ("waiting", ("kill", _RTSP), ("start", _RTSP)),
    "network cut": (
        "stalled",
        ("network", "disconnect", _NETWORK, _RTSP),
        ("network", "connect", "--alias", "rtsp", _NETWORK, _RTSP),
    ),
}
"""The state that each brings about, and what is told to `docker` to lose the cameras and to give them back."""

_CUT_FOUND_S = 60.0
"""Until cameras are live after a cut of the network: this server gives nothing to a new connection while it waits for
an old one of which it never heard the end, and TCP asks that ever more seldom."""

_WARM_S = 400.0
"""Until the first camera has rows, models loaded; far above what is measured, for a machine may be busy."""


def write_cameras(folder: Path) -> Path:
    """The configuration that comes with the project, a password, and clips; the compose file of their server."""
    shutil.copy2(ROOT / "infra" / "docker" / "posebus.yaml", folder)
    secret = folder / Path(SECRET).name
    secret.write_text(f"{PASSWORD}\n")
    clips_folder, pictures_folder = folder / "clips", folder / "pictures"
    for made, rights in ((clips_folder, 0o755), (pictures_folder, 0o777)):
        made.mkdir()
        made.chmod(rights)  # the containers' users are others
    folder.chmod(0o755)
    secret.chmod(0o644)
    for name, scene in SCENES.items():
        path = clips_folder / f"{name}.mp4"
        clips.write(path, _CODECS[name], fps=FPS, gop=FPS, frames=_pictures(scene)).chmod(0o644)
    mounts = [f"{name}=/clips/{name}.mp4" for name in SCENES]
    service = {
        "image": "localhost/posebus-rtsp",
        "build": {"context": str(STAND_INS.parent), "dockerfile": "images/rtsp/Dockerfile"},
        "init": True,
        "command": ["--port", "8554", "--user", USER, "--password", PASSWORD, *mounts],
        "volumes": [f"{clips_folder}:/clips:ro"],
        "networks": ["outside"],
    }
    beside = folder / "rtsp.yaml"
    beside.write_text(yaml.safe_dump({"services": {"rtsp": service}}))
    return beside


def _pictures(scene: str) -> list[U8]:
    source = open_source(scene, fps=FPS)
    return [picture.pixels for picture in itertools.islice(source.pictures(), _BEGIN_S * FPS, None)]


class CamerasCheck:
    """The steps, in order; each raises AssertionError where something is not as it should be."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder

    def run(self) -> None:
        """All of it."""
        note("up --build --wait, no camera", self._stack.up("--build"))
        self._warm()
        self._try_out()
        self._attach()
        for what in FAULTS:
            self._lose_and_find(what)
        self._nothing_wrong()
        self._take_out()

    def _warm(self) -> None:
        """The models are loaded at the first picture."""
        self._add("warm", "one")
        note(
            "first camera of all: rows", until("rows of a first camera", lambda: self._rows("warm"), at_most_s=_WARM_S)
        )
        self._camera("rm", "warm")

    def _try_out(self) -> None:
        volume = ("-v", f"{self._folder}/pictures:/pictures")
        shown = self._camera("test", "rtsp://rtsp:8554/two", *_ACCESS, "--snapshot", "/pictures/two.jpg", before=volume)
        assert "h265" in shown or "hevc" in shown, shown
        assert (self._folder / "pictures" / "two.jpg").stat().st_size > 0, shown

    def _attach(self) -> None:
        for name in SCENES:
            self._add(name, name)
        took = until("rows of all three", lambda: all(map(self._rows, SCENES)), at_most_s=60)
        note("rows of all three, after the last was added", took)
        assert took <= ROWS_S, f"{took:.1f} s, expected {ROWS_S:g}"
        until("all live", lambda: self._are("live"), at_most_s=FOUND_S)
        self._shown({"live"})
        # Where a machine has much else to do most frames are dropped as late, and that is as it should be.
        stored = "SELECT count(DISTINCT camera) FROM frame_outcomes WHERE camera <> 'warm' AND outcome = 'stored'"
        looked_at = until("looked at", lambda: self._stack.sql(stored)[0][0] == len(SCENES), at_most_s=_WARM_S)
        note("all three looked at by the models", looked_at)

    def _lose_and_find(self, what: str) -> None:
        state, lose, find = FAULTS[what]
        before = self._entered(state)
        at, began = time.monotonic(), time.time()
        self._stack.docker(*lose)
        until(f"{what}: all {state}", lambda: self._are(state), at_most_s=SEEN_S)
        note(f"{what}: all {state} in SQL", time.monotonic() - at)
        self._shown({"stalled", "waiting"})
        assert self._entered(state) >= before + len(SCENES), f"{what}: the metric does not count {state}"
        self._stack.docker(*find)
        at = time.monotonic()
        allowed_s = _CUT_FOUND_S if what == "network cut" else FOUND_S
        until(f"{what}: all live again", lambda: self._are("live"), at_most_s=allowed_s)
        note(f"{what}: live again", time.monotonic() - at)
        now = time.time()
        fresh = until(
            f"{what}: rows again",
            lambda: all(self._stack.history.frames(name, now) > 0 for name in SCENES),
            at_most_s=ROWS_AGAIN_S,
        )
        note(f"{what}: rows of frames taken since", fresh)
        say(self._history(began))
        self._shown({"live"})

    def _nothing_wrong(self) -> None:
        self._stack.compose("stop", "ingest")
        until("no worker is behind", self._stack.nobody_behind, at_most_s=_WARM_S)
        sessions = {name: none_twice_none_back(self._stack.history, name) for name in SCENES}
        assert min(sessions.values()) > len(FAULTS), f"sessions: {sessions}"
        holes = self._stack.sql(HOLES)
        assert not holes, f"holes (camera, session, rows, frames, first, last): {holes}"
        letters = self._stack.sql("SELECT stage, reason, count(*) FROM dead_letters GROUP BY 1, 2")
        assert not letters, f"dead letters: {letters}"
        total = self._stack.sql(
            "SELECT outcome, coalesce(stage || ' ' || reason, ''), count(*) FROM frame_outcomes GROUP BY 1, 2"
        )
        say(f"sessions {sessions}, no hole, no dead letter; frames: {sorted(total)}")
        people = dict(self._stack.sql("SELECT camera, count(*) FROM poses GROUP BY 1"))
        assert people, "nobody was seen"
        say(f"poses: {people}")
        ours = [name for name in self._stack.services() if name != "rtsp"]
        assert PASSWORD not in self._stack.compose("logs", *ours), "the password is in a log"
        refused = [line for line in self._stack.compose("logs", "db").splitlines() if "permission denied" in line]
        assert not refused, f"the database refused: {refused[0]}"
        self._stack.compose("start", "ingest")
        until("all live", lambda: self._are("live"), at_most_s=_WARM_S)

    def _take_out(self) -> None:
        for name in SCENES:
            self._camera("rm", name)
        assert "no camera is attached" in self._camera("ls")
        time.sleep(2)  # what is promised: workers know
        now = time.time()
        time.sleep(2)
        assert not any(self._stack.history.frames(name, now) for name in SCENES), "rows of cameras that were taken out"

    def _add(self, name: str, mount: str) -> None:
        self._camera("add", name, f"rtsp://rtsp:8554/{mount}", *_ACCESS)

    def _camera(self, *words: str, before: tuple[str, ...] = ()) -> str:
        return self._stack.compose("run", "--rm", "-T", "--no-deps", *before, "admin", "camera", *words)

    def _rows(self, name: str) -> bool:
        return self._stack.history.frames(name) > 0

    def _are(self, state: str) -> bool:
        return all(self._stack.history.state(name) == state for name in SCENES)

    def _shown(self, states: set[str]) -> None:
        """`camera ls` shows each camera in one of these states.

        Asked again for a while: each asking takes seconds, and pictures that were under way may come in them.
        """
        shown = ""

        def are_shown() -> bool:
            nonlocal shown
            shown = self._camera("ls")
            found = dict(re.findall(r"^\W*(\w+)\s+(\w+)\s", shown, re.M))
            return {found.get(name) for name in SCENES} <= states

        until(f"`camera ls` shows {' or '.join(sorted(states))}", are_shown, at_most_s=SEEN_S)
        say(shown.strip())

    def _entered(self, state: str) -> float:
        return self._stack.metric("ingest", "posebus_camera_states_total", state=state)

    def _history(self, since_s: float) -> str:
        """What the view says from then on of the camera that was found last: seconds and state."""
        told = self._stack.sql(
            f"SELECT camera, extract(epoch FROM ts) - {since_s}, state, reason FROM camera_status"
            f" WHERE camera <> 'warm' AND ts > to_timestamp({since_s}) ORDER BY ts"
        )
        last = told[-1][0]
        steps = [f"{at:.1f} s {state}{f' ({why})' if why else ''}" for name, at, state, why in told if name == last]
        return f"{last}: {'; '.join(steps)}"


_ACCESS = ("--user", USER, "--password-file", SECRET)
