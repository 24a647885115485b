"""What FFmpeg complains about while it works: the only sign of most damage, and of why a camera refuses."""

from __future__ import annotations

import logging
import threading

import av.logging

MOST = 50


class Complaints:
    """The warnings and errors that FFmpeg logs from the thread that made this.

    Attributes:
        lines: Since `clear`, at most `MOST`. They may hold addresses with passwords: never to be shown as they are.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        thread = threading.get_ident()
        handler = logging.Handler()
        handler.emit = lambda record: (  # type: ignore[method-assign]
            self.add(record.getMessage()) if threading.get_ident() == thread else None
        )
        log = logging.getLogger("libav")
        log.handlers[:] = [handler]
        log.propagate = False
        log.setLevel(logging.WARNING)
        av.logging.set_level(av.logging.WARNING)
        # "Last message repeated 3 times" would come too late, on a picture that is whole.
        av.logging.set_skip_repeated(False)

    def add(self, line: str) -> None:
        """Note a line."""
        if len(self.lines) < MOST:
            self.lines.append(line.strip())

    def clear(self) -> None:
        """Forget what was said."""
        self.lines.clear()
