"""Live cameras on the command line: sources of a run, and the cameras of the registry while a run lasts."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from pipeline.cameras import reveal
from pipeline.config import Config
from pipeline.core.cameras import CameraSpec, CameraStatus
from pipeline.core.errors import ConfigError, PosebusError, SourceError
from pipeline.core.ports import CameraState, LiveSource, Source, SourceInfo
from pipeline.database import Database
from pipeline.runners.live import LIVE, live_source
from pipeline.runners.statuses import not_read
from pipeline.video.live.options import SCHEMES
from pipeline.video.open import open_source
from pipeline.video.paced import PacedCamera

log = logging.getLogger(__name__)

_LOOK_S = 0.5
_AGAIN_S = 5.0


def is_network(source: str) -> bool:
    """Whether this is the address of a network camera."""
    return urlsplit(source).scheme.lower() in SCHEMES


def named_after(address: str) -> str:
    """The name of a camera whose address alone was given."""
    parts = urlsplit(address)
    return f"{parts.hostname}{parts.path}".strip("/")


def source_of(spec: CameraSpec, config: Config, environment: Mapping[str, str] = os.environ) -> Source | LiveSource:
    """What a camera of the registry is read from. Raises ConfigError, SourceError."""
    if is_network(spec.source):
        known = config.cameras.get(spec.name)

        def secret() -> str | None:
            return reveal(spec.password, environment) or (known.secret if known else None)

        return live_source(spec, secret, config.rtsp.trust)
    source = open_source(spec.source, fps=spec.fps or None)
    if spec.mode == "archive":
        return source
    info = SourceInfo(spec.name, "live", LIVE, 0, 0, source.info.fps, None)
    return LiveSource(info, lambda: PacedCamera(source), spec.deadline_ms * 1000, spec.weight)


def seed(database: Database, config: Config) -> None:
    """Put the configuration's cameras into the registry; what it says goes before what was added.

    A camera that was paused stays paused.
    """
    cameras = database.cameras()
    known = {spec.name: spec for spec in cameras.cameras()}
    for name, camera in config.cameras.items():
        spec, before = camera.spec(name, cameras.camera_no(name)), known.get(name)
        if before is not None:
            spec = replace(spec, paused=before.paused)
        if before != spec:
            cameras.put(spec)


@dataclass
class _Running:
    spec: CameraSpec
    hold: ExitStack
    leaving: bool = False


class Follower:
    """Follows the registry while a run lasts: adds, changes and removes cameras within a second.

    Args:
        add: Begins to read a camera; raises PosebusError.
        remove: Stops reading it.
        has_left: Whether all of it rests, so that it may be begun anew.
        told: Called with how cameras are that are not read.
        known: What the registry says of each camera is kept here.
    """

    def __init__(
        self,
        database: Database,
        *,
        add: Callable[[CameraSpec], None],
        remove: Callable[[str], None],
        has_left: Callable[[str], bool],
        told: Callable[[CameraStatus], None],
        now_us: Callable[[], int],
        known: dict[str, CameraSpec],
    ) -> None:
        self._database = database
        self._known = known
        self._add = add
        self._remove = remove
        self._has_left = has_left
        self._told = told
        self._now_us = now_us
        self._running: dict[str, _Running] = {}
        self._tried_us: dict[str, int] = {}
        self._said: dict[str, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Follow until `stop`."""
        told = ""
        try:
            while not stop.is_set():
                try:
                    self.look()
                    told = ""
                except PosebusError as error:
                    if error.message != told:
                        told = error.message
                        log.warning("the registry of cameras is not at hand: %s", told)
                stop.wait(_LOOK_S)
        finally:
            for running in self._running.values():
                running.hold.close()

    def look(self) -> None:
        """Compare once, and act."""
        wanted = {spec.name: spec for spec in self._database.cameras().cameras()}
        for name in self._known.keys() - wanted.keys():
            del self._known[name]
        self._known.update(wanted)
        for name, running in list(self._running.items()):
            now = wanted.get(name)
            if not running.leaving and (now is None or not now.reads_as(running.spec)):
                self._remove(name)
                running.leaving = True
            if running.leaving and self._has_left(name):
                running.hold.close()
                del self._running[name]
        for name, spec in wanted.items():
            if name in self._running:
                continue  # who leaves may still tell how it is: nobody is paused before
            if spec.paused:
                self._tell(spec, "paused", "")
            else:
                self._begin(spec)
        for name in self._said.keys() - wanted.keys():
            del self._said[name]

    def _begin(self, spec: CameraSpec) -> None:
        now_us = self._now_us()
        key = f"{spec}"
        if now_us < self._tried_us.get(key, 0) + _AGAIN_S * 1e6:
            return
        self._tried_us[key] = now_us
        hold = ExitStack()
        try:
            hold.enter_context(self._database.registry().hold(spec.camera_no, spec.name))
            self._add(spec)
        except (ConfigError, SourceError) as error:
            hold.close()
            self._tell(spec, "failed", error.message)
            return
        self._said.pop(spec.name, None)
        self._tried_us.pop(key, None)
        self._running[spec.name] = _Running(spec, hold)

    def _tell(self, spec: CameraSpec, state: CameraState, reason: str) -> None:
        said = f"{state} {reason}"
        if self._said.get(spec.name) != said:
            self._said[spec.name] = said
            self._told(not_read(spec, state, reason))
            if reason:
                log.warning("camera %s: %s", spec.name, reason)
