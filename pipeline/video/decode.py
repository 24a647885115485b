"""Decoding a video file picture by picture, with the file's own times, and noting what is damaged."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from pipeline.core.errors import SourceError
from pipeline.core.redact import redact
from pipeline.core.types import U8
from pipeline.video.orientation import Turn, turn_of_matrix, turned

_SHORTFALL_S = 1.0
_SHORTFALL_PART = 0.02


@dataclass(slots=True)
class Damage:
    """What was found wrong with a file while it was read.

    Attributes:
        lost: Packets that could not be decoded, after the first picture (a recording may begin in mid-stream).
        first_lost_s: Time in the file of the first of these.
        cut: Why the end is missing, or None.
    """

    lost: int = 0
    first_lost_s: float = 0.0
    cut: str | None = None


@dataclass(slots=True)
class Decoding:
    """One pass through an open file.

    Attributes:
        damage: Complete when `frames` has ended.
    """

    container: InputContainer
    stream: VideoStream
    damage: Damage = field(default_factory=Damage)
    _end_s: float = 0.0
    _longest_s: float = 0.0
    _partial: bool = False
    _decoded: int = 0

    def frames(self) -> Iterator[tuple[VideoFrame, int | None]]:
        """Decoded frames in the order of showing, each with its time in the file in microseconds, or None.

        AVI files hold no times of pictures, only numbered slots in the order of decoding; FFmpeg's guess is out of
        order when there are B-frames. There, and where packets come without times, the k-th frame gets the k-th slot.
        """
        base = self.stream.time_base or Fraction(1, 1_000_000)
        slots: deque[int | None] = deque()
        by_slot = "avi" in self.container.format.name.split(",")
        for packet in self._packets():
            if packet.size:
                by_slot = by_slot or (packet.pts is None and not self._decoded)
                slots.append(packet.dts)
            found = self._decode(packet)
            if found is None and packet.size:
                slots.pop()
            for frame in found or ():
                slot = slots.popleft() if slots else None
                ticks = slot if by_slot else frame.pts
                yield frame, None if ticks is None else round(ticks * base * 1_000_000)
                self._decoded += 1
        self.damage.cut = self.damage.cut or self._shortfall()

    def _packets(self) -> Iterator[Packet[Any]]:
        """Packets of the stream and, last, the empty one that makes the decoder give what it holds back.

        Of the other streams only the times are looked at.
        """
        try:
            for packet in self.container.demux():
                self._look_at_time(packet)
                if packet.size and packet.stream_index == self.stream.index:
                    self._partial = packet.is_corrupt
                    yield packet
        except FFmpegError as error:
            self.damage.cut = redact(error.strerror or str(error))
        yield Packet(0)

    def _look_at_time(self, packet: Packet[Any]) -> None:
        ticks = packet.dts if packet.pts is None else packet.pts
        if not packet.size or ticks is None or packet.time_base is None:
            return
        begin_s = float(ticks * packet.time_base) - (self.container.start_time or 0) / av.time_base
        self._longest_s = max(self._longest_s, begin_s - self._end_s)
        self._end_s = max(self._end_s, begin_s + float((packet.duration or 0) * packet.time_base))

    def _decode(self, packet: Packet[Any]) -> list[VideoFrame] | None:
        """What the decoder gives for this packet, or None where it cannot decode it."""
        try:
            return self.stream.codec_context.decode(packet if packet.size else None)
        except FFmpegError:
            if self._decoded:
                if not self.damage.lost:
                    self.damage.first_lost_s = self._end_s
                self.damage.lost += 1
            return None

    def _shortfall(self) -> str | None:
        if self._partial:
            return "the last picture is not complete"
        # Estimated from what is there in other containers, so it says nothing about what is missing.
        declared = {"mov", "matroska", "flv", "asf"} & set(self.container.format.name.split(","))
        if not declared or not self.container.duration:
            return None
        length_s = self.container.duration / av.time_base
        # The last picture of a slide show stands for as long as any other, which its packet does not say.
        if self._end_s < length_s - max(_SHORTFALL_S, _SHORTFALL_PART * length_s, 2 * self._longest_s):
            return f"{self._end_s:.1f} of {length_s:.1f} seconds are there"
        return None


class ToBgr:
    """Turns decoded frames into upright BGR pictures, honouring the colour tags of the file. Not for two threads.

    Args:
        path: The file, for the error.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reformatter = VideoReformatter()
        self._turn: Turn | None = None

    def __call__(self, frame: VideoFrame) -> U8:
        """(H, W, 3) uint8. Raises SourceError for a pixel format that cannot be converted."""
        try:
            pixels = self._reformatter.reformat(frame, format="bgr24", threads=1).to_ndarray()
        except (FFmpegError, ValueError) as error:
            raise SourceError(
                f"{self._path}: pixels of the format {frame.format.name} cannot be converted",
                hint="convert it, for example: ffmpeg -i FILE -pix_fmt yuv420p out.mp4",
            ) from error
        # It changes at key frames only. Whoever asks for side data keeps the decoded picture in memory until Python
        # looks for cycles, and the decoder takes new memory for the next ones.
        if self._turn is None or frame.key_frame:
            self._turn = turn_of(frame)
        # Lines of odd lengths come with padding.
        return np.ascontiguousarray(turned(pixels.astype(np.uint8, copy=False), self._turn))


def turn_of(frame: VideoFrame) -> Turn:
    """How the frame is to be turned to stand upright."""
    side_data = cast(Mapping[str, SideData], frame.side_data)
    if "DISPLAYMATRIX" not in side_data:
        return "none"
    return turn_of_matrix(bytes(side_data["DISPLAYMATRIX"]))
