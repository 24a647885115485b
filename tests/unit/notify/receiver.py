"""A webhook receiver on a free port of the loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """Answers with `answers` in turn (None: hangs up), then 204; keeps what it got as (path, headers, body).

    Attributes:
        answering: While it is not set, whoever posts waits for an answer.
    """

    url: str
    answers: list[int | None] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answering: threading.Event = field(default_factory=threading.Event)

    @property
    def keys(self) -> list[str]:
        """The idempotency keys of what it got."""
        return [headers["Idempotency-Key"] for _, headers, _ in self.got]


@contextmanager
def receiver(*answers: int | None) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append((self.path, dict(self.headers), body))
            kept.answering.wait()
            answer = kept.answers.pop(0) if kept.answers else 204
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept = Receiver(f"http://127.0.0.1:{server.server_port}", list(answers))
    kept.answering.set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        kept.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()
