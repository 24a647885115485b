"""The reader process of a camera, as its parent sees it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from pipeline.video.reader.memory import Slots, shared_file

_PIPE_BYTES = 1 << 18
_REAP_S = 5.0


class ReaderProcess:
    """Starts a reader, gives it orders and hears its lines. `end` kills it, whatever it is doing."""

    def __init__(self) -> None:
        fd = shared_file()
        self.slots = Slots(fd)
        # The secret that opens sealed passwords is none of its business.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSEBUS_")}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.video.reader.child", str(fd)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            pass_fds=(fd,),
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders, self._said = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._said, False)
        os.set_blocking(self._orders, False)
        self._rest = b""

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def order(self, order: Mapping[str, Any]) -> None:
        """Tell it to open a camera. One that is dead or does not listen notices nothing."""
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self._orders, json.dumps(order).encode() + b"\n")

    def hear(self, timeout_s: float) -> list[dict[str, Any]]:
        """What it said, in order; waits for the first line at most `timeout_s`."""
        messages: list[dict[str, Any]] = []
        until = time.monotonic() + timeout_s
        while not messages:
            poll = select.poll()
            poll.register(self._said, select.POLLIN)
            if not poll.poll(max(until - time.monotonic(), 0) * 1e3):
                break
            try:
                data = os.read(self._said, _PIPE_BYTES)
            except BlockingIOError:
                continue
            if not data:
                break
            *lines, self._rest = (self._rest + data).split(b"\n")
            messages += [json.loads(line) for line in lines]
        return messages

    def ended(self) -> int | None:
        """Its exit code if it has ended, negative for a signal."""
        return self._process.poll()

    def end(self) -> None:
        """Kill it and let go of everything."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(OSError):
                stream.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # A process in the middle of a disk operation dies later; Popen reaps it with the next one it starts.
            self._process.wait(_REAP_S)
        self.slots.close()
