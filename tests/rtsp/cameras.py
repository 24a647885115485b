"""Starts, stops, pauses and kills test cameras."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

PYTHON = "/usr/bin/python3"
_PROBE = (
    "import gi; gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0');"
    " from gi.repository import Gst, GstRtspServer"
)
_ports = itertools.count(os.getpid() * 211 % 10_000)
SKIP = "RTSP server: GStreamer's Python packages are missing (gir1.2-gst-rtsp-server-1.0, python3-gi)"


def need_server() -> None:
    """Skip where the test cameras cannot run."""
    if shutil.which(PYTHON) is None or subprocess.run([PYTHON, "-c", _PROBE], capture_output=True).returncode:
        pytest.skip(SKIP)


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to connections."""
    while True:
        with socket.socket() as listener, contextlib.suppress(OSError):
            port = 20_000 + next(_ports) % 10_000
            listener.bind(("127.0.0.1", port))
            return port


class CameraServer:
    """A process that plays files as cameras, started by the constructor.

    Args:
        mounts: Path of the file behind each name.
        settings: See `server.py`.
    """

    def __init__(self, mounts: dict[str, Path], *, port: int | None = None, **settings: Any) -> None:
        self.port = port or free_port()
        self._settings = settings | {"mounts": {name: str(path) for name, path in mounts.items()}}
        self._scheme = "rtsps" if settings.get("pem") else "rtsp"
        self.process: subprocess.Popen[str] | None = None
        self.start()

    def url(self, name: str) -> str:
        return f"{self._scheme}://127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Start it, or again on the same port."""
        script = str(Path(__file__).with_name("server.py"))
        self.process = subprocess.Popen(
            [PYTHON, script, str(self.port), json.dumps(self._settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line == "READY\n", f"the camera server did not start: {line!r}"

    def change(self, mounts: dict[str, Path], **settings: Any) -> None:
        """What it plays after the next start."""
        self._settings |= settings | {"mounts": {name: str(path) for name, path in mounts.items()}}

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """As when the plug is pulled, but for the packets that tell of it."""
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait(10)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    close = kill

    def _signal(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)
