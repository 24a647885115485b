"""Work that a worker does aside from its loop: again and again on a thread of its own, and never in the loop's way."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.core.errors import PosebusError, TransientError
from pipeline.core.ports import Consumer

log = logging.getLogger(__name__)

_RETRY_S = 10.0


@contextmanager
def again_and_again(what: str, work: Callable[[], object], every_s: float) -> Iterator[None]:
    """Call `work` every so many seconds while the block lasts. What it cannot do now is told once and tried again.

    Args:
        what: For the log, as in "... is not done: the database is away".
    """
    stop = threading.Event()

    def run() -> None:
        told = ""
        while not stop.wait(every_s):
            try:
                work()
                told = ""
            except PosebusError as error:
                if error.message != told and not stop.is_set():  # once, however long it lasts
                    told = error.message
                    log.warning("%s is not done: %s", what, told)

    thread = threading.Thread(target=run, name=what, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)


def read_on(
    make: Callable[[], Consumer], step: Callable[[Consumer], object], stop: threading.Event, trouble: str
) -> None:
    """Call `step` with a consumer until `stop` is set. What it cannot do now is told once and tried again.

    Args:
        make: Makes the consumer; it is closed at the end.
        trouble: For the log, as in "how cameras are is not kept".
    """
    consumer: Consumer | None = None
    told = ""
    while not stop.is_set():
        try:
            if consumer is None:
                consumer = make()
            step(consumer)
            told = ""
        except PosebusError as error:
            if error.message != told:  # once, however long it lasts
                told = error.message
                log.warning("%s: %s", trouble, told)
            stop.wait(error.retry_after_s if isinstance(error, TransientError) else _RETRY_S)
    if consumer is not None:
        consumer.close()
