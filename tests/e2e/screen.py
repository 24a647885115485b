"""The program on a terminal of its own, and what it is given to show."""

from __future__ import annotations

import os
import pty
import signal
import struct
import subprocess
import threading
import time
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ

import numpy as np

from pipeline.core.values import Motions
from tests.e2e.processes import PROGRAM
from tests.samples import poses, track_ids


def motions(people: int) -> Motions:
    """Smoothed poses of so many."""
    found = poses(people)
    return Motions(found, track_ids(people), np.zeros(found.keypoint_score.shape, np.uint8))


class Screen:
    """A terminal of 160 by 50 characters with `posebus` on it. A context manager.

    Attributes:
        text: All that was written on it.
    """

    def __init__(self, *words: str, home: Path) -> None:
        self.text = ""
        self._at = 0
        self._descriptor, theirs = pty.openpty()
        ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("POSEBUS_")}
        self._process = subprocess.Popen(
            [PROGRAM, *words],
            env={**kept, "POSEBUS_HOME": str(home), "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._thread.join(5.0)
        os.close(self._descriptor)

    def until(self, words: str, timeout_s: float = 60.0) -> None:
        """It shows these words, or did since `forget`."""
        deadline = time.monotonic() + timeout_s
        while words not in self.text[self._at :]:
            assert self._process.poll() is None, self.text[-3000:]
            assert time.monotonic() < deadline, f"no {words!r} in {self.text[-3000:]!r}"
            time.sleep(0.05)

    def until_without(self, words: str, timeout_s: float = 60.0) -> None:
        """For two seconds it draws itself without these words."""
        deadline = time.monotonic() + timeout_s
        while True:
            self.forget()
            time.sleep(2.0)
            if "posebus" in self.text[self._at :] and words not in self.text[self._at :]:
                return
            assert time.monotonic() < deadline, self.text[-3000:]

    def forget(self) -> None:
        """What was shown so far counts no more."""
        self._at = len(self.text)

    def press(self, key: str) -> None:
        """Press a key."""
        os.write(self._descriptor, key.encode())

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self._process.send_signal(signal.SIGINT)

    def ended(self) -> int:
        """Its exit code."""
        return self._process.wait(30)

    def _read(self) -> None:
        with suppress(OSError):  # it has ended
            while content := os.read(self._descriptor, 65536):
                self.text += content.decode(errors="replace")
