"""Readers never outlive who started them, and leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.core.ports import CameraChange
from pipeline.video.live import LiveOptions, RtspCamera
from tests.rtsp.cameras import free_port


def _until_gone(pid: int, timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < until, "the reader still lives"
        time.sleep(0.05)


def test_a_reader_ends_when_its_parent_is_killed() -> None:
    program = (
        "import time\n"
        "from pipeline.video.live import LiveOptions, RtspCamera\n"
        f"camera = RtspCamera(LiveOptions('rtsp://127.0.0.1:{free_port()}/x'))\n"
        "camera.take(0.5)\n"
        "print(camera.reader_pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        reader = int(parent.stdout.readline())
        assert psutil.pid_exists(reader)
        parent.send_signal(signal.SIGKILL)
    _until_gone(reader)


def test_closing_leaves_no_process_and_no_handle() -> None:
    before = set(Path("/proc/self/fd").iterdir()) if Path("/proc/self/fd").is_dir() else set()
    for _ in range(3):
        camera = RtspCamera(LiveOptions(f"rtsp://127.0.0.1:{free_port()}/x"))
        camera.take(0.3)
        pid = camera.reader_pid
        assert pid is not None
        camera.close()
        assert not psutil.pid_exists(pid)
        assert camera.take(0.1) == []
    after = set(Path("/proc/self/fd").iterdir()) if before else set()
    assert len(after) <= len(before)


def test_a_host_without_processes_left_is_a_camera_that_waits(monkeypatch: object) -> None:
    from pipeline.video.live import camera as module

    def refuse() -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(module, "ReaderProcess", refuse)  # type: ignore[attr-defined]
    camera = RtspCamera(LiveOptions("rtsp://127.0.0.1/x"))
    seen = camera.take(0.1)

    assert [each.state for each in seen if isinstance(each, CameraChange)] == ["waiting"]
    assert "Resource temporarily unavailable" in camera.reason
    camera.close()


class Told:
    """A reader that only listens."""

    def __init__(self, orders: list[Mapping[str, Any]]) -> None:
        self.order = orders.append
        self.pid = 0

    def hear(self, timeout_s: float) -> list[dict[str, Any]]:
        return []

    def ended(self) -> int | None:
        return None

    def end(self) -> None:
        """Nothing runs."""


def test_a_reader_is_never_sooner_than_the_clocks_to_give_a_camera_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its end FFmpeg gives a picture that it has held back: a silent camera would be live once more."""
    from pipeline.video.live import camera as module

    orders: list[Mapping[str, Any]] = []
    monkeypatch.setattr(module, "ReaderProcess", lambda: Told(orders))
    options = LiveOptions("rtsp://127.0.0.1/x")
    camera = RtspCamera(options)
    camera.take(0.0)
    for number in range(5):  # of a camera as slow as any
        camera._pace.note(60.0 * number, None, number)

    assert orders[0]["read_s"] > camera._stall_s() + options.give_up_s
    camera.close()
