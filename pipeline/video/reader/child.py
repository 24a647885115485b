"""The reader of one camera, a process of its own: `python -m pipeline.video.reader.child MEMORY`.

It opens the camera when it is told to, decodes, thins out, and puts BGR pictures into shared memory; what it has to say
are lines of JSON on standard output. Addresses with passwords come in on standard input, never as arguments. It ends
when its standard input does, so that it never outlives whoever started it, and it can be killed at any moment.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from queue import SimpleQueue
from typing import Any

from pipeline.video.reader.memory import Slots
from pipeline.video.reader.report import Report
from pipeline.video.reader.session import Session


def main() -> None:
    """Serve until standard input ends."""
    # Ctrl-C reaches the whole foreground of a terminal; who started us decides when we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    report = Report(sys.stdout.fileno())
    slots = Slots.of_child(int(sys.argv[1]))
    orders: SimpleQueue[dict[str, Any]] = SimpleQueue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    report.send({"is": "ready"})
    while True:
        order = orders.get()
        Session(order, slots, report).run()


def _listen(orders: SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin.buffer:
        orders.put(json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    main()
