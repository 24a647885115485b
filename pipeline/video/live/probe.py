"""Trying a camera out, and recording what it sends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
from av.error import FFmpegError

from pipeline.core.errors import ConfigError, SourceError
from pipeline.core.ports import CameraChange, CameraState, LivePicture
from pipeline.core.types import U8
from pipeline.video.live.camera import RtspCamera
from pipeline.video.live.options import LiveOptions
from pipeline.video.reader.complaints import Complaints
from pipeline.video.reader.endings import ending_of
from pipeline.video.reader.opening import opening

_ENOUGH_S = 4.0
"""How long a loss that may pass by itself is tried again."""

_REPORT_S = 4.0
"""How much longer to wait for the camera to say what time it is."""

_OPEN_S = 10.0
_READ_S = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a camera gave when it was tried.

    Attributes:
        first_s: From the beginning to its first picture.
        fps: As measured, before thinning out; None for too few pictures.
        clock_offset_s: Its clock less ours, without the time that a picture takes to us; None where it does not say.
        suspect: Pictures that may be damaged.
        pixels: (H, W, 3) uint8 BGR, the last picture.
    """

    codec: str
    width: int
    height: int
    nominal_fps: float
    fps: float | None
    first_s: float
    clock_offset_s: float | None
    pictures: int
    suspect: int
    pixels: U8


@dataclass(frozen=True, slots=True)
class NotFound:
    """Why a camera gave nothing."""

    state: CameraState
    reason: str


def probe(options: LiveOptions, seconds: float, most_s: float = 20.0) -> Found | NotFound:
    """Read a camera for so many seconds after its first picture, or say why it gives none.

    A refusal ends it at once; what may pass by itself is tried again up to `most_s`.
    """
    camera = RtspCamera(options)
    began = time.monotonic()
    first_at: float | None = None
    pictures: list[LivePicture] = []
    offsets: list[float] = []
    reason: CameraChange | None = None
    try:
        while time.monotonic() < (
            began + most_s if first_at is None else first_at + seconds + (0.0 if offsets else _REPORT_S)
        ):
            for seen in camera.take(0.1):
                if isinstance(seen, LivePicture):
                    if first_at is None:
                        first_at = time.monotonic()
                    if seen.captured_at_us is not None:
                        offsets.append((seen.captured_at_us - seen.arrived_at_us) / 1e6)
                    # Only the newest keeps its pixels.
                    pictures = [each._replace(pixels=None) for each in pictures] + [seen]
                elif seen.reason:
                    if reason is None:
                        most_s = min(most_s, time.monotonic() - began + _ENOUGH_S)
                    reason = seen
            if reason is not None and reason.state in ("unauthorized", "failed"):
                break
        health = camera.health
    finally:
        camera.close()
    if first_at is None or not pictures:
        if reason is None:
            return NotFound("waiting", "the camera does not answer")
        return NotFound(reason.state, reason.reason)
    with_pixels = pictures[-1].pixels
    assert with_pixels is not None
    apart_s = (pictures[-1].arrived_at_us - pictures[0].arrived_at_us) / 1e6
    return Found(
        codec=health.codec,
        width=with_pixels.shape[1],
        height=with_pixels.shape[0],
        nominal_fps=health.nominal_fps,
        fps=(len(pictures) - 1) / apart_s if len(pictures) > 2 and apart_s > 0 else None,
        first_s=first_at - began,
        clock_offset_s=sorted(offsets)[len(offsets) // 2] if offsets else None,
        pictures=len(pictures),
        suspect=sum(picture.suspect for picture in pictures),
        pixels=with_pixels,
    )


def save_picture(pixels: U8, path: Path) -> None:
    """Write a picture; the suffix says how. Raises ConfigError."""
    try:
        done = cv2.imwrite(str(path), pixels)
    except cv2.error:
        done = False
    if not done:
        raise ConfigError(f"{path} cannot be written", hint="a picture ends in .jpg or .png; its folder has to exist")


def record(options: LiveOptions, path: Path, seconds: float) -> tuple[int, float]:
    """Store what a camera sends, without decoding it. Gives the number of pictures and the seconds they last.

    It begins with a key frame, so that every picture can be decoded. A camera that is lost meanwhile ends it: what was
    stored is whole. Raises SourceError where nothing came, ConfigError where nothing can be written.
    """
    complaints = Complaints()
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        with av.open(
            options.address,
            # Analysed at leisure, unlike for a reader: the file says at its beginning how large pictures are.
            options=opening(options.transport, options.tls_verify, options.ca_file),
            timeout=(_OPEN_S, _READ_S),
        ) as camera:
            try:
                count, length_s = _copy(camera, part, seconds)
            except FFmpegError as error:
                if isinstance(error, OSError) and error.filename == str(part):
                    raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
                raise
    except FFmpegError as error:
        part.unlink(missing_ok=True)
        ending = ending_of(error, complaints.lines, options.address, begun=False)
        raise SourceError(f"{options.url}: {ending['text']}", hint="posebus camera test says more") from None
    except ConfigError:
        part.unlink(missing_ok=True)
        raise
    if not count:
        part.unlink(missing_ok=True)
        raise SourceError(f"{options.url}: no key frame came, so nothing is stored")
    part.replace(path)
    return count, length_s


def _copy(camera: av.container.InputContainer, part: Path, seconds: float) -> tuple[int, float]:
    source = camera.streams.video[0]
    first: int | None = None
    last, count = -1, 0
    with av.open(str(part), "w") as out:
        target = out.add_stream_from_template(source)
        for packet in camera.demux(source):
            if packet.size == 0:
                break
            if packet.pts is None or (first is None and not packet.is_keyframe):
                continue
            first = packet.pts if first is None else first
            dts = packet.dts if packet.dts is not None else packet.pts
            if float((packet.pts - first) * packet.time_base) >= seconds:
                break
            if dts - first <= last:
                continue  # a clock that went back: the file would not take it
            packet.pts, packet.dts = packet.pts - first, dts - first
            last = packet.dts
            packet.stream = target
            out.mux(packet)
            count += 1
    return count, max(last, 0) * float(source.time_base or 0)
