"""Records out of the pictures of a live camera: stamps, drops, ticks each second, and how the camera is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pipeline.core.cameras import DEADLINE_MS, NO_QUESTIONS, CameraSpec, CameraStatus, Trust
from pipeline.core.ports import CameraChange, CameraState, LivePicture, LiveSource, Position, SourceInfo
from pipeline.core.records import Clock, Dropped, Record, Stamp, Tick
from pipeline.core.values import Captured
from pipeline.video.live import EventClock, LiveOptions, RtspCamera

TICK_US = 1_000_000
LIVE = "live"
"""Fingerprint of every live source: none of it can be read again."""

_STAGE = "ingest"
OVERTAKEN = Dropped(_STAGE, "late")
"""Stands for a picture that a newer one came before, or that is beyond its deadline."""


def live_source(spec: CameraSpec, secret: Callable[[], str | None], trust: Trust = NO_QUESTIONS) -> LiveSource:
    """The camera of a spec; `secret` gives its password in clear, and is asked at each try.

    Raises ConfigError for an address or a password that cannot be read now.
    """
    options = LiveOptions(
        spec.source,
        user=spec.user or None,
        secret=secret,
        fps=spec.fps or None,
        transport=spec.transport,
        tls_verify=trust.verify,
        ca_file=trust.ca_file,
    )
    _ = options.address
    info = SourceInfo(spec.name, "rtsp", LIVE, 0, 0, spec.fps, None)
    return LiveSource(info, lambda: RtspCamera(options), spec.deadline_ms * 1000, spec.weight)


class LiveRecords:
    """Turns what a live camera gives into records of one camera, in order.

    Each picture is one record: the frame, or why it was dropped: `late` (overwritten by newer ones, or older than the
    deadline), `damaged` (it may be, so nothing is to be read out of it). Event time is `EventClock`'s. Sessions are
    connections: they grow, and seq begins at 0 in each.

    Args:
        run: 0 for the live system.
        session: The camera's last one; the first connection is the session after it.
        clock: Begun at the camera's last event time.
        last_us: That time; 0 for none.
        deadline_us: Age by our clock beyond which a picture is dropped.
    """

    def __init__(
        self,
        run: int,
        name: str,
        number: int,
        session: int,
        clock: EventClock,
        last_us: int,
        deadline_us: int = DEADLINE_MS * 1000,
    ) -> None:
        self._run = run
        self._name = name
        self._number = number
        self._deadline_us = deadline_us
        self._clock = clock
        self._base = session
        self._ticked_us = self._ticked_wall_us = 0
        self._arrived_us = 0
        self._apart_us = 0.0
        self._connections: set[int] = set()
        self.position = Position(session + 1, 0, last_us, LIVE)
        self.state: CameraState = "connecting"
        self.reason = ""
        self._error, self._error_us = "", 0

    def take(self, seen: Sequence[LivePicture | CameraChange], now_us: int) -> list[Record[Any]]:
        """The records of what was seen up to `now_us`, and a tick where a second has passed without any."""
        records = [record for each in seen for record in self._of(each, now_us)]
        if not records and now_us - max(self._arrived_us, self._ticked_wall_us) >= TICK_US:
            records.append(self._tick(self._clock.tick(now_us), now_us))
        return records

    def _of(self, seen: LivePicture | CameraChange, now_us: int) -> list[Record[Any]]:
        if isinstance(seen, CameraChange):
            self.state, self.reason = seen.state, seen.reason
            if seen.reason:
                self._error, self._error_us = seen.reason, seen.at_us
            return [self._tick(self._clock.tick(now_us), now_us)]
        event_us, clock = self._clock.next(seen)
        self._note(seen)
        self.position = replace(
            self.position, session=self._base + seen.connection, seq=seen.seq, last_captured_at_us=event_us
        )
        records: list[Record[Any]] = []
        if event_us // TICK_US > self._ticked_us // TICK_US:
            records.append(self._tick(event_us, now_us))
        records.append(Record(self._stamp(event_us, seen.arrived_at_us, clock), self._value(seen, now_us)))
        self.position = replace(self.position, seq=seen.seq + 1)
        return records

    def status(self, now_us: int) -> CameraStatus:
        """How the camera is."""
        return CameraStatus(
            name=self._name,
            camera_no=self._number,
            at_us=now_us,
            state=self.state,
            reason=self.reason,
            fps=round(1e6 / self._apart_us, 2) if self._apart_us and self.state == "live" else 0.0,
            age_ms=max(now_us - self._arrived_us, 0) // 1000 if self._arrived_us else None,
            restarts=max(len(self._connections) - 1, 0),
            error=self._error,
            error_us=self._error_us,
        )

    def _value(self, seen: LivePicture, now_us: int) -> Captured | Dropped:
        if seen.pixels is None or now_us - seen.arrived_at_us > self._deadline_us:
            return OVERTAKEN
        return Dropped(_STAGE, "damaged") if seen.suspect else Captured(seen.pixels)

    def _note(self, seen: LivePicture) -> None:
        apart = seen.arrived_at_us - self._arrived_us
        if seen.connection not in self._connections:
            self._connections.add(seen.connection)
            self._apart_us = 0.0
        else:
            self._apart_us = apart if not self._apart_us else self._apart_us + 0.1 * (apart - self._apart_us)
        self._arrived_us = seen.arrived_at_us

    def _tick(self, event_us: int, now_us: int) -> Record[Tick]:
        self._ticked_us, self._ticked_wall_us = event_us, now_us
        self.position = replace(self.position, last_captured_at_us=event_us)
        return Record(self._stamp(event_us, now_us, "arrival"), Tick(self.state))

    def _stamp(self, event_us: int, arrived_us: int, clock: Clock) -> Stamp:
        at = self.position
        return Stamp(self._run, self._name, self._number, at.session, 0, at.seq, event_us, arrived_us, clock)
