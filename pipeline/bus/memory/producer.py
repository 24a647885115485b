"""The producer of a bus in memory: a send that fails is heard of at the flush."""

from __future__ import annotations

import time
from collections import deque

from pipeline.bus.memory.broker import Broker, check_record
from pipeline.core.errors import BusUnavailable
from pipeline.core.ports import Outgoing


class MemoryProducer:
    """Sends records. `send` waits where a partition holds `TopicSpec.max_bytes` of unread records."""

    def __init__(self, broker: Broker, client: str) -> None:
        self._broker = broker
        self._client = client
        self._held: deque[Outgoing] = deque()
        self._failure: BaseException | None = None
        self._failed = 0
        self._closed = False

    def send(self, outgoing: Outgoing) -> None:
        """Queue one record. Raises ConfigError, InvalidRecord; BusUnavailable when the bus is closed meanwhile."""
        broker = self._broker
        broker.faults.before("send", self._client)
        with broker.lock:
            self._check_open()
            topic = broker.topic(outgoing.topic)
            check_record(topic, outgoing)
            if self._failure is None:
                fault = broker.faults.take_send(outgoing.topic)
                if fault is None:
                    if self._held or broker.faults.hold_sends:
                        self._held.append(outgoing)
                    else:
                        broker.append(outgoing)
                    return
                self._failure = fault.error
                if fault.delivered:
                    broker.append(outgoing)
            self._failed += 1

    def flush(self, timeout_s: float) -> None:
        """Wait for all sends. Raises BusUnavailable if any failed, and at every flush from then on."""
        broker = self._broker
        broker.faults.before("flush", self._client)
        deadline = time.monotonic() + timeout_s
        with broker.lock:
            self._check_open()
            while self._held and self._failure is None:
                try:
                    broker.append(self._held[0], deadline)
                except BusUnavailable as error:
                    self._failure, self._failed = error, len(self._held)
                else:
                    self._held.popleft()
            if self._failure is not None:
                raise BusUnavailable(
                    f"{self._client}: {self._failed} sends failed: {self._failure}",
                    hint="go back to the last checkpoint with a new producer",
                ) from self._failure

    def close(self) -> None:
        """Give up what was not flushed."""
        with self._broker.lock:
            self._closed = True

    def _check_open(self) -> None:
        self._broker.check_open()
        if self._closed:
            raise BusUnavailable(f"the producer {self._client} is closed")
