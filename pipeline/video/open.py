"""From the words that name a source to the source."""

from __future__ import annotations

import difflib
import re
import stat
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pipeline.core.errors import SourceError
from pipeline.core.ports import Source
from pipeline.core.redact import redact
from pipeline.video.container import unreadable
from pipeline.video.files import VideoFile
from pipeline.video.folder import DEFAULT_FPS, ImageFolder

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_WHAT = "give a video file, a folder of images, or a simulated camera such as sim://gym"
_CAMERA_SCHEMES = ("rtsp", "rtsps", "rtmp", "http", "https", "udp", "rtp", "srt", "mms")


def open_source(text: str, fps: float | None = None) -> Source:
    """The source that `text` names, opened once to see that it gives pictures. Raises SourceError, ConfigError.

    Args:
        text: Path of a video file or of a folder of images, a `file://` address, or a simulated scene `sim://...`.
        fps: Of a video file and a scene: keep at most so many pictures a second. Of a folder: its images a second
            (None: 25).
    """
    source = _source(text, fps)
    _ = source.info
    return source


def _source(text: str, fps: float | None) -> Source:
    scheme = _SCHEME.match(text)
    name = scheme[1].lower() if scheme else "file"
    if name == "sim":
        from pipeline.video.simulate import SimulatedSource, parse_scene

        scene = parse_scene(text)
        return SimulatedSource(scene if fps is None else replace(scene, fps=min(fps, scene.fps)))
    if name in _CAMERA_SCHEMES:
        raise SourceError(
            f"{redact(text)}: no address of a source that can be read here",
            hint="network cameras are read by rtsp:// and rtsps:// (posebus run, camera add); else record it to a file",
        )
    if name != "file":
        raise SourceError(f"{redact(text)}: unknown kind of source {name}://", hint=_WHAT)
    path = Path(unquote(urlsplit(text).path)) if scheme else Path(text).expanduser()
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error
    except OSError as error:
        raise unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        return ImageFolder(path, fps=DEFAULT_FPS if fps is None else fps)
    if not stat.S_ISREG(mode):
        raise SourceError(f"{path} is neither a file nor a folder", hint=_WHAT)
    return VideoFile(path, fps=fps)


def _missing(path: Path) -> SourceError:
    folder = path.parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    if folder != path.parent:
        return SourceError(f"{path} does not exist: there is no folder {path.parent}", hint=f"{folder} exists")
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        names = []
    lowered = {name.lower(): name for name in names}
    close = [lowered[name] for name in difflib.get_close_matches(path.name.lower(), lowered, n=3, cutoff=0.6)]
    hint = f"did you mean {' or '.join(str(folder / name) for name in close)}?" if close else _WHAT
    return SourceError(f"{path} does not exist", hint=hint)
