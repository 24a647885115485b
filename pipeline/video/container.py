"""Opening a video file: the stream of pictures in it, or one clear sentence about why there is none."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from pipeline.core.errors import SourceError
from pipeline.core.redact import redact

DEFAULT_FPS = Fraction(25)

_NOT_VIDEO = "posebus reads video files (mp4, mkv, avi, mov, webm, ts, gif ...) and folders of images"
# FFmpeg draws a text file as a terminal would, and follows the addresses in a playlist: neither is a recording.
_NOT_RECORDINGS = frozenset(
    ("tty", "bin", "xbin", "adf", "idf", "hls", "applehttp", "concat", "concatf", "dash", "imf", "sdp", "rtsp")
)


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its stream of pictures, ready to decode; closed at the end. Raises SourceError.

    One decoder thread: the wall time saved by a second one costs about as much CPU elsewhere, and with one thread a
    damaged file gives the same pictures every time.
    """
    check_file(path)
    try:
        # The prefix keeps names like `a:b.mp4` and `%d.mp4` from being read as addresses or patterns; the list keeps
        # a file from sending us to the network.
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except av.error.EOFError as error:
        raise no_picture(path) from error
    except FFmpegError as error:
        reason = redact(error.strerror or str(error))
        raise _without_index(path) or SourceError(f"{path} is not a video: {reason}", hint=_NOT_VIDEO) from error
    with container:
        if _NOT_RECORDINGS & set(container.format.name.split(",")):
            raise SourceError(f"{path} is not a video", hint=_NOT_VIDEO)
        stream = _pictures_of(container, path)
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        yield container, stream


def check_file(path: Path) -> None:
    """Raises SourceError unless the file can be read and holds something."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        raise unreadable(path, error) from error
    if size == 0:
        raise SourceError(f"{path} is empty (0 bytes)", hint="copy or record it again")


def unreadable(path: Path, error: OSError) -> SourceError:
    """The error for a path that the system does not give us."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return SourceError(f"{path} does not exist")
    if isinstance(error, PermissionError):
        return SourceError(
            f"{path}: no permission to read it", hint=f"make it readable for this user, for example: chmod a+r '{path}'"
        )
    return SourceError(f"{path} cannot be read: {error.strerror or error}")


def no_picture(path: Path) -> SourceError:
    """The error for a video file that gives not a single picture."""
    return SourceError(
        f"{path} holds no picture that can be decoded",
        hint="the recording was not finished or the copy is not complete: record or copy it again",
    )


def nominal_fps(stream: VideoStream) -> Fraction:
    """Pictures a second as the file says, or 25 where it says nothing that can be."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and Fraction(1, 3600) <= rate <= 1000:
            return Fraction(rate)
    return DEFAULT_FPS


def _pictures_of(container: InputContainer, path: Path) -> VideoStream:
    # A cover picture in a music file is a video stream of one picture.
    streams = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not streams:
        if container.streams.audio:
            raise SourceError(f"{path} holds sound only, no pictures", hint=_NOT_VIDEO)
        raise _without_index(path) or SourceError(f"{path} holds no pictures", hint=_NOT_VIDEO)
    best = container.streams.best("video")
    stream = best if isinstance(best, VideoStream) and best in streams else streams[0]
    if stream.codec_context is None:
        raise SourceError(
            f"{path}: no decoder for its pictures", hint="convert it, for example: ffmpeg -i FILE -c:v libx264 out.mp4"
        )
    return stream


def _without_index(path: Path) -> SourceError | None:
    """The error for an MP4 or MOV file that was never finished, None for any other."""
    names = _top_level_atoms(path)
    if not names or "moov" in names:
        return None
    return SourceError(
        f"{path} is cut off: its index (the moov part of MP4 and MOV files) is missing",
        hint="the recording was not finished or the copy is not complete: copy it again, or repair it with untrunc",
    )


def _top_level_atoms(path: Path) -> list[str]:
    """Names of the whole atoms that an MP4 or MOV file consists of; empty for other files."""
    names: list[str] = []
    left = path.stat().st_size
    with path.open("rb") as file:
        if file.read(8)[4:] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return []
        file.seek(0)
        while len(names) < 1000 and len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            done = 8
            if length == 1:
                length = int.from_bytes(file.read(8), "big")
                done = 16
            if not done <= length <= left:
                break
            names.append(name.decode("latin-1"))
            left -= length
            file.seek(length - done, 1)
    return names
