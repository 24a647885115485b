"""One connection to a camera: opening it, decoding, thinning, and telling how it ended."""

from __future__ import annotations

import itertools
import struct
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from pipeline.video.clock import Thinning
from pipeline.video.reader.complaints import Complaints
from pipeline.video.reader.endings import ending_of, no_answer, no_video
from pipeline.video.reader.memory import Slots
from pipeline.video.reader.opening import opening
from pipeline.video.reader.report import Report

ALIVE_S = 0.5
_LATE_US = 1_500_000
_JUMP_US = 1_000_000
"""Between two packets: the stream's clock was set, or nothing was sent for a while. What waits for us has no gaps."""

_LOSS = ("missed", "max delay reached")
"""In what FFmpeg says while it puts packets together; all that it says while it decodes is a sign of damage."""

_PRODUCER_TIME = struct.Struct("<q")
_QUIET_S = 10.0
_MOST_OF_IT = 0.9
_MOST_TIMES = 64
_SLACK = 0.002
"""How far the clock of a camera may be off: what it gains is not lateness."""

_marks = itertools.count(1)


class Session:
    """A connection, from the order to open it to its end.

    Args:
        order: `address`, `connection`, `transport`, `fps`, `open_s`, `read_s`, `tls_verify`, `ca_file`.
        slots: Where pictures go.
        report: Where everything else goes.
    """

    def __init__(self, order: dict[str, Any], slots: Slots, report: Report) -> None:
        self._order = order
        self._slots = slots
        self._report = report
        self._complaints = Complaints()
        self._reformatter = VideoReformatter()
        self._times: OrderedDict[int, int] = OrderedDict()
        self._seq = 0
        self._packets = self._decoded = 0
        self._told_at = 0.0
        self._suspect = True
        self._fps = 25.0
        self._quiet_pictures = 0
        self._hurt_at = 0
        self._keys: OrderedDict[int, int] = OrderedDict()
        self._synchronised = False
        self._media_us = 0.0
        self._base_us: float | None = None
        self._base_at_us = 0

    def run(self) -> None:
        """Read until the connection ends, and tell how it did."""
        began = time.monotonic()
        try:
            with av.open(
                self._order["address"], options=self._options(), timeout=(self._order["open_s"], self._order["read_s"])
            ) as container:
                ending = self._read(container)
        except (FFmpegError, OSError, ValueError) as error:
            ending = ending_of(error, self._complaints.lines, self._order["address"], begun=self._packets > 0)
            if not self._packets and time.monotonic() - began > _MOST_OF_IT * self._order["open_s"]:
                ending = no_answer()
        self._report.send({"is": "end", "connection": self._order["connection"], **ending})

    def _options(self) -> dict[str, str]:
        order = self._order
        return {
            **opening(order["transport"], bool(order.get("tls_verify")), order.get("ca_file")),
            "probesize": "32",
            "analyzeduration": "0",
            # Of each read, in microseconds. Not before PyAV's own: when either runs out, FFmpeg gives a picture that it
            # has held back.
            "timeout": str(round((order["open_s"] + 2 * order["read_s"]) * 1e6)),
        }

    def _read(self, container: InputContainer) -> dict[str, Any]:
        if not container.streams.video:
            return no_video()
        stream = container.streams.video[0]
        # One thread: two would hold pictures back, and would not let us hear which picture FFmpeg complains about.
        stream.thread_type = "SLICE"
        stream.codec_context.thread_count = 1
        rate = stream.average_rate or stream.guessed_rate
        fps = float(rate) if rate and 0 < rate <= 240 else 25.0
        self._fps = fps
        thinning = Thinning(self._order["fps"], round(1e6 / fps))
        self._report.send(
            {"is": "open", "connection": self._order["connection"], "codec": stream.codec_context.name, "fps": fps}
        )
        begin_us = time.monotonic_ns() // 1000
        for packet in self._packets_of(container, stream):
            arrived_us, mono_us = time.time_ns() // 1000, time.monotonic_ns() // 1000
            late = self._is_late(packet, mono_us)
            if late and not packet.is_keyframe:
                # Undecoded, up to the next key frame: else an overloaded machine would lag further and further.
                self._hurt()
                if thinning.keeps(mono_us - begin_us):
                    self._send_lost(packet, arrived_us)
                continue
            for frame in self._decode(packet):
                self._decoded += 1
                suspect = self._judge(frame)
                if thinning.keeps(mono_us - begin_us):
                    self._send_picture(frame, arrived_us, suspect)
        return {"kind": "ended", "text": "the camera ended the stream"}

    def _packets_of(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet[Any]]:
        for packet in container.demux(stream):
            if packet.size == 0:
                return  # what FFmpeg gives at the end of a stream
            self._packets += 1
            self._note_time(packet)
            yield packet
            now = time.monotonic()
            if now >= self._told_at + ALIVE_S:
                self._told_at = now
                self._report.send({"is": "alive", "packets": self._packets, "decoded": self._decoded, "rss": _rss()})

    def _note_time(self, packet: Packet[Any]) -> None:
        """Keep the capture time of the packet's picture, which comes out of the decoder later."""
        if packet.pts is None or not packet.has_sidedata("prft"):
            return
        if not self._synchronised:
            # The first one belongs to the picture after it.
            self._synchronised = True
            return
        self._times[packet.pts] = _PRODUCER_TIME.unpack_from(bytes(packet.get_sidedata("prft")))[0]
        if len(self._times) > _MOST_TIMES:
            self._times.popitem(last=False)

    def _is_late(self, packet: Packet[Any], mono_us: int) -> bool:
        """Whether packets wait for us somewhere: their own times fall behind ours."""
        if packet.pts is None or packet.time_base is None:
            return False
        media_us = float(packet.pts * packet.time_base) * 1e6
        behind_us = mono_us - media_us
        jumped = abs(media_us - self._media_us) > _JUMP_US
        self._media_us = media_us
        if self._base_us is None or jumped:
            self._base_us, self._base_at_us = behind_us, mono_us
        allowed = self._base_us + (mono_us - self._base_at_us) * _SLACK
        if behind_us < allowed:
            self._base_us, self._base_at_us = behind_us, mono_us
        return behind_us > allowed + _LATE_US

    def _decode(self, packet: Packet[Any]) -> list[VideoFrame]:
        lost = any(sign in line for line in self._complaints.lines for sign in _LOSS)
        self._complaints.clear()
        if lost:
            self._complaints.add("packets were lost")
        if packet.is_keyframe and packet.pts is not None:
            self._keys[packet.pts] = self._packets
            if len(self._keys) > _MOST_TIMES:
                self._keys.popitem(last=False)
        try:
            frames = packet.decode()
        except FFmpegError:
            self._complaints.add("not decodable")
            frames = []
        if self._complaints.lines:  # also of a packet that gives no picture: later ones are made of it
            self._hurt()
        return frames

    def _hurt(self) -> None:
        """From this packet on pictures may be damaged."""
        self._suspect, self._quiet_pictures, self._hurt_at = True, 0, self._packets

    def _judge(self, frame: VideoFrame) -> bool:
        """Whether the picture may be damaged: from a complaint on, up to the next whole key frame.

        Pictures come out of the decoder later than their packets go in: a key frame from before the complaint, shown
        after it, ends nothing.
        """
        of_packet = self._packets if frame.pts is None else self._keys.pop(frame.pts, self._packets)
        if frame.is_corrupt:
            self._hurt()
        elif (frame.key_frame and of_packet > self._hurt_at) or self._quiet_pictures > _QUIET_S * self._fps:
            # Some cameras refresh a strip of each picture and never send a key frame. Counted, not timed: a machine
            # that stands still mends no picture.
            self._suspect = False
        self._quiet_pictures += 1
        return self._suspect

    def _send_picture(self, frame: VideoFrame, arrived_us: int, suspect: bool) -> None:
        try:
            bgr = self._reformatter.reformat(frame, format="bgr24", threads=1)
        except (FFmpegError, ValueError):
            return
        plane = bgr.planes[0]
        mark = next(_marks)
        start = self._slots.put(mark, memoryview(plane).cast("B"), plane.buffer_size)
        self._send_seen(
            arrived_us,
            self._times.pop(frame.pts, None) if frame.pts is not None else None,
            _media_us(frame),
            suspect,
            {"mark": mark, "start": start, "size": [bgr.width, bgr.height, plane.line_size]},
        )

    def _send_lost(self, packet: Packet[Any], arrived_us: int) -> None:
        captured_us = self._times.pop(packet.pts, None) if packet.pts is not None else None
        media_us = (
            None if packet.pts is None or packet.time_base is None else round(packet.pts * packet.time_base * 1_000_000)
        )
        self._send_seen(arrived_us, captured_us, media_us, True, {})

    def _send_seen(
        self, arrived_us: int, captured_us: int | None, media_us: int | None, suspect: bool, place: dict[str, Any]
    ) -> None:
        self._report.send(
            {
                "is": "picture",
                "connection": self._order["connection"],
                "seq": self._seq,
                "decoded": self._decoded,
                "arrived": arrived_us,
                "captured": captured_us,
                "media": media_us,
                "suspect": suspect,
                **place,
            }
        )
        self._seq += 1


def _media_us(frame: VideoFrame) -> int | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return round(frame.pts * frame.time_base * 1_000_000)


def _rss() -> int | None:
    """Memory of this process in bytes, None where the system does not tell."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    return None
