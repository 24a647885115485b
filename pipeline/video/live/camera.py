"""A live camera that always comes back: its reader process, its stall clock and its states."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.core.errors import ConfigError
from pipeline.core.ports import CameraChange, CameraState, LivePicture
from pipeline.core.types import U8
from pipeline.video.live.backoff import Backoff
from pipeline.video.live.options import LiveOptions
from pipeline.video.live.pace import Pace
from pipeline.video.live.process import ReaderProcess

_START_S = 10.0
_QUICK_S = 1.5
_PATIENT_EVERY = 6
_OPEN_GRACE_S = 1.0
_NO_DATA_S = 3.0
_INTERVALS = 3.0
_LONGEST_STALL_S = 30.0
_CORRECTED_S = 1.0
"""How often a password that was refused is looked up: it may have been corrected."""
_FAILED = ("not_found", "no_video", "not_rtsp", "transport", "tls")


@dataclass(slots=True)
class Health:
    """What is known of a camera since it is read.

    Attributes:
        codec: Of the stream, empty before the first connection.
        nominal_fps: Pictures a second as the camera says.
        fps: As they come, after they were thinned out; 0 before the second one.
        pictures: That came.
        overwritten: Of them, not taken in time.
        connections: Opened.
        restarts: Readers started after the first.
        last_arrived_us: Of the last picture, 0 before the first.
    """

    codec: str = ""
    nominal_fps: float = 0.0
    fps: float = 0.0
    pictures: int = 0
    overwritten: int = 0
    connections: int = 0
    restarts: int = 0
    last_arrived_us: int = 0


class RtspCamera:
    """Implements `ports.LiveCamera`.

    Nothing happens outside of `take`, but for the reader process itself. Each loss ends in another try: `Backoff` says
    when.
    """

    def __init__(self, options: LiveOptions) -> None:
        self.options = options
        self.state: CameraState | None = None
        self.reason = ""
        self.health = Health()
        self._reader: ReaderProcess | None = None
        self._backoff = Backoff()
        self._connection = 0
        self._ready = False
        self._opened = False
        self._retry_at: float | None = 0.0
        self._since = 0.0
        self._picture_at: float | None = None
        self._data_at = 0.0
        self._packets = 0
        self._decoded = 0
        self._pace = Pace()
        self._apart_s = 0.0
        self._tries = 0
        self._took_s = 0.0
        self._open_s = options.open_s
        self._address = ""
        self._look_at = 0.0
        self._closed = False

    def take(self, timeout_s: float) -> Sequence[LivePicture | CameraChange]:
        """What came since the last call, in order; waits for the first at most `timeout_s`."""
        until = time.monotonic() + timeout_s
        seen: list[LivePicture | CameraChange] = []
        while not self._closed:
            self._connect(seen)
            self._hear(seen, 0.0 if seen else min(max(until - time.monotonic(), 0.0), self._next_check_s()))
            self._check(seen)
            if seen or time.monotonic() >= until:
                break
        return seen

    def close(self) -> None:
        """End the reader."""
        self._closed = True
        self._end_reader()

    @property
    def reader_pid(self) -> int | None:
        """The reader process, None between two."""
        return None if self._reader is None else self._reader.pid

    # -- connecting --------------------------------------------------------------------------------------------------

    def _connect(self, seen: list[LivePicture | CameraChange]) -> None:
        now = time.monotonic()
        if self._retry_at is None or (now < self._retry_at and not self._corrected(now)):
            return
        self._retry_at = None
        self._since = now
        if self._reader is None:
            if self._connection:
                self.health.restarts += 1
            self._ready = False
            try:
                self._reader = ReaderProcess()
            except OSError as error:  # no memory, no process, no file handle left
                self._lose(seen, "waiting", f"no reader can be started: {error.strerror}")
                return
        try:
            address = self.options.address
        except ConfigError as error:  # a password that is no longer where it was
            self._lose(seen, "failed", error.message)
            return
        self._open(address)
        if self.state is None:
            # Later on it stays what it was until pictures come: who watches wants no two changes for each try.
            self._change(seen, "connecting", "")

    def _corrected(self, now: float) -> bool:
        """Whether the camera refused a password, and where it rests there is another one now."""
        if self.state != "unauthorized" or now < self._look_at:
            return False
        self._look_at = now + _CORRECTED_S
        try:
            other = self.options.address != self._address
        except ConfigError:  # told at the next try
            return False
        if other:
            self._backoff.lived()  # what is refused next was not refused before
        return other

    def _open(self, address: str) -> None:
        assert self._reader is not None
        self._connection += 1
        self._address = address
        self._opened = False
        self._picture_at = None
        self._pace.begin()
        self._apart_s = 0.0
        self._packets = self._decoded = 0
        options = self.options
        # A camera that hangs, or is not there, is asked often; now and then, and at first, it gets the time that a slow
        # one needs.
        patient = self._tries % _PATIENT_EVERY == 0
        self._open_s = options.open_s if patient else min(max(_QUICK_S, 2 * self._took_s), options.open_s)
        self._tries += 1
        self._reader.order(
            {
                "connection": self._connection,
                "address": address,
                "transport": options.transport,
                "fps": options.fps,
                "open_s": self._open_s,
                # Longer than the clocks here, however slow the camera: at its end FFmpeg gives a picture that it has
                # held back, and a silent camera would look alive.
                "read_s": 2 * _LONGEST_STALL_S,
                "tls_verify": options.tls_verify,
                "ca_file": options.ca_file,
            }
        )

    def _lose(self, seen: list[LivePicture | CameraChange], state: CameraState, reason: str) -> None:
        now = time.monotonic()
        wait_s = self._backoff.refused_s() if state == "unauthorized" else self._backoff.wait_s(now)
        self._retry_at = now + wait_s
        self._change(seen, state, reason, wait_s)

    def _end_reader(self) -> None:
        if self._reader is not None:
            self._reader.end()
            self._reader = None

    # -- what the reader says ----------------------------------------------------------------------------------------

    def _hear(self, seen: list[LivePicture | CameraChange], timeout_s: float) -> None:
        if self._reader is None:
            time.sleep(timeout_s)
            return
        for message in self._reader.hear(timeout_s):
            kind = message["is"]
            if kind == "ready":
                self._ready = True
                self._since = time.monotonic()
            elif message.get("connection", self._connection) != self._connection:
                continue
            elif kind == "picture":
                self._take_picture(seen, message)
            elif kind == "open":
                self._opened = True
                now = time.monotonic()
                self._took_s = now - self._since
                self._since = self._data_at = now
                self.health.connections += 1
                self.health.codec, self.health.nominal_fps = message["codec"], message["fps"]
            elif kind == "alive":
                self._note_alive(seen, message)
            elif kind == "end":
                state: CameraState = "waiting"
                if message["kind"] == "unauthorized":
                    state = "unauthorized"
                elif message["kind"] in _FAILED:
                    state = "failed"
                self._lose(seen, state, message["text"])

    def _take_picture(self, seen: list[LivePicture | CameraChange], message: dict[str, Any]) -> None:
        now = time.monotonic()
        self._decoded = message["decoded"]
        self._pace.note(now, message["media"], self._decoded)
        self._picture_at = self._data_at = now
        self._backoff.lived()
        self._tries = 1
        health = self.health
        if health.last_arrived_us and message["seq"]:
            apart_s = (message["arrived"] - health.last_arrived_us) / 1e6
            self._apart_s = apart_s if self._apart_s == 0 else self._apart_s + 0.1 * (apart_s - self._apart_s)
            health.fps = 1 / max(self._apart_s, 1e-3)
        health.pictures += 1
        health.last_arrived_us = message["arrived"]
        if self.state != "live":
            self._change(seen, "live", "")
        pixels = self._pixels(message)
        health.overwritten += pixels is None
        seen.append(
            LivePicture(
                connection=self._connection,
                seq=message["seq"],
                arrived_at_us=message["arrived"],
                captured_at_us=message["captured"],
                media_us=message["media"],
                pixels=pixels,
                suspect=message["suspect"],
            )
        )

    def _pixels(self, message: dict[str, Any]) -> U8 | None:
        """(H, W, 3) uint8, the reader's picture copied, or None when a newer one lies there."""
        if "mark" not in message or self._reader is None:
            return None
        slots, start, mark = self._reader.slots, message["start"], message["mark"]
        width, height, line = message["size"]
        if slots.mark(start) != mark:
            return None
        view = slots.view(start, height * line)
        rows = np.frombuffer(view, dtype=np.uint8).reshape(height, line)
        pixels = rows[:, : 3 * width].reshape(height, width, 3).copy()
        del rows
        view.release()
        return pixels if slots.mark(start) == mark else None

    def _note_alive(self, seen: list[LivePicture | CameraChange], message: dict[str, Any]) -> None:
        self._data_at = time.monotonic()
        self._packets = message["packets"]
        if message["decoded"] > self._decoded and self._picture_at is not None:
            # Of a camera that is thinned out: the clock runs on what it sends, not on what is kept.
            self._decoded = message["decoded"]
            self._picture_at = self._data_at
        rss = message["rss"]
        if rss is not None and rss > self.options.max_rss_bytes:
            self._end_reader()
            self._lose(seen, "waiting", f"the reader used {rss >> 20} MiB of memory and is replaced")

    # -- the clocks --------------------------------------------------------------------------------------------------

    def _check(self, seen: list[LivePicture | CameraChange]) -> None:
        now = time.monotonic()
        if self._retry_at is not None or self._reader is None:
            return
        code = self._reader.ended()
        if code is not None:
            self._hear(seen, 0.0)
            self._end_reader()
            if self._retry_at is None:
                how = f"signal {-code}" if code < 0 else f"code {code}"
                self._lose(seen, "waiting", f"the reader ended by itself ({how})")
            return
        if not self._opened:
            allowed = self._open_s + _OPEN_GRACE_S if self._ready else _START_S
            if now - self._since > allowed:
                self._end_reader()
                self._lose(seen, "waiting", "the camera does not answer")
            return
        if self._picture_at is None:
            self._check_first(seen, now)
            return
        silent_s = now - self._picture_at
        stall_s = self._stall_s()
        if silent_s > stall_s + self.options.give_up_s:
            self._end_reader()
            self._lose(seen, "waiting", f"no picture for {silent_s:.0f} s")
        elif silent_s > stall_s and self.state == "live":
            self._change(seen, "stalled", f"no picture for {silent_s:.1f} s", self.options.give_up_s)

    def _check_first(self, seen: list[LivePicture | CameraChange], now: float) -> None:
        """Of a connection without a picture so far."""
        if now - self._data_at > _NO_DATA_S:
            self._end_reader()
            self._lose(seen, "waiting", "the camera was opened, but sends nothing")
        elif now - self._since > self.options.key_frame_s:
            self._end_reader()
            self._lose(seen, "waiting", f"{self._packets} packets came, but no key frame to begin with")

    def _stall_s(self) -> float:
        return min(max(self.options.stall_s, _INTERVALS * self._pace.interval_s), _LONGEST_STALL_S)

    def _next_check_s(self) -> float:
        """How long to wait at most before the clocks are looked at again."""
        if self._retry_at is not None:
            wait_s = max(self._retry_at - time.monotonic(), 0.001)
            return min(wait_s, _CORRECTED_S) if self.state == "unauthorized" else wait_s
        return 0.1

    def _change(
        self,
        seen: list[LivePicture | CameraChange],
        state: CameraState,
        reason: str,
        retry_in_s: float | None = None,
    ) -> None:
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        seen.append(CameraChange(state, reason, time.time_ns() // 1000, retry_in_s))
