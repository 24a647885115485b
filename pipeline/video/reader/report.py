"""What the reader of a camera tells: lines that never make it wait."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping
from typing import Any

MOST_UNREAD = 4096


class Report:
    """Writes lines of JSON into a pipe; while nobody reads they wait, and beyond `MOST_UNREAD` the oldest are lost.

    A reader that waited for its parent would let the camera's data pile up in the network, and lag from then on.
    """

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._waiting: deque[bytes] = deque(maxlen=MOST_UNREAD)
        self._rest = b""

    def send(self, message: Mapping[str, Any]) -> None:
        """Say it now, or as soon as there is room."""
        self._waiting.append(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        self.flush()

    def flush(self) -> None:
        """Write what there is room for."""
        try:
            while self._rest or self._waiting:
                data = self._rest or self._waiting.popleft()
                self._rest = data
                self._rest = data[os.write(self._fd, data) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            os._exit(0)
