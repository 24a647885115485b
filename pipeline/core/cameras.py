"""The registry's word on a camera: what every ingest worker has to know to read it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Mode = Literal["live", "archive"]
Transport = Literal["tcp", "udp"]


DEADLINE_MS = 500


@dataclass(frozen=True, slots=True)
class Trust:
    """What is asked of the certificates of cameras.

    Attributes:
        verify: One has to be trusted and to fit the address.
        ca_file: Certificates that are trusted in place of the system's.
    """

    verify: bool = False
    ca_file: str | None = None


NO_QUESTIONS = Trust()


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """A camera: where its pictures come from and how they are treated.

    Attributes:
        name: Its name, the key of all its records.
        camera_no: Its number, 1..32767, issued once.
        source: Address, file, folder or scene; never with a password.
        mode: live: what is too old is left out, as late as the deadline says. archive: everything is kept.
        fps: Pictures a second that are kept; 0 keeps all.
        start_us: Event time of the first picture of a recorded source, microseconds since the epoch; 0: when it is
            first read.
        transport: Of RTSP.
        user: For the camera; empty for none.
        password: Where it is found (`${env:NAME}`, `${file:PATH}`) or sealed; empty for none. Never in clear.
        paused: No pictures are wanted for now.
        deadline_ms: live: a frame that is older when its turn comes is dropped.
        weight: Share of the models' time beside other cameras.
        zones, rules: Its own zones and rules, as YAML; empty for none.
    """

    name: str
    camera_no: int
    source: str
    mode: Mode = "archive"
    fps: float = 0.0
    start_us: int = 0
    transport: Transport = "tcp"
    user: str = ""
    password: str = ""
    paused: bool = False
    deadline_ms: int = DEADLINE_MS
    weight: float = 1.0
    zones: str = ""
    rules: str = ""

    def reads_as(self, other: CameraSpec) -> bool:
        """Whether both are read alike: later stages alone see another difference, and no reader begins anew."""
        return replace(self, zones="", rules="") == replace(other, zones="", rules="")


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """How a live camera is at one moment.

    Attributes:
        at_us: By our clock, microseconds since the epoch.
        state: See `ports.CameraState`.
        reason: Why, empty while it is live; never with a password.
        fps: Pictures a second as they come, 0 while none do.
        age_ms: Since the last picture arrived; None before the first.
        restarts: Connections after the first one.
        error: The newest reason, also of a camera that is live again; empty for none so far.
        error_us: When that began, as `at_us`; 0 for none.
    """

    name: str
    camera_no: int
    at_us: int
    state: str
    reason: str
    fps: float
    age_ms: int | None
    restarts: int
    error: str = ""
    error_us: int = 0

    def after(self, before: CameraStatus | None) -> CameraStatus:
        """The same, with the newest error of both: whoever reads a camera now may know nothing of earlier ones."""
        own = self if self.error_us or not self.reason else replace(self, error=self.reason, error_us=self.at_us)
        if before is None or before.error_us <= own.error_us:
            return own
        return replace(own, error=before.error, error_us=before.error_us)
