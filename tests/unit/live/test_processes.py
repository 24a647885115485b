"""Readers never outlive who started them, and leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

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
