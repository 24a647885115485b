"""Brings everything up, crashes every service in turn, takes it down and up again; nothing may be missing."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path

from pipeline.topology import STAGES
from tests.compose.engine import ROOT
from tests.compose.stack import Stack, note, say, until

FILMS = {"film-gym": "sim://gym?people=1&seed=11", "film-ward": "sim://ward?people=1&seed=12"}
FPS = 10

_SITE = """
log: {{level: info, format: json}}
cameras:
  film-gym: "{gym}&seconds={seconds}&fps={fps}"
  film-ward: "{ward}&seconds={seconds}&fps={fps}"
"""
_BACK_S = 400.0
"""Far above what is measured: a machine may be busy with other things. What it takes is told."""

_LONG_S = 1800.0
HOLES = """
SELECT camera, session, count(*), count(DISTINCT frame_no), min(frame_no), max(frame_no) FROM frame_outcomes
GROUP BY 1, 2 HAVING min(frame_no) <> 0 OR count(*) <> max(frame_no) + 1 OR count(DISTINCT frame_no) <> count(*)
"""
_SERVERS = ("kafka", "db")


def write_site(folder: Path, seconds: int) -> None:
    """The configuration of the test: two films beside the demo's live cameras."""
    text = _SITE.format(gym=FILMS["film-gym"], ward=FILMS["film-ward"], seconds=seconds, fps=FPS)
    (folder / "posebus.yaml").write_text(text)
    shutil.copy2(ROOT / "infra" / "docker" / "demo.yaml", folder)
    folder.chmod(0o755)  # the containers' user is another one


class Check:
    """The steps, in order; each raises AssertionError where something is not as it should be."""

    def __init__(self, stack: Stack, seconds: int) -> None:
        self._stack = stack
        self._frames = seconds * FPS

    def run(self) -> None:
        """All of it."""
        note("up --build --wait", self._stack.up("--build"))
        workers = [name for name in self._stack.services() if name not in _SERVERS]
        assert set(workers) >= {*STAGES, "sink"}, workers
        say(f"tier {self._stack.sql('SELECT pose.tier()')[0][0]}, {len(workers)} workers: {', '.join(workers)}")
        note("first rows of every camera", until("rows of all four cameras", self._all_flow, at_most_s=_BACK_S))
        for service in (*_SERVERS, *workers):
            self._crash(service)
        self._stand_still("pose")
        self._drained()
        self._nothing_lost(workers)
        self._down_and_up()

    def _all_flow(self) -> bool:
        return len(self._stack.sql("SELECT DISTINCT camera FROM frame_outcomes")) == 4

    def _crash(self, service: str) -> None:
        left = max(2 * self._frames - self._stored(), 0)
        self._stack.signal(service, signal.SIGKILL)
        self._back(f"crash of {service}", service, time.monotonic(), f"{left} frames of films were to come")

    def _back(self, what: str, service: str, at: float, more: str = "") -> None:
        """Frames taken after `at` are stored, and the service's own health is good again."""
        self._rows_of_now(f"{what}: no rows")
        note(f"{what}: rows", time.monotonic() - at, more)
        if service in _SERVERS:
            until(f"{what}: healthy", lambda: self._stack.state(service).endswith(" healthy"), at_most_s=_BACK_S)
        else:
            until(f"{what}: well", lambda: self._stack.asks(service), at_most_s=_BACK_S)
        note(f"{what}: well", time.monotonic() - at)

    def _rows_of_now(self, what: str) -> float:
        """Wait for a live frame that is taken from now on; how long that took, seconds."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S+00", time.gmtime(time.time() + 1))
        newer = f"SELECT count(*) FROM frame_outcomes WHERE camera LIKE 'demo-%' AND ts > '{now}'"
        return until(what, lambda: self._stack.sql(newer)[0][0] > 0, at_most_s=_BACK_S)

    def _stand_still(self, service: str) -> None:
        """What is stopped, not ended, is ended by its own health check and comes back."""
        before = self._stack.restarts(service)
        self._stack.signal(service, signal.SIGSTOP, child=True)
        at = time.monotonic()
        until(f"{service} is ended", lambda: self._stack.restarts(service) > before, at_most_s=_BACK_S)
        note(f"{service} stands still: ended after", time.monotonic() - at)
        self._back(f"{service} stood still", service, at)

    def _drained(self) -> None:
        done = until("all frames of the films", lambda: self._stored() >= 2 * self._frames, at_most_s=_LONG_S)
        note("rest of the films", done)
        self._stack.compose("stop", "ingest")
        note("everything is taken in", until("no worker is behind", self._stack.nobody_behind, at_most_s=_BACK_S))

    def _nothing_lost(self, workers: list[str]) -> None:
        holes = self._stack.sql(HOLES)
        assert not holes, f"holes (camera, session, rows, frames, first, last): {holes}"
        films = self._stack.sql(
            "SELECT camera, count(DISTINCT session), count(*), count(*) FILTER (WHERE outcome = 'stored')"
            " FROM frame_outcomes WHERE camera LIKE 'film-%' GROUP BY 1 ORDER BY 1"
        )
        expected = [(name, 1, self._frames, self._frames) for name in sorted(FILMS)]
        assert films == expected, f"films (camera, sessions, frames, stored): {films}, expected {expected}"
        letters = self._stack.sql("SELECT stage, reason, count(*) FROM dead_letters GROUP BY 1, 2")
        assert not letters, f"dead letters: {letters}"
        gaps = {name: self._stack.metric(name, "posebus_numbering_gaps_total") for name in workers if name != "ingest"}
        assert not any(gaps.values()), f"holes in the numbering: {gaps}"
        total = self._stack.sql("SELECT count(*), count(*) FILTER (WHERE outcome = 'stored') FROM frame_outcomes")[0]
        say(f"nothing lost: {total[0]} frames, {total[1]} of them with poses, no hole, no dead letter")

    def _down_and_up(self) -> None:
        cameras = "SELECT camera_no, camera FROM cameras ORDER BY 1"
        before, numbers = self._total(), self._stack.sql(cameras)
        self._stack.forget()
        began = time.monotonic()
        self._stack.compose("down")
        note("down", time.monotonic() - began)
        note("up --wait again", self._stack.up())
        assert self._total() >= before, f"{self._total()} frames, before it was down {before}"
        assert self._stack.sql(cameras) == numbers, "cameras have other numbers"
        note("rows again", self._rows_of_now("rows again"))
        films = self._stack.sql("SELECT count(*) FROM frame_outcomes WHERE camera LIKE 'film-%'")[0][0]
        assert films == 2 * self._frames, f"{films} frames of films, there are {2 * self._frames}: they began anew"

    def _stored(self) -> int:
        return int(self._stack.sql("SELECT count(*) FROM frame_outcomes WHERE camera LIKE 'film-%'")[0][0])

    def _total(self) -> int:
        return int(self._stack.sql("SELECT count(*) FROM frame_outcomes")[0][0])
